"""``proxiscope prepare`` and ``steps``, and steps in front of a reconstruction."""

import json

import numpy as np
import pytest

import proxiscope as px
from proxiscope.core import InputError
from proxiscope.io import read, write_array
from proxiscope.preparation import step, steps
from proxiscope.preparation.chains import load_steps, save_steps
from proxiscope.preparation.step import step_from_words
from tests.cli.test_cli import proxiscope
from tests.problems import small_pattern, small_series


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A series in acquisition order on a background, and counts of a pattern with a dark frame."""
    series, pattern = small_series(), small_pattern()
    order = np.argsort(np.abs(series.angles), kind="stable")
    np.save(tmp_path / "series.npy", series.projections[order] + 50)
    np.savetxt(tmp_path / "series.rawtlt", series.angles[order])
    np.save(tmp_path / "counts.npy", np.where(pattern.known, pattern.magnitudes**2 + 7, np.nan))
    write_array(tmp_path / "dark.npy", np.full(pattern.shape, 7.0))
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestSeries:
    def test_steps_follow_one_another_and_are_on_the_record(self, folder, capsys):
        assert proxiscope("prepare", "series.npy", "--step", "background", "--step", "bin factor=2", "-o", "a.h5") == 0
        made = px.load("a.h5")
        assert made.shape == (21, 10, 12)
        assert (np.diff(made.angles) > 0).all()
        assert abs(np.median(made.projections)) < 1
        assert "Background of" in capsys.readouterr().err
        order, prepared = read("a.h5").declared.provenance["recipe"]["then"]
        assert order["name"] == "subset"
        assert [one["name"] for one in prepared["steps"]] == ["background", "bin"]

    def test_a_prepared_series_is_the_one_that_python_makes(self, folder):
        proxiscope("prepare", "series.npy", "--step", "bin factor=2", "-o", "a.h5", "--quiet")
        series = px.load("series.npy", steps=[step("bin", {"factor": 2})])
        np.testing.assert_array_equal(px.load("a.h5").projections, series.projections)

    def test_exclusion_counts_the_tilts_in_their_order(self, folder):
        series = px.load("series.npy", steps=[{"name": "exclude-tilts", "tilts": [0, 20]}])
        np.testing.assert_allclose(series.angles, small_series().angles[1:-1])

    @pytest.mark.parametrize("chain", [["--step", "usual"], ["--step", "chain.json"]])
    def test_chains(self, folder, chain):
        save_steps("chain.json", [step("background"), step("align-centre-of-mass"), step("apply-shifts")])
        assert proxiscope("prepare", "series.npy", *chain, "-o", "a.mrc") == 0
        made = px.load("a.mrc")
        assert made.single_axis
        assert made.shape == small_series().shape

    def test_a_reconstruction_with_steps_can_be_repeated_from_its_file(self, folder):
        short = ("--max-iterations", "3", "--step", "background", "--step", "bin", "-o", "volume.mrc")
        assert proxiscope("reconstruct", "sirt", "series.npy", *short) == 0
        found = px.rerun("volume.mrc")
        assert found.identical
        assert found.result.volume.shape[1:] == (10, 12)


class TestPattern:
    def test_counts_with_a_dark_frame_become_magnitudes(self, folder):
        chosen = ("--kind", "pattern", "--intensities", "--step", "dark-gain dark=dark.npy")
        assert proxiscope("prepare", "counts.npy", *chosen, "-o", "p.h5") == 0
        made, pattern = px.load("p.h5"), small_pattern()
        np.testing.assert_array_equal(made.known, pattern.known)
        np.testing.assert_allclose(made.magnitudes, pattern.magnitudes, atol=0.02)

    def test_the_file_of_a_step_is_found_where_it_lies_when_a_result_is_repeated(self, folder, tmp_path_factory):
        chosen = ("--intensities", "--step", "dark-gain dark=dark.npy", "--max-iterations", "5", "-o", "image.h5")
        assert proxiscope("reconstruct", "hio", "counts.npy", *chosen) == 0
        elsewhere = tmp_path_factory.mktemp("elsewhere")
        for name in ("image.h5", "counts.npy", "dark.npy"):
            (folder / name).rename(elsewhere / name)
        assert px.rerun(elsewhere / "image.h5").identical

    def test_magnitudes_are_prepared_as_intensities(self, folder):
        np.save("m.npy", np.full((16, 16), 3.0))
        made = px.load("m.npy", kind="pattern", intensities=False, steps=[{"name": "bin", "factor": 2}])
        np.testing.assert_allclose(made.magnitudes[1:, 1:], 6, rtol=1e-6)  # of four times the counts; edges have fewer


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["series.npy"], "no step is given"),
        (["series.npy", "--step", "mend"], "there is no step 'mend'. All are listed by"),
        (["series.npy", "--step", "hot-pixel size=1"], "Is it hot-pixels?"),
        (["series.npy", "--step", "bin size=3"], "Its parameters are factor="),
        (["series.npy", "--step", "bin factor=0"], "factor"),
        (["series.npy", "--step", "bin factor"], "got 'factor'"),
        (["series.npy", "--step", "centre"], "centre is a step for diffraction only"),
        (["series.npy", "--step", "missing.json"], "missing.json"),
        (["series.npy", "--step", "set-shifts file=missing.xf"], "missing.xf"),
        (["counts.npy", "--step", "bin"], "magnitudes or intensities"),
        (["none.npy", "--step", "bin"], "does not exist"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_writes_nothing(folder, capsys, arguments, words):
    assert proxiscope("prepare", *arguments, "-o", "out.h5", "--quiet") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert not (folder / "out.h5").exists()


@pytest.mark.parametrize(
    "command", [["prepare", "counts.npy", "--kind", "pattern"], ["reconstruct", "hio", "counts.npy"]]
)
def test_the_file_of_a_step_is_not_replaced(folder, capsys, command):
    before = (folder / "dark.npy").read_bytes()
    chosen = ("--intensities", "--step", "dark-gain dark=dark.npy", "-o", "dark.npy")
    assert proxiscope(*command, *chosen) == 2
    assert "one of the files to be read" in capsys.readouterr().err
    assert (folder / "dark.npy").read_bytes() == before


class TestList:
    def test_every_step_is_listed_with_its_parameters(self, capsys):
        assert proxiscope("steps") == 0
        listed = capsys.readouterr().out
        assert all(f"\n{name}: " in "\n" + listed for name in steps())
        assert "factor=2 px" in listed

    def test_as_json(self, capsys):
        assert proxiscope("steps", "--json") == 0
        found = json.loads(capsys.readouterr().out)
        assert found.keys() == steps().keys()
        assert found["bin"]["parameters"]["factor"]["default"] == 2


class TestChains:
    @pytest.mark.parametrize("given", ["bin factor=2", ["bin"], {"name": "bin"}, [step("bin")]])
    def test_python_takes_steps_in_every_form(self, folder, given):
        assert px.load("series.npy", steps=given).shape == (21, 10, 12)

    @pytest.mark.parametrize("given", [3, [None], [[]]])
    def test_and_refuses_the_rest(self, folder, given):
        with pytest.raises(InputError, match="words such as"):
            px.load("series.npy", steps=given)

    def test_every_step_survives_its_file(self, tmp_path):
        chain = [cls() for cls in steps().values()]
        save_steps(tmp_path / "chain.json", chain)
        assert load_steps(tmp_path / "chain.json") == chain

    def test_words(self):
        assert step_from_words("hot-pixels threshold=6 treatment=mask") == step(
            "hot-pixels", {"threshold": 6.0, "treatment": "mask"}
        )
        assert step_from_words("exclude-tilts tilts='0, 5-7'") == step("exclude-tilts", {"tilts": (0, 5, 6, 7)})

    @pytest.mark.parametrize("text", ["", "{", '{"name": "bin"}', "[3]", '[{"name": 3}]', '["bin"]', "[" * 100_000])
    def test_a_bad_file_is_refused(self, tmp_path, text):
        (tmp_path / "chain.json").write_text(text)
        with pytest.raises(InputError, match=r"chain\.json"):
            load_steps(tmp_path / "chain.json")

    def test_a_backslash_stays_as_in_paths_of_windows(self):
        assert step_from_words(r"dark-gain dark=C:\data\dark.tif").dark == r"C:\data\dark.tif"
        assert step_from_words(r"dark-gain dark='C:\my data\dark #1.tif'").dark == r"C:\my data\dark #1.tif"

    @pytest.mark.parametrize("text", ["", "bin 'factor=2", "bin =2"])
    def test_bad_words_are_refused(self, text):
        with pytest.raises(InputError):
            step_from_words(text)

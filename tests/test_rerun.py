"""A result is made again from its file alone, in every format, from every kind of recipe."""

import json
import os
import shutil
from dataclasses import replace

import mrcfile
import numpy as np
import pytest

import proxiscope as px
from proxiscope import repetition
from proxiscope.cli import main
from proxiscope.core import InputError
from proxiscope.core.recipes import INLINE, file_hash
from proxiscope.io import WRITE_SUFFIXES, read, write_angles, write_array
from proxiscope.io.rebuild import problem_of
from proxiscope.io.recipe import recipe_of
from proxiscope.phase import HIO, Ensemble
from proxiscope.reconstruction import describe
from proxiscope.recorded import recorded
from proxiscope.tomography import RESIRE, SIRT, AngleRefinement, InSlabs, merge
from tests.problems import small_pattern, small_series

RNG = np.random.default_rng(5)


@pytest.fixture
def folder(tmp_path):
    """Data of ours and of others: a pattern with its side files, and a series in acquisition order with its angles."""
    pattern, series = small_pattern(), small_series()
    px.save(tmp_path / "pattern.npz", pattern)
    write_array(tmp_path / "counts.npy", np.where(pattern.known, pattern.magnitudes, np.nan) ** 2)
    np.save(tmp_path / "support.npy", pattern.support)
    order = np.argsort(np.abs(series.angles), kind="stable")
    with mrcfile.new(tmp_path / "series.mrc") as mrc:
        mrc.set_data(series.projections[order])
        mrc.voxel_size = 15
    (tmp_path / "series.rawtlt").write_text("\n".join(f"{a:.2f}" for a in series.angles[order]))
    np.save(tmp_path / "b.npy", series.projections[:17] + 0.1)
    np.savetxt(tmp_path / "b.txt", series.angles[:17])
    np.save(tmp_path / "mask.npy", RNG.random(series.shape) > 0.1)
    return tmp_path


def again(folder, algorithm, problem, *, suffix=".npz", **options):
    """Reconstruct, save, and repeat from the file."""
    result = px.reconstruct(algorithm, problem, **options)
    result.save(folder / f"result{suffix}")
    found = px.rerun(folder / f"result{suffix}")
    assert found.notes == ()
    np.testing.assert_array_equal(found.result.array, result.array)
    assert (found.identical, found.difference) == (True, 0)
    for name, values in result.metrics.items():
        np.testing.assert_array_equal(found.result.metrics[name], values)
    return found


PROBLEMS = {
    "as it is": lambda f: px.load(f / "pattern.npz"),
    "word for a support": lambda f: px.load(f / "counts.npy", intensities=True, support="ellipse:6", hold_out=0.1),
    "files": lambda f: px.load(f / "counts.npy", intensities=True, support=f / "support.npy", object="real"),
    "held out later": lambda f: px.load(f / "pattern.npz").hold_out(0.2, seed=3),
    "small arrays": lambda f: px.load(f / "pattern.npz").within(small_pattern().support).starting_from(
        np.float32(small_pattern().support)
    ),
    "series in its order of acquisition": lambda f: px.load(f / "series.mrc"),
    "angles by value": lambda f: px.load(f / "b.npy", angles=small_series().angles[:17], pixel_size=2.0),
    "angles by file, direction": lambda f: px.load(
        f / "b.npy", angles=f / "b.txt", reverse_angles=True, tilt_axis=3.5
    ),
    "mask by file": lambda f: px.load(f / "series.mrc", mask=f / "mask.npy"),
    "steps on a series put in order": lambda f: px.load(
        f / "series.mrc", mask=f / "mask.npy", steps=[{"name": "bin"}, {"name": "exclude-tilts", "tilts": (0, 4)}]
    ),
    "steps on a reversed one": lambda f: px.load(
        f / "series.mrc", reverse_angles=True, tilt_axis=3.5, steps=[{"name": "exclude-tilts", "tilts": (0, 4)}]
    ),
    "some tilts": lambda f: px.load(f / "series.mrc").subset(np.arange(21) % 2 == 0).hold_out(4),
    "double tilt": lambda f: merge(
        px.load(f / "series.mrc", in_plane=0), px.load(f / "b.npy", angles=f / "b.txt", in_plane=90)
    ).hold_out(5),
}  # fmt: skip


def test_images_are_put_in_the_order_of_their_tilts_as_the_recipe_says(folder):
    problem = px.load(folder / "series.mrc")
    np.testing.assert_allclose(problem.angles, small_series().angles)
    np.testing.assert_array_equal(problem.projections, small_series().projections)
    assert problem.recipe["then"][0]["name"] == "subset"
    mask = np.ones(problem.shape, bool)
    mask[0, 3, 4] = False  # of the first image in the file, at 0 degrees
    assert not px.load(folder / "series.mrc", mask=mask).valid[10, 3, 4]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PROBLEMS)
def test_any_problem_of_files_is_made_again(folder, name):
    problem = PROBLEMS[name](folder)
    assert problem.recipe == json.loads(json.dumps(problem.recipe))
    made = problem_of(problem.recipe)
    assert describe(made)["sha256"] == describe(problem)["sha256"]
    assert (made.pixel_size, made.recipe) == (problem.pixel_size, problem.recipe)
    algorithm = HIO(max_iterations=20) if isinstance(problem, px.DiffractionPattern) else SIRT(max_iterations=3)
    again(folder, algorithm, problem, **({"seed": 4} if isinstance(algorithm, HIO) else {}))


@pytest.mark.parametrize("suffix", WRITE_SUFFIXES)
def test_from_every_format(folder, suffix):
    again(folder, HIO(max_iterations=20), px.load(folder / "pattern.npz"), seed=2, suffix=suffix)


ALGORITHMS = {
    "many starts": (Ensemble(algorithm=HIO(max_iterations=10), starts=3, refined=2), "pattern.npz"),
    "slabs": (InSlabs(algorithm=RESIRE(max_iterations=3), slices=32), "series.mrc"),
    "refinement": (AngleRefinement(rounds=1, steps=1), "series.mrc"),
    "cut short": (SIRT(max_iterations=30), "series.mrc"),
    "changed": (SIRT(max_iterations=12), "series.mrc"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ALGORITHMS)
def test_any_algorithm(folder, name):
    algorithm, file = ALGORITHMS[name]
    short = {"callback": lambda p: p.iteration == 7} if name == "cut short" else {}
    if name == "changed":
        short = {"changes": {4: SIRT(max_iterations=7, relaxation=0.5)}}
    found = again(folder, algorithm, px.load(folder / file), **short)
    assert found.result.algorithm == (short["changes"][4] if name == "changed" else algorithm)
    if short:
        assert found.result.iteration == 7


def test_criteria_and_the_noise_as_it_was_estimated(folder):
    problem = px.load(folder / "series.mrc").hold_out(4)
    stop = [px.Discrepancy(), px.HeldOut(patience=2), px.Plateau(patience=2, tolerance=0.5)]
    found = again(folder, SIRT(max_iterations=40), problem, stop=stop)
    assert found.result.provenance["iterations"] < 40
    assert found.result.provenance["stopped"] == read(folder / "result.npz").declared.provenance["stopped"]


def test_the_record_names_every_file_with_its_hash(folder):
    problem = px.load(folder / "counts.npy", intensities=True, support=folder / "support.npy")
    made = px.reconstruct(HIO(max_iterations=5), problem).provenance["input"]
    assert made["files"] == [
        {"path": str(folder / name), "sha256": file_hash(folder / name)} for name in ("counts.npy", "support.npy")
    ]
    assert made["recipe"]["options"]["intensities"] is True


def test_what_is_not_recorded_cannot_be_repeated_and_says_so(folder):
    series = px.load(folder / "series.mrc")
    for problem in (small_series(), series.copy_with(pixel_size=3.0), merge(series, small_series())):
        assert problem.recipe is None
        px.reconstruct(SIRT(max_iterations=1), problem).save(folder / "result.h5")
        with pytest.raises(InputError, match=r"arrays in Python, or changed .* Load the input from a file"):
            px.rerun(folder / "result.h5")


def test_a_large_array_by_value_is_kept_as_its_hash_which_says_so(folder):
    start = np.pad(RNG.random((20, 20)), 30)
    assert start.size > INLINE
    np.save(folder / "large.npy", np.abs(np.fft.fftshift(np.fft.fft2(start))))
    problem = px.load(folder / "large.npy", intensities=False, start=start)
    assert set(problem.recipe["options"]["start"]) == {"array", "shape", "type"}
    px.reconstruct(HIO(max_iterations=2), problem).save(folder / "result.h5")
    with pytest.raises(InputError, match=r"start: .* array of 80 x 80 numbers.* Save the array to a file"):
        px.rerun(folder / "result.h5")


def test_a_large_mask_by_value_is_packed(folder):
    rows, columns = np.indices((200, 180)) - np.array([100, 90])[:, None, None]
    pattern = np.abs(np.fft.fftshift(np.fft.fft2(np.pad(RNG.random((40, 40)), ((80, 80), (70, 70))))))
    np.save(folder / "large.npy", pattern)
    problem = px.load(folder / "large.npy", intensities=False, support=rows**2 + 3 * columns**2 < 2500)
    assert len(json.dumps(problem.recipe)) < 2000
    again(folder, HIO(max_iterations=2), problem)


def test_the_helper_for_problems_made_otherwise(folder):
    loaded = px.load(folder / "b.npy", angles=folder / "b.txt", reverse_angles=True)
    recipe = recipe_of(folder / "b.npy", kind="tilt-series", angles=np.loadtxt(folder / "b.txt"), reverse_angles=True)
    problem = px.TiltSeries(loaded.projections, rotations=loaded.rotations, recipe=recipe)
    again(folder, SIRT(max_iterations=2), problem)


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": "?"}, {"iterations": None}, {"input": 3}, {"algorithm": 3}, {"parameters": [1]}, {"stop": [3]},
        {"input": {"recipe": 3}}, {"input": {"recipe": {"path": "/dev/zero", "sha256": "0"}}},
        {"input": {"recipe": {"joined": 3}}}, {"input": {"recipe": {"path": 3, "sha256": 4}}},
        {"input": {"recipe": {"files": [{}], "then": [3]}}},
    ],
)  # fmt: skip
def test_a_record_that_makes_no_sense_is_refused(tmp_path, changes):
    made = {"algorithm": "sirt", "parameters": {}, "seed": 0, "input": {"recipe": {"path": "a", "sha256": ""}}}
    write_array(tmp_path / "a.h5", np.ones((3, 4, 5)), kind="result", metadata=made | changes)
    with pytest.raises(InputError):
        px.rerun(tmp_path / "a.h5")


@pytest.mark.parametrize("number", [-3, 2.5, "7", np.inf, np.nan, [1]])
def test_counts_of_a_record_are_whole_and_not_negative(number):
    made = {"algorithm": "sirt", "seed": 3, "iterations": 7, "changes": [{"iteration": 2.0, "algorithm": "sirt"}]}
    found = recorded(made)
    assert (found.seed, found.iterations, list(found.changes)) == (3, 7, [2])
    for changes in (
        {"seed": number},
        {"iterations": number},
        {"changes": [{"algorithm": "sirt", "iteration": number}]},
    ):
        with pytest.raises(InputError, match=r"^(seed|iterations?): got|its record cannot be followed"):
            recorded(made | changes)


class TestWhereTheInputIs:
    """On the command line, which says it in lines and exit codes."""

    @pytest.fixture
    def result(self, folder, capsys):
        """A result of a series, written."""
        path = folder / "out" / "volume.mrc"
        path.parent.mkdir()
        arguments = ["reconstruct", "sirt", folder / "series.mrc", "--max-iterations", 3, "--quiet", "-o", path]
        assert main([str(a) for a in arguments]) == 0
        return path

    def run(self, *arguments):
        return main(["rerun", *map(str, arguments)])

    def test_at_its_place(self, result, capsys):
        before = sorted(os.listdir(result.parent))
        assert self.run(result) == 0
        shown = capsys.readouterr()
        assert shown.out == f"{result}: identical to the result on file, bit for bit\n"
        assert "3/3" in shown.err
        assert sorted(os.listdir(result.parent)) == before

    def test_beside_the_result_without_its_angles(self, result, folder, capsys):
        shutil.move(folder / "series.mrc", result.parent)
        assert self.run(result, "--quiet") == 0
        assert capsys.readouterr().err == ""

    def test_elsewhere(self, result, folder, capsys, tmp_path_factory):
        moved = tmp_path_factory.mktemp("elsewhere") / "renamed.mrc"
        shutil.move(folder / "series.mrc", moved)
        assert self.run(result) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"not at {folder / 'series.mrc'} nor beside the result. Say where it is by --input" in line
        assert self.run(result, "--input", moved) == 0

    def test_a_file_that_has_changed(self, result, folder, capsys):
        data = bytearray((folder / "series.mrc").read_bytes())
        data[-2000] ^= 1
        (folder / "series.mrc").write_bytes(data)
        assert self.run(result) == 2
        assert "has changed since the result was made" in capsys.readouterr().err
        assert self.run(result, "--input", folder / "series.mrc") == 1
        shown = capsys.readouterr()
        assert "is not the file on record: its hash is another" in shown.err
        assert "data that the run sees are not those on record" in shown.err
        assert "differs from the result on file by" in shown.out

    def test_the_new_result_is_written_where_it_is_asked_for(self, result, capsys):
        out = result.with_name("again.h5")
        assert self.run(result, "-o", out) == 0
        np.testing.assert_array_equal(read(out).data, read(result).data)
        made = read(out).declared.provenance
        assert made["repeats"]["identical"] is True
        assert made["input"] == read(result).declared.provenance["input"]
        assert self.run(out, "--quiet") == 0
        assert self.run(result, "-o", result) == 2
        assert "is one of the files to be read" in capsys.readouterr().err

    def test_two_series_moved(self, folder, capsys, tmp_path_factory):
        out, moved = folder / "out.npz", tmp_path_factory.mktemp("moved")
        inputs = [folder / "series.mrc", folder / "b.npy"]
        options = ["--angles", folder / "series.rawtlt", folder / "b.txt", "--in-plane", 0, 90, "--hold-out-tilts", 5]
        arguments = ["reconstruct", "sirt", *inputs, *options, "--max-iterations", 2, "--quiet", "-o", out]
        assert main([str(a) for a in arguments]) == 0
        for name in ("series.mrc", "b.npy"):
            shutil.move(folder / name, moved)
        assert self.run(out, "--quiet") == 2
        assert self.run(out, "--input", moved / "b.npy", moved / "series.mrc", "--quiet") == 0  # in any order
        assert self.run(out, "--input", folder / "none.npy") == 2

    def test_what_is_no_result(self, folder, capsys):
        for name in ("series.mrc", "pattern.npz", "none.mrc"):
            assert self.run(folder / name) == 2
            assert capsys.readouterr().err.count("\n") == 1

    def test_another_version_is_named(self, result, monkeypatch, capsys):
        monkeypatch.setattr(repetition, "__version__", "9.9")
        assert self.run(result) == 0
        assert f"was made by proxiscope {px.__version__}, this one by proxiscope 9.9" in capsys.readouterr().err


def test_refined_tilts_given_by_file(folder):
    series = px.load(folder / "series.mrc")
    write_angles(folder / "refined.txt", np.add(series.rotations, [0, 0, 0.1]), np.full((21, 2), 0.2))
    again(folder, SIRT(max_iterations=2), px.load(folder / "series.mrc", angles=folder / "refined.txt"))


def test_a_difference_is_measured():
    one = np.ones((2, 3), np.float32)
    assert repetition.difference(one, one) == 0
    assert repetition.difference(2 * one, one) == pytest.approx(1)
    assert repetition.difference(one, 0 * one) == float("inf")
    assert repetition.difference(one[:1], one) == float("inf")
    assert repetition.difference(0 * one, 0 * one) == 0


def test_a_recipe_does_not_count_as_data(folder):
    pattern = px.load(folder / "pattern.npz")
    assert describe(pattern)["sha256"] == describe(replace(pattern, recipe=None))["sha256"]

"""Options of phase retrieval: the kind of object, supports by name, held-out pixels, starts, and many starts."""

import csv
import json
import re

import h5py
import numpy as np
import pytest

import proxiscope as px
from proxiscope import phase, reconstruction
from proxiscope.core import parameters, to_dict
from proxiscope.io import write_array
from proxiscope.phase import support
from proxiscope.simulate import crystal, diffraction_pattern
from tests.cli.test_cli import proxiscope
from tests.problems import small_pattern

DECLARED = {"kind": "pattern", "quantity": "magnitudes"}
SHORT = ("--max-iterations", "20", "--quiet")
KINDS = ("non-negative", "real", "complex", "complex-positive")


@pytest.fixture(scope="module")
def crystal_pattern():
    """48 x 40, of a complex object."""
    return diffraction_pattern(crystal((18, 14)), (48, 40), flux=1e7, readout=0)


@pytest.fixture(scope="module")
def data(tmp_path_factory, crystal_pattern):
    """A folder with a pattern of a density, one of a complex object, and earlier results."""
    folder = tmp_path_factory.mktemp("data")
    write_array(folder / "pattern.npy", np.where(small_pattern().known, small_pattern().magnitudes, np.nan), **DECLARED)
    write_array(folder / "crystal.npy", crystal_pattern.magnitudes, **DECLARED)
    for name, source in (("density", "pattern"), ("complex", "crystal")):
        kind = ["--object", "complex"] if name == "complex" else []
        for suffix in (".npz", ".h5", ".npy"):
            run(folder, "er", f"{source}.npy", *kind, output=folder / f"{name}{suffix}")
    return folder


def run(folder, name, source, *options, output):
    assert proxiscope("reconstruct", name, folder / source, *SHORT, *options, "-o", output) == 0
    return output


def read_back(path):
    """(array, provenance, products) of an .npz."""
    with np.load(path) as found:
        products = {key.removeprefix("products_"): found[key] for key in found if key.startswith("products_")}
        return found["data"], json.loads(str(found["metadata"])), products


def load(path, **options):
    return px.load(path, **options)


@pytest.fixture
def refuses(data, tmp_path, capsys, monkeypatch):
    """``refuses(arguments, words)``: exit 2 with one line, before the run."""
    monkeypatch.chdir(data)
    monkeypatch.setattr(reconstruction, "iterate", lambda *a, **k: pytest.fail("the run began"))

    def check(arguments, words, output="a.npz"):
        assert proxiscope("reconstruct", *arguments, "-o", tmp_path / output) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert re.search(words, line), line
        assert not list(tmp_path.iterdir())

    return check


class TestObject:
    @pytest.mark.parametrize("kind", KINDS)
    def test_each_kind_gives_the_bits_that_python_gives(self, data, tmp_path, kind):
        found, made, _ = read_back(
            run(data, "er-hio", "crystal.npy", "--object", kind, "--seed", 3, output=tmp_path / "a.npz")
        )
        pattern = load(data / "crystal.npy", object=kind)
        expected = px.reconstruct(phase.ERHIO(max_iterations=20), pattern, seed=3)
        np.testing.assert_array_equal(found, expected.array)
        assert found.dtype == (np.complex64 if kind.startswith("complex") else np.float32)
        assert made["input"]["object"] == kind

    def test_a_density_is_the_default(self, data, tmp_path):
        assert (read_back(run(data, "hio", "crystal.npy", output=tmp_path / "a.npz"))[0] >= 0).all()

    @pytest.mark.parametrize("suffix", [".mrc", ".tif", ".tiff"])
    @pytest.mark.parametrize("kind", ["complex", "complex-positive"])
    def test_a_format_without_complex_numbers_is_refused_before_the_run(self, refuses, suffix, kind):
        refuses(["er", "crystal.npy", "--object", kind], r"complex object.*\.npz.*\.h5", output=f"a{suffix}")

    def test_another_kind_is_refused(self, refuses):
        refuses(["er", "crystal.npy", "--object", "vector"], "invalid choice: 'vector'.*complex-positive")


class TestSupport:
    @pytest.mark.parametrize(
        ("words", "kind", "options"),
        [
            ("rectangle:5.5", "rectangle", {"oversampling_ratio": 5.5}),
            ("ellipse:6", "ellipse", {"oversampling_ratio": 6}),
            ("rectangle", "rectangle", {}),
            ("autocorrelation", "autocorrelation", {}),
        ],
    )
    def test_by_name(self, data, tmp_path, words, kind, options):
        image, made, _ = read_back(
            run(data, "er", "crystal.npy", "--support", words, "--object", "real", output=tmp_path / "a.npz")
        )
        pattern = load(data / "crystal.npy", object="real")
        expected = support.initial(kind, pattern, **options)
        np.testing.assert_array_equal(image != 0, expected)
        assert (
            made["input"]["sha256"] == reconstruction.describe(load(data / "crystal.npy", support=expected))["sha256"]
        )

    @pytest.mark.parametrize("file", ["density.npz", "complex.h5", "complex.npz"])
    def test_where_an_earlier_result_is_not_zero(self, data, tmp_path, file):
        image = read_back(run(data, "er", "crystal.npy", "--support", data / file, output=tmp_path / "a.npz"))[0]
        with np.load(data / file.replace(".h5", ".npz")) as earlier:
            assert not image[earlier["data"] == 0].any()

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ("rectangle:", r"support: got 'rectangle:'.*rectangle:RATIO"),
            ("ellipse:wide", r"support: got 'ellipse:wide'"),
            ("ellipse:nan", r"support: got 'ellipse:nan'"),
            ("autocorrelation:3", r"support: got 'autocorrelation:3'"),
            ("rectangle:1", r"oversampling_ratio: got 1 .* above 1"),
            ("ellipse:1.2", r"oversampling_ratio: got 1.2 .* above 1.27"),
            ("circle:3", r"Give rectangle:RATIO"),
        ],
    )
    def test_words_that_are_none(self, refuses, words, said):
        refuses(["er", "crystal.npy", "--support", words], said)


class TestHoldOut:
    def test_the_free_r_factor_is_shown_and_written(self, data, tmp_path, capsys):
        table = tmp_path / "m.csv"
        options = ["--max-iterations", 20, "--hold-out", 0.1, "-o", tmp_path / "a.npz", "--metrics", table]
        assert proxiscope("reconstruct", "er", data / "pattern.npy", *options) == 0
        rows = list(csv.DictReader(table.open(newline="")))
        assert list(rows[0]) == ["iteration", "r_factor", "free_r_factor"]
        expected = px.reconstruct(phase.ER(max_iterations=20), load(data / "pattern.npy", hold_out=0.1))
        np.testing.assert_array_equal([float(r["free_r_factor"]) for r in rows], expected.metrics["free_r_factor"])
        free = expected.metrics["free_r_factor"][list(expected.metrics["iteration"]).index(expected.iteration)]
        words = f"R_F {expected.r_factor:.2%}, free R {free:.2%}"
        shown = capsys.readouterr()
        assert words in shown.out
        assert words in shown.err.split("\r")[-1]

    def test_nothing_is_held_out_by_default(self, data, tmp_path, capsys):
        assert proxiscope("reconstruct", "er", data / "pattern.npy", *SHORT[:2], "-o", tmp_path / "a.npz") == 0
        assert "free" not in "".join(capsys.readouterr())

    @pytest.mark.parametrize("fraction", ["-0.1", "0.6", "nan"])
    def test_a_fraction_out_of_range(self, refuses, fraction):
        refuses(["er", "pattern.npy", f"--hold-out={fraction}"], "hold_out: a fraction of .* between 0")

    def test_a_fraction_that_is_no_number(self, refuses):
        refuses(["er", "pattern.npy", "--hold-out", "some"], "--hold-out: invalid float value: 'some'")


class TestStart:
    @pytest.mark.parametrize("suffix", [".npz", ".h5", ".npy"])
    @pytest.mark.parametrize(("earlier", "source", "kind"), [("density", "pattern", "non-negative"), ("complex",) * 3])
    def test_an_earlier_result_is_taken_up(self, data, tmp_path, suffix, earlier, source, kind):
        source = "crystal" if kind == "complex" else source
        options = ["--object", kind, "--start", data / f"{earlier}{suffix}"]
        found = read_back(run(data, "hio", f"{source}.npy", *options, output=tmp_path / "a.npz"))[0]
        pattern = load(data / f"{source}.npy", object=kind).starting_from(np.load(data / f"{earlier}.npy"))
        expected = px.reconstruct(phase.HIO(max_iterations=20), pattern)
        np.testing.assert_array_equal(found, expected.array)

    def test_likelihood_refines_it_and_its_deviance_is_recorded(self, data, tmp_path):
        table = tmp_path / "m.csv"
        options = ["--object", "complex", "--start", data / "complex.npz", "--metrics", table]
        run(data, "poisson-ml", "crystal.npy", *options, output=tmp_path / "a.npz")
        deviances = [float(row["deviance"]) for row in csv.DictReader(table.open(newline=""))]
        assert deviances == sorted(deviances, reverse=True)

    def test_likelihood_without_one(self, refuses):
        refuses(["poisson-ml", "pattern.npy"], "start: there is none")

    def test_a_seed_only_where_it_matters(self, refuses):
        refuses(["poisson-ml", "pattern.npy", "--seed", "1"], "unknown: --seed 1")

    def test_a_complex_one_for_a_density(self, refuses):
        refuses(["er", "pattern.npy", "--start", "complex.npz"], "start: complex values for a non-negative object")

    def test_one_of_another_shape(self, refuses, data, tmp_path_factory):
        small = tmp_path_factory.mktemp("start") / "small.npy"
        np.save(small, np.ones((4, 4)))
        refuses(["er", "pattern.npy", "--start", small], r"start: its shape is \(4, 4\)")

    def test_one_that_is_not_there(self, refuses):
        refuses(["er", "pattern.npy", "--start", "none.npy"], r"none\.npy: does not exist")

    def test_a_result_that_would_replace_it(self, refuses, data):
        refuses(["er", "pattern.npy", "--start", "density.npz"], "one of the files to be read", data / "density.npz")


MANY = ("generations", "refined", "rank", "keep", "batch")


class TestManyStarts:
    def test_give_the_bits_that_python_gives_with_all_figures(self, data, tmp_path):
        table = tmp_path / "m.csv"
        options = ["--starts", 4, "--generations", 2, "--refined", 1, "--keep", 3, "--batch", 2, "--hold-out", 0.1]
        options += ["--rank", "free_r_factor", "--seed", 5, "--metrics", table]
        found, made, products = read_back(run(data, "hio", "pattern.npy", *options, output=tmp_path / "a.npz"))
        ensemble = phase.Ensemble(
            algorithm=phase.HIO(max_iterations=20), starts=4, generations=2, refined=1, keep=3, batch=2,
            rank="free_r_factor",
        )  # fmt: skip
        expected = px.reconstruct(ensemble, load(data / "pattern.npy", hold_out=0.1), seed=5)
        np.testing.assert_array_equal(found, expected.array)
        assert made["algorithm"] == "ensemble"
        assert made["parameters"] == json.loads(json.dumps(to_dict(ensemble)))
        assert products.keys() == expected.products.keys() >= {"mean", "variance", "modes", "deviances"}
        assert products["images"].shape == (3, *found.shape)
        rows = list(csv.DictReader(table.open(newline="")))
        assert set(rows[0]) == {"iteration", "r_factor", "median_r_factor", "free_r_factor"}
        assert rows[-1]["iteration"] == str(ensemble.iterations)

    def test_the_products_of_a_complex_object_are_written_to_hdf5_and_read_past(self, data, tmp_path):
        out = tmp_path / "a.h5"
        run(data, "er", "crystal.npy", "--object", "complex", "--starts", 3, output=out)
        with h5py.File(out) as file:
            assert file["products/images"].dtype == np.complex64
            assert file["products/images"].shape == (3, 48, 40)
            best = file["data"][()]
        again = run(data, "er", "crystal.npy", "--object", "complex", "--start", out, output=tmp_path / "b.npz")
        pattern = load(data / "crystal.npy", object="complex").starting_from(best)
        np.testing.assert_array_equal(read_back(again)[0], px.reconstruct(phase.ER(max_iterations=20), pattern).array)

    def test_a_single_one_is_the_plain_run(self, data, tmp_path):
        plain = read_back(run(data, "hio", "pattern.npy", output=tmp_path / "a.npz"))
        single = read_back(run(data, "hio", "pattern.npy", "--starts", 1, output=tmp_path / "b.npz"))
        np.testing.assert_array_equal(single[0], plain[0])
        assert (single[1]["algorithm"], single[2]) == ("hio", {})

    def test_the_bar_counts_all_iterations(self, data, tmp_path, capsys):
        options = ["--max-iterations", 20, "--starts", 3, "--batch", 2, "-o", tmp_path / "a.npz"]
        assert proxiscope("reconstruct", "hio", data / "pattern.npy", *options) == 0
        assert "40/40" in capsys.readouterr().err.split("\r")[-1]

    @pytest.mark.parametrize("name", MANY)
    def test_their_options_alone_are_refused(self, refuses, name):
        value = "r_factor" if name == "rank" else "2"
        for options in ([], ["--starts", "1"]):
            words = f"{name}: given for a single start.*--starts N"
            refuses(["hio", "pattern.npy", f"--{name}", value, *options], words)

    def test_a_number_out_of_range(self, refuses):
        refuses(["hio", "pattern.npy", "--starts", "0"], "starts: got 0.*>= 1")
        refuses(["hio", "pattern.npy", "--starts", "2", "--keep", "0"], "keep: got 0.*>= 1")

    def test_a_ranking_by_pixels_that_are_not_held_out(self, refuses):
        refuses(["hio", "pattern.npy", "--starts", "2", "--rank", "free_r_factor"], "rank: free_r_factor without")

    def test_all_from_one_start(self, refuses):
        refuses(["hio", "pattern.npy", "--starts", "2", "--start", "density.npz"], "start: given to 2 starts")

    @pytest.mark.parametrize("name", sorted(px.algorithms()))
    def test_are_offered_where_starts_are_random_and_not_many_already(self, capsys, name):
        cls = px.algorithms()[name]
        offered = cls.family == "phase" and cls.random_start and not issubclass(cls, phase.Ensemble)
        assert proxiscope("reconstruct", name, "--help") == 0
        shown = capsys.readouterr().out
        assert ("\nmany starts:\n" in shown) == offered
        assert ("--seed " in shown) == cls.random_start
        if offered:
            group = shown.split("\nmany starts:\n")[1]
            assert re.findall(r"^  --(\S+)", group, re.M) == [p.name for p in parameters(phase.Ensemble)]
            assert "Default: 1." in group.split("--generations")[0].replace("\n", " ").replace("  ", "")


def test_parameters_of_a_group_have_a_heading_of_their_own(capsys):
    assert proxiscope("reconstruct", "er", "--help") == 0
    shown = capsys.readouterr().out
    plain, grouped = shown.split("\nparameters:\n")[1].split("\nShrink-wrap:\n")
    assert "--check-every" in plain
    assert "--shrink" not in plain
    assert grouped.split("\n\n")[0].count("  --shrink-") == 4


def test_a_parameter_of_a_group_reaches_the_algorithm(data, tmp_path):
    made = read_back(run(data, "er", "pattern.npy", "--shrink-every", 5, output=tmp_path / "a.npz"))[1]
    assert made["parameters"]["shrink_every"] == 5

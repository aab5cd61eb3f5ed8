"""The command line: results, notes, exit codes, and one clear line for whatever is wrong."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
from collections import namedtuple
from dataclasses import replace
from functools import partial
from pathlib import Path

import h5py
import mrcfile
import numpy as np
import psutil
import pytest
import scipy.io
from scipy import ndimage

import proxiscope as px
from proxiscope import phase, reconstruction, simulate, tomography
from proxiscope.cli import commands, main
from proxiscope.core import parameters, to_dict
from proxiscope.io import WRITE_SUFFIXES, read, write_array
from tests.problems import small_pattern, small_series

ALGORITHMS = sorted(px.algorithms())
SOME_ITERATIONS = 12
posix = pytest.mark.skipif(os.name != "posix", reason="signals and pipes of POSIX")


def proxiscope(*arguments) -> int:
    """Run the command line in this process; the exit code."""
    try:
        return main([str(a) for a in arguments])
    except SystemExit as done:
        return done.code


def environment() -> dict[str, str]:
    """The surroundings of a process: buffered, as users have it."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}


def brief(name: str) -> dict[str, int]:
    """Parameters for a short run of an algorithm."""
    cls = px.algorithms()[name]
    if issubclass(cls, phase.Ensemble):
        return {"starts": 2, "refined": 1}
    return {"max_iterations": SOME_ITERATIONS} if "max_iterations" in to_dict(cls()) else {}


def short(name: str) -> list[str]:
    """`brief` as options."""
    return [word for p, value in brief(name).items() for word in (f"--{p.replace('_', '-')}", str(value))]


def algorithm(name: str):
    """The algorithm that `short` runs."""
    return px.algorithms()[name](**brief(name))


def start_for(name: str, data: Path) -> list:
    """An earlier result, where the algorithm refines one."""
    return ["--start", data / "start.npy"] if getattr(px.algorithms()[name], "needs_start", False) else []


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A folder of small inputs in several formats."""
    folder = tmp_path_factory.mktemp("data")
    pattern, series = small_pattern(), small_series()
    np.savez(folder / "pattern.npz", magnitudes=pattern.magnitudes, pixel_size=55000.0)
    np.save(folder / "support.npy", pattern.support)
    np.save(folder / "start.npy", blurred(pattern))
    write_array(folder / "known.mrc", pattern.known.astype(np.float32))
    np.save(folder / "intensities.npy", pattern.magnitudes**2)
    write_array(folder / "series.mrc", series.projections, pixel_size=1.5)
    (folder / "series.rawtlt").write_text("\n".join(f"{a:.2f}" for a in series.angles))
    np.save(folder / "bare.npy", series.projections)
    np.save(folder / "lying.npy", np.rot90(series.projections, -1, axes=(1, 2)))
    np.savetxt(folder / "angles.csv", series.angles, header="theta", comments="")
    np.savetxt(folder / "three.txt", series.angles[:3])
    scipy.io.savemat(
        folder / "series.mat",
        {"projections": series.projections.transpose(2, 1, 0).astype(float), "angles": series.angles},
    )
    np.save(folder / "everywhere.npy", np.ones(pattern.shape))
    np.save(folder / "wide.npy", np.arange(pattern.magnitudes.size).reshape(pattern.shape) % 5 > 0)
    np.save(folder / "nan.npy", np.full(pattern.shape, np.nan))
    np.save(folder / "nan-stack.npy", np.full(series.shape, np.nan))
    np.save(folder / "negative.npy", pattern.magnitudes - 1)
    np.save(folder / "complex.npy", pattern.magnitudes + 1j)
    gap = series.projections.copy()
    gap[4] = 0
    np.save(folder / "gap.npy", gap)
    write_array(folder / "result.h5", pattern.support.astype(np.float32), kind="result")
    px.save(folder / "declared.h5", pattern)
    (folder / "empty.mrc").touch()
    (folder / "text.mrc").write_text("This is no microscope image.\n" * 100)
    return folder


def blurred(pattern) -> np.ndarray:
    """An estimate to start from."""
    return ndimage.gaussian_filter(pattern.support.astype(np.float32), 2)


def options_for(name: str, data: Path) -> list:
    """Input and options for `name`, such that every kind of side file is used."""
    seed = ["--seed", 7] if px.algorithms()[name].random_start else []
    if px.algorithms()[name].family == "phase":
        side = ["--support", data / "support.npy", "--mask", data / "known.mrc", "--pixel-size", 2.5]
        return [data / "pattern.npz", *side, *seed, *start_for(name, data)]
    return [data / "series.mrc", *seed]


def problem_for(name: str, data: Path):
    """The problem that `options_for` stands for."""
    if px.algorithms()[name].family == "phase":
        start = {"start": blurred(small_pattern())} if start_for(name, data) else {}
        return replace(small_pattern(), pixel_size=2.5, **start)
    return px.load(data / "series.mrc")


class TestAlgorithms:
    def test_the_list_names_every_algorithm_with_its_title(self, capsys):
        assert proxiscope("algorithms") == 0
        lines = capsys.readouterr().out.splitlines()
        for name, cls in px.algorithms().items():
            assert any(line.split()[:2] == [name, cls.family] and cls.title in line for line in lines)

    def test_json_holds_every_parameter_of_every_algorithm(self, capsys):
        assert proxiscope("algorithms", "--json") == 0
        listed = json.loads(capsys.readouterr().out)
        assert set(listed) == set(px.algorithms())
        for name, cls in px.algorithms().items():
            assert (listed[name]["title"], listed[name]["family"]) == (cls.title, cls.family)
            assert set(listed[name]["parameters"]) == {p.name for p in parameters(cls)}
            for p in parameters(cls):
                entry = listed[name]["parameters"][p.name]
                assert p.check(entry["default"]) == p.default
                assert entry["expects"] == p.expects
                assert entry["doc"] == p.doc
                assert entry["group"] == p.group

    @pytest.mark.parametrize("name", ALGORITHMS)
    def test_help_lists_all_parameters_with_default_and_range(self, capsys, name):
        assert proxiscope("reconstruct", name, "--help") == 0
        text = " ".join(capsys.readouterr().out.split("\nparameters:")[1].split())
        for p in parameters(px.algorithms()[name]):
            option = f"--{p.name.replace('_', '-')} "
            assert option in text
            entry = text.split(option, 1)[1].split(" --")[0]
            assert f"Default: {p.format(p.default)}" in entry
            for bound in (p.interval.ge, p.interval.le, *p.choices):
                assert bound is None or str(bound) in entry

    def test_help_and_version_end_well(self, capsys):
        for arguments in (["--help"], ["reconstruct", "--help"], ["demo", "--help"], ["--version"]):
            assert proxiscope(*arguments) == 0
        assert f"proxiscope {px.__version__}" in capsys.readouterr().out


class TestReconstruct:
    @pytest.mark.parametrize("name", ALGORITHMS)
    def test_every_algorithm_gives_the_bits_that_python_gives(self, data, tmp_path, name):
        out, table = tmp_path / "result.npz", tmp_path / "metrics.csv"
        code = proxiscope("reconstruct", name, *options_for(name, data), *short(name), "-o", out, "--metrics", table)
        assert code == 0
        expected = px.reconstruct(algorithm(name), problem_for(name, data), seed=7)
        with np.load(out) as found:
            np.testing.assert_array_equal(found["data"], expected.array)
            assert found["pixel_size"] == expected.pixel_size
            made = json.loads(str(found["metadata"]))
        assert made["parameters"] == json.loads(json.dumps(to_dict(algorithm(name))))
        assert made["input"]["sha256"] == expected.provenance["input"]["sha256"]
        with table.open(newline="") as file:
            header, *rows = csv.reader(file)
        assert header == list(expected.metrics)
        assert header[:2] == ["iteration", "r_factor"]
        for values, column in zip(expected.metrics.values(), zip(*rows, strict=True), strict=True):
            np.testing.assert_array_equal([float(v) for v in column], values)

    def test_a_series_in_any_file_with_its_angles_anywhere_gives_the_same_volume(self, data, tmp_path):
        volumes = []
        for i, source in enumerate((["series.mrc"], ["series.mat"], ["bare.npy", "--angles", data / "angles.csv"])):
            out = tmp_path / f"{i}.npy"
            assert proxiscope("reconstruct", "fbp", data / source[0], *source[1:], "-o", out) == 0
            volumes.append(np.load(out))
        np.testing.assert_array_equal(volumes[1], volumes[0])
        np.testing.assert_array_equal(volumes[2], volumes[0])

    def test_intensities_are_replaced_by_their_roots(self, data, tmp_path):
        for name, options in (("magnitudes", ["pattern.npz"]), ("intensities", ["intensities.npy", "--intensities"])):
            source = [data / options[0], *options[1:], "--support", data / "support.npy", *short("er")]
            assert proxiscope("reconstruct", "er", *source, "-o", tmp_path / f"{name}.npy") == 0
        magnitudes, intensities = (np.load(tmp_path / f"{name}.npy") for name in ("magnitudes", "intensities"))
        np.testing.assert_allclose(intensities, magnitudes, atol=1e-4 * magnitudes.max())

    def test_a_tilt_axis_along_x_is_turned_to_y_and_said(self, data, tmp_path, capsys):
        angles = ["--angles", data / "angles.csv"]
        for name, axis in (("bare", "y"), ("lying", "x")):
            options = [data / f"{name}.npy", *angles, "--tilt-axis", axis, "-o", tmp_path / f"{name}.npy"]
            assert proxiscope("reconstruct", "fbp", *options) == 0
        assert capsys.readouterr().err.count("turned by 90 degrees so that it lies along y") == 1
        np.testing.assert_array_equal(np.load(tmp_path / "lying.npy"), np.load(tmp_path / "bare.npy"))

    def test_a_pixel_size_given_replaces_that_of_the_file(self, data, tmp_path):
        for name, source in (("er", "pattern.npz"), ("fbp", "series.mrc")):
            out = tmp_path / f"{name}.mrc"
            options = [data / source, *short(name), "--pixel-size", 0.25, "-o", out]
            assert proxiscope("reconstruct", name, *options) == 0
            assert read(out).pixel_size == 0.25

    @pytest.mark.parametrize("suffix", sorted(WRITE_SUFFIXES))
    def test_every_output_format_keeps_array_pixel_size_and_provenance(self, data, tmp_path, suffix):
        out = tmp_path / f"result{suffix}"
        assert proxiscope("reconstruct", "sirt", data / "series.mrc", *short("sirt"), "-o", out) == 0
        assert sorted(os.listdir(tmp_path)) == [out.name, *(["result.npy.json"] if suffix == ".npy" else [])]
        expected = px.reconstruct(algorithm("sirt"), px.load(data / "series.mrc"))
        found = read(out)
        np.testing.assert_array_equal(found.data, expected.array)
        assert (found.declared.kind, found.pixel_size) == ("result", 1.5)
        made = found.declared.provenance
        assert made["algorithm"] == "sirt"
        assert made["software"] == f"proxiscope {px.__version__}"
        assert made["parameters"] == to_dict(algorithm("sirt"))
        assert made["input"]["source"] == str(data / "series.mrc")
        assert made["iterations"] == SOME_ITERATIONS
        np.testing.assert_array_equal(found.declared.metrics["r_factor"], expected.metrics["r_factor"])

    def test_the_progress_bar_shows_the_r_factor_and_a_summary_follows(self, data, tmp_path, capsys):
        out = tmp_path / "a.mrc"
        assert proxiscope("reconstruct", "sirt", data / "series.mrc", *short("sirt"), "-o", out) == 0
        shown = capsys.readouterr()
        figure = f"R_F {px.reconstruct(algorithm('sirt'), small_series()).r_factor:.2%}"
        bar = shown.err.split("\r")[-1]
        assert bar.startswith("sirt: 100%")
        assert "12/12" in bar
        assert figure in bar
        assert shown.out.startswith(f"{out}: 24 x 20 x 24, iteration 12, {figure}")
        assert shown.out.count("\n") == 1

    def test_how_the_file_was_read_is_said(self, data, tmp_path, capsys):
        assert proxiscope("reconstruct", "fbp", data / "series.mrc", "-o", tmp_path / "a.mrc") == 0
        assert "series.mrc: 21 tilt angles from series.rawtlt (-60 to 60 degrees)." in capsys.readouterr().err

    def test_quiet_says_nothing(self, data, tmp_path, capsys):
        assert proxiscope("reconstruct", "fbp", data / "series.mrc", "--quiet", "-o", tmp_path / "a.mrc") == 0
        assert capsys.readouterr() == ("", "")

    @pytest.mark.parametrize(
        ("name", "options", "words"),
        [
            ("er", ["pattern.npz", "--support", "wide.npy"], "under-samples the object"),
            ("fbp", ["gap.npy", "--angles", "angles.csv"], "nothing was measured in tilt 4"),
        ],
    )
    def test_a_warning_is_one_line(self, data, tmp_path, capsys, name, options, words):
        options = [data / o if "." in o else o for o in options]
        assert proxiscope("reconstruct", name, *options, *short(name), "--quiet", "-o", tmp_path / "a.mrc") == 0
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("proxiscope: warning: ")
        assert words in line


SERIES, PATTERN = ["sirt", "series.mrc"], ["er", "pattern.npz"]
BAD = {  # arguments, in the folder of the data, and what the line says
    "angles for another series": ([*SERIES, "--angles", "three.txt"], r"three\.txt: 3 angles .* one angle for each"),
    "no angles": (["sirt", "nan-stack.npy"], "Give the tilt angles in degrees"),
    "an angles file that is no angles file": ([*SERIES, "--angles", "pattern.npz"], r"pattern\.npz"),
    "a missing angles file": ([*SERIES, "--angles", "none.tlt"], r"none\.tlt: does not exist"),
    "NaN everywhere": (["er", "nan.npy", "--magnitudes"], "no pixel was measured"),
    "NaN everywhere in a series": (["sirt", "nan-stack.npy", "--angles", "angles.csv"], "no pixel was measured"),
    "negative magnitudes": (["er", "negative.npy", "--magnitudes"], "negative values"),
    "negative intensities": (["hio", "negative.npy", "--intensities"], "intensities: .* negative values"),
    "complex numbers": (["er", "complex.npy"], "complex numbers"),
    "an empty file": (["sirt", "empty.mrc"], r"empty\.mrc: the file is empty"),
    "text by the name of an image": (["sirt", "text.mrc"], r"text\.mrc: is no MRC file"),
    "a missing input": (["sirt", "none.mrc"], r"none\.mrc: does not exist"),
    "an input of unknown type": (["sirt", "angles.csv"], r"files of type \.csv are not read"),
    "a folder as input": (["sirt", "."], "is a folder"),
    "a support that covers the frame": ([*PATTERN, "--support", "everywhere.npy"], "covers the whole frame"),
    "a support of another shape": ([*PATTERN, "--support", "bare.npy"], "support: its shape is"),
    "a mask of another shape": ([*SERIES, "--mask", "support.npy"], "valid: its shape is"),
    "a noisy series for phase retrieval": (["er", "series.mrc", "--magnitudes"], "magnitudes: .* negative values"),
    "values of neither kind": (["er", "support.npy"], r"does not say whether .*--intensities or --magnitudes"),
    "values of both kinds": ([*PATTERN, "--intensities", "--magnitudes"], "--magnitudes: not allowed with"),
    "a result as a pattern": (["er", "result.h5"], r"result\.h5: holds a result, not a diffraction pattern"),
    "a declared pattern as a series": (["sirt", "declared.h5"], "holds a diffraction pattern, not a tilt series"),
    "a pattern for tomography": (["sirt", "pattern.npz"], "Give"),
    "a variable that is not there": ([*PATTERN, "--variable", "nothing"], "has no array 'nothing'"),
    "an unknown algorithm": (["sart3000", "series.mrc"], "invalid choice: 'sart3000'.*resire"),
    "an unknown parameter": ([*SERIES, "--gamma", "2"], "unknown: --gamma 2 .*reconstruct sirt --help"),
    "a parameter of another algorithm": (["fbp", "series.mrc", "--max-iterations", "3"], "unknown: --max-iter"),
    "a shortened parameter": ([*SERIES, "--relax", "1"], "unknown: --relax 1"),
    "a parameter below its range": ([*SERIES, "--max-iterations", "0"], "max_iterations: got 0.* >= 1"),
    "a parameter above its range": ([*SERIES, "--relaxation", "2.5"], "relaxation: got 2.5.* <= 1.99"),
    "a parameter that is not a number": ([*SERIES, "--relaxation", "nan"], "relaxation: got nan"),
    "a parameter that is a word": ([*SERIES, "--max-iterations", "many"], "max_iterations: got 'many'"),
    "a choice that there is not": (["fbp", "series.mrc", "--filter", "boxcar"], "filter: got 'boxcar'.* hann"),
    "a switch that is no switch": ([*SERIES, "--positivity", "maybe"], "positivity: got 'maybe'.* yes or no"),
    "a schedule that is none": (["gps-f", "pattern.npz", "--sigma", "0.5: 1"], "sigma: got .* start: value"),
    "a negative seed": ([*PATTERN, "--seed", "-1"], "seed: got -1"),
    "a pixel size of zero": ([*SERIES, "--pixel-size", "0"], "pixel_size: got 0"),
    "a pixel size that is no number": ([*PATTERN, "--pixel-size", "nm"], "--pixel-size: invalid float value: 'nm'"),
    "no input": (["sirt"], "the following arguments are required: INPUT"),
    "lines in a name": (["sirt", "a\nb.mrc"], "does not exist"),
}


@pytest.fixture
def refuses(data, tmp_path, capsys, monkeypatch):
    """``refuses(arguments, words)``: exit 2, one line, no run, and all files as they were."""
    monkeypatch.chdir(data)
    monkeypatch.setattr(reconstruction, "iterate", lambda *a, **k: pytest.fail("the run began"))
    previous = tmp_path / "result.mrc"
    previous.write_bytes(b"the previous result")
    untouched = {path: path.read_bytes() for path in data.iterdir()}

    def check(arguments, words, output=previous):
        assert proxiscope("reconstruct", *arguments, *(["-o", output] if output else [])) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err.endswith("\n")
        (line,) = shown.err.splitlines()
        assert line.startswith("proxiscope")
        assert "Traceback" not in line
        assert re.search(words, line), line
        assert os.listdir(tmp_path) == [previous.name]
        assert previous.read_bytes() == b"the previous result"
        assert {path: path.read_bytes() for path in data.iterdir()} == untouched

    return check


class TestBadInput:
    @pytest.mark.parametrize("case", BAD)
    def test_is_one_clear_line_and_leaves_the_previous_output(self, refuses, case):
        refuses(*BAD[case])

    def test_an_unknown_command(self, capsys):
        for arguments in (["reconstuct"], [], ["algorithms", "--xml"]):
            assert proxiscope(*arguments) == 2
            assert capsys.readouterr().err.count("\n") == 1

    def test_a_warning_before_the_error_is_not_shown(self, refuses):
        refuses(["sirt", "gap.npy", "--angles", "angles.csv", "--mask", "support.npy"], "valid: its shape is")

    @pytest.mark.parametrize(("name", "options"), [("sirt", ["--depth", "100000"]), ("fbp", ["--depth", "100000"])])
    def test_a_volume_larger_than_the_memory_is_refused_before_anything_is_allocated(
        self, refuses, monkeypatch, name, options
    ):
        memory = namedtuple("memory", "available")
        monkeypatch.setattr(psutil, "virtual_memory", lambda: memory(64 * 2**20))
        refuses([name, "series.mrc", *options], r"needs about [\d.]+ GB .* 0.0671 GB are available")

    def test_memory_that_runs_out_on_the_way_is_said(self, data, tmp_path, capsys, monkeypatch):
        def no_memory(*arguments, **options):
            raise MemoryError

        monkeypatch.setattr(commands, "run", no_memory)
        code = proxiscope("reconstruct", "fbp", data / "series.mrc", "--quiet", "-o", tmp_path / "a.mrc")
        assert code == 2
        assert capsys.readouterr().err == "proxiscope: the memory does not suffice. Bin or crop the data.\n"

    @pytest.mark.parametrize("name", ["result.jpg", "result", "result.mrc.gz"])
    def test_an_unknown_output_suffix(self, refuses, tmp_path, name):
        refuses(SERIES, r"Choose one of \.cxi, \.h5", output=tmp_path / name)

    def test_a_missing_output_folder_is_found_before_the_run(self, refuses, tmp_path):
        refuses(SERIES, "the folder .* does not exist", output=tmp_path / "no" / "result.mrc")
        refuses([*SERIES, "--metrics", str(tmp_path / "no" / "m.csv")], "the folder .* does not exist")

    def test_a_folder_as_output_is_found_before_the_run(self, refuses, tmp_path_factory):
        folder = tmp_path_factory.mktemp("folder") / "a.mrc"
        folder.mkdir()
        refuses(SERIES, "is a folder", output=folder)

    @posix
    def test_an_unwritable_output_folder_is_found_before_the_run(self, refuses, tmp_path_factory):
        root = os.geteuid() == 0  # may write anywhere but into the kernel's own files
        folder = Path("/proc") if root else tmp_path_factory.mktemp("closed")
        if root and not folder.is_dir():
            pytest.skip("root may write anywhere")
        if not root:
            folder.chmod(0o500)
        refuses(SERIES, "cannot be written", output=folder / "result.mrc")
        refuses([*SERIES, "--metrics", str(folder / "m.csv")], "cannot be written")

    def test_no_output(self, refuses):
        refuses(SERIES, "required: -o/--output", output=None)

    @pytest.mark.parametrize("arguments", [SERIES, [*PATTERN, "--support", "support.npy"]])
    def test_an_output_that_would_replace_its_own_input(self, refuses, data, arguments):
        source = str(data / arguments[-1])
        refuses(arguments, "is one of the files to be read", output=source)
        refuses([*arguments, "--metrics", source], "is one of the files to be read")

    def test_one_name_for_result_and_metrics(self, refuses, tmp_path):
        refuses([*SERIES, "--metrics", str(tmp_path / "." / "result.mrc")], "both the result and its metrics")


class TestTrouble:
    """What goes wrong after a good start."""

    def test_a_run_that_diverges_exits_1_and_leaves_the_previous_output(self, data, tmp_path, capsys, monkeypatch):
        monkeypatch.setattr(tomography.SIRT, "metrics", lambda self, problem, state: {"r_factor": float("nan")})
        out = tmp_path / "a.mrc"
        out.write_text("previous")
        assert proxiscope("reconstruct", "sirt", data / "series.mrc", "--quiet", "-o", out) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("proxiscope: sirt diverged at iteration 1")
        assert out.read_text() == "previous"

    def test_a_disk_that_is_full_for_the_metrics_costs_neither_result_nor_previous_metrics(
        self, data, tmp_path, capsys, monkeypatch
    ):
        def full(*arguments):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(csv, "writer", full)
        out, table = tmp_path / "a.npy", tmp_path / "a.csv"
        table.write_text("previous")
        options = ["--quiet", "-o", out, "--metrics", table]
        assert proxiscope("reconstruct", "fbp", data / "series.mrc", *options) == 2
        assert capsys.readouterr().err.count("\n") == 1
        assert np.load(out).shape == (24, 20, 24)
        assert table.read_text() == "previous"
        assert sorted(os.listdir(tmp_path)) == ["a.csv", "a.npy", "a.npy.json"]

    @pytest.fixture
    def interrupts(self, monkeypatch):
        """``interrupts(3, 4)``: Ctrl-C during the iterations 3 and 4."""
        usual = signal.signal(signal.SIGINT, signal.default_int_handler)

        def at(*iterations):
            def iterate(*arguments, **options):
                for progress in px.iterate(*arguments, **options):
                    if progress.iteration in iterations:
                        signal.raise_signal(signal.SIGINT)
                    yield progress

            monkeypatch.setattr(reconstruction, "iterate", iterate)

        yield at
        assert signal.signal(signal.SIGINT, usual) is signal.default_int_handler

    def test_ctrl_c_keeps_the_iteration_at_hand(self, data, tmp_path, interrupts, capfd):
        expected = px.reconstruct(tomography.SIRT(max_iterations=5), px.load(data / "series.mrc"))
        interrupts(5)
        out = tmp_path / "a.npz"
        assert proxiscope("reconstruct", "sirt", data / "series.mrc", "-o", out) == 130
        with np.load(out) as found:
            np.testing.assert_array_equal(found["data"], expected.array)
            np.testing.assert_array_equal(found["metrics_r_factor"], expected.metrics["r_factor"])
        shown = capfd.readouterr()
        assert "Stopping after this iteration" in shown.err
        assert "iteration 5" in shown.out

    @pytest.mark.parametrize("name", [name for name in ALGORITHMS if px.algorithms()[name].family == "phase"])
    def test_ctrl_c_before_the_first_record_keeps_image_and_r_factor(self, data, tmp_path, interrupts, capsys, name):
        many = issubclass(px.algorithms()[name], phase.Ensemble)
        stop = 10 if many else 3  # many starts go on from one record to the next
        interrupts(stop)
        out, table = tmp_path / "a.npy", tmp_path / "a.csv"
        source = [data / "pattern.npz", *start_for(name, data), *(short(name) if many else [])]
        assert proxiscope("reconstruct", name, *source, "-o", out, "--metrics", table) == 130
        (row,) = csv.DictReader(table.open(newline=""))
        assert row["iteration"] == str(stop)
        r_factor = phase.metrics.r_factor(np.load(out), px.load(data / "pattern.npz"))
        assert float(row["r_factor"]) == pytest.approx(r_factor, rel=1e-4)
        assert f"iteration {stop}, R_F {r_factor:.2%}" in capsys.readouterr().out

    def test_a_second_ctrl_c_leaves_at_once_and_writes_nothing(self, data, tmp_path, interrupts, capsys, monkeypatch):
        def step_slowly(self, problem, state):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

        interrupts()
        monkeypatch.setattr(tomography.SIRT, "step", step_slowly)
        out = tmp_path / "a.npy"
        out.write_text("previous")
        assert proxiscope("reconstruct", "sirt", data / "series.mrc", "--quiet", "-o", out) == 130
        assert capsys.readouterr().err == "proxiscope: interrupted, nothing was written\n"
        assert out.read_text() == "previous"
        assert os.listdir(tmp_path) == [out.name]


class TestDemo:
    def test_reconstructs_a_pattern_and_a_series(self, tmp_path, capsys):
        folder = tmp_path / "new" / "folder"
        assert proxiscope("demo", "--output", folder) == 0
        assert sorted(os.listdir(folder)) == ["gps-f.tif", "resire.mrc"]
        image, volume = read(folder / "gps-f.tif"), read(folder / "resire.mrc")
        assert (image.data.shape, image.pixel_size) == ((200, 200), pytest.approx(10))
        assert (volume.data.shape, volume.pixel_size) == ((96, 96, 96), pytest.approx(5))
        assert capsys.readouterr().out.count("R_F ") == 2

    @pytest.mark.parametrize("name", ["gps-f.tif", "resire.mrc"])
    def test_finds_out_before_the_run_that_it_cannot_write(self, tmp_path, capsys, monkeypatch, name):
        monkeypatch.setattr(commands, "run", lambda *a, **k: pytest.fail("the run began"))
        (tmp_path / name).mkdir()
        assert proxiscope("demo", "--output", tmp_path) == 2
        assert capsys.readouterr().err.count("\n") == 1

    def test_refuses_a_file_as_its_folder(self, tmp_path, capsys):
        (tmp_path / "file").touch()
        assert proxiscope("demo", "--output", tmp_path / "file") == 2
        assert capsys.readouterr().err.count("\n") == 1

    def test_ctrl_c_keeps_what_there_is_and_ends(self, tmp_path, monkeypatch):
        quick = partial(phase.GPSF, max_iterations=3)
        monkeypatch.setattr(phase, "GPSF", quick)
        monkeypatch.setattr(simulate, "sample_pattern", small_pattern)
        usual = commands.run
        monkeypatch.setattr(commands, "run", lambda *a, **k: (usual(*a, **k)[0], True))
        assert proxiscope("demo", "--output", tmp_path) == 130
        assert os.listdir(tmp_path) == ["gps-f.tif"]


class TestProcess:
    """What only a process of its own can show."""

    @pytest.mark.parametrize("command", ["module", "script"])
    def test_the_command_runs(self, data, tmp_path, command):
        script = Path(sys.executable).with_name("proxiscope" + (".exe" if os.name == "nt" else ""))
        if command == "script" and not script.exists():
            pytest.skip("the console script is not beside the interpreter")
        start = [script] if command == "script" else [sys.executable, "-m", "proxiscope"]
        out = tmp_path / "a.mrc"
        done = subprocess.run(
            [*start, "reconstruct", "fbp", data / "series.mrc", "-o", out], env=environment(), capture_output=True
        )
        assert done.returncode == 0
        assert read(out).data.shape == (24, 20, 24)
        refused = subprocess.run(
            [*start, "reconstruct", "fbp", data / "text.mrc", "-o", out], env=environment(), capture_output=True
        )
        assert refused.returncode == 2
        assert refused.stdout == b""
        assert refused.stderr.count(b"\n") == 1
        assert b"is no MRC file" in refused.stderr

    def test_a_name_that_the_terminal_cannot_show_is_no_obstacle(self, data, tmp_path):
        out = tmp_path / "Bl\u00e4schen.npy"
        done = subprocess.run(
            [sys.executable, "-m", "proxiscope", "reconstruct", "fbp", data / "series.mrc", "-o", out],
            env=environment() | {"PYTHONIOENCODING": "ascii"},
            capture_output=True,
        )
        assert done.returncode == 0
        assert b"schen.npy: 24 x 20 x 24" in done.stdout
        assert np.load(out).any()

    @posix
    @pytest.mark.parametrize("arguments", [["algorithms"], ["reconstruct", "sirt", "--help"]])
    def test_a_reader_that_leaves_is_no_error_to_report(self, arguments):
        reader, writer = os.pipe()
        os.close(reader)
        try:
            done = subprocess.run(
                [sys.executable, "-m", "proxiscope", *arguments],
                env=environment(),
                stdout=writer,
                stderr=subprocess.PIPE,
                timeout=60,
            )
        finally:
            os.close(writer)
        assert done.stderr == b""
        assert done.returncode == 1

    @posix
    def test_sigint_keeps_what_was_computed_and_exits_130(self, data, tmp_path):
        out, table = tmp_path / "a.npz", tmp_path / "a.csv"
        start = (  # with the usual signals, whatever the test runner was started with
            "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "from proxiscope.cli import main; sys.exit(main())"
        )
        command = [sys.executable, "-c", start, "reconstruct", "sirt", data / "series.mrc"]
        command += ["--max-iterations", "1000000", "-o", out, "--metrics", table]
        with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            seen = b""
            while b"R_F" not in seen:
                piece = os.read(process.stderr.fileno(), 4096)
                assert piece, seen
                seen += piece
            process.send_signal(signal.SIGINT)
            said, rest = process.communicate(timeout=60)
        assert process.returncode == 130
        assert b"Traceback" not in seen + rest
        with np.load(out) as found:
            curve, volume = found["metrics_r_factor"], found["data"]
            done = json.loads(str(found["metadata"]))["iterations"]
        assert 1 <= done < 1_000_000
        assert len(curve) == done
        assert f"iteration {done}, R_F {curve[-1]:.2%}" in said.decode()
        assert table.read_text().splitlines()[-1].startswith(f"{done},{float(curve[-1])!r},")
        problem = px.load(data / "series.mrc")
        expected = px.reconstruct(tomography.SIRT(max_iterations=done), problem)
        np.testing.assert_array_equal(volume, expected.array)


@pytest.mark.slow
class TestRealData:
    def test_a_haadf_needle_becomes_a_calibrated_volume(self, shared_data, tmp_path, capsys):
        source, out = shared_data("etspy_haadf_needle/HAADF_Aligned.hspy"), tmp_path / "needle.mrc"
        assert proxiscope("reconstruct", "fbp", source, "-o", out) == 0  # R_F measured 21.6 %
        shown = capsys.readouterr()
        assert "77 tilt angles" in shown.err
        assert "The tilt axis lies along x: turned by 90 degrees so that it lies along y." in shown.err
        with mrcfile.open(out) as mrc:
            assert mrc.data.shape == (256, 256, 256)
            assert mrc.voxel_size.tolist() == pytest.approx((33.6, 33.6, 33.6))  # angstroms
            assert "pixel_size: 3.36 nm" in mrc.get_labels()

    def test_resire_explains_a_haadf_needle(self, shared_data, tmp_path):
        source, out = shared_data("etspy_haadf_needle/HAADF_Aligned.hspy"), tmp_path / "needle.h5"
        assert proxiscope("reconstruct", "resire", source, "--max-iterations", 30, "--quiet", "-o", out) == 0
        with h5py.File(out) as file:
            assert file["metrics/r_factor"][-1] < 0.06  # measured 4.90 %; SIRT 9.4 %
            assert file["data"].attrs["pixel_size"] == pytest.approx(3.36)

    def test_resire_finds_the_vesicle_of_the_dissertation_the_right_way_round(self, shared_data, tmp_path):
        """Geometry and sense of rotation against data made elsewhere, with a wedge of 60 degrees missing."""
        source = shared_data("dissertation_vesicle/vesicle_projections.mat")
        truth = mrcfile.read(shared_data("dissertation_vesicle/vesicle.mrc")).transpose(2, 1, 0)  # from (x, y, z)
        mirrored = np.roll(truth[::-1], 1, axis=0)  # what the other sense of rotation would give
        measured = {30: 0.877, 100: 0.931}
        for iterations, correlation in measured.items():
            out = tmp_path / f"{iterations}.npy"
            options = ["--max-iterations", iterations, "--quiet", "-o", out]
            assert proxiscope("reconstruct", "resire", source, *options) == 0
            volume = np.load(out)
            assert np.corrcoef(volume.ravel(), truth.ravel())[0, 1] > correlation - 0.005
            assert np.corrcoef(volume.ravel(), mirrored.ravel())[0, 1] < 0.7

"""Code and commands that make a result again do: bit for bit, whatever the algorithm and the input."""

import shlex

import mrcfile
import numpy as np
import pytest

import proxiscope as px
from proxiscope.cli import main
from proxiscope.core import InputError, algorithms
from proxiscope.io import read, write_array
from proxiscope.phase import HIO, RAAR, Ensemble
from proxiscope.scripts import command_line, describe_record, python_code, save_input
from proxiscope.tomography import RESIRE, SIRT, InSlabs, merge
from tests.problems import problem_for, quick, small_pattern, small_series

RNG = np.random.default_rng(5)

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Data of ours and of others, in a folder with a name that wants quoting."""
    folder = tmp_path / "it's $a day"
    folder.mkdir()
    monkeypatch.chdir(folder)
    pattern, series = small_pattern(), small_series()
    px.save(folder / "pattern.npz", pattern)
    write_array(folder / "counts.npy", np.where(pattern.known, pattern.magnitudes, np.nan) ** 2)
    np.save(folder / "support.npy", pattern.support)
    order = np.argsort(np.abs(series.angles), kind="stable")
    with mrcfile.new(folder / "series.mrc") as mrc:
        mrc.set_data(series.projections[order])
        mrc.voxel_size = 15
    (folder / "series.rawtlt").write_text("\n".join(f"{a:.2f}" for a in series.angles[order]))
    np.save(folder / "b.npy", series.projections[:17] + 0.1)
    np.savetxt(folder / "b.txt", series.angles[:17])
    np.save(folder / "mask.npy", RNG.random(series.shape) > 0.1)
    return folder


def by_python(result):
    """What the code makes, run as a script."""
    names = {}
    exec(compile(python_code(result.provenance, "again.h5"), "script", "exec"), names)
    assert read("again.h5").declared.provenance["input"]["sha256"] == result.provenance["input"]["sha256"]
    return names["result"].array


def by_command(result):
    """What the command makes."""
    program, *arguments = shlex.split(command_line(result.provenance, "again.h5"))
    assert program == "proxiscope"
    assert main([*arguments, "--quiet"]) == 0
    assert read("again.h5").declared.provenance["input"]["sha256"] == result.provenance["input"]["sha256"]
    return read("again.h5").data


def same(result, *ways):
    for way in ways or (by_python, by_command):
        np.testing.assert_array_equal(way(result), result.array, err_msg=way.__name__)


@pytest.mark.parametrize("name", algorithms())
def test_every_algorithm(folder, name):
    cls = algorithms()[name]
    px.save("input.h5", problem_for(cls))
    result = px.reconstruct(quick(cls, 10), px.load("input.h5"), seed=3)
    same(result, *([by_python] if name == "best-quality" else []))


LOADED = {
    "as it is": lambda: px.load("pattern.npz"),
    "word for a support": lambda: px.load("counts.npy", intensities=True, support="ellipse:6", hold_out=0.1),
    "files": lambda: px.load("counts.npy", intensities=True, support="support.npy", object="real"),
    "held out later": lambda: px.load("pattern.npz").hold_out(0.2),
    "steps": lambda: px.load("counts.npy", intensities=True, steps=["crop size=40,32", "hot-pixels treatment=mask"]),
    "series in its order of acquisition": lambda: px.load("series.mrc"),
    "angles by file, direction": lambda: px.load("b.npy", angles="b.txt", reverse_angles=True, tilt_axis=-3.5),
    "mask by file": lambda: px.load("series.mrc", mask="mask.npy"),
    "steps on a series put in order": lambda: px.load(
        "series.mrc", mask="mask.npy", steps=[{"name": "bin"}, {"name": "exclude-tilts", "tilts": (0, 4)}]
    ),
    "tilts held out": lambda: px.load("series.mrc").hold_out(4),
    "double tilt": lambda: merge(
        px.load("series.mrc", in_plane=0, angles="series.rawtlt"), px.load("b.npy", angles="b.txt", in_plane=-90)
    ).hold_out(5),
    "a sample": lambda: px.load("sample:pattern", support="rectangle:5"),
}  # fmt: skip

IN_PYTHON_ONLY = {
    "angles by value": lambda: px.load("b.npy", angles=small_series().angles[:17] / 3, pixel_size=2.0),
    "a drawn support": lambda: px.load("pattern.npz").within(RNG.random((48, 40)) > 0.6),
    "a small start": lambda: px.load("pattern.npz").starting_from(np.float32(small_pattern().support)),
    "other seed of what is held out": lambda: px.load("pattern.npz").hold_out(0.2, seed=3),
    "some tilts": lambda: px.load("series.mrc").subset(np.arange(21) % 2 == 0).hold_out(4),
    "kinds of steps": lambda: merge(
        px.load("series.mrc", in_plane=0), px.load("b.npy", angles="b.txt", in_plane=90, steps=["hot-pixels"])
    ),
}  # fmt: skip


def algorithm_for(problem, iterations=5):
    cls = HIO if isinstance(problem, px.DiffractionPattern) else SIRT
    return cls(max_iterations=iterations)


@pytest.mark.parametrize("name", LOADED)
def test_every_kind_of_input(folder, name):
    problem = LOADED[name]()
    same(px.reconstruct(algorithm_for(problem), problem, seed=4))


@pytest.mark.parametrize("name", IN_PYTHON_ONLY)
def test_what_a_command_cannot_say(folder, name):
    problem = IN_PYTHON_ONLY[name]()
    result = px.reconstruct(algorithm_for(problem), problem)
    same(result, by_python)
    with pytest.raises(InputError, match=r"cannot be said in options\. Copy as Python"):
        command_line(result.provenance)


GENTLE = ((0, 0.75),)
COURSES = {
    "an early end": (RAAR(max_iterations=60), {"callback": lambda p: p.iteration == 23}),
    "changes": (
        RAAR(max_iterations=30),
        {"changes": {5: RAAR(max_iterations=30, beta=GENTLE), 12: RAAR(max_iterations=20, beta=GENTLE)}, "seed": 2},
    ),
    "a restart without a change": (SIRT(max_iterations=9), {"changes": {4: SIRT(max_iterations=9)}}),
    "changes and an early end": (
        SIRT(max_iterations=30),
        {"changes": {4: SIRT(max_iterations=30, relaxation=0.5)}, "callback": lambda p: p.iteration == 7},
    ),
    "criteria": (
        SIRT(max_iterations=40),
        {"stop": [px.Discrepancy(factor=0.5), px.HeldOut(patience=20), px.Plateau(tolerance=0.1, patience=3)]},
    ),
    "a criterion that was not met": (
        SIRT(max_iterations=40),
        {"stop": px.Discrepancy(noise=1e-9), "callback": lambda p: p.iteration == 6},
    ),
    "many starts": (Ensemble(algorithm=RAAR(max_iterations=10, beta=GENTLE), starts=3, refined=2), {"seed": 5}),
    "slabs": (InSlabs(algorithm=RESIRE(max_iterations=3, step_size=1.5), slices=32, memory_limit=1.5), {}),
}


@pytest.mark.parametrize("name", COURSES)
def test_every_course_of_a_run(folder, name):
    algorithm, options = COURSES[name]
    problem = px.load("pattern.npz" if algorithm.family == "phase" else "series.mrc")
    problem = problem.hold_out(4) if name == "criteria" else problem
    result = px.reconstruct(algorithm, problem, **options)
    if "callback" in options:
        assert result.provenance["iterations"] < algorithm.iterations
    if name == "criteria":
        assert result.provenance["iterations"] < 40
        assert "--end-at" not in command_line(result.provenance)
    if "changes" in options:
        assert len(result.provenance["changes"]) == len(options["changes"])
    same(result)


def test_a_script_is_short_and_says_only_what_differs(folder):
    result = px.reconstruct(HIO(max_iterations=7, beta=0.8), px.load("sample:pattern"), seed=3)
    heading, *lines = python_code(result.provenance).splitlines()
    assert heading.startswith("# Hybrid input-output (HIO), as made by proxiscope")
    assert lines == [
        "import proxiscope",
        "from proxiscope.phase import HIO",
        "",
        "pattern = proxiscope.load(",
        '    "sample:pattern",',
        '    kind="pattern",',
        "    intensities=False,",
        '    object="non-negative",',
        ")",
        "algorithm = HIO(max_iterations=7, beta=0.8)",
        "result = proxiscope.reconstruct(algorithm, pattern, seed=3)",
        'print(f"R-factor {result.r_factor:.2%} at iteration {result.iteration}")',
        'result.save("result.h5")',
    ]
    assert command_line(result.provenance, "image.h5") == (
        "proxiscope reconstruct hio sample:pattern --magnitudes --object non-negative "
        "--max-iterations 7 --beta 0.8 --seed 3 --output image.h5"
    )


@pytest.mark.parametrize("suffix", [".h5", ".npz"])
@pytest.mark.parametrize("problem", [small_pattern, small_series])
def test_an_input_that_no_file_holds_is_written_first(folder, problem, suffix):
    problem = problem()
    if isinstance(problem, px.DiffractionPattern):
        problem = problem.hold_out(0.1).starting_from(np.pad(RNG.random((18, 14)), ((15, 15), (13, 13))))
    else:
        turned = np.add(problem.rotations, [5.0, 0, 0.5])
        problem = problem.copy_with(rotations=turned, shifts=RNG.random((21, 2)), pixel_size=2.5).hold_out(4)
    result = px.reconstruct(algorithm_for(problem), problem)
    for make in (python_code, command_line):
        with pytest.raises(InputError, match=r"no file holds it .* Write the input to a file \(save_input"):
            make(result.provenance)
    result.provenance["input"] = save_input(problem, f"input{suffix}")
    same(result)
    result.save("result.h5")
    assert px.rerun("result.h5").identical


def test_an_input_is_written_to_formats_that_keep_it_only(folder):
    with pytest.raises(InputError, match=r"input\.tif: does not keep all of an input"):
        save_input(small_pattern(), "input.tif")


def evil(**changes):
    """A record that wants its words to be run."""
    made = {"algorithm": "hio", "parameters": {"beta": 0.8}, "seed": 0, "iterations": 5, "software": "proxiscope 0.1"}
    options = {"kind": "pattern", "intensities": False}
    recipe = {"path": "/data/a.h5", "sha256": "0", "options": options | changes.pop("options", {}), "then": []}
    return made | {"input": {"recipe": recipe | changes.pop("recipe", {})}} | changes


CODE = "__import__('os').system('touch hacked')"
BAD = [
    {"algorithm": CODE}, {"parameters": {CODE: 1}}, {"parameters": {"beta": CODE}}, {"seed": CODE},
    {"iterations": CODE},
    {"options": {CODE: 1}}, {"options": {"tick": CODE}}, {"options": {"pixel_size": float("nan")}},
    {"options": {"pixel_size": {"values": [float("inf")], "type": "float64"}}},
    {"options": {"support": {"packed": CODE, "shape": [3, 9], "type": CODE}}},
    {"options": {"steps": [{"name": CODE}]}}, {"options": {"steps": [{"name": "bin", CODE: 2}]}},
    {"recipe": {"then": [{"name": CODE}]}}, {"recipe": {"then": [{"name": "subset", "tilts": [CODE]}]}},
    {"changes": [{"iteration": CODE, "algorithm": "hio"}]}, {"changes": [{"iteration": 3, "algorithm": CODE}]},
    {"stop": [{"name": CODE}]}, {"stop": [{"name": "plateau", "patience": CODE}]}, {"input": CODE}, {"input": [CODE]},
]  # fmt: skip


@pytest.mark.parametrize("changes", BAD)
def test_nothing_of_a_record_is_code(changes):
    record = evil(**changes)
    for make in (python_code, command_line):
        if make is command_line and "pixel_size" in str(changes):
            continue  # which argparse refuses
        with pytest.raises(InputError):
            make(record)


QUOTED = ["'\"\n" + CODE + "\n#", "a\\", "$(touch hacked) `touch hacked`; touch hacked\n", "\x00\u2028", "--output=a"]


@pytest.mark.parametrize("text", QUOTED)
def test_words_of_a_record_are_quoted(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record = evil(
        software=f"{text}\n{CODE}", finished=text, options={"support": text, "mask": {"path": text, "sha256": text}},
        recipe={"path": text},
    )  # fmt: skip
    script = compile(python_code(record, text), "script", "exec")
    assert not {"__import__", "system", "os"} & set(script.co_names)
    assert text in script.co_consts
    words = shlex.split(command_line(record, text))
    assert words[:3] == ["proxiscope", "reconstruct", "hio"]
    assert words[3] in (text, f"./{text}")


def rows_of(provenance, metrics=None):
    return {heading: dict(rows) for heading, rows in describe_record(provenance, metrics)}


def test_a_record_in_words(folder):
    result = px.reconstruct(
        HIO(max_iterations=40, beta=0.8),
        px.load("counts.npy", intensities=True, support="support.npy", hold_out=0.05, steps="hot-pixels threshold=9"),
        changes={10: HIO(max_iterations=40, beta=0.6)},
        callback=lambda p: p.iteration == 20,
    )
    told = rows_of(result.provenance, result.metrics)
    assert list(told) == ["Result", "Method", "Changes", "Input", "Preparation", "Made"]
    assert told["Result"]["R-factor"] == f"{result.r_factor:.2%}"
    assert told["Result"]["Iteration"] == f"{result.iteration} of 20"
    assert told["Method"]["Algorithm"] == "Hybrid input-output (HIO)"
    assert told["Method"]["Ended"] == "by hand at iteration 20"
    assert any("0.6" in text for text in told["Changes"].values())
    assert told["Input"]["File"] == str(folder / "support.npy")
    assert told["Input"]["Held out"] == "0.05 of the measured pixels"
    assert told["Preparation"] == {"Step 1": "Remove hot pixels and X-ray hits (hot-pixels threshold=9.0)"}
    assert told["Made"]["Software"] == f"proxiscope {px.__version__}"


@pytest.mark.parametrize("changes", [*BAD, {"input": {"recipe": {"joined": [3], "then": [3]}}}, {"seconds": CODE}])
def test_whatever_a_record_says_is_told(changes):
    assert all(isinstance(text, str) for rows in rows_of(evil(**changes)).values() for text in rows.values())


def test_info_on_the_command_line(folder, capsys):
    result = px.reconstruct(HIO(max_iterations=5), px.load("pattern.npz"), seed=2)
    result.save("result.h5")
    assert main(["info", "result.h5"]) == 0
    shown = capsys.readouterr().out
    assert "R-factor" in shown
    assert "Hybrid input-output (HIO)" in shown
    assert main(["info", "result.h5", "--python"]) == 0
    assert capsys.readouterr().out == python_code(result.provenance, "result-again.h5")
    assert main(["info", "result.h5", "--command"]) == 0
    assert capsys.readouterr().out == command_line(result.provenance, "result-again.h5") + "\n"
    assert main(["info", "series.mrc"]) == 0
    assert "21 x 20 x 24, float32" in capsys.readouterr().out
    assert main(["info", "series.mrc", "--python"]) == 2


@pytest.mark.parametrize(
    "options",
    [
        ["--change", "x: beta=1"], ["--change", "5"], ["--change", "0: beta=0.5"], ["--change", "5: beta"],
        ["--change", "5: gamma=1"], ["--change", "5: beta=7"], ["--change", "5: 'beta=1"], ["--end-at", "0"],
    ],
)  # fmt: skip
def test_a_course_that_makes_no_sense_is_refused(folder, options, capsys):
    assert main(["reconstruct", "hio", "pattern.npz", "-o", "a.h5", "--quiet", *options]) == 2
    assert capsys.readouterr().err.count("\n") == 1

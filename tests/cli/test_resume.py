"""``proxiscope resume``, and what ``reconstruct`` leaves for it."""

import json
import os
import re
import shlex

import h5py
import numpy as np
import pytest

import proxiscope as px
from proxiscope.checkpoints import Checkpoints, load_run
from proxiscope.cli import interrupt
from proxiscope.cli.checkpointing import _every
from proxiscope.core import InputError
from proxiscope.io import save
from tests.cli.test_cli import proxiscope
from tests.crash import crashes, difference
from tests.problems import small_pattern, small_series
from tests.test_checkpoints import sealed_again

SIRT = ["sirt", "series.npz", "--max-iterations", "20"]
HIO = ["hio", "pattern.npz", "--max-iterations", "60", "--seed", "2"]


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder with a series and a pattern, in which we are."""
    save(tmp_path / "series.npz", small_series())
    save(tmp_path / "pattern.npz", small_pattern())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def breaking(monkeypatch):
    """``breaking(at)``: from then on a run is broken off at once after that iteration, as by a second Ctrl-C."""

    def at(iteration):
        offer = Checkpoints.offer

        def then(self, progress, record, seconds):
            written = offer(self, progress, record, seconds)
            if progress.iteration >= iteration:
                raise KeyboardInterrupt
            return written

        patch = pytest.MonkeyPatch()
        patch.setattr(Checkpoints, "offer", then)
        return patch

    return at


def reconstruct(run, *options):
    name, *rest = run
    return proxiscope("reconstruct", name, *rest, "--checkpoint-every", "5it", *options)


def broken_off(breaking, run, *options, at=13):
    patch = breaking(at)
    try:
        assert reconstruct(run, *options) == 130
    finally:
        patch.undo()


def test_a_run_that_was_broken_off_goes_on(data, breaking, capsys):
    for folder in ("whole", "again"):
        (data / folder).mkdir()
    assert reconstruct(SIRT, "-o", "whole/result.npz", "--metrics", "whole/metrics.csv") == 0
    capsys.readouterr()
    broken_off(breaking, SIRT, "-o", "again/result.npz", "--metrics", "again/metrics.csv")
    said = capsys.readouterr().err.splitlines()
    checkpoint = data / "again" / "result.checkpoint.h5"
    assert f"To go on from iteration 10: proxiscope resume {checkpoint}" in said
    assert said[-1] == "proxiscope: interrupted, nothing was written"
    assert sorted(os.listdir("again")) == ["result.checkpoint.h5", "result.checkpoint.previous.h5"]
    assert proxiscope("resume", "again/result.npz") == 0
    shown = capsys.readouterr()
    assert "Going on with sirt from iteration 10." in shown.err
    assert shown.out.startswith(f"{data / 'again' / 'result.npz'}: 24 x 20 x 24, iteration 20")
    assert difference(data / "whole", data / "again") == ""


def test_it_goes_on_from_wherever_one_is(data, breaking, monkeypatch):
    broken_off(breaking, HIO, "-o", "result.npz")
    (data / "elsewhere").mkdir()
    monkeypatch.chdir(data / "elsewhere")
    assert proxiscope("resume", data, "--quiet") == 0
    assert (data / "result.npz").exists()
    assert os.listdir(data / "elsewhere") == []


def test_a_folder_that_was_moved_with_its_checkpoint_gets_the_result(data, breaking, monkeypatch):
    (data / "a").mkdir()
    broken_off(breaking, SIRT, "-o", "a/result.npz")
    (data / "a").rename(data / "b")
    (data / "series.npz").rename(data / "b" / "series.npz")
    assert proxiscope("resume", "b", "--quiet") == 0
    assert sorted(os.listdir("b")) == ["result.npz", "series.npz"]
    assert not (data / "a").exists()


def test_input_that_moved_is_said(data, breaking, capsys):
    broken_off(breaking, SIRT, "-o", "result.npz")
    (data / "series.npz").rename(data / "moved.npz")
    assert proxiscope("resume", "result.npz") == 2
    assert "Say where it is by --input" in capsys.readouterr().err
    save(data / "other.npz", small_series().copy_with(projections=2 * small_series().projections))
    assert proxiscope("resume", "result.npz", "--input", "other.npz") == 2
    assert "other data than those of the run" in capsys.readouterr().err
    assert proxiscope("resume", "result.npz", "--input", "moved.npz", "--quiet") == 0


@pytest.mark.parametrize("options", [
    [*HIO, "--stop", "plateau", "--plateau-patience", "2", "--plateau-tolerance", "0.5"],
    [*HIO, "--end-at", "33", "--change", "22: beta=0.5"],
    [*HIO, "--starts", "3", "--batch", "2"],
    ["angle-refinement", "series.npz", "--refined-angles", "refined.txt", "--rounds", "2", "--steps", "15"],
    [*SIRT, "--in-slabs", "--slices", "32", "--hold-out-tilts", "5"],
], ids=["stop", "end-at, change", "ensemble", "refined angles", "in slabs"])  # fmt: skip
def test_all_that_a_command_asked_for_is_kept(data, breaking, options):
    name, source, *rest = options
    for folder in ("whole", "again"):
        (data / folder).mkdir()
    run = [name, str(data / source), *rest]
    os.chdir(data / "whole")
    assert reconstruct(run, "-o", "result.npz", "--quiet") == 0
    os.chdir(data / "again")
    broken_off(breaking, run, "-o", "result.npz", "--quiet", at=12)
    os.chdir(data)
    assert proxiscope("resume", "again", "--quiet") == 0
    assert difference(data / "whole", data / "again") == ""


def test_one_that_was_to_end_where_its_checkpoint_is_does_no_more(data, breaking):
    for folder in ("whole", "again"):
        (data / folder).mkdir()
    run = [*HIO, "--end-at", "15"]
    assert reconstruct(run, "-o", "whole/result.npz", "--quiet") == 0
    broken_off(breaking, run, "-o", "again/result.npz", "--quiet", at=15)
    assert load_run("again").iteration == 15
    assert proxiscope("resume", "again", "--quiet") == 0
    assert difference(data / "whole", data / "again") == ""


def test_the_first_ctrl_c_leaves_the_result_so_far_and_a_checkpoint(data, monkeypatch, capsys):
    held = interrupt.held

    class Pressed:
        """A Ctrl-C after two looks."""

        def __init__(self):
            self.looks = 0

        def is_set(self):
            self.looks += 1
            return self.looks > 6

    class Held:
        def __init__(self, *words):
            pass

        def __enter__(self):
            return Pressed()

        def __exit__(self, *error):
            return None

    from proxiscope.cli import commands

    assert proxiscope("reconstruct", *SIRT, "-o", "whole.npz", "--quiet") == 0
    monkeypatch.setattr(commands, "held", Held)
    assert proxiscope("reconstruct", *SIRT, "-o", "result.npz") == 130
    told = capsys.readouterr()
    assert "iteration 7," in told.out
    (line,) = [line for line in told.err.splitlines() if line.startswith("To go on")]
    monkeypatch.setattr(commands, "held", held)
    assert load_run(data).iteration == 7
    assert proxiscope(*shlex.split(line.partition(": proxiscope ")[2])) == 0
    assert proxiscope("rerun", "result.npz") == 0
    with np.load("result.npz") as a, np.load("whole.npz") as b:
        np.testing.assert_array_equal(a["data"], b["data"])
        assert json.loads(str(a["metadata"]))["resumed"] == [7]
    assert not list(data.glob("*checkpoint*"))


def test_a_short_run_leaves_no_trace(data):
    assert proxiscope("reconstruct", *SIRT, "-o", "result.npz", "--quiet") == 0
    assert sorted(os.listdir(data)) == ["pattern.npz", "result.npz", "series.npz"]


def test_that_a_checkpoint_is_there_is_said_and_it_stays_until_the_first(data, breaking, capsys):
    broken_off(breaking, SIRT, "-o", "result.npz")
    capsys.readouterr()
    before = (data / "result.checkpoint.h5").read_bytes()
    broken_off(breaking, HIO, "-o", "result.mrc", at=3)
    said = capsys.readouterr().err
    assert f"To go on with that: proxiscope resume {data / 'result.checkpoint.h5'}" in said
    assert (data / "result.checkpoint.h5").read_bytes() == before
    assert load_run("result.npz").algorithm.name == "sirt"
    broken_off(breaking, HIO, "-o", "result.mrc", at=7)
    assert load_run("result.npz").algorithm.name == "hio"


def test_another_place(data, breaking):
    (data / "scratch").mkdir()
    broken_off(breaking, SIRT, "-o", "result.npz", "--checkpoint", "scratch/run.h5")
    assert sorted(os.listdir("scratch")) == ["run.h5", "run.previous.h5"]
    assert proxiscope("resume", "scratch/run.h5", "--quiet") == 0
    assert (data / "result.npz").exists()
    assert os.listdir("scratch") == []


def test_zero_keeps_nothing(data, breaking):
    patch = breaking(7)
    assert proxiscope("reconstruct", *SIRT, "-o", "result.npz", "--checkpoint-every", "0", "--quiet") == 0
    patch.undo()
    assert not list(data.glob("*checkpoint*"))


def test_how_often(data):
    assert _every("60") == _every("60s") == {"seconds": 60.0, "iterations": 0}
    assert _every("0.5") == {"seconds": 0.5, "iterations": 0}
    assert _every(" 100it ") == {"seconds": 0.0, "iterations": 100}
    for text in ("", "x", "-1", "5m", "1.5it", "1e9", "nan"):
        with pytest.raises(InputError, match="Give seconds, such as 60, or iterations"):
            _every(text)


@pytest.mark.parametrize(("options", "words"), [
    (["--checkpoint-every", "often"], "--checkpoint-every: got 'often'"),
    (["--checkpoint-every", "0", "--checkpoint", "c.h5"], "Leave one of them out"),
    (["--checkpoint", "result.npz"], "both the checkpoint and an output"),
    (["--checkpoint", "series.npz"], "is no checkpoint, and would be replaced"),
    (["--checkpoint", "nowhere/c.h5"], "nowhere does not exist"),
])  # fmt: skip
def test_what_makes_no_sense_is_refused_before_the_run(data, capsys, options, words):
    assert proxiscope("reconstruct", *SIRT, "-o", "result.npz", *options) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(words, line)


class TestOfStrangers:
    """A checkpoint from elsewhere may name any file as its output."""

    def forged(self, data, **settings):
        path = data / "result.checkpoint.h5"
        with h5py.File(path, "r+") as file:
            document = json.loads(file["run"][...].tobytes())
            document["settings"] |= settings
            del file["run"]
            file["run"] = np.frombuffer(json.dumps(document).encode(), np.uint8)
        sealed_again(path)
        return path

    @pytest.mark.parametrize("name", ["output", "metrics"])
    @pytest.mark.parametrize("way", ["full", "up", "link"])
    def test_it_replaces_no_file_outside_its_folder(self, data, breaking, capsys, name, way):
        (data / "in").mkdir()
        os.chdir(data / "in")
        broken_off(breaking, [SIRT[0], "../series.npz", *SIRT[2:]], "-o", "result.npz")
        victim = data / "precious.npz"
        victim.write_bytes(b"precious")
        (data / "in" / "link.npz").symlink_to(victim)
        text = {"full": str(victim), "up": "../precious.npz", "link": "link.npz"}[way]
        path = self.forged(data / "in", **{name: text})
        assert proxiscope("resume", path) == 2
        assert "would be replaced, and is not in the folder of the checkpoint" in capsys.readouterr().err
        assert victim.read_bytes() == b"precious"
        option = {"output": "-o", "metrics": "--metrics"}[name]
        assert proxiscope("resume", path, option, victim, "--quiet") == 0  # whoever says so gets it
        assert victim.read_bytes() != b"precious"

    @pytest.mark.parametrize(("settings", "words"), [
        ({"output": None}, "does not say where its result is to go. Give -o"), ({"output": 3}, "its output is 3"),
        ({"output": "a\0b.npz"}, "its output is"), ({"output": "a.exe"}, "the suffix '.exe'"),
        ({"output": "nowhere/a.npz"}, "does not exist"), ({"output": "series.npz"}, "is one of the files to be read"),
        ({"end_at": "x"}, "it is to end at 'x'"), ({"end_at": -3}, "it is to end at -3"), ({"end_at": True}, "True"),
    ], ids=str)  # fmt: skip
    def test_nonsense_is_refused_before_the_run(self, data, breaking, capsys, settings, words):
        broken_off(breaking, SIRT, "-o", "result.npz")
        capsys.readouterr()
        assert proxiscope("resume", self.forged(data, **settings)) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert words in line

    def test_a_run_of_another_face_is_told_where_to_write(self, data, breaking):
        kept = Checkpoints(data / "python.h5", seconds=0, iterations=1)
        px.reconstruct(px.tomography.SIRT(max_iterations=9), small_series(), callback=lambda p: p.iteration == 4,
                       checkpoints=kept)  # fmt: skip
        assert proxiscope("resume", "python.h5") == 2
        assert proxiscope("resume", "python.h5", "-o", "result.npz", "--quiet") == 0
        expected = px.reconstruct(px.tomography.SIRT(max_iterations=9), small_series())
        np.testing.assert_array_equal(np.load("result.npz")["data"], expected.array)


def test_a_result_that_is_complete_leaves_nothing_to_go_on_with(data, breaking, capsys):
    broken_off(breaking, SIRT, "-o", "result.npz")
    assert proxiscope("reconstruct", *SIRT, "-o", "result.npz", "--quiet") == 0  # too short for a checkpoint of its own
    assert not list(data.glob("*checkpoint*"))
    capsys.readouterr()
    assert proxiscope("resume", "result.npz") == 2
    assert "and there is none beside it. A run that came to its end has none left" in capsys.readouterr().err


def test_info_says_how_far_a_run_is_and_how_to_go_on(data, breaking, capsys):
    broken_off(breaking, HIO, "-o", "result.npz", "--starts", "3", "--batch", "1", at=73)
    capsys.readouterr()
    assert proxiscope("info", "result.checkpoint.h5") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "the checkpoint of a run" in said
    assert "Starts 2 of 3 have a result" in said
    assert "Done 75 iterations" in said or "Done 80 iterations" in said
    assert "proxiscope resume result.checkpoint.h5" in said


def test_a_run_that_was_to_end_early_ends_there_in_python_too(data, breaking):
    assert reconstruct(SIRT, "-o", "whole.npz", "--end-at", "15") == 0
    broken_off(breaking, SIRT, "-o", "result.npz", "--end-at", "15")
    result = px.resume("result.npz")
    assert result.provenance["iterations"] == 15
    np.testing.assert_array_equal(result.array, np.load("whole.npz")["data"])
    assert not list(data.glob("*checkpoint*"))


def test_a_checkpoint_that_cannot_be_written_is_a_warning(data, monkeypatch, capsys):
    from proxiscope import keeping

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keeping, "sealed", full)
    assert reconstruct(SIRT, "-o", "result.npz", "--quiet") == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("proxiscope: warning: No checkpoint could be written, and the run goes on without: ")
    assert "No space left on device" in line


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="sends SIGKILL")
def test_runs_that_are_killed_come_to_the_same_result(tmp_path):
    outcomes = list(crashes(5, tmp_path, first=1))
    assert [outcome.wrong for outcome in outcomes] == [""] * 5
    assert sum(len(outcome.killed) for outcome in outcomes) >= 5

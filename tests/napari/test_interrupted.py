"""Runs that were interrupted: their checkpoints, and going on with them."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from qtpy.QtWidgets import QLabel, QPushButton
from tests.problems import small_pattern, small_series

from proxiscope.checkpoints import Checkpoints, beside, load_run
from proxiscope.core import Plateau
from proxiscope.napari import interrupted
from proxiscope.napari.keeper import is_over, keeper_of, new_keeper, told_of
from proxiscope.napari.layers import note, pattern_layers, series_layer
from proxiscope.napari.reproducing import save_result
from proxiscope.napari.resuming import begin_of
from proxiscope.napari.run import Run, Status
from proxiscope.napari.sessions import save_session
from proxiscope.phase import HIO, Ensemble
from proxiscope.reconstruction import reconstruct
from proxiscope.tomography import RESIRE, InSlabs

OFTEN = {"seconds": 1e-6, "iterations": 0}
"""Between two checkpoints, so that there is one after each recorded iteration."""


@pytest.fixture(autouse=True)
def whatever_it_costs(monkeypatch):
    """Checkpoints as often as they are asked for."""
    monkeypatch.setattr("proxiscope.keeping.STRETCH", 0)


def run_kept(algorithm, make_problem, every=OFTEN, **options):
    """A run that keeps checkpoints."""
    run = Run(algorithm, make_problem, **options)
    run.checkpoints = new_keeper(algorithm.family, every, "name", "layer")
    return run


def left():
    """What is in the folder of checkpoints."""
    return sorted(path.name for path in interrupted.folder().iterdir())


def gone(run):
    """Release what a run holds, and wait until it is removed."""
    run.checkpoints.release()
    for thread in [thread for thread in threading.enumerate() if thread.name == "proxiscope-removing"]:
        thread.join()
    return not left()


def interrupt_at(run, iteration):
    """Let it come to an iteration, and interrupt it there."""
    note = run._note

    def noted(progress, record):
        note(progress, record)
        if progress.iteration >= iteration:
            run.interrupt()

    run._note = noted
    run.start()
    assert run.wait(30)
    assert run.status is Status.CANCELLED
    return run.checkpoints.path


def resumed(path):
    interrupted.hold(path)
    saved = load_run(path)
    problem, at = saved.problem(), (*saved.resumed, saved.iteration)
    given = {"seed": saved.seed, "stop": saved.stop, "changes": saved.changes}
    run = Run(saved.algorithm, lambda: problem, begin=begin_of(saved), resumed=at, over=is_over(saved), **given)
    run.checkpoints = keeper_of(saved, OFTEN, "name", "layer")
    return run


@pytest.mark.parametrize(
    ("algorithm", "problem", "stop", "iteration"),
    [
        (HIO(max_iterations=60), small_pattern, (), 33),
        (RESIRE(max_iterations=40), small_series, (Plateau(patience=3, tolerance=0.02),), 5),
        (Ensemble(algorithm=HIO(max_iterations=40), starts=3, batch=1), small_pattern, (), 55),
        (InSlabs(algorithm=RESIRE(max_iterations=6), slices=32), small_series, (), 4),
    ],
    ids=["pattern", "criterion", "ensemble", "slabs"],
)
def test_an_interrupted_run_goes_on_bit_for_bit(algorithm, problem, stop, iteration, monkeypatch):
    path = interrupt_at(run_kept(algorithm, problem, seed=3, stop=stop), iteration)
    assert load_run(path).iteration >= iteration
    run = resumed(path)
    run.request_estimate()
    run.start()
    assert run.wait(30)
    expected = reconstruct(algorithm, problem(), seed=3, stop=stop)
    np.testing.assert_array_equal(run.result.array, expected.array)
    assert run.result.iteration == expected.iteration
    assert run.curve == list(zip(expected.metrics["iteration"], expected.metrics["r_factor"], strict=True))
    assert run.result.provenance.get("stopped") == expected.provenance.get("stopped")
    assert run.checkpoint == str(path)
    assert interrupted.interrupted(algorithm.family) == []
    run.checkpoints.release(keep=True)  # as a crash does
    opened = reopened(path, algorithm, monkeypatch)
    np.testing.assert_array_equal(opened.result.array, expected.array)
    assert opened.result.iteration == expected.iteration
    assert opened.status is Status.DONE
    assert opened.result.metrics.keys() == expected.metrics.keys()
    assert opened.result.provenance.get("stopped") == expected.provenance.get("stopped")
    assert gone(opened)


def reopened(path, algorithm, monkeypatch):
    """A finished run that was not saved, opened without another iteration."""
    told = told_of(path)
    assert told.over
    with monkeypatch.context() as patch:
        patch.setattr(type(algorithm), "step", None)
        opened = resumed(path)
        opened.start()
        assert opened.wait(30)
    assert opened.iteration == told.iteration
    return opened


def test_who_stops_a_run_has_its_result_kept_until_it_is_saved(monkeypatch):
    run = run_kept(HIO(max_iterations=1_000_000), small_pattern)
    run.start()
    while not run.checkpoints.path.exists():
        time.sleep(0.005)
    run.stop()
    assert run.wait(10)
    run.checkpoints.release(keep=True)
    opened = reopened(run.checkpoints.path, run.algorithm, monkeypatch)
    assert opened.status is Status.STOPPED
    np.testing.assert_array_equal(opened.result.array, run.result.array)
    assert load_run(run.checkpoints.path).end == run.iteration  # which ends it on the command line, too


def test_who_cancels_a_run_wants_no_checkpoint():
    run = run_kept(HIO(max_iterations=1_000_000), small_pattern)
    run.start()
    while not run.checkpoints.path.exists():
        time.sleep(0.005)
    run.cancel()
    assert run.wait(10)
    assert left() == []


def test_a_run_that_was_too_short_for_a_checkpoint_leaves_none():
    run = run_kept(HIO(max_iterations=60), small_pattern, every={"seconds": 1000, "iterations": 0})
    run.start()
    assert run.wait(30)
    assert run.status is Status.DONE
    assert run.checkpoint == ""
    assert left() == []


@pytest.mark.parametrize("keep", [True, False], ids=["for others", "removed"])
def test_what_is_released_before_the_end_is_not_held(keep):
    run = run_kept(HIO(max_iterations=60), small_pattern)
    run.checkpoints.release(keep)
    run.start()
    assert run.wait(30)
    assert run.status is Status.DONE
    assert interrupted.interrupted("phase") == [run.checkpoints.path] * keep
    assert bool(left()) == keep


def test_checkpoints_by_iterations_are_written_at_those(monkeypatch):
    written, write = [], Checkpoints._write
    monkeypatch.setattr(Checkpoints, "_write", lambda *given: (written.append(given[1].iteration), write(*given)))
    run = run_kept(HIO(max_iterations=60), small_pattern, every={"seconds": 0, "iterations": 7})
    run.start()
    assert run.wait(30)
    assert written == [7, 14, 21, 28, 35, 42, 49, 56, 60]


def test_a_paused_run_is_kept_where_it_waits():
    run = run_kept(HIO(max_iterations=1_000_000), small_pattern)
    run.start()
    run.pause()
    while run.status is not Status.PAUSED:
        time.sleep(0.005)
    run.interrupt()
    assert run.wait(10)
    assert load_run(run.checkpoints.path).iteration == run.iteration
    assert interrupted.interrupted("phase") == [run.checkpoints.path]
    assert interrupted.interrupted("tomography") == []


def test_only_runs_whose_process_is_gone_are_offered():
    run = run_kept(HIO(max_iterations=1_000_000), small_pattern)
    path = interrupt_at(run, 5)
    own = path.name.split("-")
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    import psutil

    began = round(psutil.Process(other.pid).create_time())
    theirs = path.with_name("-".join([*own[:2], str(other.pid), str(began), own[4]]))
    path.rename(theirs)
    assert interrupted.interrupted("phase") == []
    other.communicate(b"\n")
    assert interrupted.interrupted("phase") == [theirs]
    reused = path.with_name("-".join([*own[:2], str(os.getpid()), str(began - 1000), own[4]]))
    theirs.rename(reused)
    assert interrupted.interrupted("phase") == [reused]
    adopted = interrupted.adopt(reused, "phase")
    assert adopted.exists()
    assert interrupted.interrupted("phase") == []


def test_what_was_left_half_written_is_swept_away_after_a_day():
    path = interrupt_at(run_kept(HIO(max_iterations=1_000_000), small_pattern), 30)
    where, (family, host, process, *_) = path.parent, path.name.split("-")
    dead, elsewhere = f"{family}-{host}-{process}-1", f"{family}-elsewhere-{process}-1"
    held = interrupted.new_path("phase")
    half = [
        f"{dead}-1.data.h5", f".{dead}-1.0123abcd.tmp.h5", f".{dead}-2.data.0123abcd.tmp.h5", f"{dead}-3.h5",
    ]  # fmt: skip
    stays = [
        f"{dead}-1.mine.h5", f".{dead}-1.tmp.h5", f"{elsewhere}-1.data.h5", beside(held, ".data").name,
        f".{path.stem}.0123abcd.tmp.h5", f"{dead}-4.data.h5",
    ]  # fmt: skip
    for name in (*half, *stays):
        (where / name).write_bytes(bytes(10))
    stays += [
        name for name in (path.name, f"{path.stem}.previous.h5", f"{path.stem}.data.h5") if (where / name).exists()
    ]
    a_day_ago = time.time() - interrupted.DAY
    for one in where.iterdir():
        os.utime(one, (a_day_ago - 60,) * 2)
    os.utime(where / f"{dead}-4.data.h5", (a_day_ago + 60,) * 2)
    interrupted.sweep()
    assert left() == sorted(stays)


def test_the_generation_before_is_offered_where_the_newest_is_damaged():
    path = interrupt_at(run_kept(HIO(max_iterations=1_000_000), small_pattern), 30)
    before = told_of(path)
    assert (before.name, before.total) == ("name of layer", 1_000_000)
    path.write_bytes(path.read_bytes()[:-100])
    told = told_of(path)
    assert 0 < told.iteration < before.iteration
    assert load_run(path).iteration == told.iteration


def test_a_checkpoint_that_cannot_be_written_costs_nothing(tmp_path):
    run = run_kept(HIO(max_iterations=60), small_pattern, seed=1)
    interrupted.folder().rmdir()
    run.start()
    assert run.wait(30)
    assert run.status is Status.DONE
    assert "No checkpoint could be written" in run.unsaved
    np.testing.assert_array_equal(run.result.array, reconstruct(HIO(max_iterations=60), small_pattern(), seed=1).array)


def test_what_diverged_can_be_gone_on_with_otherwise(monkeypatch):
    run = run_kept(RESIRE(max_iterations=30), small_series)
    metrics = RESIRE.metrics

    def diverging(self, problem, state):
        figures = dict(metrics(self, problem, state))
        return figures | ({"r_factor": np.nan} if state.iteration == 9 and self.step_size > 1 else {})

    monkeypatch.setattr(RESIRE, "metrics", diverging)
    run.start()
    assert run.wait(30)
    assert run.status is Status.FAILED
    assert "diverged at iteration 9" in str(run.error)
    (path,) = interrupted.interrupted("tomography")
    assert interrupted.failure(path) == str(run.error)
    again = resumed(path)
    assert again.iteration == 8
    again.pause()
    again.start()
    while again.status is not Status.PAUSED:
        time.sleep(0.005)
    assert again.iteration == 8
    again.amend(RESIRE(max_iterations=30, step_size=0.5))
    again.resume()
    assert again.wait(30)
    assert again.status is Status.DONE
    expected = reconstruct(RESIRE(max_iterations=30), small_series(), changes={8: again.present})
    np.testing.assert_array_equal(again.result.array, expected.array)


@pytest.mark.slow
def test_a_process_that_ends_leaves_a_checkpoint_first(tmp_path):
    script = f"""
import time
from pathlib import Path
from proxiscope.napari import interrupted
interrupted.folder = lambda: Path({str(tmp_path)!r})
from proxiscope.napari.keeper import new_keeper
from proxiscope.napari.run import Run
from proxiscope.phase import HIO, Ensemble
from tests.problems import small_pattern
run = Run(Ensemble(algorithm=HIO(max_iterations=100_000), starts=2), small_pattern)
run.checkpoints = new_keeper("phase", {{"seconds": 1000, "iterations": 0}}, "name", "layer")
run.start()
while run.iteration < 5:
    time.sleep(0.01)
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    (path,) = (path for path in tmp_path.iterdir() if ".data." not in path.name)
    assert load_run(path).iteration >= 5


def test_times_in_words():
    now = time.mktime((2026, 3, 1, 9, 0, 0, 0, 0, -1))
    assert interrupted.when(now - 3600, now) == "today 08:00"
    assert interrupted.when(now - 10 * 3600, now) == "yesterday 23:00"
    assert interrupted.when(now - 48 * 3600, now) == "27 Feb 09:00"


# ---- in a window


def add(viewer, layers):
    return [getattr(viewer, f"add_{kind}")(data, **options) for data, options, kind in layers]


@pytest.fixture
def pauses_at(monkeypatch):
    """``pauses_at(33, 45)``: runs pause by themselves at these iterations, one after the other."""
    note = Run._note

    def pauses(*iterations):
        waiting = list(iterations)

        def noted(run, progress, record):
            note(run, progress, record)
            if waiting and progress.iteration == waiting[0]:
                del waiting[0]
                run.pause()

        monkeypatch.setattr(Run, "_note", noted)

    return pauses


def close_mid_run(panel, wait_until):
    """Close a panel whose run pauses."""
    wait_until(lambda: panel.run is not None and panel.run.status is Status.PAUSED)
    run = panel.run
    panel.viewer.window.remove_dock_widget(panel)
    wait_until(lambda: run.status.ended)
    return run


def press(bar, text):
    next(button for button in bar.findChildren(QPushButton) if button.text() == text).click()


@pytest.mark.gui
def test_a_panel_offers_what_was_interrupted(viewer, open_panel, wait_until, pauses_at):
    add(viewer, pattern_layers(small_pattern(), "pattern"))
    pauses_at(33, 45)
    panel = open_panel("Phase retrieval")
    panel.form.widgets["max_iterations"].value = 60
    panel.start()
    run = close_mid_run(panel, wait_until)
    assert run.iteration == 33
    for remains in (True, False):
        if not remains:
            viewer.layers.clear()
        panel = open_panel("Phase retrieval")
        panel.algorithm.value = "raar"
        bar = panel.resuming.bar
        wait_until(lambda bar=bar: bar.runs)
        assert bar.runs[0][1:4] == ("GPS-R of pattern", run.iteration, 60)
        press(bar, "Resume")
        wait_until(lambda panel=panel: panel.run is not None)
        assert panel.run.curve[: len(run.curve)] == run.curve
        assert panel.chosen_algorithm() == run.algorithm
        assert panel.run.checkpoints.path.parent == interrupted.folder()
        if remains:
            run = close_mid_run(panel, wait_until)
    wait_until(lambda: not panel.running)
    assert bar.isHidden()
    expected = reconstruct(run.algorithm, run.make_problem())
    np.testing.assert_array_equal(panel.run.result.array, expected.array)
    assert [layer.name for layer in viewer.layers] == ["pattern", "pattern support", "GPS-R of pattern"]
    assert note(viewer.layers[-1], "provenance")["resumed"] == [33, 45]


@pytest.mark.gui
def test_discard_removes_it_and_a_preference_writes_none(viewer, open_panel, wait_until, pauses_at, monkeypatch):
    add(viewer, [series_layer(small_series(), "series")])
    threads, remove = [], interrupted.remove
    monkeypatch.setattr(interrupted, "remove", lambda path: (threads.append(threading.current_thread()), remove(path)))
    pauses_at(3, 3)
    panel = open_panel("Tomography")
    panel.start()
    close_mid_run(panel, wait_until)
    panel = open_panel("Tomography")
    wait_until(lambda: panel.resuming.bar.runs)
    press(panel.resuming.bar, "Discard")
    assert panel.resuming.bar.isHidden()
    wait_until(lambda: not left())
    assert threads != [threading.main_thread()]
    monkeypatch.setattr("proxiscope.napari.resuming.checkpoint_every", lambda: {"seconds": 0.0, "iterations": 0})
    panel.start()
    close_mid_run(panel, wait_until)
    assert left() == []


def opened_after_a_crash(panel, wait_until, monkeypatch):
    """What was finished and not saved is offered, and opened without another iteration."""
    first, bar = panel.run, panel.resuming.bar
    first.checkpoints.release(keep=True)  # as a crash does
    panel.resuming.look()
    wait_until(lambda: bar.runs)
    assert "Finished, not saved: <b>RESIRE of series</b>" in bar.findChildren(QLabel)[0].text()
    with monkeypatch.context() as patch:
        patch.setattr(RESIRE, "step", None)
        press(bar, "Open")
        wait_until(lambda: panel.run is not first and not panel.running)
    layer = panel.current.stream.layer
    np.testing.assert_array_equal(layer.data, first.result.array)
    np.testing.assert_array_equal(panel.run.result.array, first.result.array)
    assert note(layer, "checkpoint") == panel.run.checkpoint


@pytest.mark.gui
def test_a_result_is_kept_until_it_is_saved_or_not_wanted(viewer, open_panel, wait_until, tmp_path, monkeypatch):
    monkeypatch.setattr("proxiscope.napari.resuming.checkpoint_every", lambda: {"seconds": 0.0, "iterations": 4})
    monkeypatch.setattr("proxiscope.napari.dialogs.to_save", lambda *_: str(tmp_path / "saved.h5"))
    add(viewer, [series_layer(small_series(), "series")])
    panel = open_panel("Tomography")
    panel.form.widgets["max_iterations"].value = 10
    panel.start()
    wait_until(lambda: not panel.running)
    opened_after_a_crash(panel, wait_until, monkeypatch)
    panel.remove(panel.current)
    wait_until(lambda: not left())
    ways = {
        "saved": lambda layer: save_result(viewer, layer),
        "by napari": lambda layer: layer.save(str(tmp_path / "saved.mrc"), plugin="napari-proxiscope"),
        "in a session": lambda _: save_session(viewer, tmp_path / "session.h5"),
        "layer removed": viewer.layers.remove,
        "off the list": lambda _: panel.remove(panel.current),
        "panel closed": lambda _: viewer.window.remove_dock_widget(panel),
    }
    for way, do in ways.items():
        panel.start()
        wait_until(lambda: not panel.running)
        assert len([name for name in left() if ".previous." not in name and ".data." not in name]) == 1, way
        do(panel.current.stream.layer)
        wait_until(lambda: not left())

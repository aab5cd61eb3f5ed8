"""Runs that were interrupted: their checkpoints, and going on with them."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest
from qtpy.QtWidgets import QPushButton
from tests.problems import small_pattern, small_series

from proxiscope.checkpoints import load_run
from proxiscope.core import Plateau
from proxiscope.napari import interrupted
from proxiscope.napari.keeper import keeper_of, new_keeper, told_of
from proxiscope.napari.layers import note, pattern_layers, series_layer
from proxiscope.napari.resuming import begin_of
from proxiscope.napari.run import Run, Status
from proxiscope.phase import HIO, Ensemble
from proxiscope.reconstruction import reconstruct
from proxiscope.tomography import RESIRE, InSlabs

OFTEN = 1e-6
"""Seconds between two checkpoints, so that there is one after each recorded iteration."""


@pytest.fixture(autouse=True)
def whatever_it_costs(monkeypatch):
    """Checkpoints as often as they are asked for."""
    monkeypatch.setattr("proxiscope.keeping.STRETCH", 0)


def run_kept(algorithm, make_problem, **options):
    """A run that keeps checkpoints."""
    run = Run(algorithm, make_problem, **options)
    run.checkpoints = new_keeper(algorithm.family, OFTEN, "name", "layer")
    return run


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


def resumed(path, **options):
    saved = load_run(path)
    problem, at = saved.problem(), (*saved.resumed, saved.iteration)
    given = {"seed": saved.seed, "stop": saved.stop, "changes": saved.changes}
    run = Run(saved.algorithm, lambda: problem, begin=begin_of(saved), resumed=at, **given)
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
def test_an_interrupted_run_goes_on_bit_for_bit(algorithm, problem, stop, iteration):
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
    assert not any(interrupted.folder().iterdir())


@pytest.mark.parametrize("end", ["stop", "cancel"])
def test_who_ends_a_run_wants_no_checkpoint(end):
    run = run_kept(HIO(max_iterations=1_000_000), small_pattern)
    run.start()
    while not any(interrupted.folder().iterdir()):
        time.sleep(0.005)
    getattr(run, end)()
    assert run.wait(10)
    assert not any(interrupted.folder().iterdir())


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
run.checkpoints = new_keeper("phase", 1000, "name", "layer")
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


def left_mid_run(open_panel, wait_until, name, **values):
    """A run whose panel was closed while it was paused, at its first iterations."""
    panel = open_panel(name)
    for parameter, value in values.items():
        panel.form.widgets[parameter].value = value
    panel.start()
    panel.pause()
    wait_until(lambda: panel.run.status is Status.PAUSED)
    run = panel.run
    panel.viewer.window.remove_dock_widget(panel)
    wait_until(lambda: run.status.ended)
    return run


def press(bar, text):
    next(button for button in bar.findChildren(QPushButton) if button.text() == text).click()


@pytest.mark.gui
@pytest.mark.parametrize("kept", [True, False], ids=["layer kept", "layer gone"])
def test_a_panel_offers_what_was_interrupted(viewer, open_panel, wait_until, kept):
    add(viewer, pattern_layers(small_pattern(), "pattern"))
    run = left_mid_run(open_panel, wait_until, "Phase retrieval", max_iterations=1500)
    if not kept:
        viewer.layers.clear()
    panel = open_panel("Phase retrieval")
    panel.algorithm.value = "raar"
    bar = panel.resuming.bar
    wait_until(lambda: bar.runs)
    assert bar.runs[0][1:4] == ("GPS-R of pattern", run.iteration, 1500)
    press(bar, "Resume")
    wait_until(lambda: panel.run is not None)
    assert panel.run.curve[: len(run.curve)] == run.curve
    assert panel.chosen_algorithm() == run.algorithm
    assert panel.run.checkpoints.path.parent == interrupted.folder()
    wait_until(lambda: not panel.running)
    assert bar.isHidden()
    expected = reconstruct(run.algorithm, run.make_problem())
    np.testing.assert_array_equal(panel.run.result.array, expected.array)
    assert [layer.name for layer in viewer.layers] == ["pattern", "pattern support", "GPS-R of pattern"]
    assert note(viewer.layers[-1], "provenance")["resumed"] == [run.iteration]
    assert not any(interrupted.folder().iterdir())


@pytest.mark.gui
def test_discard_removes_it_and_a_preference_writes_none(viewer, open_panel, wait_until, monkeypatch):
    add(viewer, [series_layer(small_series(), "series")])
    left_mid_run(open_panel, wait_until, "Tomography", max_iterations=100_000)
    panel = open_panel("Tomography")
    wait_until(lambda: panel.resuming.bar.runs)
    press(panel.resuming.bar, "Discard")
    assert panel.resuming.bar.isHidden()
    assert not any(interrupted.folder().iterdir())
    viewer.window.remove_dock_widget(panel)
    monkeypatch.setattr("proxiscope.napari.resuming.checkpoint_seconds", lambda: 0.0)
    left_mid_run(open_panel, wait_until, "Tomography", max_iterations=100_000)
    assert not any(interrupted.folder().iterdir())

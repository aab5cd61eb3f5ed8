"""Fixtures of the tests that need a window."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from qtpy.QtCore import Qt

pytest.importorskip("pytestqt")

from proxiscope.napari.panels.dock import workers_of
from proxiscope.preparation.step import Step, _steps

PLUGIN = "napari-proxiscope"

IDLE = {"run", "preview"}
"""Buttons of a panel that are enabled as long as nothing is under way."""


@pytest.fixture(autouse=True)
def usual_preferences(monkeypatch, tmp_path_factory):
    """Those of whoever runs the tests do not matter."""
    folder = tmp_path_factory.mktemp("checkpoints")
    monkeypatch.setattr("proxiscope.napari.interrupted.folder", lambda: folder)
    monkeypatch.setattr("proxiscope.napari.settings.run_on", lambda: "")
    monkeypatch.setattr("proxiscope.napari.settings.remember_run_on", lambda text: None)
    monkeypatch.setattr("proxiscope.napari.stream.streaming_budget", lambda: 0.04)
    monkeypatch.setattr("proxiscope.napari.stream.streaming_tick", lambda: 0.07)
    monkeypatch.setattr("proxiscope.napari.dialogs._last", {})
    monkeypatch.setattr("proxiscope.napari.panels.base.TWICE", 0)  # tests press faster than people do


@pytest.fixture
def viewer(make_napari_viewer):
    """A real viewer; panels opened in it are closed with it."""
    return make_napari_viewer()


@pytest.fixture
def open_panel(viewer):
    """``open_panel("Tomography")``: the panel in a dock, with its run ended at teardown."""
    panels = []

    def open_it(name: str):
        _, panel = viewer.window.add_plugin_dock_widget(PLUGIN, name)
        if name == "Tomography":
            panel.algorithm.value = "resire"  # whose iterations are the ones that the tests know
        panels.append(panel)
        return panel

    yield open_it
    for panel in panels:
        for worker in workers_of(vars(panel)):
            worker.cancel()
            assert worker.wait(10)


@pytest.fixture
def wait_until(qtbot) -> Callable:
    """``wait_until(condition)``: let Qt live until it holds; fails after a minute."""

    def wait(condition: Callable[[], bool], timeout: float = 60) -> None:
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            qtbot.wait(10)

    return wait


@pytest.fixture
def errors(monkeypatch):
    """What the user was shown."""
    shown = []
    monkeypatch.setattr("proxiscope.napari.panels.dock.show_error", shown.append)
    return shown


@pytest.fixture
def press(qtbot, wait_until):
    """Press a button of the panel *Prepare data* and wait until it has worked."""

    def do(panel, name, wait=True):
        button = (panel.step_buttons.buttons | panel.plan.buttons.buttons)[name]
        assert button.isEnabled(), name
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        if wait:
            wait_until(lambda: not panel.working)

    return do


@pytest.fixture
def slow():
    """A step that takes for ever, unless it is cancelled; registered only here. An event tells when it is at work."""
    at_work = threading.Event()

    @dataclass(frozen=True, kw_only=True)
    class Slow(Step, name="slow", title="Take long"):
        """Wait."""

        def apply(self, images, tools):
            at_work.set()
            for i in range(100_000):
                tools.tick(i / 100_000)
                threading.Event().wait(0.002)
            return images

    yield at_work
    del _steps["slow"]

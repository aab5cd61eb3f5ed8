"""Fixtures of the tests that need a window."""

import time
from collections.abc import Callable

import pytest

pytest.importorskip("pytestqt")

PLUGIN = "napari-proxiscope"


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
        panels.append(panel)
        return panel

    yield open_it
    for panel in panels:
        if panel.run is not None:
            panel.run.cancel()
            assert panel.run.wait(10)


@pytest.fixture
def wait_until(qtbot) -> Callable:
    """``wait_until(condition)``: let Qt live until it holds; fails after a minute."""

    def wait(condition: Callable[[], bool], timeout: float = 60) -> None:
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            qtbot.wait(10)

    return wait

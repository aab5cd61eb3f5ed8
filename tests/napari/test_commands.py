"""Commands of the palette and keys, as a user gives them."""

import subprocess
import sys

import numpy as np
import pytest
from napari._app_model import get_app_model
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QLineEdit, QPushButton
from tests.napari.conftest import PLUGIN

from proxiscope.napari import commands, shortcuts
from proxiscope.napari.layers import KEY, note
from proxiscope.napari.panels import open_panel as open_panel_of
from proxiscope.napari.panels.dock import dock_of
from proxiscope.napari.run import Status


@pytest.fixture
def told(monkeypatch):
    """What the user was told, as a hint or as an error."""
    told = []
    monkeypatch.setattr(commands, "show_info", told.append)
    monkeypatch.setattr(commands, "show_error", told.append)
    return told


def do(command):
    """Give a command of the palette by its id."""
    get_app_model().commands.execute_command(f"{PLUGIN}.{command}").result()


def test_importing_them_costs_nothing():
    code = (
        "import sys, napari, napari.utils.notifications\nbefore = set(sys.modules)\n"
        "import proxiscope.napari.commands\nprint(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    mine = {"proxiscope", "proxiscope._version", "proxiscope.napari", "proxiscope.napari.commands"}
    assert set(done.stdout.split()) == mine


def test_without_a_window_that_is_said(told, monkeypatch):
    monkeypatch.setattr(commands.napari, "current_viewer", lambda: None)
    commands.copy_as_python()
    commands.run()
    assert told == ["There is no napari window. Open one first.", commands.NO_PANEL]


@pytest.mark.gui
def test_in_an_empty_viewer_each_says_what_it_needs(viewer, told):
    for command in ("run", "preview"):
        do(command)
        assert told.pop() == commands.NO_PANEL
    for command in ("pause", "stop", "cancel"):
        do(command)
        assert told.pop() == commands.NOTHING_RUNS
    for command in ("show_record", "copy_as_python", "copy_as_command", "save_result", "export_figure"):
        do(command)
        assert told.pop() == "Select one layer in the layer list first."
    do("log_view")
    assert told.pop() == "Select a diffraction pattern in the layer list first."
    for command in ("difference", "side_by_side"):
        do(command)
        assert told.pop().startswith("Select two images")
    assert not told


@pytest.mark.gui
def test_a_panel_is_opened_once_however_it_is_opened(viewer):
    first = open_panel_of(viewer, "Tomography")
    assert open_panel_of(viewer, "Tomography") is first
    do("tomography")  # of the menu, where it is ticked: it hides it
    assert not first.isVisible()
    assert open_panel_of(viewer, "Tomography") is first
    _, second = viewer.window.add_plugin_dock_widget(PLUGIN, "Prepare data")
    assert open_panel_of(viewer, "Prepare data") is second


@pytest.mark.gui
def test_two_images_are_compared(viewer, told):
    a, b, c = (viewer.add_image(np.random.default_rng(i).random((16, 16)), name=name) for i, name in enumerate("abc"))
    viewer.layers.selection = {a, b}
    do("difference")
    panel = open_panel_of(viewer, "Inspect")
    assert (panel.layer, panel.other, panel.page.title) == (b, a, "Difference")
    viewer.layers.selection = {c, a}
    do("side_by_side")
    assert (panel.layer, panel.other, panel.beside.isChecked()) == (c, a, True)
    do("side_by_side")
    assert not panel.beside.isChecked()
    assert not told


@pytest.mark.gui
def test_the_log_view_is_of_a_pattern_alone(viewer, told):
    kinds = {"below": "pattern", "top": "pattern", "image": "result", "plain": None}
    for name, kind in kinds.items():
        viewer.add_image(np.ones((16, 16)), name=name, metadata={KEY: {"kind": kind}})
    for active, shown in (("below", "below"), ("image", "top"), ("plain", "top"), (None, "top")):
        viewer.layers.selection.active = None if active is None else viewer.layers[active]
        do("log_view")
        assert f"{shown} (log10)" in viewer.layers
        assert len(viewer.layers) == 5
        do("log_view")  # of the view itself, or of its pattern, which is the topmost
        assert len(viewer.layers) == 4
    assert not told


@pytest.mark.gui
def test_the_panel_in_front_is_meant_and_none_behind_it(viewer, told, monkeypatch, wait_until):
    viewer.window._qt_window.show()
    panels = {title: open_panel_of(viewer, title) for title in ("Prepare data", "Phase retrieval", "Tomography")}
    docks = [dock_of(panel) for panel in panels.values()]
    wait_until(lambda: len(viewer.window._qt_window.tabifiedDockWidgets(docks[0])) == 2, 5)
    for title, panel in panels.items():
        name = "apply" if title == "Prepare data" else "start"
        monkeypatch.setattr(panel, name, lambda title=title: told.append(title))
    for title in panels:
        assert open_panel_of(viewer, title).isVisible()
        wait_until(lambda title=title: commands._panels()[0] is panels[title], 5)
        do("run")
        assert told.pop() == title
    assert not told


@pytest.fixture
def tomography(viewer, open_panel):
    """The panel with a small series, in a window that has the keyboard."""
    viewer.open_sample(PLUGIN, "few-tilts")
    viewer.window._qt_window.show()
    panel = open_panel("Tomography")
    panel.form.widgets["max_iterations"].value = 100_000
    shortcuts.bind(viewer)
    return panel


@pytest.mark.gui
def test_keys_run_pause_resume_and_stop(viewer, tomography, qtbot, wait_until, told):
    window = viewer.window._qt_window

    def press(name, into=window):
        qtbot.keyClick(into, getattr(Qt.Key, f"Key_{shortcuts.KEYS[name]}"))

    field = QLineEdit(tomography)
    field.show()
    focus(window, field, wait_until)
    press("run", field)
    assert tomography.run is None  # somebody was typing
    button = tomography.findChild(QPushButton)
    focus(window, button, wait_until)
    press("run", button)
    wait_until(lambda: tomography.run is not None and tomography.run.status is Status.RUNNING)
    press("pause_or_resume")
    wait_until(lambda: tomography.run.status is Status.PAUSED)
    at = tomography.run.iteration
    press("pause_or_resume")
    wait_until(lambda: tomography.run.iteration > at)
    press("stop_and_keep")
    wait_until(lambda: not tomography.running)
    assert tomography.run.status is Status.STOPPED
    assert note(viewer.layers[-1], "kind") == "result"
    press("run")
    wait_until(lambda: tomography.run.status is Status.RUNNING)
    press("cancel")
    wait_until(lambda: not tomography.running)
    assert tomography.run.status is Status.CANCELLED
    assert not told


def focus(window, widget, wait_until):
    """Give a widget the keyboard."""
    window.activateWindow()
    widget.setFocus()
    wait_until(lambda: QApplication.focusWidget() is widget, 5)


@pytest.mark.gui
def test_each_key_is_bound_once_and_none_of_napari_is_taken(make_napari_viewer):
    viewer = make_napari_viewer()
    theirs = {str(key): function for key, function in viewer.class_keymap.items()}
    viewer.bind_key("F9", mine := lambda viewer: None)
    shortcuts.bind(viewer)
    bound = dict(viewer.keymap)
    shortcuts.bind(viewer)
    assert dict(viewer.keymap) == bound
    assert {str(key) for key in bound} == set(shortcuts.KEYS.values())
    assert viewer.keymap[next(key for key in bound if str(key) == "F9")] is mine
    assert not theirs.keys() & set(shortcuts.KEYS.values())
    actions = {str(key.keybinding) for key in get_app_model().keybindings}
    assert not actions & set(shortcuts.KEYS.values())


def test_keys_belong_to_commands_and_tooltips_name_them():
    assert all(callable(getattr(commands, name)) for name in shortcuts.KEYS)
    assert shortcuts.with_key("Start.", "run") == "Start. (F5)"
    assert shortcuts.with_key("Copy.", "copy_as_python") == "Copy."

"""Somebody at work: clicks and key strokes only, in one window, from a file to a figure."""

import threading
from contextlib import suppress

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractSpinBox, QApplication, QMenu, QMenuBar
from tests.napari.conftest import IDLE, PLUGIN
from tests.problems import small_pattern, small_series

import proxiscope
from proxiscope.io import write_array
from proxiscope.napari.figure_dialog import FigureDialog
from proxiscope.napari.layers import note
from proxiscope.napari.panels.dock import workers_of
from proxiscope.napari.run import Status

pytestmark = pytest.mark.gui


class User:
    """Clicks and types, and counts the clicks."""

    def __init__(self, qtbot, viewer, monkeypatch):
        self.qtbot, self.viewer, self.clicks = qtbot, viewer, 0
        self._patch = monkeypatch

    def click(self, widget):
        assert widget.isEnabled()
        self.clicks += 1
        self.qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)

    def press(self, panel, name):
        """A button of the panel's controls, or of those for its result or its data."""
        holders = (panel.controls.buttons, panel.controls.results.buttons, panel.input_buttons.buttons)
        self.click(next(buttons[name] for buttons in holders if name in buttons))

    def menu(self, *titles):
        """Walk through the menus; each entry is a click."""
        found = self.viewer.window._qt_window.findChild(QMenuBar)
        for title in titles:
            self.clicks += 1
            actions = [a for a in found.actions() if a.text().replace("&", "").startswith(title)]
            assert actions, (title, [a.text() for a in found.actions()])
            found = actions[0].menu()
            if isinstance(found, QMenu):
                found.aboutToShow.emit()
        actions[0].trigger()

    def choose_file(self, path):
        """What the next dialog for a file will be answered."""
        for name in ("getOpenFileName", "getSaveFileName"):
            self._patch.setattr(f"qtpy.QtWidgets.QFileDialog.{name}", lambda *a, **k: (str(path), "All files (*)"))

    def write(self, widget, text):
        """Over what stands in a field, with Enter."""
        edit = widget.native
        edit = edit.lineEdit() if isinstance(edit, QAbstractSpinBox) else edit
        self.qtbot.mouseClick(edit, Qt.MouseButton.LeftButton)
        edit.selectAll()
        self.qtbot.keyClicks(edit, text)
        self.qtbot.keyClick(edit, Qt.Key.Key_Return)

    def panel(self, name):
        docks = self.viewer.window.dock_widgets
        return next(widget for title, widget in docks.items() if title.startswith(name))


@pytest.fixture
def user(qtbot, viewer, monkeypatch):
    user = User(qtbot, viewer, monkeypatch)
    before = set(threading.enumerate())
    yield user
    with suppress(RuntimeError):  # the window is closed already
        for panel in viewer.window.dock_widgets.values():
            for worker in workers_of(vars(panel)):
                worker.cancel()
                assert worker.wait(10)
    left = [t.name for t in set(threading.enumerate()) - before if t.name.startswith("proxiscope-") and t.is_alive()]
    assert not [name for name in left if "kernel" not in name]


@pytest.fixture
def series_file(tmp_path):
    series = small_series()
    write_array(
        tmp_path / "own.h5", series.projections, kind="tilt-series", angles=series.angles, pixel_size=2.0, metadata={}
    )
    return tmp_path / "own.h5"


def test_from_napari_to_a_reconstruction_of_own_data_in_five_clicks(user, viewer, series_file, wait_until):
    """The choice of the file in its dialog is one of them."""
    user.choose_file(series_file)
    user.menu("File", "IO Utilities", "Reconstruct from a file...")
    user.clicks += 1
    panel = user.panel("Tomography")
    assert panel.input.value == viewer.layers[0]
    user.press(panel, "run")
    wait_until(lambda: panel.run is not None and not panel.running)
    assert panel.run.status is Status.DONE
    assert user.clicks == 5
    assert viewer.layers[-1].data.shape == (24, 20, 24)


def test_from_the_panel_with_the_file_named_by_keyboard(user, viewer, series_file, wait_until):
    user.choose_file(series_file)
    user.menu("Plugins", "proxiscope", "Tomography")
    panel = user.panel("Tomography")
    assert "Open" in panel.recognised.text()
    user.press(panel, "open")
    user.press(panel, "run")
    wait_until(lambda: panel.run is not None and not panel.running)
    assert panel.run.status is Status.DONE
    assert user.clicks == 5


def test_a_day_at_the_bench(user, viewer, series_file, wait_until, errors, tmp_path, monkeypatch):
    """Load, preview, run, pause, change, resume, stop and keep; compare; save; copy as Python, and run it."""
    user.choose_file(series_file)
    _, panel = viewer.window.add_plugin_dock_widget(PLUGIN, "Tomography")
    user.press(panel, "open")
    panel.algorithm.value = "resire"
    user.press(panel, "preview")
    wait_until(lambda: not panel.running)
    assert panel.controls.status.text().startswith("Preview of the section at y = 10: R_F")
    assert viewer.layers[-1].data.shape == (24, 24)

    user.write(panel.form.widgets["max_iterations"], "100000")
    user.press(panel, "run")
    wait_until(lambda: panel.run.iteration > 10 and panel.controls.buttons["keep"].isEnabled())
    assert "Preview" not in [layer.name for layer in viewer.layers]
    user.press(panel, "pause")
    wait_until(lambda: not panel.controls.buttons["resume"].isHidden())
    at = panel.run.iteration
    user.press(panel, "keep")
    wait_until(lambda: panel.run.kept)
    user.write(panel.form.widgets["step_size"], "1.5")
    assert panel.controls.buttons["resume"].text() == "Resume changed"
    user.press(panel, "resume")
    wait_until(lambda: panel.run.iteration > at + 10)
    user.press(panel, "stop")
    wait_until(lambda: not panel.running)
    first, result = panel.run, viewer.layers[-1]
    (change,) = note(result, "provenance")["changes"]
    assert (change["iteration"], change["parameters"]["step_size"]) == (at, 1.5)
    assert first.status is Status.STOPPED

    # on from the kept iterate, otherwise
    user.write(panel.form.widgets["step_size"], "0.5")
    user.write(panel.form.widgets["max_iterations"], str(at + 20))
    runs = panel.controls.list
    item = runs.tree.topLevelItem(runs.tree.topLevelItemCount() - 1).child(0)
    runs.tree.setCurrentItem(item)
    runs.restart.trigger()
    wait_until(lambda: panel.run is not first and not panel.running)
    assert panel.run.iteration == at + 20
    assert [row[0] for row in runs.texts()] == ["RESIRE", f"iterate {at}", f"RESIRE from {at}"]
    assert len(panel.controls.plot.data()) >= 2

    # the same bits from a script
    QApplication.clipboard().setText("")  # tests before this one may have left something
    panel.controls.results.pressed.emit("python")
    wait_until(lambda: "reconstruct(" in QApplication.clipboard().text())
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(QApplication.clipboard().text(), names)
    np.testing.assert_array_equal(names["result"].array, viewer.layers[-1].data)

    # a file, and what it was made of
    user.choose_file(tmp_path / "kept.h5")
    user.press(panel, "save")
    wait_until(lambda: (tmp_path / "kept.h5").exists())
    assert proxiscope.rerun(tmp_path / "kept.h5").identical
    user.choose_file(tmp_path / "figure.pdf")
    panel.controls.results.pressed.emit("figure")
    (dialog,) = [window for window in QApplication.topLevelWidgets() if isinstance(window, FigureDialog)]
    user.click(dialog.save_button)
    wait_until(lambda: (tmp_path / "figure.pdf").exists() and dialog not in QApplication.topLevelWidgets())
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")
    # which is better, and by how much
    panel.controls.results.pressed.emit("inspect")
    inspect = user.panel("Inspect")
    better = viewer.layers[f"RESIRE from {at} of own.h5"]
    inspect.look_at(result, better)
    pages = {button.text(): button for button in inspect.tabs.buttons()}
    user.click(pages["Resolution"])
    wait_until(lambda: len(inspect.page.plot.data()) > 0)
    user.click(pages["Difference"])
    user.click(inspect.page.subtract)
    wait_until(lambda: any("-" in layer.name for layer in viewer.layers))
    user.click(inspect.beside)
    assert [layer for layer in viewer.layers if layer.visible] == sorted([result, better], key=viewer.layers.index)
    user.click(inspect.beside)
    assert not viewer.canvas.grid.enabled
    assert not errors


def test_many_starts_are_looked_at(user, viewer, qtbot, wait_until, errors):
    viewer.open_sample(PLUGIN, "pattern")
    _, panel = viewer.window.add_plugin_dock_widget(PLUGIN, "Phase retrieval")
    panel.algorithm.value = "hio"
    user.write(panel.form.widgets["max_iterations"], "60")
    user.write(panel.many.widgets["starts"], "6")
    user.press(panel, "run")
    wait_until(lambda: not panel.running)
    assert panel.controls.starts.heights().sum() == 6
    panel.controls.starts.picked.emit(3)
    wait_until(lambda: any(layer.name.endswith("start 3") for layer in viewer.layers))
    panel.controls.best.setValue(2)
    user.click(panel.controls.agreement)
    wait_until(lambda: any(layer.name.endswith("variance of 2") for layer in viewer.layers))
    assert panel.controls.tabs.isTabVisible(2)
    assert not errors


def test_two_runs_of_one_panel_go_on_beside_each_other(user, viewer, wait_until, errors):
    viewer.open_sample(PLUGIN, "tilt-series")
    _, panel = viewer.window.add_plugin_dock_widget(PLUGIN, "Tomography")
    user.write(panel.form.widgets["max_iterations"], "100000")
    user.press(panel, "run")
    wait_until(lambda: panel.run.iteration > 3)
    first = panel.run
    panel.algorithm.value = "sirt"
    panel.start()
    wait_until(lambda: panel.run is not first and panel.run.iteration > 3)
    assert not first.status.ended
    source = panel.input.value
    viewer.layers.remove(source)  # in the middle of both
    at = first.iteration
    wait_until(lambda: first.iteration > at + 3)
    user.press(panel, "stop")
    wait_until(lambda: panel.run.status is Status.STOPPED and not panel.running)
    panel.select(panel.lives[0])
    user.press(panel, "cancel")
    wait_until(lambda: first.status is Status.CANCELLED and not panel.running)
    wait_until(lambda: [layer.name for layer in viewer.layers] == ["SIRT of vesicle tilts"])
    assert {button for button, widget in panel.controls.buttons.items() if widget.isEnabled()} == IDLE
    assert not errors


def test_the_viewer_closes_in_the_middle_of_two_runs(user, viewer, wait_until):
    pattern = small_pattern()
    viewer.add_image(pattern.magnitudes, name="pattern", metadata={"proxiscope": {"quantity": "magnitudes"}})
    _, panel = viewer.window.add_plugin_dock_widget(PLUGIN, "Phase retrieval")
    user.write(panel.form.widgets["max_iterations"], "100000")
    panel.start()
    first = panel.run
    wait_until(lambda: first.iteration > 20)
    panel.start()
    second = panel.run
    assert second is not first
    wait_until(lambda: second.iteration > 20)
    viewer.close()
    wait_until(lambda: first.status is second.status is Status.CANCELLED)
    assert first.wait(5)
    assert second.wait(5)

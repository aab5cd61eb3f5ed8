"""What somebody does who does everything: one random action after the other, in a napari window with our panels."""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from napari._qt.dialogs.qt_notification import NapariQtNotification
from napari.utils.notifications import notification_manager
from qtpy.compat import isalive
from qtpy.QtCore import QPoint, Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QFileDialog,
    QLineEdit,
    QMenu,
    QMessageBox,
    QTabBar,
    QWidget,
)  # fmt: skip

import napari

PAINTED = 400
"""Milliseconds after which the canvas has been painted."""
MOST_LAYERS = 16
KEYS = {
    Qt.Key.Key_Return: 2, Qt.Key.Key_Space: 2, Qt.Key.Key_Tab: 2, Qt.Key.Key_Up: 2, Qt.Key.Key_Down: 2,
    Qt.Key.Key_Left: 1, Qt.Key.Key_Right: 1, Qt.Key.Key_PageDown: 1, Qt.Key.Key_Home: 1, Qt.Key.Key_End: 1,
    Qt.Key.Key_Delete: 1, Qt.Key.Key_Escape: 1, Qt.Key.Key_F2: 1,
}  # fmt: skip
COMMAND_KEYS = {
    Qt.Key.Key_F4: 3, Qt.Key.Key_F5: 4, Qt.Key.Key_F6: 6, Qt.Key.Key_F7: 4, Qt.Key.Key_F8: 3, Qt.Key.Key_F9: 3,
}  # fmt: skip
TEXTS = (
    "", "0", "1", "-1", "3", "7", "0.5", "1e-3", "12", "50", "abc", "nan", "inf", "-1e300", "1e999", "999999999999",
    "1, 2", "0:1", "1,,2", "0: 0.9, 50: 0.5", "ä€", "x" * 400, "../../etc/passwd", "%s%n", "'; --", "1 2 3", "٣",
)  # fmt: skip
NAMES = ("support", "mask", "pattern", "a", "tilts", "x" * 80, "ä/€:*?")
SUFFIXES = ("", ".h5", ".npz", ".mrc", ".tif", ".cxi", ".npy", ".png", ".pdf", ".json")
PANELS = ("Prepare data", "Phase retrieval", "Tomography", "Inspect", "Learning demos")
RUNNING = ("Phase retrieval", "Tomography")
PLUGIN = "napari-proxiscope"
SAMPLES = {
    "pattern": 3, "phase-object": 2, "missing-centre": 2, "exposures": 3, "bragg": 1, "tilt-series": 1, "raw-series": 3,
    "few-tilts": 3, "double-tilt": 2, "blocked-series": 2, "film": 2, "needle": 2,
}  # fmt: skip
COMMANDS = (
    "log_view", "copy_as_python", "copy_as_command", "show_record", "save_result", "export_figure", "difference",
    "side_by_side", "segment", "reconstruct_file",
)  # fmt: skip
SMALL = 1_200_000
"""Bytes of a file from outside that is opened at most."""


class Visitor:
    """Somebody at a napari window, who adds and removes layers, and looks around.

    Parameters
    ----------
    folder : Path
        Where files are written.
    rng : random.Random
    watch : Watch

    Attributes
    ----------
    busy : bool
        Whether a layer is on its way out, during which nothing else is done.
    """

    def __init__(self, folder: Path, rng: random.Random, watch: Any):
        self.folder, self.rng, self.watch = folder, rng, watch
        self.viewer: Any = None
        self.busy, self._closed = False, None
        self._three_since = 0.0
        self._answering = False
        self._answers = QTimer(interval=150)
        self._answers.timeout.connect(self._answer)
        self._answers.start()
        for name in ("getOpenFileName", "getSaveFileName"):
            answer = partial(self._answer_file, "Save" in name)
            setattr(QFileDialog, name, staticmethod(answer))

    # ---- what there is to do

    def actions(self) -> dict[Callable[[], str | None], float]:
        """Each with its weight."""
        return {
            self.add_anything: 8, self.remove_layer: 7, self.show_or_hide: 6, self.rename_layer: 3, self.select: 5,
            self.slide: 6, self.turn: 1, self.theme: 0.7, self.resize: 2, self.grid: 0.5, self.zoom: 3, self.move: 2,
        }  # fmt: skip

    def open(self) -> None:
        """A new window."""
        self.viewer = napari.Viewer(show=True)
        self.window.resize(self.rng.randint(1000, 1400), self.rng.randint(650, 860))

    def calm(self) -> None:
        """Take notifications away: napari crashes where layers go from below them, with software OpenGL."""
        for shown in list(NapariQtNotification._instances):
            with suppress(RuntimeError):  # its window has gone, as napari does not notice
                shown.close()

    def close(self) -> None:
        """Close the window as it is."""
        viewer, self.viewer = self.viewer, None
        if self.rng.random() < 0.5:
            viewer.close()
        else:  # by the button of the window
            viewer.window._qt_window.close()
            self._closed = viewer

    def forget(self) -> None:
        """Have napari 0.9.2 let go of a window that was closed by its button: it keeps those, for their themes."""
        closed, self._closed = self._closed, None
        if closed is not None:
            vars(closed.window).pop("_qt_window", None)
        notification_manager.records.clear()  # which hold what they are about

    def tidy(self) -> None:
        """Keep within bounds what one window holds."""
        if self.viewer.dims.ndisplay == 3 and time.monotonic() - self._three_since > 4:
            self.viewer.dims.ndisplay = 2
        if len(self.viewer.layers) > MOST_LAYERS:
            self.take_away(self.rng.choice(list(self.viewer.layers)))
        for dialog in self._dialogs():
            if self.rng.random() < 0.1 and dialog.isVisible():
                dialog.close()

    def state(self) -> dict[str, int]:
        """For the samples."""
        viewer = self.viewer
        return {"viewers": int(viewer is not None), "layers": 0 if viewer is None else len(viewer.layers), "runs": 0}

    @property
    def window(self) -> Any:
        """The main window."""
        return self.viewer.window._qt_window

    def act(self) -> str:
        """One action; what it was."""
        self.tidy()
        actions = self.actions()
        (action,) = self.rng.choices(list(actions), list(actions.values()))
        self.watch.action = action.__name__
        said = action()
        return f"{action.__name__} {said or ''}"

    # ---- layers

    def layer(self) -> Any:
        """Any."""
        layers = list(self.viewer.layers)
        return self.rng.choice(layers) if layers else None

    def add_anything(self) -> str:
        """An image, a stack, labels or shapes."""
        shape = self.rng.choice([(40, 48), (64, 64), (9, 20, 24), (128, 128)])
        data = np.random.default_rng(self.rng.randrange(2**31)).random(shape, np.float32)
        kind = self.rng.choice(["image", "image", "image", "labels", "shapes"])
        if kind == "image":
            self.viewer.add_image(data, name=f"noise {shape}")
        elif kind == "labels":
            self.viewer.add_labels((data > 0.7).astype(np.uint8))
        else:
            corners = np.array([[10, 10], [10, 30], [30, 30], [30, 10]])
            self.viewer.add_shapes([corners], shape_type="rectangle")
        return f"{kind} {shape}"

    def take_away(self, layer: Any) -> None:
        """Remove a layer; one below others is painted on top first, or napari 0.9 crashes with software OpenGL."""
        layers = self.viewer.layers
        if layer not in layers:
            return
        self.calm()
        if layer is layers[-1] and layer.visible:
            layers.remove(layer)
            return
        layer.visible = True
        layers.move(layers.index(layer), len(layers))
        self.busy = True
        QTimer.singleShot(PAINTED, lambda: self._taken_away(layers, layer))

    def _taken_away(self, layers: Any, layer: Any) -> None:
        self.busy = False
        if layer in layers:
            layers.remove(layer)

    def remove_layer(self) -> str | None:
        """Any: also an input, or what a run shows."""
        layer = self.layer()
        if layer is None:
            return None
        self.take_away(layer)
        return layer.name

    def show_or_hide(self) -> str | None:
        """One of the layers."""
        layer = self.layer()
        if layer is not None:
            layer.visible = not layer.visible
            return layer.name
        return None

    def rename_layer(self) -> None:
        """To a name that means something to the panels, or to an odd one."""
        layer = self.layer()
        if layer is not None:
            layer.name = self.rng.choice([*NAMES, layer.name + "'"])

    def select(self) -> None:
        """Some, the first of which becomes the active one, or none does."""
        layers = list(self.viewer.layers)
        if layers:
            chosen = self.rng.sample(layers, min(len(layers), self.rng.choice([1, 1, 1, 2, 2, 3])))
            self.viewer.layers.selection = set(chosen)
            self.viewer.layers.selection.active = chosen[0] if self.rng.random() < 0.8 else None

    def move(self) -> None:
        """Another order."""
        layer = self.layer()
        if layer is not None:
            self.viewer.layers.move(self.viewer.layers.index(layer), self.rng.randint(0, len(self.viewer.layers)))

    # ---- the view

    def slide(self) -> None:
        """Another slice."""
        dims = self.viewer.dims
        if dims.ndim > 2:
            axis = self.rng.randrange(dims.ndim)
            dims.set_current_step(axis, self.rng.randint(0, max(0, int(dims.nsteps[axis]) - 1)))

    def zoom(self) -> None:
        """In or out, or all in view."""
        if self.rng.random() < 0.3:
            self.viewer.reset_view()
        else:
            self.viewer.scene.camera.zoom *= self.rng.choice([0.5, 0.8, 1.3, 2])

    def turn(self) -> None:
        """Between two and three dimensions; small volumes only, since this is slow without a GPU."""
        shown = [layer.data for layer in self.viewer.layers if layer.visible]
        if self.viewer.dims.ndisplay == 2 and all(getattr(data, "size", 0) < 3e5 for data in shown):
            self.viewer.dims.ndisplay, self._three_since = 3, time.monotonic()
        else:
            self.viewer.dims.ndisplay = 2

    def theme(self) -> None:
        """Dark or bright."""
        self.viewer.theme = self.rng.choice(["dark", "light"])

    def grid(self) -> None:
        """Layers beside each other, or over each other."""
        self.viewer.canvas.grid.enabled = not self.viewer.canvas.grid.enabled

    def resize(self) -> None:
        """The window."""
        self.window.resize(self.rng.randint(800, 1430), self.rng.randint(550, 890))

    # ---- dialogs

    def _answer_file(self, to_save: bool, *given: Any, **named: Any) -> tuple[str, str]:
        kinds = given[3] if len(given) > 3 else named.get("filter", "All files (*)")
        return self._file(to_save), self.rng.choice(kinds.split(";;"))

    def _file(self, to_save: bool) -> str:
        """What a dialog for a file is answered."""
        return ""

    def _dialogs(self) -> list[QWidget]:
        return [w for w in QApplication.topLevelWidgets() if isinstance(w, QDialog) and w.isVisible()]

    def _answer(self) -> None:
        """Answer what waits for an answer: a menu that is open, a question."""
        if self._answering:
            return
        self._answering = True
        try:
            popup, modal = QApplication.activePopupWidget(), QApplication.activeModalWidget()
            if popup is not None:
                entries = popup.actions() if isinstance(popup, QMenu) else []
                entries = [entry for entry in entries if entry.isEnabled() and not entry.isSeparator()]
                entry = self.rng.choice(entries) if entries and self.rng.random() < 0.8 else None
                popup.close()
                if entry is not None and entry.menu() is None:
                    entry.trigger()
            elif isinstance(modal, QMessageBox):
                self.rng.choice(modal.buttons()).click()
            elif isinstance(modal, QDialog):
                modal.reject()
        finally:
            self._answering = False


class Microscopist(Visitor):
    """Somebody who uses all of proxiscope's panels, as they are meant to be used and otherwise."""

    def __init__(self, folder: Path, rng: random.Random, watch: Any, data: Path | None, most_runs: int = 3):
        super().__init__(folder, rng, watch)
        self.files = small_files(folder, data)
        self.most_runs = most_runs
        self._since: dict[Any, float] = {}
        self._wanted: list[str] = []

    def actions(self) -> dict[Callable[[], str | None], float]:
        around = {action: weight * 0.5 for action, weight in super().actions().items()}
        return around | {
            self.add_anything: 2, self.open_sample: 3, self.open_file: 3, self.open_panel: 5, self.close_panel: 1.5,
            self.choose_algorithm: 5, self.choose_preset: 3, self.change_parameter: 9, self.many_starts: 2,
            self.start: 9, self.run_button: 16, self.result_button: 5, self.list_of_runs: 5, self.pick_start: 2,
            self.amend: 3, self.prepare: 8, self.inspect: 6, self.demonstrate: 5, self.fumble: 16, self.key: 4,
            self.command: 4, self.session: 1.2, self.float_panel: 0.5, self.choose_input: 3, self.in_dialog: 3,
        }  # fmt: skip

    def open(self) -> None:
        super().open()
        self._since.clear()
        self._wanted = [*self.rng.sample(PANELS, self.rng.randint(1, 3)), ""]

    def act(self) -> str:
        """First open some panels and a sample, one after the other."""
        if self._wanted:
            title = self._wanted.pop(0)
            self.watch.action = f"open {title or 'a sample'}"
            if title:
                self._open(title)
            else:
                self.open_sample()
            return self.watch.action
        return super().act()

    # ---- what there is

    def panels(self) -> dict[str, Any]:
        """Ours, by their titles."""
        docks = {} if self.viewer is None else self.viewer.window.dock_widgets
        found = {name.split(" (")[0]: panel for name, panel in docks.items()}
        return {title: panel for title, panel in found.items() if title in PANELS}

    def reconstructing(self) -> Any:
        """A panel that runs; one is opened where there is none."""
        titles = [title for title in self.panels() if title in RUNNING] or [self.rng.choice(RUNNING)]
        return self._open(self.rng.choice(titles))

    def _open(self, title: str) -> Any:
        from proxiscope.napari.panels import open_panel

        return open_panel(self.viewer, title)

    def under_way(self) -> list[tuple[Any, Any]]:
        """Panels and their runs that have not ended."""
        return [
            (panel, live) for panel in self.panels().values() for live in getattr(panel, "lives", ()) if live.active
        ]

    def state(self) -> dict[str, int]:
        return super().state() | {"runs": len(self.under_way())}

    def tidy(self) -> None:
        super().tidy()
        now, runs = time.monotonic(), self.under_way()
        self._since = {live: self._since.get(live, now) for _, live in runs}
        old = [(panel, live) for panel, live in runs if now - self._since[live] > 25]
        for panel, live in old or runs[: max(0, len(runs) - self.most_runs)]:
            panel.select(live)
            self.rng.choice([panel.stop, panel.cancel])()
        for panel in self.panels().values():
            for live in list(getattr(panel, "lives", ()))[:-10]:
                panel.remove(live)
            if getattr(panel, "working", False) and self.rng.random() < 0.15:
                panel.controls.pressed.emit("cancel")
            if type(panel).__name__ == "LearningPanel" and panel.running and self.rng.random() < 0.15:
                panel.controls.pressed.emit(self.rng.choice(["stop", "cancel"]))

    # ---- data

    def open_sample(self) -> str:
        """Simulated data."""
        (name,) = self.rng.choices(list(SAMPLES), list(SAMPLES.values()))
        self.viewer.open_sample(PLUGIN, name)
        return name

    def open_file(self) -> str | None:
        """By a panel's button, the menu's command, or as if dropped on the window."""
        how = self.rng.randrange(3)
        if how == 0:
            self.click(self.reconstructing().input_buttons.buttons["open"])
        elif how == 1:
            self._command("reconstruct_file")
        else:
            path = self.rng.choice(self.files)
            with suppress(FileNotFoundError, ValueError):  # what napari says of files that are none
                self.viewer.open(str(path), plugin=PLUGIN)
            return path.name
        return None

    def choose_input(self) -> None:
        """A combo box at the top of a panel, or any."""
        panel = self.rng.choice(list(self.panels().values()) or [self.reconstructing()])
        combos = [w for w in panel.findChildren(QComboBox) if w.isVisible() and w.count() > 1]
        if combos:
            self._turn_combo(combos[0] if self.rng.random() < 0.5 else self.rng.choice(combos))

    # ---- panels

    def open_panel(self) -> str:
        """A new one, or raise it."""
        title = self.rng.choice(PANELS)
        self._open(title)
        return title

    def close_panel(self) -> str | None:
        """Take its dock away for good, or only hide it."""
        panels = self.panels()
        if not panels:
            return None
        from proxiscope.napari.panels.dock import dock_of

        title = self.rng.choice(list(panels))
        if self.rng.random() < 0.7:
            self.viewer.window.remove_dock_widget(panels[title])
        else:
            dock_of(panels[title]).hide()
        return title

    def float_panel(self) -> None:
        """Take one out of the window, or put it back."""
        from proxiscope.napari.panels.dock import dock_of

        for panel in self.panels().values():
            dock = dock_of(panel)
            if dock.isFloating() or self.rng.random() < 0.3:
                dock.setFloating(not dock.isFloating())

    # ---- the method

    def choose_algorithm(self) -> str:
        """By its card."""
        panel = self.reconstructing()
        self._turn_combo(panel.algorithm.native)
        return panel.algorithm.value

    def choose_preset(self) -> None:
        """Of the algorithm."""
        self._turn_combo(self.reconstructing().chooser.preset.native)

    def change_parameter(self) -> str:
        """To something near, mostly; or to anything."""
        panel = self.reconstructing()
        name = self.rng.choice(list(panel.form.widgets))
        self.fill(panel.form.widgets[name])
        return name

    def many_starts(self) -> None:
        """A few."""
        form = getattr(self.reconstructing(), "many", None)
        if form is not None:
            form.widgets["starts"].value = self.rng.choice([1, 2, 3, 5])

    def fill(self, widget: Any) -> None:
        """One parameter of a form."""
        native, value = widget.native, getattr(widget, "value", None)
        if isinstance(native, QAbstractSpinBox):
            near = value if self.rng.random() < 0.3 else (value or 1) * self.rng.choice([0.3, 0.7, 1.5, 3])
            near = round(near) if isinstance(value, int) else near
            self.write(native, f"{near:g}" if self.rng.random() < 0.7 else self.rng.choice(TEXTS))
        else:
            self.use(self.rng.choice([native, *native.findChildren(QWidget)]))

    # ---- running

    def start(self) -> str | None:
        """Run or preview, mostly so few iterations that it soon ends."""
        panel = self.reconstructing()
        if len(self.under_way()) >= self.most_runs:
            return None
        for name in ("max_iterations", "steps"):
            widget = panel.form.widgets.get(name)
            if widget is not None and self.rng.random() < 0.8:
                widget.value = min(widget.max, self.rng.choice([3, 10, 30, 100, 300, 100_000]))
        if self.rng.random() < 0.3:  # only what was chosen for it can be reconstructed from
            values = getattr(panel, "values", None)
            if values is not None and not values.value:
                values.value = self.rng.choice(["intensities", "magnitudes"])
        self.click(panel.controls.buttons["run" if self.rng.random() < 0.8 else "preview"])
        return panel.algorithm.value

    def run_button(self) -> str | None:
        """Of a run that is under way, if there is one."""
        runs = self.under_way()
        if not runs:
            return self.start()
        panel, live = self.rng.choice(runs)
        if panel.current is not live:
            panel.select(live)
        able = {n: b for n, b in panel.controls.buttons.items() if b.isEnabled() and not b.isHidden()}
        names = [name for name in able if name not in ("run", "preview")]
        if not names:
            return None
        name = self.rng.choice(names + [n for n in names if n in ("pause", "resume", "keep")])
        self.click(panel.controls.buttons[name])
        return f"{name} of {live.name}"

    def amend(self) -> str | None:
        """Pause, and go on with other parameters or another algorithm."""
        runs = [(panel, live) for panel, live in self.under_way() if live.run.status.name == "PAUSED"]
        if not runs:
            return self.run_button()
        panel, live = self.rng.choice(runs)
        panel.select(live)
        if self.rng.random() < 0.3:
            self._turn_combo(panel.algorithm.native)
        self.fill(self.rng.choice(list(panel.form.widgets.values())))
        self.click(panel.controls.buttons["resume"])
        return live.name

    def result_button(self) -> str | None:
        """Inspect, record, save, copy or draw a result."""
        panel = self.reconstructing()
        results = panel.controls.results
        if results.isHidden() or panel.run is None or panel.run.result is None:
            return None
        name = self.rng.choice(["inspect", "record", "save", "python", "command", "figure"])
        results.pressed.emit(name)
        return name

    def list_of_runs(self) -> str | None:
        """Go to a run or a kept iterate; restart, rename, remove, or untick it."""
        panel = self.reconstructing()
        runs = panel.controls.list
        items = [runs.tree.topLevelItem(i) for i in range(runs.tree.topLevelItemCount())]
        items += [item.child(i) for item in items for i in range(item.childCount())]
        if not items:
            return None
        runs.tree.setCurrentItem(self.rng.choice(items))
        doing = self.rng.choice(["look", "restart", "restart", "remove", "rename", "tick"])
        item = runs.tree.currentItem()
        if item is None:
            return None
        if doing == "rename":
            item.setText(0, self.rng.choice(["mine", "", "y" * 60, "ä"]))
        elif doing == "tick":
            other = Qt.CheckState.Unchecked if item.checkState(0) == Qt.CheckState.Checked else Qt.CheckState.Checked
            item.setCheckState(0, other)
        elif doing != "look" and (doing == "remove" or len(self.under_way()) < self.most_runs):
            action = getattr(runs, doing)
            if action.isEnabled():
                action.trigger()
        return doing

    def pick_start(self) -> None:
        """Look at a start of an ensemble, or at how the best agree."""
        for panel in self.panels().values():
            run = getattr(panel, "run", None)
            starts = getattr(run, "starts", None)
            if starts is not None:
                finite = np.flatnonzero(np.isfinite(starts))
                if len(finite) and self.rng.random() < 0.7:
                    panel.controls.starts.picked.emit(int(self.rng.choice(list(finite))))
                else:
                    self.click(panel.controls.agreement)

    # ---- the other panels

    def prepare(self) -> str | None:
        """A step, a preview, undo, the list."""
        panel = self._open("Prepare data")
        buttons = panel.step_buttons.buttons | panel.plan.buttons.buttons
        combos = [w for w in panel.chooser.findChildren(QComboBox) if w.isVisible()]
        if combos and self.rng.random() < 0.4:
            self._turn_combo(combos[0])
            return "choose"
        widgets = list(panel.chooser.form.widgets.values())
        if widgets and self.rng.random() < 0.2:
            self.fill(self.rng.choice(widgets))
            return "parameter"
        if panel.working:
            name = self.rng.choice(["pause", "resume", "cancel"])
            self.click(panel.controls.buttons[name])
        else:
            name = self.rng.choice([n for n, b in buttons.items() if b.isEnabled()] or [""])
            if name:
                self.click(buttons[name])
        return name

    def inspect(self) -> str:
        """A page, and something on it."""
        panel = self._open("Inspect")
        if self.rng.random() < 0.5:
            button = self.rng.choice(panel.tabs.buttons())
            self.click(button)
            return button.text()
        inside = [w for w in panel.page.findChildren(QWidget) if w.isVisible() and w.isEnabled()]
        if inside:
            self.use(self.rng.choice(inside))
        return panel.page.title

    def demonstrate(self) -> str:
        """Choose, change, run, pause, stop."""
        panel = self._open("Learning demos")
        if self.rng.random() < 0.3:
            self._turn_combo(panel.demo.native)
        if self.rng.random() < 0.3:
            self.fill(self.rng.choice(list(panel.form.widgets.values()) or [panel.seed]))
        names = [n for n, b in panel.controls.buttons.items() if b.isEnabled() and not b.isHidden()]
        if names:
            self.click(panel.controls.buttons[self.rng.choice(names)])
        return panel.demo.value

    def in_dialog(self) -> str | None:
        """Something in a window beside the main one: a figure, a record, slices."""
        dialogs = self._dialogs()
        if not dialogs:
            return None
        dialog = self.rng.choice(dialogs)
        inside = [w for w in dialog.findChildren(QWidget) if w.isVisible() and w.isEnabled()]
        if inside:
            self.use(self.rng.choice(inside))
        return type(dialog).__name__

    def fumble(self) -> str | None:
        """Press, type or turn anything that a panel shows."""
        panels = [panel for panel in self.panels().values() if panel.isVisible()]
        if not panels:
            return None
        panel = self.rng.choice(panels)
        able = (QAbstractButton, QAbstractSpinBox, QLineEdit, QComboBox, QAbstractSlider, QTabBar, QAbstractItemView)
        inside = [w for w in panel.findChildren(QWidget) if w.isVisible() and w.isEnabled()]
        better = [w for w in inside if isinstance(w, able)]
        widget = self.rng.choice(better if better and self.rng.random() < 0.9 else inside)
        return self.use(widget)

    def key(self) -> str:
        """A key of the window, or into what has the focus."""
        if self.rng.random() < 0.6:
            (key,) = self.rng.choices(list(COMMAND_KEYS), list(COMMAND_KEYS.values()))
            QTest.keyClick(self.viewer.window._qt_viewer.canvas.native, key)
        else:
            (key,) = self.rng.choices(list(KEYS), list(KEYS.values()))
            focus = QApplication.focusWidget()
            if focus is not None and self.window.isAncestorOf(focus):
                QTest.keyClick(focus, key)
        return key.name

    def command(self) -> str:
        """Of the menus, on the active layer."""
        return self._command(self.rng.choice(COMMANDS))

    def _command(self, name: str) -> str:
        from proxiscope.napari import commands

        getattr(commands, name)()
        return name

    def session(self) -> str | None:
        """Save one, or open one that was saved."""
        return self._command(self.rng.choice(["save_session", "open_session"]))

    # ---- hands

    def click(self, button: QAbstractButton) -> None:
        """As the user does: not where it cannot be."""
        if button.isEnabled() and not button.isHidden():
            QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    def write(self, widget: QWidget, text: str) -> None:
        """Over what stands there; mostly with Enter."""
        edit = widget.lineEdit() if isinstance(widget, QAbstractSpinBox) else widget
        edit.setFocus()
        edit.selectAll()
        if text.isascii():
            QTest.keyClicks(edit, text[:60])
        else:  # which Qt's test library cannot type
            edit.insert(text)
        if self.rng.random() < 0.8 and isalive(edit):
            QTest.keyClick(edit, Qt.Key.Key_Return)

    def use(self, widget: QWidget) -> str:
        """Do with a widget what it is for."""
        name = f"{type(widget).__name__} {getattr(widget, 'text', lambda: '')()}"[:60]
        self.watch.action += f" {name}"
        if isinstance(widget, QAbstractButton):
            self.click(widget)
        elif isinstance(widget, QAbstractSpinBox | QLineEdit):
            self.write(widget, self.rng.choice(TEXTS))
        elif isinstance(widget, QComboBox):
            self._turn_combo(widget)
        elif isinstance(widget, QAbstractSlider):
            widget.setValue(self.rng.randint(widget.minimum(), widget.maximum()))
        elif isinstance(widget, QTabBar):
            widget.setCurrentIndex(self.rng.randrange(max(1, widget.count())))
        elif isinstance(widget, QAbstractItemView) and widget.model() is not None:
            rows = widget.model().rowCount()
            if rows:
                widget.setCurrentIndex(widget.model().index(self.rng.randrange(rows), 0))
            QTest.keyClick(widget, self.rng.choice(list(KEYS)))
        else:
            self._poke(widget)
        return name

    def _poke(self, widget: QWidget) -> None:
        """Mouse and keys."""
        point = QPoint(self.rng.randrange(max(1, widget.width())), self.rng.randrange(max(1, widget.height())))
        QTest.mouseMove(widget, point)
        do = self.rng.choice([QTest.mouseClick, QTest.mouseDClick])
        do(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, point)
        if self.rng.random() < 0.3 and isalive(widget):
            QTest.keyClick(widget, self.rng.choice(list(KEYS)))

    def _turn_combo(self, combo: QComboBox) -> None:
        if combo.count() and combo.isEnabled() and not combo.isHidden():
            index = self.rng.randrange(combo.count())
            combo.setCurrentIndex(index)
            combo.activated.emit(index)

    def _file(self, to_save: bool) -> str:
        if self.rng.random() < 0.12:
            return ""
        if not to_save:
            made = [path for path in self.folder.iterdir() if path.suffix in (".h5", ".npz", ".mrc", ".tif", ".json")]
            return str(self.rng.choice(self.files + made))
        name = f"saved {self.rng.randrange(12)}{self.rng.choice(SUFFIXES)}"
        if self.rng.random() < 0.05:
            return str(self.folder / "no such folder" / name)
        return str(self.folder / name)


def small_files(folder: Path, data: Path | None) -> list[Path]:
    """A few that are quick to work with, written here; those of a folder that are small enough; and no data at all."""
    from proxiscope.io import write_array
    from proxiscope.simulate import diffraction_pattern, tilt_series, vesicle

    series = tilt_series(vesicle((24, 20, 24)), np.arange(-60, 61, 6.0), noise=0.1)
    about = {"kind": "tilt-series", "angles": series.angles, "pixel_size": 2.0, "metadata": {}}
    write_array(folder / "own series.h5", series.projections, **about)
    pattern = diffraction_pattern(vesicle((18, 14)), (48, 40), flux=1e6)
    np.save(folder / "own pattern.npy", np.square(pattern.magnitudes))
    (folder / "no data.h5").write_bytes(b"\x89HDF\r\n\x1a\nand nothing more")
    (folder / "words.tif").write_text("II*")
    written = [folder / name for name in ("own series.h5", "own pattern.npy")]
    found = [] if data is None else [p for p in sorted(data.rglob("*")) if p.is_file() and p.stat().st_size < SMALL]
    wanted = [p for p in found if p.suffix in (".mat", ".mrc", ".h5", ".tif", ".npz", ".npy", ".mdoc")]
    return [*written * 4, *wanted, folder / "no data.h5", folder / "words.tif", folder / "not there.mrc"]

"""The panel *Inspect*."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QButtonGroup,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

import napari

from ..inspect.aligning import Aligned, aligned_copy, show_aligned
from ..inspect.difference import DifferencePage
from ..inspect.fourier import FourierPage
from ..inspect.page import Page, source
from ..inspect.pair import Pair
from ..inspect.profile import ProfilePage
from ..inspect.progress import Progress
from ..inspect.residual import ResidualPage
from ..inspect.resolution import ResolutionPage
from ..inspect.scale import about_bar, is_length
from ..inspect.side_by_side import SideBySide
from ..inspect.slices import SlicesPage
from ..log_view import log_view, toggle_log
from ..task import Task
from .dock import Dock, scrolling

PAGES = (SlicesPage, ProfilePage, ResolutionPage, ResidualPage, FourierPage, DifferencePage)

REFRESH = 200
"""Milliseconds between two looks at data that change all the time."""


class InspectionPanel(Dock):
    """Look at a result from all sides, and compare it with another, and with its data.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: "napari.viewer.Viewer"):
        super().__init__(viewer)
        self._watched: list[Any] = []
        self._had_bar = False
        self.side_by_side = SideBySide(viewer)
        self._build()
        self._connect()
        self.refresh_layers()
        self._choose_page(int(self.layer is not None and self.layer.ndim == 2))  # an image has no slices

    # ---- what the pages see

    @property
    def layer(self) -> Any:
        """The layer to look at; None where there is none."""
        return self.pair.first.value

    @property
    def other(self) -> Any:
        """The layer to compare it with, or None."""
        return self.pair.second.value

    def report(self, error: Exception) -> None:
        """Show what went wrong."""
        self.controls.status.show()
        self._report(error)

    def say(self, text: str) -> None:
        """Show a sentence below the page."""
        self.controls.say(text)

    @property
    def page(self) -> Page:
        """The page that is shown."""
        return self.pages[self.stack.currentIndex()]

    def look_at(self, layer: Any, other: Any = None, page: str = "") -> None:
        """Choose a layer, another to compare it with, and a page by its title."""
        self.pair.choose(layer, other)
        if page:
            self._choose_page([one.title for one in self.pages].index(page))

    # ---- building

    def _build(self) -> None:
        self.pair = Pair()
        self.beside = _switch("Side by side", "Show only the two layers, beside each other; they move together.")
        self.bar = _switch("Scale bar", "napari's scale bar.")
        self.log = _switch("Log scale", "Show an image on a logarithmic scale, as a layer of its own; the data stay.")
        switches = QHBoxLayout()
        for button in (self.beside, self.bar, self.log):
            switches.addWidget(button)
        self.pages = [page(self) for page in PAGES]
        self.stack, self.tabs, grid = QStackedWidget(), QButtonGroup(self), QGridLayout()
        grid.setSpacing(2)
        for i, page in enumerate(self.pages):
            button = _switch(page.title, page.about)
            self.tabs.addButton(button, i)
            grid.addWidget(button, i // 3, i % 3)
            self.stack.addWidget(page)
        self.controls = Progress()
        inside = QWidget()
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.pair)
        layout.addLayout(switches)
        layout.addLayout(grid)
        layout.addWidget(self.stack, stretch=1)
        scroll = scrolling(inside)
        scroll.widget().layout().setStretch(0, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(4, 4, 4, 4)
        outer.addWidget(scroll, stretch=1)
        outer.addWidget(self.controls)

    def _connect(self) -> None:
        self.pair.changed.connect(self._chosen)
        self.pair.align_wanted.connect(self.align_other)
        self.tabs.idClicked.connect(self._choose_page)
        self.beside.clicked.connect(self._switch_beside)
        self.bar.clicked.connect(self._switch_bar)
        self.log.clicked.connect(self._switch_log)
        self.aligning = Task("inspect-align", self)
        self.aligning.done.connect(self._show_aligned)
        self.aligning.failed.connect(self.report)
        for task in self._tasks():
            task.moved.connect(self._show_task)
        self.controls.cancel.clicked.connect(lambda: [task.cancel() for task in self._tasks() if task.doing])
        self._later = QTimer(self, singleShot=True, interval=REFRESH)
        self._later.timeout.connect(lambda: self.page.data_changed())
        self._scale_bar = self.viewer.canvas.overlays.scale_bar
        self._scale_bar.events.visible.connect(self._show_switches)
        self.destroyed.connect(_canceller(self._tasks()))
        self._listen()

    # ---- choosing

    def refresh_layers(self, event: Any = None) -> None:
        """Offer the layers that there are, results first and the newest of them; keep the choice while it lives."""
        for page in self.pages:
            page.layers_changed()
        if not all(one in self.viewer.layers for one in self.side_by_side.pair):
            self.side_by_side.restore()
        self.pair.offer(list(self.viewer.layers))

    def _chosen(self) -> None:
        """Show the layers that are chosen now, and follow them."""
        chosen = [layer for layer in (self.layer, self.other) if layer is not None]
        if chosen == self._watched:
            self._show_switches()
            return
        self._follow(chosen)
        both = len(chosen) == 2
        if self.side_by_side.on and both:
            self.side_by_side.show(self.layer, self.other)
        elif self.side_by_side.on:
            self.side_by_side.restore()
        if not self._had_bar and self.layer is not None and is_length(self.layer):
            self._had_bar = self._scale_bar.visible = True  # once: afterwards it is the user's
        self.say("")
        self._show()

    def _follow(self, layers: list[Any]) -> None:
        for layer in self._watched:
            layer.events.data.disconnect(self._data_changed)
            layer.events.metadata.disconnect(self._data_changed)
        self._watched = layers
        for layer in layers:
            layer.events.data.connect(self._data_changed)
            layer.events.metadata.connect(self._data_changed)

    def _data_changed(self, event: Any = None) -> None:
        if not self._later.isActive():
            self._later.start()

    # ---- showing

    def _choose_page(self, index: int) -> None:
        for i, page in enumerate(self.pages):
            if i != index:
                page.close_page()
        self.tabs.button(index).setChecked(True)
        for i, page in enumerate(self.pages):  # the others must not make the panel higher
            wanted = QSizePolicy.Policy.Preferred if i == index else QSizePolicy.Policy.Ignored
            page.setSizePolicy(QSizePolicy.Policy.Preferred, wanted)
        self.stack.setCurrentIndex(index)
        self.say("")
        self._show()

    def _show(self) -> None:
        self._show_switches()
        self.page.open()

    def align_other(self) -> None:
        """Put an aligned copy in place of the layer that is compared with."""
        a, b = source(self.layer), source(self.other)
        self.aligning.replace(partial(aligned_copy, a, b), "Aligning.")

    def _show_aligned(self, found: Aligned) -> None:
        chosen = [None if layer is None else layer.name for layer in (self.layer, self.other)]
        if chosen == [found.to, found.of]:
            self.pair.choose(self.layer, show_aligned(self.viewer, found, self.other))

    def _tasks(self) -> list[Task]:
        return [*(page.task for page in self.pages), self.aligning]

    def _show_task(self) -> None:
        working = [task for task in self._tasks() if task.working and task.doing]
        self.controls.show_task(working[0] if working else None)

    def _show_switches(self, event: Any = None) -> None:
        layer, other = self.layer, self.other
        self.beside.setEnabled(self.side_by_side.on or (layer is not None and other is not None))
        self.beside.setChecked(self.side_by_side.on)
        self.bar.setChecked(self._scale_bar.visible)
        self.bar.setToolTip(about_bar(layer))
        self.log.setEnabled(layer is not None)
        self.log.setChecked(layer is not None and log_view(self.viewer, layer) is not None)

    def _switch_beside(self, on: bool) -> None:
        if on:
            self.side_by_side.show(self.layer, self.other)
        else:
            self.side_by_side.restore()
        self._show_switches()

    def _switch_bar(self, on: bool) -> None:
        self._scale_bar.visible = on
        self.say(about_bar(self.layer) if on else "")

    def _switch_log(self, _on: bool) -> None:
        toggle_log(self.viewer, self.layer)
        self._show_switches()

    def leave(self) -> None:
        """End what is under way, show what was shown before, and listen to the viewer no more."""
        super().leave()
        self._follow([])
        self._later.stop()
        self._scale_bar.events.visible.disconnect(self._show_switches)
        self.aligning.stop()
        for page in self.pages:
            page.leave()
        with suppress(RuntimeError):  # the window may be going down
            self.side_by_side.restore()


def _canceller(tasks: list[Task]) -> Callable[..., None]:
    """A slot for `destroyed`, when the panel itself can no longer be asked."""
    states = [vars(task) for task in tasks]

    def cancel(*_: Any) -> None:
        for job in (state.get("job") for state in states):
            if job is not None:
                job.cancel()

    return cancel


def _switch(text: str, tip: str) -> QPushButton:
    return QPushButton(text, toolTip=tip, checkable=True)

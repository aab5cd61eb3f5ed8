"""What all panels share: they scroll, say what is wrong, and leave no thread behind."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from napari.utils.notifications import show_error
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QDockWidget, QFrame, QGroupBox, QMainWindow, QScrollArea, QVBoxLayout, QWidget

import napari

from ...core import ProxiscopeError
from ..controls import Controls
from ..shortcuts import bind
from ..worker import Worker

NARROWEST = 370
"""Pixels, in which every row of a panel still fits."""


class Dock(QWidget):
    """A panel in a dock of the viewer.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    controls: Controls

    def __init__(self, viewer: "napari.viewer.Viewer"):
        super().__init__()
        self.viewer = getattr(viewer, "__wrapped__", viewer)  # through napari's proxy no layer is itself
        self.left, self._placed = False, False
        self.setMinimumWidth(NARROWEST)
        bind(self.viewer)
        self.destroyed.connect(_canceller(self))
        self._closing, window = False, getattr(getattr(self.viewer, "window", None), "_qt_window", None)
        if window is not None:
            window.installEventFilter(self)

    def refresh_layers(self, event: Any = None) -> None:
        """Offer the layers that there are."""
        raise NotImplementedError

    def _listen(self) -> None:
        """Follow what happens to the layers."""
        for event in self._layer_events():
            event.connect(self.refresh_layers)

    def _layer_events(self) -> tuple[Any, ...]:
        events = self.viewer.layers.events
        return events.inserted, events.removed, events.reordered, events.renamed

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """Show what is wrong instead of raising it."""
        try:
            yield
        except ProxiscopeError as error:
            self._report(error)

    def _report(self, error: Exception, of: str = "") -> None:
        """Show what went wrong, in the panel and as a notification; of what is not one of ours, also in what."""
        known = isinstance(error, ProxiscopeError)
        text = str(error) if known else f"{of}{': ' if of else ''}{type(error).__name__}: {error}"
        self.controls.status.setText(text)
        show_error(text)

    def leave(self) -> None:
        """End what is under way, and listen to the viewer no more."""
        self.left = True
        for event in self._layer_events():
            event.disconnect(self.refresh_layers)

    def showEvent(self, event: QShowEvent) -> None:
        """When it is shown first, a panel joins those that are there."""
        super().showEvent(event)
        if not self._placed:
            self._placed = True
            QTimer.singleShot(0, self._join_others)

    def _join_others(self) -> None:
        """Become a tab beside another panel: one above the other, both would be too low to work with."""
        mine, window = dock_of(self), self.window()
        if mine is None or not isinstance(window, QMainWindow) or mine.isFloating():
            return
        docks = [dock_of(other) for other in window.findChildren(Dock) if other is not self]
        area = window.dockWidgetArea(mine)
        beside = [d for d in docks if d is not None and not d.isFloating() and window.dockWidgetArea(d) == area]
        if beside:
            window.tabifyDockWidget(beside[-1], mine)
            mine.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A window that was closed lives on for a moment, in which nothing that is under way must be shown in it."""
        if event.type() == QEvent.Type.Close:
            self._closing = True
        elif event.type() == QEvent.Type.Hide and self._closing and not self.left:
            self.leave()
        return super().eventFilter(watched, event)

    def event(self, event: QEvent) -> bool:
        """A panel that is taken out of its window leaves no thread behind."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None and not self.left:
            self.leave()
        return super().event(event)


def _canceller(panel: Dock) -> Callable[..., None]:
    """A slot for `destroyed`, when the panel itself can no longer be asked."""
    state = panel.__dict__

    def cancel(*_: Any) -> None:
        for worker in workers_of(state):
            worker.interrupt()

    return cancel


def workers_of(state: Mapping[str, Any]) -> list[Worker]:
    """The workers of a panel: among its attributes, and of its runs and estimates."""
    runs = [live.run for live in state.get("lives", ())]
    estimate = vars(state["cost"]).get("job") if "cost" in state else None
    return [value for value in (*state.values(), *runs, estimate) if isinstance(value, Worker)]


def dock_of(panel: QWidget) -> QDockWidget | None:
    """What holds a panel in its window."""
    holder = panel.parentWidget()
    while holder is not None and not isinstance(holder, QDockWidget):
        holder = holder.parentWidget()
    return holder


def group(title: str, *widgets: QWidget) -> QGroupBox:
    """Widgets below each other in a box."""
    box = QGroupBox(title)
    layout = QVBoxLayout(box)
    for widget in widgets:
        layout.addWidget(widget)
    return box


def scrolling(*widgets: QWidget) -> QScrollArea:
    """Widgets below each other that scroll when there are more than fit."""
    inside = QWidget()
    layout = QVBoxLayout(inside)
    layout.setContentsMargins(0, 0, 6, 0)
    for widget in widgets:
        layout.addWidget(widget)
    layout.addStretch(1)
    return in_scroll(inside)


def in_scroll(widget: QWidget) -> QScrollArea:
    """A widget that scrolls where it is higher than its room."""
    scroll = QScrollArea(widgetResizable=True, frameShape=QFrame.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setWidget(widget)
    return scroll

"""A diffraction pattern on a logarithmic scale, as a layer of its own above the data, which stay as they are."""

from functools import partial
from typing import Any
from weakref import WeakSet

import numpy as np
from napari.layers import Image
from napari.utils.notifications import show_error
from numpy.typing import NDArray
from qtpy.QtCore import QTimer

from ..core import InputError
from .layers import KEY, note
from .task import Task

AT_ONCE = 2**18
"""Pixels of which the logarithm takes no time that anybody notices."""

_views: "WeakSet[LogView]" = WeakSet()


def toggle_log(viewer: Any, layer: Any) -> "LogView | None":
    """Show an image layer on a logarithmic scale, or again as it is.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    layer : napari.layers.Image
        The data, or the layer that shows their logarithm.

    Returns
    -------
    LogView or None
        None when the layer is again shown as it is.
    """
    if not isinstance(layer, Image):
        raise InputError(layer.name, "is no image", "Select a diffraction pattern")
    view = log_view(viewer, layer)
    if view is None:
        return LogView(viewer, layer)
    view.end()
    return None


def log_view(viewer: Any, layer: Any) -> "LogView | None":
    """What shows a layer on a logarithmic scale, if anything does; `layer` may be the one that shows it."""
    return next((view for view in _views if view.viewer == viewer and layer in (view.layer, view.shown)), None)


def logarithm(data: Any) -> tuple[NDArray[np.float32], tuple[float, float]]:
    """log10 of values, and limits for the contrast; NaN where a value is not positive, or not a number.

    The contrast spans seven decades at most, from a value that one in two hundred lies below.
    """
    values = np.asarray(data)
    positive = values > 0
    logs = np.log10(values, where=positive, out=np.full(values.shape, np.nan, np.float32), casting="unsafe")
    some = logs.ravel()[:: max(1, values.size // 2**20)]
    some = some[np.isfinite(some)]
    if not some.size:
        return logs, (0.0, 1.0)
    low, high = float(np.quantile(some, 0.005)), float(np.nanmax(logs))
    low = max(low, high - 7)
    return logs, (low, high if high > low else low + 1)


class LogView:
    """The derived layer of one original, which is hidden meanwhile.

    The derived layer takes the original's place in the list, follows its data, and goes with it. Hiding the derived
    layer shows nothing; showing the original again ends the view.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    layer : napari.layers.Image
        The original.

    Attributes
    ----------
    shown : napari.layers.Image or None
        The derived layer, once it is computed.
    live : bool
        Whether it has not ended.
    """

    def __init__(self, viewer: Any, layer: Any):
        self.live, self.shown = True, None
        self.viewer, self.layer = viewer, layer
        self.task = Task("log-view")
        self.task.done.connect(self._done)
        self.task.failed.connect(self._failed)
        layer.events.data.connect(self._compute)
        layer.events.visible.connect(self._original_shown)
        layer.events.name.connect(self._name)
        self._keep = partial(LogView._removed, self)  # unlike a method, it keeps the view as long as the viewer lives
        viewer.layers.events.removed.connect(self._keep)
        _views.add(self)
        self._compute()

    def end(self) -> None:
        """Show the original again, and take the derived layer away."""
        if not self.live:
            return
        self.live = False
        self.task.stop()
        self.layer.events.data.disconnect(self._compute)
        self.layer.events.visible.disconnect(self._original_shown)
        self.layer.events.name.disconnect(self._name)
        self.viewer.layers.events.removed.disconnect(self._keep)
        _views.discard(self)
        shown, layers = self.shown, self.viewer.layers
        self.shown = None
        if shown in layers:
            selected = layers.selection.active == shown
            visible = shown.visible
            layers.remove(shown)
            if self.layer in layers:
                self.layer.visible = visible
                if selected:
                    layers.selection.active = self.layer

    def _compute(self, event: Any = None) -> None:
        data = self.layer.data
        if type(data) is np.ndarray and data.size <= AT_ONCE:
            self._show(*logarithm(data))
        else:
            self.task.start(lambda _tick: logarithm(data))

    def _failed(self, error: Exception) -> None:
        show_error(f"{self.layer.name}: {error}")
        self.end()

    def _done(self, found: tuple[NDArray, tuple[float, float]]) -> None:
        self._show(*found)

    def _show(self, logs: NDArray, limits: tuple[float, float]) -> None:
        layers = self.viewer.layers
        if self.layer not in layers:
            self.end()
        elif self.shown is not None:
            self.shown.data = logs
        else:
            self._add(logs, limits)

    def _add(self, logs: NDArray, limits: tuple[float, float]) -> None:
        layer, layers = self.layer, self.viewer.layers
        active = layers.selection.active == layer
        self.shown = self.viewer.add_image(
            logs, name=self._title(), colormap=layer.colormap, contrast_limits=limits, scale=layer.scale,
            translate=layer.translate, units=layer.units, axis_labels=layer.axis_labels, opacity=layer.opacity,
            blending=layer.blending, interpolation2d=layer.interpolation2d,
            metadata={KEY: {"kind": "preview", "log_of": layer.name, "pixel_size": note(layer, "pixel_size")}},
        )  # fmt: skip
        layers.move(layers.index(self.shown), layers.index(layer) + 1)
        layer.visible = False
        layers.selection.active = self.shown if active else layers.selection.active

    def _title(self) -> str:
        return f"{self.layer.name} (log10)"

    def _name(self, event: Any = None) -> None:
        if self.shown is not None:
            self.shown.name = self._title()

    def _original_shown(self, event: Any = None) -> None:
        if self.shown is not None and self.layer.visible:
            QTimer.singleShot(0, self.end)  # not while the event is on its way

    def _removed(self, event: Any) -> None:
        if event.value in (self.layer, self.shown):
            QTimer.singleShot(0, partial(self._gone, event.value))

    def _gone(self, removed: Any) -> None:
        """What becomes of the other one: the derived goes with the original; the original is shown again."""
        was_shown = removed == self.shown
        self.end()
        if was_shown and self.layer in self.viewer.layers:
            self.layer.visible = True

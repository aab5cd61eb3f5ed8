"""From a run to the viewer: a timer pulls what is new, at a pace that leaves the solver its time."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from qtpy.QtCore import QObject, QTimer

from .layers import companion_layer, estimate_layer, note, result_metadata
from .run import Frame, Run, Status

TICK = 0.07
"""Seconds between two looks at the run."""

BUDGET = 0.04
"""Share of the time that computing and painting may take in the long run.

The quicker a repaint, the more of them are affordable, up to one a look. With software OpenGL, where a repaint of
anything in the window takes about 0.1 s, it comes to an update in two or three seconds.
"""

CREDIT = 0.6
"""Seconds of it that a run may take in advance, so that a short one is seen to converge too."""

DEBT = 0.2
"""Seconds of it that are owed at most: one repaint that took long, as on a busy machine, must not silence a run.

Whatever it took, there is news again after `DEBT / BUDGET` seconds.
"""


class Stream(QObject):
    """Shows the estimates of a run in a layer while it goes on.

    An estimate is asked for when the one before has been painted and the time that estimates and paints take
    keeps within `BUDGET`. With the layer hidden none is asked for.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    run : Run
    name : str
        Of the layer.
    source : napari.layers.Layer
        Input layer, hidden as soon as there is something to show instead.
    follow : callable
        Called with the run's status at each look that has news; the last time with one that has ended.
    parent : QObject
    """

    def __init__(
        self,
        viewer: Any,
        run: Run,
        name: str,
        source: Any,
        follow: Callable[[Status], None],
        parent: QObject | None = None,
    ):
        super().__init__(parent)
        self.viewer, self.run, self.name, self.source = viewer, run, name, source
        self.layer: Any = None
        self._limits: tuple[float, ...] = ()
        self._follow = follow
        self._credit, self._credit_at = CREDIT, time.perf_counter()
        self._painting = False
        self._news: tuple[Status, str] | None = None
        self._iteration = self._asked_at = -1
        self._timer = QTimer(self)
        self._timer.setInterval(int(TICK * 1000))
        self._timer.timeout.connect(self.look)
        self._timer.start()

    @property
    def active(self) -> bool:
        """Whether the end of the run has yet to be shown."""
        return self._timer.isActive()

    def stop(self) -> None:
        """Look no more."""
        self._timer.stop()

    def look(self) -> None:
        """Show what is new, an estimate if the last has been painted and another may be; ask for the next."""
        run, status = self.run, self.run.status  # read once: the run goes on meanwhile
        if status.ended:
            self.stop()
            self._follow(status)
            return
        news = (status, run.request)
        if news == self._news and (self._painting or not self._can_afford()):
            return
        begin, estimate = time.perf_counter(), run.take_estimate()
        if estimate is not None:
            self._show(estimate)
        changed = news != self._news or run.iteration != self._iteration
        if changed:
            self._news, self._iteration = news, run.iteration
            self._follow(status)
        if changed or estimate is not None:
            self._painting = True
            QTimer.singleShot(0, partial(self._painted, begin, 0.0 if estimate is None else run.estimate_seconds))
        if self._watched() and run.iteration != self._asked_at:
            self._asked_at = run.iteration
            run.request_estimate()

    def _painted(self, begin: float, estimate_seconds: float) -> None:
        """Runs after the paint events that the news caused."""
        self._credit = max(-DEBT, self._credit - (time.perf_counter() - begin + estimate_seconds))
        self._painting = False

    def _can_afford(self) -> bool:
        now = time.perf_counter()
        self._credit = min(CREDIT, self._credit + BUDGET * (now - self._credit_at))
        self._credit_at = now
        return self._credit > 0

    def _watched(self) -> bool:
        if self.layer is None:
            return True
        return self.layer in self.viewer.layers and self.layer.visible and self.viewer.dims.ndisplay == 2

    def _show(self, estimate: Frame) -> None:
        if self.layer is None:
            self._add(estimate)
        elif self.layer in self.viewer.layers:
            self.layer.data = estimate.data
            low, high = self.layer.contrast_limits
            if not 0.7 < (estimate.high - estimate.low) / (high - low) < 1.1:  # rarely: it costs a repaint
                self._set_limits(estimate)

    def _add(self, estimate: Frame) -> None:
        data, options, _ = estimate_layer(estimate.data, self.name, self._pixel_size())
        limits = {"contrast_limits": (estimate.low, estimate.high)} if estimate.high > estimate.low else {}
        self.layer = self.viewer.add_image(data, **options, **limits)
        self._limits = tuple(self.layer.contrast_limits)
        if self.source in self.viewer.layers:
            self.source.visible = False
        centre_slices(self.viewer, data.ndim)
        self.viewer.reset_view()

    def _pixel_size(self) -> float | None:
        return note(self.source, "pixel_size") if self.run.algorithm.family == "tomography" else None

    def _set_limits(self, estimate: Frame) -> None:
        """Stretch the contrast over the estimate, unless the user has set it otherwise."""
        own = tuple(self.layer.contrast_limits) == self._limits
        if own and estimate.high > estimate.low:
            self.layer.contrast_limits_range = (estimate.low, estimate.high)
            self.layer.contrast_limits = (estimate.low, estimate.high)
            self._limits = tuple(self.layer.contrast_limits)

    def show_result(self) -> None:
        """Put the finished result, with its provenance, in place of the stream."""
        result = self.run.result_frame
        if self.layer is None or self.layer not in self.viewer.layers:
            self._add(result)
        self.layer.data = result.data
        self.layer.metadata = result_metadata(self.run.result)
        self._set_limits(result)
        if "complex" in self.layer.metadata["proxiscope"]:
            self.layer.name = f"{self.name} modulus"
        self._add_companions()

    def _add_companions(self) -> None:
        """Below the result, which stays the one that is selected."""
        for companion in self.run.companions:
            data, options, _ = companion_layer(companion, self.name, self._pixel_size())
            layer = self.viewer.add_image(data, **options)
            self.viewer.layers.move(self.viewer.layers.index(layer), self.viewer.layers.index(self.layer))
        self.viewer.layers.selection.active = self.layer

    def remove_layer(self) -> None:
        """Take the streamed layer away again, and show the input."""
        if self.layer is not None and self.layer in self.viewer.layers:
            self.viewer.layers.remove(self.layer)
        self.show_source()

    def show_source(self) -> None:
        """Show the input again."""
        if self.source in self.viewer.layers:
            self.source.visible = True

    def mark_failed(self) -> None:
        """Say in the streamed layer's name that it is what there was before a failure."""
        if self.layer is not None and self.layer in self.viewer.layers:
            self.layer.name = f"{self.name} (failed)"
        else:
            self.show_source()


def centre_slices(viewer: Any, ndim: int) -> None:
    """Show the central slice along each axis that has a slider."""
    for axis in range(max(0, ndim - viewer.dims.ndisplay)):
        viewer.dims.set_point(axis, sum(viewer.dims.range[axis][:2]) / 2)

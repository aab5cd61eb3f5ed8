"""From a run to the viewer: a timer pulls what is new, at a pace that leaves the solver its time."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from qtpy.QtCore import QObject, QTimer

from .iterates import Frame, Kept
from .layers import KEY, Companion, companion_layer, estimate_layer, note, result_metadata
from .removing import take_away
from .run import Run, Status
from .settings import streaming_budget, streaming_tick
from .showing import fit

CREDIT = 0.6
"""Seconds of it that a run may take in advance, so that a short one is seen to converge too."""

DEBT = 0.2
"""Seconds of it that are owed at most: one repaint that took long, as on a busy machine, must not silence a run.

Whatever it took, there is news again once the budget has paid for it: by default after five seconds.
"""


class Stream(QObject):
    """Shows the estimates of a run in a layer while it goes on.

    An estimate is asked for when the one before has been painted and the time that estimates and paints take in the
    long run keeps within a budget, a share of all time that the preferences say. With the layer hidden none is asked
    for. The quicker a repaint, the more of them are affordable, up to one a look. With software OpenGL, where a repaint
    of anything in the window takes about 0.1 s, it comes to an update in two or three seconds.

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
        self.start_layer: Any = None
        self.kept: list[tuple[Kept, Any]] = []
        self._limits: tuple[float, ...] = ()
        self._follow = follow
        self._budget = streaming_budget()
        self._credit, self._credit_at = CREDIT, time.perf_counter()
        self._painting = self._looking = False
        self._news: tuple[Any, ...] | None = None
        self._iteration = self._asked_at = -1
        self._timer = QTimer(self)
        self._timer.setInterval(int(streaming_tick() * 1000))
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
        if self._looking:  # showing lets Qt work, which must not show what is newer in between
            return
        self._looking = True
        try:
            self._look()
        finally:
            self._looking = False

    def _look(self) -> None:
        run, status = self.run, self.run.status  # read once: the run goes on meanwhile
        if status.ended:
            self._show_kept()
            self.stop()
            self._follow(status)
            return
        self.show_start()
        self._show_kept()
        news = (status, run.request, run.refused, len(self.kept), run.doing)
        if news == self._news and (self._painting or not self._can_afford()):
            return
        begin, estimate = time.perf_counter(), run.take_estimate()
        if estimate is not None:
            self._show(self._shaped(estimate))
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

    def show_start(self) -> None:
        """Show the start of an ensemble that was asked for, in a layer of its own."""
        found = self.run.take_start()
        if found is None:
            return
        start, estimate = found
        name, limits = f"{self.name} start {start}", (estimate.low, max(estimate.high, estimate.low + 1e-12))
        if self.start_layer is not None and self.start_layer in self.viewer.layers:
            self.start_layer.data, self.start_layer.name = estimate.data, name
            self.start_layer.contrast_limits_range = self.start_layer.contrast_limits = limits
        else:
            companion = Companion(f"start {start}", estimate.data, {"contrast_limits": limits})
            self.start_layer = self._add_companion(companion)
        self.start_layer.visible = True

    def _painted(self, begin: float, estimate_seconds: float) -> None:
        """Runs after the paint events that the news caused."""
        self._credit = max(-DEBT, self._credit - (time.perf_counter() - begin + estimate_seconds))
        self._painting = False

    def _can_afford(self) -> bool:
        now = time.perf_counter()
        self._credit = min(CREDIT, self._credit + self._budget * (now - self._credit_at))
        self._credit_at = now
        return self._credit > 0

    def _watched(self) -> bool:
        if self.layer is None:
            return True
        return self.layer in self.viewer.layers and self.layer.visible and self.viewer.dims.ndisplay == 2

    def _show_kept(self) -> None:
        """A layer, hidden at first, for each iterate that was kept since."""
        while self.run.kept:
            kept = self.run.kept.pop(0)
            name = f"{self.name}, iterate {kept.iteration}"
            data, options, _ = estimate_layer(kept.frame.data, name, self._scale())
            options["metadata"] = result_metadata(kept.result, self.run.make_problem)
            layer = self.viewer.add_image(data, **options, visible=False)
            self.kept.append((kept, layer))
            if self.layer in self.viewer.layers:
                self.viewer.layers.move(self.viewer.layers.index(layer), self.viewer.layers.index(self.layer))
                self.viewer.layers.selection.active = self.layer

    def _shaped(self, estimate: Frame) -> Frame:
        """What of an estimate is shown."""
        return estimate

    def _options(self, estimate: Frame) -> dict[str, Any]:
        """Of the layer that shows it."""
        return estimate_layer(estimate.data, self.name, self._scale())[1]

    def _show(self, estimate: Frame) -> None:
        if self.layer is None:
            self._add(estimate)
        elif self.layer in self.viewer.layers:
            self.layer.data = estimate.data
            low, high = self.layer.contrast_limits
            if not 0.7 < (estimate.high - estimate.low) / (high - low) < 1.1:  # rarely: it costs a repaint
                self._set_limits(estimate)

    def _add(self, estimate: Frame) -> None:
        limits = {"contrast_limits": (estimate.low, estimate.high)} if estimate.high > estimate.low else {}
        self.layer = self.viewer.add_image(estimate.data, **self._options(estimate), **limits)
        self._limits = tuple(self.layer.contrast_limits)
        if self.source in self.viewer.layers:
            self.source.visible = False
        show_middle(self.viewer, self.layer)
        fit(self.viewer, self.layer)

    def _scale(self) -> float | None:
        """Pixel size of the layers in nm; none beside patterns, with which napari could not show it."""
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
        self.layer.metadata = result_metadata(self.run.result, self.run.make_problem)
        if self.run.checkpoint:
            self.layer.metadata[KEY]["checkpoint"] = self.run.checkpoint
        self._set_limits(result)
        if "complex" in self.layer.metadata["proxiscope"]:
            self.layer.name = f"{self.name} modulus"
        self.show_companions(self.run.companions)

    def show_companions(self, found: Sequence[Companion], more: str = "") -> None:
        """Show what belongs to the result, below it; the result stays the one that is selected."""
        for companion in found:
            layer = self._add_companion(companion, more)
            if self.layer in self.viewer.layers:
                self.viewer.layers.move(self.viewer.layers.index(layer), self.viewer.layers.index(self.layer))
        if self.layer in self.viewer.layers:
            self.viewer.layers.selection.active = self.layer

    def _add_companion(self, companion: Companion, more: str = "") -> Any:
        data, options, _ = companion_layer(companion, self.name, self._scale())
        options["name"] = f"{options['name']} {more}".strip()
        options["metadata"][KEY]["pixel_size"] = note(self.source, "pixel_size")
        return self.viewer.add_image(data, **options)

    def remove_layer(self) -> None:
        """Take the streamed layer away again, and show the input."""
        if self.layer is not None:
            take_away(self.viewer, self.layer)
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


def show_middle(viewer: Any, layer: Any) -> None:
    """Show the central slice of a layer along each axis that has a slider."""
    hidden = viewer.dims.ndim - layer.ndim
    middle = layer.data_to_world([n // 2 for n in layer.data.shape])
    for axis in range(max(0, layer.ndim - viewer.dims.ndisplay)):
        viewer.dims.set_point(hidden + axis, middle[axis])

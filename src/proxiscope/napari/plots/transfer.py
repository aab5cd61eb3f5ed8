"""The phase-retrieval transfer function."""

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

from ...phase.agreement import RESOLVED, resolution
from ..theme import BEST, OKABE_ITO
from .base import Plot
from .readout import Reading, Row


class TransferPlot(Plot):
    """The phase-retrieval transfer function over frequency, and the resolution where it falls below 1/e."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__("cycles per pixel", "PRTF", parent)
        self._curve = self.line("PRTF", OKABE_ITO["sky blue"])
        self._threshold, self._reach = (pg.InfiniteLine(angle=angle) for angle in (0, 90))
        self._threshold.setValue(RESOLVED)
        for guide in (self._threshold, self._reach):
            self._plot.addItem(guide)
        self._reach.hide()
        self._said, self._unit = "", "px"
        self._view.setRange(xRange=(0, 0.5), yRange=(0, 1.1), padding=0)
        self.dress()
        self.say("Nothing to compare yet: run two starts or more")

    def show_transfer(self, frequency: NDArray, prtf: NDArray, pixel_size: float | None) -> None:
        """Draw the curve, and say to what resolution it reaches.

        Parameters
        ----------
        frequency, prtf : ndarray, (shell,)
            As `phase.agreement.transfer_function` returns them: cycles per pixel; NaN where nothing is known.
        pixel_size : float or None
            In nm; without it frequencies stay in cycles per pixel.
        """
        known = np.isfinite(prtf)
        size, self._unit = pixel_size or 1.0, "nm" if pixel_size else "px"
        reach = resolution(frequency, prtf, size)
        falls = bool(np.any(prtf[known] < RESOLVED))
        half = f"{reach:.3g} {self._unit} half-period"
        self._said = f"resolved to {half}" if falls else f"above 1/e up to {half}"
        self._reach.setValue(1 / (2 * reach))
        self._reach.setVisible(falls)
        self._plot.setLabel("bottom", "spatial frequency (1/nm)" if pixel_size else "cycles per pixel")
        self._curve.set(frequency[known] / size, prtf[known])
        self.say("" if known.any() else "No shell of the pattern was measured")
        self.changed()

    def extent(self, everything: bool) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """From nothing to 1, or to what is higher."""
        if not len(self._curve.x):
            return None
        return (0.0, float(self._curve.x.max())), (0.0, max(1.0, float(self._curve.y.max())))

    def read(self, x: float) -> Reading | None:
        """Frequency, half-period and value."""
        i = self._curve.nearest(x)
        if i is None:
            return None
        place, value = float(self._curve.x[i]), float(self._curve.y[i])
        unit = "1/nm" if self._unit == "nm" else "cycles per pixel"
        half = f", half-period {1 / (2 * place):.3g} {self._unit}" if place > 0 else ""
        rows = Row(f"PRTF {value:.3f}", self._curve.colour), Row(f"{place:.3g} {unit}{half}")
        return Reading(rows, place, ((place, value, self._curve.colour),))

    def key(self) -> tuple[Row, ...]:
        """The resolution."""
        return (Row(self._said, BEST, Qt.PenStyle.DashLine),) if self._said else ()

    def dress(self) -> None:
        """Draw the threshold and the resolution."""
        for guide in (self._threshold, self._reach):
            guide.setPen(pg.mkPen(self.ink(BEST), width=1.5, style=Qt.PenStyle.DashLine))

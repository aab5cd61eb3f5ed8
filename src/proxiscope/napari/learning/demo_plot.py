"""The curves of a demonstration, with the spread of those that have one."""

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtGui import QColor

from ...demos import COLOURS
from ...demos import Plot as Drawing
from ..plots.base import Plot, finite_range
from ..plots.line import Line

FAINT = 60
"""Opacity of a spread, of 255."""


class DemoPlot(Plot):
    """Draws what a demonstration says: curves in their order's colours, each with a band where it spreads."""

    def __init__(self) -> None:
        super().__init__("", "", log=True)
        self._shown: Drawing | None = None
        self._named: dict[str, Line] = {}
        self._bands: dict[str, _Band] = {}

    def show_drawing(self, drawing: Drawing | None) -> None:
        """Draw it in place of what is drawn; nothing where there is none."""
        before, self._shown = self._shown, drawing
        if drawing is None or before is None or (drawing.x, drawing.y) != (before.x, before.y):
            self._clear()
            self._plot.setLabel("bottom", drawing.x if drawing else "")
            self._plot.setLabel("left", drawing.y if drawing else "")
            self.log_button.setChecked(drawing is not None and drawing.logarithmic)
        if drawing is None or drawing is before:
            return
        names = [curve.name for curve in drawing.curves]
        if list(self._named)[: len(names)] != names[: len(self._named)] or len(names) < len(self._named):
            self._clear()
        changed = False
        for i, curve in enumerate(drawing.curves):
            if curve.name not in self._named:
                self._named[curve.name] = self.line(curve.name, COLOURS[i % len(COLOURS)])
            changed |= self._named[curve.name].set(curve.x, curve.y)
            if curve.spread is not None:
                if curve.name not in self._bands:
                    self._bands[curve.name] = _Band(self._plot)
                self._bands[curve.name].spread = np.asarray(curve.spread, float)
        if changed:
            self.changed()
            self.dress()

    def extent(self, everything: bool) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """Of the bands, too."""
        found = super().extent(everything)
        if found is None or not self._bands:
            return found
        x, y = found
        edges = [edge for name, band in self._bands.items() for edge in band.edges(self._named[name].y, self.log)]
        return x, finite_range(np.concatenate([y, *map(self.drawn, edges)]))

    def dress(self) -> None:
        """Draw the bands."""
        for name, band in self._bands.items():
            line = self._named[name]
            low, high = band.edges(line.y, self.log)
            band.draw(line.x, self.drawn(low), self.drawn(high), self.ink(line.colour))

    def _clear(self) -> None:
        for line in self._named.values():
            self.remove_line(line)
        for band in self._bands.values():
            band.remove()
        self._named, self._bands = {}, {}


class _Band:
    """What lies between two curves."""

    def __init__(self, plot: Any):
        self.spread = np.empty(0)
        self._plot = plot
        self._edges = [pg.PlotCurveItem(connect="finite"), pg.PlotCurveItem(connect="finite")]
        self._fill = pg.FillBetweenItem(*self._edges)
        self._fill.setZValue(-10)
        plot.addItem(self._fill)

    def edges(self, y: NDArray, log: bool) -> tuple[NDArray, NDArray]:
        """Below and above; on a logarithmic axis as far below as above, where what is left may be nothing."""
        high = y + self.spread
        return (np.divide(y * y, high, where=high > 0, out=np.zeros(len(y))) if log else y - self.spread), high

    def draw(self, x: NDArray, low: NDArray, high: NDArray, colour: QColor) -> None:
        """Fill it where both are finite."""
        there = np.isfinite(low) & np.isfinite(high)
        for item, y in zip(self._edges, (low, high), strict=True):
            item.setData(x[there], y[there])
        brush = QColor(colour)
        brush.setAlpha(FAINT)
        self._fill.setBrush(pg.mkBrush(brush))

    def remove(self) -> None:
        """Take it away."""
        self._plot.removeItem(self._fill)

"""Plots of the panel *Inspect*."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QWidget

from ..plots.base import Plot
from ..plots.readout import Reading, Row
from ..theme import OKABE_ITO

A, B, THIRD = OKABE_ITO["sky blue"], OKABE_ITO["vermilion"], OKABE_ITO["bluish green"]


class ProfilePlot(Plot):
    """Values along a line of one or two layers, with two edges that can be dragged to measure a width.

    Signals
    -------
    measured(float)
        Distance of the edges.
    """

    measured = Signal(float)

    def __init__(self, parent: QWidget | None = None):
        super().__init__("distance (px)", "value", parent)
        self.a, self.b = self.line("A", A), self.line("B", B, Qt.PenStyle.DashLine)
        self.region = pg.LinearRegionItem(brush=(150, 150, 150, 40), hoverBrush=(150, 150, 150, 70))
        self.region.setZValue(-5)
        self.region.sigRegionChanged.connect(lambda: self.measured.emit(self.width_measured))
        self._plot.addItem(self.region)
        self._placed = 0.0
        self.region.hide()

    @property
    def width_measured(self) -> float:
        """Distance of the edges, in the unit of the axis."""
        low, high = self.region.getRegion()
        return float(high - low)

    def show_profiles(self, profiles: Sequence[tuple[str, NDArray, NDArray]], unit: str) -> None:
        """Draw a name, distances and values of each layer, one or two."""
        self._plot.setLabel("bottom", f"distance ({unit})")
        for line, found in zip((self.a, self.b), [*profiles, None, None][:2], strict=True):
            name, x, y = found or ("", (), ())
            line.label = name
            line.set(x, y)
        length = float(profiles[0][1][-1]) if profiles else 0.0
        if length and length != self._placed:  # the band keeps its place along the line
            shares = [edge / self._placed for edge in self.region.getRegion()] if self._placed else (0.4, 0.6)
            self.region.setBounds((0, length))
            self.region.setRegion([share * length for share in shares])
            self._placed = length
        self.region.setVisible(length > 0)
        self.say("" if profiles else "Draw a line.")
        self.changed()

    def dress(self) -> None:
        """Edges that can be seen."""
        for edge in self.region.lines if hasattr(self, "region") else ():
            edge.setPen(pg.mkPen(self._colours.faint, width=1))
            edge.setHoverPen(pg.mkPen(self._colours.text, width=2))


class CorrelationPlot(Plot):
    """Correlations over spatial frequency, with their thresholds."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__("cycles per px", "correlation", parent)
        self._curves = [self.line("", colour) for colour in (A, B)]
        grey, faint = OKABE_ITO["grey"], Qt.PenStyle.DotLine
        self._bits = self.line("half-bit", OKABE_ITO["orange"], Qt.PenStyle.DashLine)
        self._transfer = self.line("PRTF", OKABE_ITO["reddish purple"], Qt.PenStyle.DashDotLine)
        self._levels = [self.line(f"{level:g}", grey, faint) for level in (0.143, 0.5)]

    def show_curves(
        self,
        curves: Sequence[tuple[str, NDArray, NDArray]],
        half_bit: NDArray | None,
        transfer: tuple[NDArray, NDArray] | None,
        unit: str,
    ) -> None:
        """Draw names, frequencies and correlations; of the first the half-bit threshold; and a PRTF."""
        self._plot.setLabel("bottom", f"spatial frequency (1/{unit})")
        for line, found in zip(self._curves, [*curves, None, None][:2], strict=True):
            line.label, x, y = found or ("", (), ())
            line.set(x, y)
        first = curves[0][1] if curves else ()
        self._bits.set(first if half_bit is not None else (), () if half_bit is None else half_bit)
        self._transfer.set(*((), ()) if transfer is None else transfer)
        ends = [x[-1] for _, x, _ in curves] + ([] if transfer is None else [transfer[0][-1]])
        for line, level in zip(self._levels, (0.143, 0.5), strict=True):
            line.set([0, max(ends)] if ends else (), [level, level] if ends else ())
        self.changed()

    def extent(self, everything: bool) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """From zero frequency, and all that a correlation can be, less what no curve reaches."""
        found = super().extent(everything)
        return found and ((0.0, found[0][1]), (min(0.0, found[1][0]), max(1.0, found[1][1])))

    def key(self) -> tuple[Row, ...]:
        """The names of the curves; levels are read off the axis."""
        return tuple(row for row in super().key() if row.text not in ("0.143", "0.5"))

    def read(self, x: float) -> Reading | None:
        """Also the period; not the levels."""
        found = super().read(x)
        if found is None or not found.x:
            return found
        unit = self._plot.getAxis("bottom").labelText.partition("1/")[2].rstrip(")")
        rows = found.rows[1:]
        rows = [row for row in rows if not row.text.startswith(("0.143", "0.5 "))]
        dots = tuple(dot for dot in found.dots if dot[2] != OKABE_ITO["grey"])
        return Reading((Row(f"period {1 / found.x:.3g} {unit}"), *rows), found.x, dots)


class FiguresPlot(Plot):
    """R-factors of tilts, or of shells of a pattern; a click tells which.

    Signals
    -------
    picked(int)
        Number of the tilt or shell.
    """

    picked = Signal(int)

    def __init__(self, parent: QWidget | None = None):
        super().__init__("tilt (degrees)", "R_F (%)", parent, whole=False)
        self._bars = pg.BarGraphItem(x=[], height=[], width=1, pen=None)
        self._plot.addItem(self._bars)
        self.at, self.r_factors, self.shown = np.empty(0), np.empty(0), -1
        self._name, self._width = "tilt", 1.0

    def show_figures(self, at: NDArray, r_factors: NDArray, bottom: str, name: str) -> None:
        """Draw R-factors (fractions) at places along the x axis; `name` is what one of them is of."""
        self._plot.setLabel("bottom", bottom)
        self.at, self.r_factors, self._name, self.shown = np.asarray(at), 100 * np.asarray(r_factors), name, -1
        apart = np.diff(np.unique(self.at))
        gap = 0.15 if self.at.size < 80 else 0.0  # of a pixel's width it would show as stripes
        self._width = (1 - gap) * float(np.median(apart)) if apart.size else 1.0
        self.dress()
        self.follow()
        self._draw()

    def show_place(self, index: int) -> None:
        """Mark the tilt that is shown."""
        if index != self.shown:
            self.shown = index
            self.dress()

    def dress(self) -> None:
        """Bars in the theme's colours; the one that is shown in orange."""
        if not hasattr(self, "at") or not self.at.size:
            return
        plain, marked = self.ink(A), self.ink(OKABE_ITO["orange"])
        brushes = [marked if i == self.shown else plain for i in range(len(self.at))]
        heights = np.nan_to_num(self.r_factors)
        self._bars.setOpts(x=self.at, height=heights, width=self._width, brushes=brushes)

    def extent(self, everything: bool) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """All bars, which stand on zero."""
        if not np.isfinite(self.r_factors).any():
            return None
        half = self._width / 2
        return (self.at.min() - half, self.at.max() + half), (0.0, float(np.nanmax(self.r_factors)))

    def nearest(self, x: float) -> int | None:
        """Number of the bar at `x`, if there is one."""
        if not self.at.size:
            return None
        i = int(np.argmin(np.abs(self.at - x)))
        return i if abs(self.at[i] - x) <= self._width else None

    def read(self, x: float) -> Reading | None:
        """Which it is, and its R-factor."""
        i = self.nearest(x)
        if i is None:
            return None
        value = f"{self.r_factors[i]:.3g} %" if np.isfinite(self.r_factors[i]) else "no data"
        return Reading((Row(f"{self._name} {i} at {self.at[i]:.4g}"), Row(f"R_F {value}")), float(self.at[i]))

    def crowd(self) -> NDArray:
        """The bars."""
        if not self.at.size:
            return np.empty((0, 3))
        x, y = np.repeat(self.at, 5), (np.nan_to_num(self.r_factors)[:, None] * np.linspace(0.2, 1, 5)).ravel()
        return np.column_stack([*self._pixels(x, y), np.ones(len(x))])

    def click(self, x: float) -> bool:
        """Pick the bar that was clicked."""
        i = self.nearest(x)
        if i is not None:
            self.picked.emit(i)
        return i is not None

    def data(self) -> Mapping[str, NDArray]:
        """What is drawn."""
        return {"R_F (%)": np.column_stack([self.at, self.r_factors])}

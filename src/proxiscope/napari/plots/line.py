"""A curve: all its points are kept, and those that the screen tells apart are drawn."""

import numpy as np
import pyqtgraph as pg
from numpy.typing import ArrayLike, NDArray
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor

WIDTHS = {Qt.PenStyle.SolidLine: 2}
"""Pixels; of other styles 1, which is drawn several times faster."""

PIXELS = 4
"""Of the screen, in which the lowest and the highest value of a long curve are drawn.

A wide line is a filled outline: drawing a thousand points of noise takes ten times as long as drawing two hundred.
"""


class Line:
    """A curve of a plot.

    Parameters
    ----------
    label : str
        What it is called in the plot's key.
    colour : str
    style : Qt.PenStyle
    unit : str
        Put behind its values.

    Attributes
    ----------
    x, y : ndarray, (point,)
        As they were given.
    """

    def __init__(self, label: str, colour: str, style: Qt.PenStyle = Qt.PenStyle.SolidLine, unit: str = ""):
        self.label, self.colour, self.style, self.unit = label, colour, style, unit
        self.x, self.y = np.empty(0), np.empty(0)
        self.item = pg.PlotCurveItem(antialias=True, connect="finite")
        self._sorted = True
        self._drawn: tuple = ()
        self._version = 0

    def set(self, x: ArrayLike, y: ArrayLike) -> bool:
        """Take other points (point,); returns whether they are others."""
        x, y = np.asarray(x, float), np.asarray(y, float)
        same = x is self.x and y is self.y
        if same or (np.array_equal(x, self.x) and np.array_equal(y, self.y, equal_nan=True)):
            return False
        self.x, self.y = x, y
        self._sorted = bool(np.all(np.diff(x) >= 0))
        self._version += 1
        return True

    def ink(self, colour: QColor) -> None:
        """Draw it in this colour, which is its own or one that can be seen better."""
        self.item.setPen(pg.mkPen(colour, width=WIDTHS.get(self.style, 1), style=self.style))

    def draw(self, low: float, high: float, pixels: int, log: bool) -> None:
        """Draw what lies between `low` and `high` on so many pixels; `log` draws the logarithm of y."""
        many = self._sorted and len(self.x) > pixels // 2
        key = (self._version, log, *((low, high, pixels) if many else ()))
        if key == self._drawn:
            return
        self._drawn = key
        x, y = thinned(self.x, self.y, low, high, pixels) if many else (self.x, self.y)
        self.item.setData(x, logarithm(y) if log else y)

    def nearest(self, x: float) -> int | None:
        """Which point with a finite value is nearest to `x`; None where the curve does not reach."""
        finite = np.flatnonzero(np.isfinite(self.x) & np.isfinite(self.y))
        if not finite.size:
            return None
        distance = np.abs(self.x[finite] - x)
        i = int(np.argmin(distance))
        ends = self.x[finite].min(), self.x[finite].max()
        gap = 0.0 if finite.size == 1 else (ends[1] - ends[0]) / (finite.size - 1)
        return int(finite[i]) if distance[i] <= max(gap, 1e-12) or ends[0] <= x <= ends[1] else None

    def at(self, x: NDArray) -> NDArray:
        """Interpolated values, NaN where the curve does not reach."""
        finite = np.isfinite(self.y)
        if not finite.any() or not self._sorted:
            return np.full(len(x), np.nan)
        return np.interp(x, self.x[finite], self.y[finite], left=np.nan, right=np.nan)


def thinned(x: NDArray, y: NDArray, low: float, high: float, pixels: int) -> tuple[NDArray, NDArray]:
    """The lowest and highest value in each few pixels, and the last one; `x` is sorted."""
    first, last = max(np.searchsorted(x, low) - 1, 0), min(np.searchsorted(x, high, "right") + 1, len(x))
    x, y = x[first:last], y[first:last]
    if len(x) <= pixels // 2:
        return x, y
    column = np.floor((x - low) * pixels / PIXELS / (high - low))
    starts = np.flatnonzero(np.diff(column, prepend=np.nan) != 0)  # NaN differs from all
    extremes = np.fmin.reduceat(y, starts), np.fmax.reduceat(y, starts)
    rising = y[np.append(starts[1:] - 1, len(y) - 1)] > y[starts]
    pair = np.stack([np.where(rising, *extremes), np.where(rising, *extremes[::-1])], axis=1)
    places = np.stack([x[starts], x[starts + np.diff(starts, append=len(x)) // 2]], axis=1)
    return np.append(places.ravel(), x[-1]), np.append(pair.ravel(), y[-1])


def logarithm(y: ArrayLike) -> NDArray:
    """log10; NaN, which is not drawn, for what has none."""
    y = np.asarray(y, float)
    return np.log10(y, where=y > 0, out=np.full(y.shape, np.nan))

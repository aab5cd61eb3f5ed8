"""How the R-factors of many starts are distributed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import ArrayLike, NDArray
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QWidget

from ..theme import BEST, OKABE_ITO
from .base import ZOOMING, Plot
from .readout import Reading, Row

PLAIN = OKABE_ITO["sky blue"]
NOTHING = "No start has finished yet"


class StartsPlot(Plot):
    """A histogram of R_F. The share of a bar that the best starts make is orange; that of the shown one has a rim.

    Signals
    -------
    picked(int)
        A bar was clicked: the best of the starts in it, or the next one if one of them is shown.
    """

    picked = Signal(int)

    def __init__(self, parent: QWidget | None = None):
        super().__init__("R<sub>F</sub> (%)", "starts", parent, whole=True)
        self._bars, self._best_bars, self._rim = (pg.BarGraphItem(x=[], height=[], width=1, pen=None) for _ in range(3))
        for item in (self._bars, self._best_bars, self._rim):
            self._plot.addItem(item)
        self._plot.getPlotItem().disableAutoRange()
        self._plot.setToolTip(f"Click a bar to see its best start; again for the next.\n{ZOOMING}")
        self._r_factors, self._best = np.empty(0), frozenset[int]()
        self._shown: int | None = None
        self._heights, self._edges = np.empty(0, int), np.empty(0)
        self._bar_of = np.empty(0, int)
        self._view.setRange(xRange=(0, 100), yRange=(0, 1), padding=0)
        self.say(NOTHING)

    def show_starts(self, r_factors: ArrayLike, shown: int | None = None, best: Sequence[int] = ()) -> None:
        """Draw the histogram of those that are known.

        Parameters
        ----------
        r_factors : array_like, (start,)
            As fractions; not finite where a start has none yet.
        shown : int or None
            The start whose image is shown.
        best : sequence of int
            Those that count as the best.
        """
        r_factors = 100 * np.asarray(r_factors, float)
        new = (shown, frozenset(best))
        if new == (self._shown, self._best) and np.array_equal(r_factors, self._r_factors, equal_nan=True):
            return
        self._r_factors, (self._shown, self._best) = r_factors, new
        known = r_factors[np.isfinite(r_factors)]
        bins = min(40, max(8, 2 * int(np.sqrt(known.size))))
        self._heights, self._edges = np.histogram(known, bins=bins) if known.size else (np.empty(0, int), np.empty(0))
        self._bar_of = np.array([-1 if (bar := self._bar(x)) is None else bar for x in r_factors], int)
        self.say("" if known.size else NOTHING)
        self.dress()
        self.changed()

    def heights(self) -> NDArray:
        """The bars as drawn."""
        return self._heights

    def data(self) -> dict[str, NDArray]:
        """``"r_factors"`` (start,) in percent as they are known; ``"heights"`` (bar,) and ``"edges"`` (bar + 1,)."""
        return {"r_factors": self._r_factors, "heights": self._heights, "edges": self._edges}

    def members(self, bar: int) -> list[int]:
        """The starts in a bar, the best first."""
        inside = np.flatnonzero(self._bar_of == bar)
        return inside[np.argsort(self._r_factors[inside], kind="stable")].tolist()

    def extent(self, everything: bool) -> Any:
        """All bars."""
        if not self._heights.size:
            return None
        return (self._edges[0], self._edges[-1]), (0.0, float(self._heights.max()))

    def read(self, x: float) -> Reading | None:
        """How many starts are in the bar, and which."""
        bar = self._bar(x)
        members = self.members(bar) if bar is not None else []
        if not members:
            return None
        low, high = self._r_factors[members[0]], self._r_factors[members[-1]]
        span = f"{low:.2f} to {high:.2f} %" if f"{low:.2f}" != f"{high:.2f}" else f"{low:.2f} %"
        rows = [Row(f"{len(members)} start{'s' * (len(members) > 1)}, R_F {span}")]
        best = len(self._best.intersection(members))
        if best:
            rows.append(Row(f"{best} of the best {len(self._best)}", BEST))
        if self._shown in members:
            rows.append(Row(f"start {self._shown} is shown"))
        return Reading(tuple(rows), float(self._edges[bar : bar + 2].mean()))

    def key(self) -> tuple[Row, ...]:
        """What orange means."""
        return (Row(f"best {len(self._best)}", BEST),) if self._best and self._heights.size else ()

    def crowd(self) -> NDArray:
        """Places within the bars."""
        up = np.linspace(0.1, 1, 6)
        x, y = np.repeat((self._edges[1:] + self._edges[:-1]) / 2, up.size), np.outer(self._heights, up).ravel()
        return np.column_stack([*self._pixels(x[y > 0], y[y > 0]), np.ones((y > 0).sum())])

    def click(self, x: float) -> bool:
        """Pick a start of the bar."""
        bar = self._bar(x)
        members = self.members(bar) if bar is not None else []
        if not members:
            return False
        after = members.index(self._shown) + 1 if self._shown in members else 0
        self._shown = members[after % len(members)]
        self.dress()
        self._show_reading()
        self.picked.emit(self._shown)
        return True

    def hover(self, x: float | None) -> None:
        """A hand over what can be clicked."""
        bar = None if x is None else self._bar(x)
        hand = bar is not None and self._heights[bar] > 0
        self._plot.viewport().setCursor(Qt.CursorShape.PointingHandCursor if hand else Qt.CursorShape.ArrowCursor)

    def dress(self) -> None:
        """Draw the bars."""
        centres, widths = (self._edges[1:] + self._edges[:-1]) / 2, np.diff(self._edges)
        best = [self._bar_of[i] for i in self._best if i < len(self._bar_of) and self._bar_of[i] >= 0]
        of_best = np.bincount(best, minlength=len(centres))
        self._bars.setOpts(x=centres, height=self._heights, width=0.9 * widths, brush=self.ink(PLAIN))
        self._best_bars.setOpts(x=centres, height=of_best, width=0.9 * widths, brush=self.ink(BEST))
        shown = self._bar_of[self._shown : self._shown + 1] if self._shown is not None else self._bar_of[:0]
        at = shown[shown >= 0]
        rim = {"x": centres[at], "height": self._heights[at], "width": 0.9 * widths[at]}
        self._rim.setOpts(**rim, brush=None, pen=pg.mkPen(self._colours.text, width=2))

    def _bar(self, x: float) -> int | None:
        """The bar at a place, None outside all."""
        if not self._edges.size or not self._edges[0] <= x <= self._edges[-1]:
            return None
        return int(min(np.searchsorted(self._edges, x, "right") - 1, len(self._heights) - 1))

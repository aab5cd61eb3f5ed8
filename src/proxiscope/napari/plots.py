"""Live curves."""

from collections.abc import Iterable

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ..phase.agreement import resolution

MOST_POINTS = 1000
"""More cannot be told apart on the screen, and take long to draw."""


COLOURS = {"r_factor": "#56b4e9", "free_r_factor": "#d55e00", "median_r_factor": "#999999"}
NAMES = {"r_factor": "R_F", "free_r_factor": "free R", "median_r_factor": "median of starts"}


class Plot(QWidget):
    """Axes in the house's colours."""

    def __init__(self, bottom: str, left: str, parent: QWidget | None = None):
        super().__init__(parent)
        self._plot = pg.PlotWidget(self, background=None)
        self._plot.setLabel("bottom", bottom)
        self._plot.setLabel("left", left)
        for side in ("bottom", "left"):
            axis = self._plot.getAxis(side)
            axis.enableAutoSIPrefix(False)
            axis.setPen(pg.mkPen("#888888"))
            axis.setTextPen(pg.mkPen("#999999"))
        self._plot.showGrid(x=True, y=True, alpha=0.25)
        self._plot.setMenuEnabled(False)
        self._plot.setMinimumHeight(110)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._plot)


class CurvePlot(Plot):
    """R-factors in percent over iterations."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__("iteration", "R_F (%)", parent)
        self._curves = {
            name: self._plot.plot(pen=pg.mkPen(colour, width=2), antialias=True) for name, colour in COLOURS.items()
        }
        self._best = self._plot.plot(pen=None, symbol="o", symbolSize=7, symbolBrush="#e69f00", symbolPen=None)
        self._legend = self._plot.addLegend(offset=(-5, 5), labelTextColor="#999999")
        self._plot.setRange(xRange=(0, 100), yRange=(0, 100))

    def show_curves(self, curves: dict[str, list[tuple[int, float]]], best: int | None = None) -> None:
        """Draw recorded (iteration, R-factor) pairs, and a dot at iteration `best` if it is given."""
        if curves["r_factor"]:
            self._plot.enableAutoRange(x=True)
            self._plot.setYRange(*_range(curves.values()))
        for name, curve in curves.items():
            points = _thinned(curve)
            self._curves[name].setData(points[:, 0], points[:, 1])
        self._name([name for name, curve in curves.items() if curve])
        marked = [(iteration, 100 * r_factor) for iteration, r_factor in curves["r_factor"] if iteration == best]
        self._best.setData([x for x, _ in marked], [y for _, y in marked])

    def points(self, name: str = "r_factor") -> tuple[np.ndarray, np.ndarray]:
        """Iterations and R-factors in percent as drawn."""
        x, y = self._curves[name].getData()
        return (np.empty(0), np.empty(0)) if x is None else (x, y)

    def _name(self, drawn: list[str]) -> None:
        """A legend where there is more than one curve."""
        wanted = [NAMES[name] for name in drawn] if len(drawn) > 1 else []
        if wanted != [label.text for _, label in self._legend.items]:
            self._legend.clear()
            for name in drawn if wanted else ():
                self._legend.addItem(self._curves[name], NAMES[name])


def _range(curves: Iterable[list[tuple[int, float]]]) -> tuple[float, float]:
    """Lowest and highest value in percent, less the fall in the first fifth, beside which all that follows is flat."""
    shown = np.concatenate([_thinned(curve[len(curve) // 5 :])[:, 1] for curve in curves])
    shown = shown[np.isfinite(shown)]
    return (float(shown.min()), float(shown.max())) if shown.size else (0.0, 100.0)


def _thinned(curve: list[tuple[int, float]]) -> np.ndarray:
    """No more points of (iteration, fraction) than the screen tells apart, in percent."""
    curve = list(curve)
    stride = -(-len(curve) // MOST_POINTS) or 1
    shown = curve[::stride] + (curve[-1:] if stride > 1 else [])
    return np.array(shown, dtype=float).reshape(-1, 2) * (1, 100)


class StartsPlot(Plot):
    """How the R-factors of many starts are distributed."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__("R_F (%)", "starts", parent)
        self._bars = pg.BarGraphItem(x=[0], height=[0], width=1, brush="#56b4e9", pen=None)
        self._plot.addItem(self._bars)

    def show_starts(self, r_factors: np.ndarray) -> None:
        """Draw the histogram of those that are known."""
        known = 100 * r_factors[np.isfinite(r_factors)]
        if not known.size:
            return
        heights, edges = np.histogram(known, bins=min(40, max(8, 2 * int(np.sqrt(known.size)))))
        centres, width = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
        self._bars.setOpts(x=centres, height=heights, width=0.9 * width)
        self._plot.enableAutoRange()

    def heights(self) -> np.ndarray:
        """The bars as drawn."""
        return np.asarray(self._bars.opts["height"])


class TransferPlot(Plot):
    """The phase-retrieval transfer function over frequency."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__("cycles per pixel", "PRTF", parent)
        self._curve = self._plot.plot(pen=pg.mkPen("#56b4e9", width=2), antialias=True)
        self._plot.addLine(y=1 / np.e, pen=pg.mkPen("#e69f00", style=Qt.PenStyle.DashLine))
        self._plot.setRange(xRange=(0, 0.5), yRange=(0, 1.1))

    def show_transfer(self, frequency: np.ndarray, prtf: np.ndarray, pixel_size: float | None) -> None:
        """Draw the curve, and say to what resolution it reaches."""
        known = np.isfinite(prtf)
        self._curve.setData(frequency[known], prtf[known])
        reach = resolution(frequency, prtf, pixel_size or 1.0)
        unit = "nm" if pixel_size else "px"
        self._plot.setLabel("bottom", f"cycles per pixel (above 1/e to {reach:.3g} {unit} half-period)")

"""Live curves."""

import numpy as np
import pyqtgraph as pg
from qtpy.QtWidgets import QVBoxLayout, QWidget

MOST_POINTS = 1000
"""More cannot be told apart on the screen, and take long to draw."""


class CurvePlot(QWidget):
    """R-factor in percent over iterations."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._plot = pg.PlotWidget(self, background=None)
        self._plot.setLabel("bottom", "iteration")
        self._plot.setLabel("left", "R_F (%)")
        for side in ("bottom", "left"):
            axis = self._plot.getAxis(side)
            axis.enableAutoSIPrefix(False)
            axis.setPen(pg.mkPen("#888888"))
            axis.setTextPen(pg.mkPen("#999999"))
        self._plot.showGrid(x=True, y=True, alpha=0.25)
        self._plot.setMenuEnabled(False)
        self._curve = self._plot.plot(pen=pg.mkPen("#56b4e9", width=2), antialias=True)
        self._best = self._plot.plot(pen=None, symbol="o", symbolSize=7, symbolBrush="#e69f00", symbolPen=None)
        self._plot.setRange(xRange=(0, 100), yRange=(0, 100))
        self._plot.setMinimumHeight(110)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._plot)

    def show_curve(self, curve: list[tuple[int, float]], best: int | None = None) -> None:
        """Draw recorded (iteration, R-factor) pairs, and a dot at iteration `best` if it is given."""
        if curve:
            self._plot.enableAutoRange()
        stride = -(-len(curve) // MOST_POINTS) or 1
        shown = curve[::stride] + (curve[-1:] if stride > 1 else [])
        points = np.array(shown, dtype=float).reshape(-1, 2) * (1, 100)
        self._curve.setData(points[:, 0], points[:, 1])
        marked = [(iteration, 100 * r_factor) for iteration, r_factor in curve if iteration == best]
        self._best.setData([x for x, _ in marked], [y for _, y in marked])

    def points(self) -> tuple[np.ndarray, np.ndarray]:
        """Iterations and R-factors in percent as drawn."""
        x, y = self._curve.getData()
        return (np.empty(0), np.empty(0)) if x is None else (x, y)

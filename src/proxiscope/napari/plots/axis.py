"""Axes whose numbers can be read in narrow ranges too."""

import math
from typing import Any

import numpy as np
import pyqtgraph as pg

HALF_A_DECADE = 0.5


class Axis(pg.AxisItem):
    """Numbers without SI prefixes.

    Parameters
    ----------
    side : str
        ``"left"`` or ``"bottom"``.
    least_spacing : float
        Between two numbers: 1 for what is counted.
    """

    def __init__(self, side: str, least_spacing: float = 0.0):
        super().__init__(side)
        self.enableAutoSIPrefix(False)
        self.setStyle(tickTextHeight=12, maxTickLevel=1)  # a finer grid costs more than the curves
        self._least = least_spacing

    def tickSpacing(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, float]]:
        """No closer than what is counted."""
        spacings = super().tickSpacing(minVal, maxVal, size)
        return [(spacing, offset) for spacing, offset in spacings if spacing >= self._least] or [(self._least, 0)]

    def logTickValues(self, minVal: float, maxVal: float, size: float, stdTicks: Any) -> list[tuple[Any, Any]]:
        """Round values: powers of ten may leave the axis without a number, and equal steps its lower half."""
        if maxVal - minVal > 2:
            return super().logTickValues(minVal, maxVal, size, stdTicks)
        low, high = 10**minVal, 10**maxVal
        if maxVal - minVal > HALF_A_DECADE:
            digits = [1, 2, 5] if maxVal - minVal > 1 else [1, 1.5, 2, 3, 5, 7]
            values = np.multiply.outer(10.0 ** np.arange(math.floor(minVal), math.ceil(maxVal)), digits).ravel()
            return [(None, np.log10(values[(values >= low) & (values <= high)]))]
        step = self.tickSpacing(low, high, size)[0][0]
        values = step * np.arange(math.ceil(low / step), math.floor(high / step) + 1)
        return [(None, np.log10(values[values > 0]))]

    def logTickStrings(self, values: Any, scale: float, spacing: Any) -> list[str]:
        """Plain numbers."""
        return [f"{scale * 10**value:.4g}" for value in values]

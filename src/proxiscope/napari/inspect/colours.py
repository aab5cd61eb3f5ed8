"""Colours for differences."""

import numpy as np
from napari.utils import Colormap

DIVERGING = Colormap(
    ["#003f6b", "#0072b2", "#8fc7e8", "#f7f7f7", "#f2b48c", "#d55e00", "#7a3600"],
    name="difference",
    display_name="difference",
)
"""Blue below zero, white at zero, orange above: told apart whatever one's colour vision (Okabe and Ito's hues)."""


def symmetric_limits(values: np.ndarray) -> tuple[float, float]:
    """Contrast limits around zero that all but one value in a thousand lie within."""
    some = np.abs(values.ravel()[:: max(1, values.size // 2**20)])
    some = some[np.isfinite(some)]
    most = float(np.quantile(some, 0.999)) if some.size else 0.0
    most = most or float(some.max(initial=0.0)) or 1.0
    return -most, most

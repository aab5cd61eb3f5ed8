"""Levels of images that tell vacuum from specimen, or a saturated pixel from a bright one."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

LARGEST = 2**18  # pixels that are sorted


def vacuum_level(values: NDArray[Any], side: Literal["dark", "bright"] = "dark") -> tuple[float, float]:
    """Mean and standard deviation of the vacuum around a specimen, as far as noise explains it.

    Vacuum is where pixels are most alike: the darkest (or brightest) peak of the histogram that is nearly as sharp as
    the sharpest.

    Parameters
    ----------
    values : ndarray, (pixel,)
        Those that are usable.
    side : {"dark", "bright"}
        Where the vacuum lies, as in dark or bright field.
    """
    values = values[:: -(-values.size // LARGEST)]
    ordered = np.sort(values if side == "dark" else -values).astype(np.float64)
    part = max(1, len(ordered) // 20)
    widths = ordered[part:] - ordered[:-part]  # of the intervals that hold 5 % of the pixels
    if not widths.size:
        return float(values.mean()), 0.0
    sharp = widths <= 2 * widths.min()
    first = int(sharp.argmax())
    ends = np.flatnonzero(~sharp[first:])
    peak = widths[first : first + int(ends[0]) if ends.size else None]
    level = float(np.median(ordered[first + int(peak.argmin()) :][: part + 1]))
    sigma = 0.0
    for _ in range(10):
        below = level - ordered[ordered <= level]  # the specimen is on the other side
        sigma = 1.4826 * float(np.median(below)) if below.size else 0.0
        inside = ordered[np.abs(ordered - level) <= 1.5 * sigma]
        level = float(inside.mean()) if inside.size else level
    return (level if side == "dark" else -level), sigma


def saturation_level(values: NDArray[Any]) -> float | None:
    """The value at which a detector saturates, which several pixels share though it is high; None if none do."""
    top = float(values.max())
    return top if top >= 255 and np.count_nonzero(values == top) >= 4 else None

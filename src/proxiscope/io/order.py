"""The order of tilts: microscopes often record 0, 3, -3, -6, 6 ..., and store the images as they come."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from proxiscope.io.lazy import LAZY, is_lazy, mapped


def tilt_order(angles: NDArray[Any]) -> NDArray[Any] | None:
    """Which image comes first, second ... by its tilt (tilt,); None if they rise or fall already, or are triples."""
    if angles.ndim != 1 or len(angles) < 3:
        return None
    steps = np.diff(angles)
    return None if (steps >= 0).all() or (steps <= 0).all() else np.argsort(angles, kind="stable")


def put(data: Any, order: NDArray[Any]) -> Any:
    """Images (tilt, y, x) in that order; large ones stay on disk."""
    if not is_lazy(data) and data.nbytes >= LAZY:
        data = mapped(data)
    return data[order]


def nearer_to(angles: NDArray[Any], one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether angles resemble those of one order more than those of the other."""
    return bool(np.abs(angles - one).sum() < np.abs(angles - other).sum())

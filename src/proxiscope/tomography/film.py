"""Extended samples: films that go on beyond the field of view (the problem of section 3.4 of the thesis)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..physics.rotations import rotation_matrices
from .problem import TiltSeries

STEEPEST = 60.0
"""Degrees between the rays and z up to which a volume is made wide enough for all of them."""

_NEARLY = 1e-6


def whole_rays(series: TiltSeries, volume: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Pixels (tilt, y, x) whose ray enters a volume (z, y, x) at its first slice and leaves it at its last.

    A ray that crosses a side of the volume has passed through the film beyond it as well, and its sum is no sum over
    the volume.
    """
    n = np.array(volume[1:])[:, None, None]
    inside = np.zeros(series.shape, bool)
    for t, matrix in enumerate(rotation_matrices(series.rotations)):
        if abs(matrix[2, 2]) > _NEARLY:
            ends = _ends(series, t, matrix, volume[0])
            inside[t] = ((ends > -_NEARLY - n // 2) & (ends < n - 1 - n // 2 + _NEARLY)).all(axis=(0, 1))
    return inside


def around(series: TiltSeries, volume: tuple[int, int, int]) -> tuple[int, int, int]:
    """A volume (z, y, x), higher and wider by what the rays up to `STEEPEST` degrees from z need to pass wholly.

    Steeper ones would need far more; of them those near the middle of the detector pass wholly all the same.
    """
    _, height, width = volume
    matrices = rotation_matrices(series.rotations)
    along = np.abs(matrices[:, 2, 2])
    steepest = max(min(np.cos(np.deg2rad(STEEPEST)), along.max()) - _NEARLY, _NEARLY)
    for t in np.flatnonzero(along > steepest):
        y, x = _ends(series, int(t), matrices[t], volume[0]).swapaxes(0, 1)
        height, width = max(height, _reaching(y)), max(width, _reaching(x))
    return volume[0], height, width


def _ends(series: TiltSeries, t: int, matrix: NDArray[Any], depth: int) -> NDArray[np.float64]:
    """Where the rays of tilt t enter and leave a film, about the volume's centre: (end, y or x, row, column)."""
    _, rows, columns = series.shape
    v = (np.arange(rows) - rows // 2 - series.shifts[t, 0])[:, None]
    u = np.arange(columns) - columns // 2 - series.shifts[t, 1]
    x, y, z = (row[0] * u + row[1] * v for row in matrix)
    lengths = [(surface - z) / matrix[2, 2] for surface in (-0.5 - depth // 2, depth - 0.5 - depth // 2)]
    return np.array([(y + matrix[1, 2] * s, x + matrix[0, 2] * s) for s in lengths])


def _reaching(at: NDArray[Any]) -> int:
    """The least number of voxels that reach from the lowest to the highest position about pixel n // 2."""
    return max(2 * int(np.ceil(-at.min() - _NEARLY)), 2 * int(np.ceil(at.max() - _NEARLY)) + 1)


def resized(volume: NDArray[Any], shape: tuple[int, int, int]) -> NDArray[Any]:
    """A volume (z, y, x) in another shape about the same centre: cut, or continued by its outermost voxels."""
    if volume.shape == shape:
        return volume
    first = [n // 2 - m // 2 for n, m in zip(volume.shape, shape, strict=True)]
    cut = volume[tuple(slice(max(a, 0), max(a, 0) + m) for a, m in zip(first, shape, strict=True))]
    before = [max(-a, 0) for a in first]
    return np.pad(cut, [(a, m - n - a) for a, m, n in zip(before, shape, cut.shape, strict=True)], mode="edge")

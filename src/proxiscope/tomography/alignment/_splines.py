"""Cubic splines through images, evaluated on a turned and shifted grid."""

import numpy as np
import scipy
from numba import njit
from numpy.typing import NDArray

from ...core.threads import parallel


def coefficients(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Coefficients (tilt, y + 3, x + 3) of the splines through images (tilt, y, x), mirrored at their edges."""
    tilts, ny, nx = images.shape
    found = np.empty((tilts, ny + 3, nx + 3), np.float32)

    def one(t: int) -> None:
        found[t] = np.pad(
            scipy.ndimage.spline_filter(images[t], order=3, output=np.float32, mode="mirror"), (1, 2), mode="reflect"
        )

    parallel(one, [(t,) for t in range(tilts)])
    return found


@njit(nogil=True, cache=True)
def evaluate(coefficients, matrix, start, out):
    """Fill `out` (y, x) with the spline at matrix @ (y, x) + start; beyond the edges with its value at the edge.

    `coefficients` are those of one image.
    """
    last_y, last_x = coefficients.shape[0] - 4, coefficients.shape[1] - 4
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            y = min(max(matrix[0, 0] * i + matrix[0, 1] * j + start[0], 0.0), last_y)
            x = min(max(matrix[1, 0] * i + matrix[1, 1] * j + start[1], 0.0), last_x)
            at_y, at_x = int(y), int(x)
            v, u = np.float32(y - at_y), np.float32(x - at_x)
            a, b, c, d = _weights(u)
            rows = _weights(v)
            total = np.float32(0)
            for k in range(4):
                row = coefficients[at_y + k]
                total += rows[k] * (a * row[at_x] + b * row[at_x + 1] + c * row[at_x + 2] + d * row[at_x + 3])
            out[i, j] = total


@njit(nogil=True, cache=True, inline="always")
def _weights(t):
    """Of the four B-splines around a position, t from the second of their centres."""
    s, sixth = np.float32(1) - t, np.float32(1 / 6)
    first, last = sixth * s * s * s, sixth * t * t * t
    second = np.float32(2 / 3) - np.float32(0.5) * t * t * (np.float32(2) - t)
    third = np.float32(2 / 3) - np.float32(0.5) * s * s * (np.float32(2) - s)
    return first, second, third, last

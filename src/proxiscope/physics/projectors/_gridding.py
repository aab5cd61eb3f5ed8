"""Interpolation of a spectrum at any frequencies from a finer grid (J. I. Jackson et al., IEEE TMI 10, 473 (1991)).

A non-uniform FFT in three steps: divide by the transform of the window, take the FFT on a grid about twice as fine,
and sum the cells within the window of each point. Here are the factors and the sums, as a sparse matrix.
"""

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

WIDTH = 6
"""Cells that the window reaches over; with a grid twice as fine its error is below 1e-5 of the result."""

_FINER = 2
_BETA = np.pi * np.sqrt((WIDTH / _FINER) ** 2 * (_FINER - 0.5) ** 2 - 0.8)  # P. J. Beatty et al., IEEE TMI 24, 799


def fine_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """Even lengths, at least twice those of `shape`, that are quick to transform."""
    return tuple(2 * scipy.fft.next_fast_len(ceil(_FINER * n / 2)) for n in shape)


def corrections(shape: tuple[int, int]) -> NDArray[np.float32]:
    """What a slice (z, x) about pixel n // 2 is multiplied by before the FFT on the fine grid."""
    factors = [1 / _transform((np.arange(n) - n // 2) / m) for n, m in zip(shape, fine_shape(shape), strict=True)]
    return np.multiply.outer(*factors).astype(np.float32)


def interpolation(points: Sequence[NDArray[Any]], shape: tuple[int, int]) -> "scipy.sparse.csr_array":
    """The matrix (point, cell) that takes the FFT of a slice in the middle of its fine grid to its spectrum at points.

    Parameters
    ----------
    points : sequence of float64, (point,)
        Frequencies along z and along x in cycles per voxel.
    shape : tuple of int
        Slice (z, x).
    """
    fine = fine_shape(shape)
    (z, along_z), (x, along_x) = (_taps(p * m, m) for p, m in zip(points, fine, strict=True))
    cells = z[:, :, None] * fine[1] + x[:, None, :]
    weights = along_z[:, :, None] * along_x[:, None, :]
    rows = np.broadcast_to(np.arange(len(cells))[:, None, None], cells.shape)
    entries = weights.ravel().astype(np.float32), (rows.ravel(), cells.ravel())
    matrix = scipy.sparse.coo_array(entries, shape=(len(cells), fine[0] * fine[1])).tocsr()
    matrix.eliminate_zeros()
    return matrix


def _taps(at: NDArray[Any], length: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Cells (point, tap) about positions on a periodic grid, and their weights.

    The slice lies in the middle of the grid, so that its FFT alternates in sign; the weights undo that.
    """
    cells = np.ceil(at - WIDTH / 2).astype(np.int64)[:, None] + np.arange(WIDTH)
    return cells % length, _window(at[:, None] - cells) * (1 - 2 * (cells % 2))


def _window(x: NDArray[Any]) -> NDArray[np.float64]:
    """Kaiser-Bessel window, zero from half its width on so that it is even to the last bit."""
    inside = 1 - (2 * x / WIDTH) ** 2
    return np.where(inside > 0, np.i0(_BETA * np.sqrt(np.maximum(inside, 0))), 0)


def _transform(frequency: NDArray[Any]) -> NDArray[np.float64]:
    """Fourier transform of the window at up to a quarter of a cycle per cell."""
    root = np.sqrt(_BETA**2 - (np.pi * WIDTH * frequency) ** 2)
    return WIDTH * np.sinh(root) / root

"""Products of a sparse matrix with dense ones on any device, by what the array API offers: gathers and products."""

from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from ...core.arrays import namespace_of, place


class SparseRows:
    """A sparse matrix on a device, its rows in groups of nearly equal lengths.

    Each group is one gather and one batched product of matrices. Nothing is added into memory that another thread
    adds to, so that a product repeats to the last bit, and that by the transpose, given as another of these, has the
    very same weights.

    Parameters
    ----------
    matrix : scipy.sparse.csr_array, float32
    device : str
        A `Device`.
    scratch : int
        Numbers that a gather may hold.
    """

    def __init__(self, matrix: "scipy.sparse.csr_array", device: str, scratch: int):
        self._scratch = scratch
        lengths = np.diff(matrix.indptr)
        group = np.where(lengths > 0, np.ceil(2 * np.log2(np.maximum(lengths, 1))).astype(int), -1)
        self._groups: list[tuple[Any, Any]] = []
        self._order = np.zeros(len(lengths), np.int32)
        done = 1  # the first row of the stack is zero, for rows without entries
        for rows in (np.flatnonzero(group == g) for g in np.unique(group[group >= 0])):
            columns, weights = _table(matrix, rows, lengths[rows])
            self._groups.append((place(columns, device), place(weights[:, None], device)))
            self._order[rows] = np.arange(done, done + len(rows))
            done += len(rows)
        self._order = place(self._order, device)
        self._empty = place(np.zeros((1, 1), np.float32), device)

    def __matmul__(self, x: Any) -> Any:
        """The product with a dense float32 matrix on the device."""
        xp = namespace_of(x)
        parts = [xp.broadcast_to(self._empty, (1, x.shape[1]))]
        for columns, weights in self._groups:
            rows, entries = columns.shape
            for some in _chunks(rows, self._scratch // (entries * x.shape[1])):
                each = xp.reshape(columns[some, :], (-1,))
                gathered = xp.reshape(xp.take(x, each, axis=0), (-1, entries, x.shape[1]))
                parts.append((weights[some, ...] @ gathered)[:, 0, :])
        return xp.take(xp.concat(parts, axis=0), self._order, axis=0)


def _chunks(rows: int, size: int) -> list[slice]:
    size = max(1, size)
    return [slice(first, min(first + size, rows)) for first in range(0, rows, size)]


def _table(
    matrix: "scipy.sparse.csr_array", rows: NDArray[Any], lengths: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Columns (row, entry), int32, and weights of some rows, filled up with zeros to the longest."""
    entry = np.arange(lengths.max())
    there = entry < lengths[:, None]
    at = np.where(there, matrix.indptr[rows][:, None] + entry, 0)
    columns = np.where(there, matrix.indices[at], 0).astype(np.int32)
    return columns, np.where(there, matrix.data[at], 0).astype(np.float32)

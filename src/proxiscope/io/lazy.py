"""Arrays that stay in their file until they are used, once they are too large to be read at a whim."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from proxiscope.core.errors import InputError
from proxiscope.io.raw import nbytes_of, reading, require_memory

LAZY = 2**26
"""Bytes from which on an array that cannot be mapped into memory is read piece by piece."""

_PIECE = 2**25  # bytes
_MOST = 2**45  # bytes


class OnDisk:
    """An array in a file, which is opened for each access and closed again.

    Nothing is locked meanwhile, and the array can be sent to other processes. A file that was replaced in the
    meantime is noticed, so that no pieces of two files are mixed.

    Parameters
    ----------
    path : Path
        The file or folder.
    shape : tuple of int
    dtype : dtype
    get : callable
        ``get(key)`` gives the values at a tuple of slices and integers.
    kind : str
        Words for the message.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: DTypeLike, get: Callable[[tuple], Any], kind: str):
        self.path, self.shape, self.dtype, self.ndim = path, shape, np.dtype(dtype), len(shape)
        self._get, self._kind, self._stamp = get, kind, _stamp(path)

    def __getitem__(self, key: tuple) -> NDArray:
        if _stamp(self.path) != self._stamp:
            raise InputError(self.path.name, "the file has changed since it was opened", "Open it again.")
        with reading(self.path, self._kind):
            return np.asarray(self._get(key if isinstance(key, tuple) else (key,)))


def lazily(
    path: Path,
    shape: tuple[int, ...],
    dtype: DTypeLike,
    get: Callable[[tuple], Any],
    kind: str,
    chunks: tuple[int, ...] | None = None,
) -> Any:
    """A dask array of what `get` reads from `path`, in pieces of some 32 MiB, whole `chunks` of the file each.

    Raises
    ------
    InputError
        A chunk as the file has it does not fit into memory, or there are more pieces than anybody has data.
    """
    import dask.array as da

    nbytes = nbytes_of(shape, np.dtype(dtype).itemsize)
    if nbytes > _MOST:
        raise InputError(
            path.name,
            f"claims shape {shape}, {nbytes / 2**40:.3g} TiB, of which not even the list of pieces fits into memory",
            "The file is damaged: export it again.",
        )
    if chunks is not None:
        require_memory(nbytes_of(chunks, np.dtype(dtype).itemsize), path)
    return da.from_array(OnDisk(path, shape, dtype, get, kind), chunks=_pieces(shape, dtype, chunks), name=False)


def mapped(array: NDArray) -> Any:
    """A dask array over one that is mapped into memory, so that arithmetic on it waits until it is used."""
    import dask.array as da

    return da.from_array(array, chunks=_pieces(array.shape, array.dtype, None), name=False)


def is_lazy(array: Any) -> bool:
    """Whether an array computes its values only when they are asked for."""
    return not isinstance(array, np.ndarray)


def in_memory(array: ArrayLike, path: Path) -> NDArray:
    """The values of an array from a file, once they are known to fit into memory.

    Raises
    ------
    InputError
        They do not fit, or the file cannot be read any more.
    """
    if is_lazy(array) and hasattr(array, "nbytes"):
        require_memory(int(array.nbytes), path)
    return np.asarray(array)


def _pieces(shape: tuple[int, ...], dtype: DTypeLike, chunks: tuple[int, ...] | None) -> tuple[int, ...]:
    """Shape of a piece: so many whole chunks of the file, or else rows, from the last axis on, as fill it."""
    piece = [min(c, n) for c, n in zip(chunks or (*[1] * (len(shape) - 1), shape[-1]), shape, strict=True)]
    for axis in reversed(range(len(shape))):
        fit = _PIECE // nbytes_of(tuple(piece), np.dtype(dtype).itemsize)
        piece[axis] = min(shape[axis], piece[axis] * max(fit, 1))
        if piece[axis] < shape[axis]:
            break
    return tuple(piece)


def _stamp(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino

"""Arrays that stay in their file until they are used, once they are too large to be read at a whim."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from proxiscope.core.errors import InputError
from proxiscope.io.raw import nbytes_of, reading, require_memory

LAZY = 2**26
"""Bytes from which on an array is read piece by piece."""

_PIECE = 2**25  # bytes
_MOST = 2**45  # bytes
_few_rows: ContextVar[int] = ContextVar("rows", default=0)


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

    def __init__(
        self, path: Path, shape: tuple[int, ...], dtype: DTypeLike, get: Callable[[tuple[Any, ...]], Any], kind: str
    ):
        self.path, self.shape, self.dtype, self.ndim = path, shape, np.dtype(dtype), len(shape)
        self._get, self._kind, self._stamp = get, kind, _stamp(path)

    def __getitem__(self, key: tuple[Any, ...]) -> NDArray[Any]:
        with reading(self.path, self._kind):
            self._check()
            values = self._values(key if isinstance(key, tuple) else (key,))
            self._check()  # what is written meanwhile would be a mixture
            return values

    def _values(self, key: tuple[Any, ...]) -> NDArray[Any]:
        """The values at `key`; of a list of numbers, in whatever order, all from the lowest to the highest are read."""

        def listed(part: Any) -> bool:
            return isinstance(part, list | np.ndarray)

        spans = (slice(min(part), max(part) + 1) if listed(part) else part for part in key)
        values = np.asarray(self._get(tuple(spans)))
        if not any(map(listed, key)):
            return values
        kept = (part for part in key if listed(part) or isinstance(part, slice))
        return values[tuple(np.subtract(part, min(part)) if listed(part) else slice(None) for part in kept)]

    def _check(self) -> None:
        try:
            changed = _stamp(self.path) != self._stamp
        except OSError as error:
            found = f"the file cannot be reached any more ({error.strerror})"
            raise InputError(self.path.name, found, "Put it back where it was, then open it again.") from error
        if changed:
            raise InputError(self.path.name, "the file has changed since it was opened", "Open it again.")


def lazily(
    path: Path,
    shape: tuple[int, ...],
    dtype: DTypeLike,
    get: Callable[[tuple[Any, ...]], Any],
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
    held = OnDisk(path, shape, dtype, get, kind)
    make: Any = da.from_array
    return make(held, chunks=_pieces(shape, dtype, chunks), name=False)


def plain(path: Path, shape: tuple[int, ...], dtype: DTypeLike, start: int, kind: str) -> Any:
    """An array that lies uncompressed in one piece in a file: read now, a large one when it is used.

    It is read and not mapped into memory: a file that is cut short while it is mapped kills the process that looks at
    it (SIGBUS), and one that is written to changes under the eyes of its user.

    Parameters
    ----------
    path : Path
        The file.
    shape : tuple of int
        In C order.
    dtype : dtype
    start : int
        Where the array begins, bytes.
    kind : str
        Words for the message.

    Raises
    ------
    InputError
        The file ends before the array does.
    """
    get = partial(_plain, path, shape, np.dtype(dtype), start)
    if nbytes_of(shape, np.dtype(dtype).itemsize) >= LAZY:
        return lazily(path, shape, dtype, get, kind)
    values = OnDisk(path, shape, dtype, get, kind)[(slice(None),) * len(shape)]
    values.setflags(write=False)
    return values


def _plain(path: Path, shape: tuple[int, ...], dtype: np.dtype, start: int, key: tuple[Any, ...]) -> NDArray[Any]:
    with path.open("rb") as file:
        return _rows(file, shape, dtype, start, key)


def _rows(file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype, start: int, key: tuple[Any, ...]) -> NDArray[Any]:
    """The values at `key`, section by section; of a section all rows from the first to the last one of the key."""
    row = nbytes_of(shape[1:], dtype.itemsize)
    wanted = np.arange(shape[0])[key[0]]
    if wanted.ndim == 0:
        return _rows(file, shape, dtype, start, (slice(int(wanted), int(wanted) + 1), *key[1:]))[0]
    if len(shape) > 2 and wanted.size:
        found = [_rows(file, shape[1:], dtype, start + int(i) * row, key[1:]) for i in wanted]
        return np.stack(found, dtype=dtype)  # in the byte order of the file
    first, last = (int(wanted.min()), int(wanted.max()) + 1) if wanted.size else (0, 0)
    file.seek(start + first * row)
    values = np.fromfile(file, dtype, nbytes_of((last - first, *shape[1:]), 1))
    if len(values) < nbytes_of((last - first, *shape[1:]), 1):
        raise EOFError("it ends before its data do")
    return values.reshape(last - first, *shape[1:])[(wanted - first, *key[1:])]


def mapped(array: NDArray[Any]) -> Any:
    """A dask array over one in memory, so that arithmetic on it waits until it is used."""
    import dask.array as da

    make: Any = da.from_array
    return make(array, chunks=_pieces(array.shape, array.dtype, None), name=False)


def is_lazy(array: Any) -> bool:
    """Whether an array computes its values only when they are asked for."""
    return not isinstance(array, np.ndarray)


@contextmanager
def in_rows(count: int) -> Iterator[None]:
    """Inside, arrays are opened in pieces of so many rows of many images, so that others need not be read with them."""
    token = _few_rows.set(count)
    try:
        yield
    finally:
        _few_rows.reset(token)


def read_here(array: Any) -> NDArray[Any]:
    """The values of an array, read in the calling thread whatever schedules the work of others."""
    return np.asarray(array.compute(scheduler="synchronous") if is_lazy(array) else array)


def in_memory(array: ArrayLike, path: Path) -> NDArray[Any]:
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
    most = list(shape)
    if (rows := _few_rows.get()) and len(shape) == 3:
        most[1] = min(shape[1], piece[1] * -(-rows // piece[1]))
    for axis in reversed(range(len(shape))):
        fit = _PIECE // nbytes_of(tuple(piece), np.dtype(dtype).itemsize)
        piece[axis] = min(most[axis], piece[axis] * max(fit, 1))
        if piece[axis] < most[axis]:
            break
    return tuple(piece)


def _stamp(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino

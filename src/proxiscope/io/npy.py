"""NumPy's .npy: one array behind a short text header; and the checks that .npz shares."""

from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npformat

from proxiscope.core.errors import InputError
from proxiscope.io import own
from proxiscope.io.lazy import plain
from proxiscope.io.raw import Found, nbytes_of


def read(path: Path, variable: str | None = None, ndims: tuple[int, ...] = (2, 3)) -> Found:
    """Read an .npy file, a large one when it is used; pickled objects are refused.

    Parameters
    ----------
    path : Path
        The file.
    variable : str, optional
        Ignored: an .npy file holds one array.
    ndims : tuple of int
        Numbers of dimensions to accept.

    Returns
    -------
    Found
        The array as stored.
    """
    with path.open("rb") as file:
        shape, columns_first, dtype = _header(file, path)
        start = file.tell()
    need = start + nbytes_of(shape, dtype.itemsize)
    if need > path.stat().st_size:
        raise InputError(
            path.name,
            f"its header claims shape {shape} of {dtype}, {need} bytes, but it has {path.stat().st_size}",
            "The file was cut short or damaged: copy or export it again.",
        )
    if len(shape) not in ndims or 0 in shape:
        raise InputError(
            path.name, f"holds an array of shape {shape}", f"Give {' or '.join(map(str, ndims))} dimensions."
        )
    data = plain(path, shape[::-1] if columns_first else shape, dtype, start, "NPY")
    return own.beside(Found(data.T if columns_first else data), path)


def header(file: IO[bytes], field: Path) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and dtype that an .npy header claims; leaves `file` at the start of the data."""
    shape, _, dtype = _header(file, field)
    return shape, dtype


def _header(file: IO[bytes], field: Path) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether the first axis is the fastest, and dtype."""
    version = npformat.read_magic(file)
    if version not in ((1, 0), (2, 0)):  # 3.0 only serves field names of structured arrays
        raise InputError(field.name, f"NPY format version {version}", "Save a plain array again with numpy.save.")
    reader = npformat.read_array_header_1_0 if version == (1, 0) else npformat.read_array_header_2_0
    shape, columns_first, dtype = reader(file)
    if dtype.hasobject:
        raise InputError(
            field.name,
            "holds Python objects (pickle), which could run code",
            "Save a plain array of numbers.",
        )
    if any(n < 0 for n in shape):
        raise InputError(field.name, f"its header claims shape {shape}", "The file is damaged: export it again.")
    return shape, columns_first, dtype

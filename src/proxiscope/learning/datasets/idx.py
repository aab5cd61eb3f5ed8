"""MNIST, and sets that are made like it, from files in the IDX format.

Such a file begins with two zero bytes, one for the type of its values (8: unsigned bytes, the only one here) and one
for the number of its axes; then come their lengths, 4 bytes each with the highest first, and the values.
"""

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from ...core.errors import InputError
from ..problem import LabelledSet
from ._files import MOST, check_memory, find

_REMEDY = (
    "Give the folder that holds train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and "
    "t10k-labels-idx1-ubyte, each plain or as .gz, such as those of MNIST at "
    "https://ossci-datasets.s3.amazonaws.com/mnist/"
)
_UNSIGNED_BYTES = 8
_GZIP_RATIO = 1032  # of what it unpacks to what is packed, at the most


def mnist(folder: str | os.PathLike[str]) -> LabelledSet:
    """The images of MNIST, or of another set in files of the same names and format.

    Parameters
    ----------
    folder : path-like
        With ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte`` and
        ``t10k-labels-idx1-ubyte``, plain or with ``.gz`` at the end.

    Returns
    -------
    LabelledSet
        Points (n, y x), 784 coordinates for MNIST, the rows of an image one after the other; bytes divided by 255.

    Raises
    ------
    InputError
        If a file is missing, is no such file, or does not go with the others.
    NotEnoughMemoryError
        If the images do not fit into memory.
    """
    images, labels = zip(*(_part(folder, part) for part in ("train", "t10k")), strict=True)
    if images[0].shape[1:] != images[1].shape[1:]:
        found = f"images of {images[0].shape[1:]} pixels to learn from and of {images[1].shape[1:]} to be tested with"
        raise InputError(str(folder), found, _REMEDY)
    check_memory(folder, sum(part.size for part in images))
    points = [part.reshape(len(part), -1) / np.float32(255) for part in images]
    return LabelledSet(points[0], labels[0], points[1], labels[1], source=str(folder))


def _part(folder: str | os.PathLike[str], part: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    images, labels = (
        find(folder, (f"{part}-{kind}-ubyte", f"{part}-{kind}-ubyte.gz"), _REMEDY)
        for kind in ("images-idx3", "labels-idx1")
    )
    pixels, classes = read_idx(images, 3), read_idx(labels, 1)
    if len(pixels) != len(classes):
        raise InputError(str(labels), f"{len(classes)} labels for the {len(pixels)} images of {images.name}", _REMEDY)
    return pixels, classes


def read_idx(path: str | os.PathLike[str], ndim: int) -> NDArray[np.uint8]:
    """The unsigned bytes of an IDX file, plain or packed by gzip.

    Parameters
    ----------
    path : path-like
        Unpacked where the name ends with ``.gz``.
    ndim : int
        Axes that it has to have.

    Returns
    -------
    ndarray of uint8
        Read-only.

    Raises
    ------
    InputError
        If the file cannot be read, holds something else, or not what its header says.
    """
    path = Path(path)
    packed = path.suffix.lower() == ".gz"
    try:
        size = path.stat().st_size
        with gzip.open(path) if packed else path.open("rb") as file:
            return _values(cast(BinaryIO, file), path, ndim, size * _GZIP_RATIO if packed else size)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(str(path), f"cannot be read ({error})", _REMEDY) from error


def _values(file: BinaryIO, path: Path, ndim: int, most: int) -> NDArray[np.uint8]:
    """The values, of a file that unpacks to `most` bytes or less."""
    header = file.read(4 + 4 * ndim)
    if header[:4] != bytes((0, 0, _UNSIGNED_BYTES, ndim)):
        expected = f"an IDX file of unsigned bytes with {ndim} axes begins with 0, 0, {_UNSIGNED_BYTES}, {ndim}"
        raise InputError(str(path), f"begins with {', '.join(map(str, header[:4])) or 'nothing'}; {expected}", _REMEDY)
    if len(header) < 4 + 4 * ndim:
        raise InputError(str(path), "ends within its header", _REMEDY)
    shape = struct.unpack(f">{ndim}I", header[4:])
    claimed = math.prod(shape)
    if not 0 < claimed <= min(most, MOST):
        raise InputError(str(path), f"claims to hold an array of shape {shape}", _REMEDY)
    values = file.read(claimed + 1)
    if len(values) != claimed:
        found = "more values" if len(values) > claimed else f"{len(values)} values"
        raise InputError(str(path), f"{found} than the {claimed} of its shape {shape}", _REMEDY)
    return np.frombuffer(values, np.uint8).reshape(shape)

"""CIFAR-10 from the files of its binary version.

They are records of 3073 bytes: the class, then 32 x 32 pixels in red, in green and in blue.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import InputError
from ..problem import LabelledSet
from ._files import MOST, check_memory, find

SHAPE = (3, 32, 32)
"""Axes (channel, y, x) of an image."""

_RECORD = 1 + 3 * 32 * 32
_CLASSES = 10
_REMEDY = (
    "Give the folder with data_batch_1.bin to data_batch_5.bin and test_batch.bin of the CIFAR-10 binary version from "
    "https://www.cs.toronto.edu/~kriz/cifar.html"
)


def cifar10(folder: str | os.PathLike[str]) -> LabelledSet:
    """The images of CIFAR-10.

    Parameters
    ----------
    folder : path-like
        With ``data_batch_1.bin`` to ``data_batch_5.bin`` and ``test_batch.bin``. The files of the Python version are
        pickles, which may run anything when they are read, and are refused.

    Returns
    -------
    LabelledSet
        Points (n, 3072), each an image (channel, y, x) of shape (3, 32, 32) in a row; bytes divided by 255.

    Raises
    ------
    InputError
        If a file is missing or is no such file.
    NotEnoughMemoryError
        If the images do not fit into memory.
    """
    paths = [_find(folder, f"data_batch_{i}") for i in range(1, 6)] + [_find(folder, "test_batch")]
    check_memory(folder, sum(path.stat().st_size for path in paths))
    parts = [read_records(path) for path in paths]
    train: NDArray[Any] = np.concatenate(parts[:-1])
    test: NDArray[Any] = parts[-1]
    return LabelledSet(_points(train), train[:, 0], _points(test), test[:, 0], source=str(folder))


def _find(folder: str | os.PathLike[str], name: str) -> Path:
    if (Path(folder) / name).is_file() and not (Path(folder) / f"{name}.bin").is_file():
        found = "is of the Python version, a pickle, which is not read: it may run anything"
        raise InputError(str(Path(folder) / name), found, _REMEDY)
    return find(folder, (f"{name}.bin",), _REMEDY)


def _points(records: NDArray[np.uint8]) -> NDArray[Any]:
    return records[:, 1:] / np.float32(255)


def read_records(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """The records (n, 3073) of a file: the class, then the bytes of the image.

    Raises
    ------
    InputError
        If the file cannot be read or holds something else.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if size == 0 or size % _RECORD or size > MOST:
            raise InputError(str(path), f"{size} bytes, not a number of records of {_RECORD}", _REMEDY)
        records = np.fromfile(path, np.uint8, size).reshape(-1, _RECORD)
    except OSError as error:
        raise InputError(str(path), f"cannot be read ({error})", _REMEDY) from error
    if records[:, 0].max() >= _CLASSES:
        raise InputError(str(path), f"a class {records[:, 0].max()} where there are {_CLASSES}", _REMEDY)
    return records

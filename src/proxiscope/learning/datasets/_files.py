"""What the readers share: files are not trusted, and nothing is allocated before it is known to be there."""

import os
from pathlib import Path

from ...core.errors import InputError, NotEnoughMemoryError
from ...core.memory import available

MOST = 2**30
"""Bytes that a file may hold, unpacked; those of the largest set in these formats hold less."""


def find(folder: str | os.PathLike[str], names: tuple[str, ...], remedy: str) -> Path:
    """The first of `names` that is a file in the folder.

    Raises
    ------
    InputError
        If there is none.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(str(folder), "is no folder", remedy)
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise InputError(str(folder), f"holds no {' nor '.join(names)}", remedy)


def check_memory(folder: str | os.PathLike[str], values: int) -> None:
    """Raise NotEnoughMemoryError unless so many values fit into memory as float32 beside their bytes."""
    need, have = 6 * values, available()
    if need > have:
        raise NotEnoughMemoryError(
            f"{folder}: the points take {need / 1e9:.3g} GB and {have / 1e9:.3g} GB are available. Give fewer of them."
        )

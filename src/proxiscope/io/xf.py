"""IMOD's ``.xf`` files: a line A11 A12 A21 A22 DX DY for each image of a series.

What the numbers mean, and how they become shifts, see `proxiscope.tomography.alignment.transforms`.
"""

import os

import numpy as np
from numpy.typing import ArrayLike, NDArray

from proxiscope.core.files import atomic
from proxiscope.io.text import read_rows
from proxiscope.tomography.alignment.transforms import from_transforms, to_transforms


def read_xf(path: str | os.PathLike[str], shape: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Read the shifts (tilt, 2) and the rotations (tilt,) of a series whose raw images are of `shape`.

    Raises
    ------
    InputError
        The file is missing, or has other lines than of six finite numbers, or as for `from_transforms`.
    """
    return from_transforms(read_rows(path), shape, os.path.basename(path))


def write_xf(
    path: str | os.PathLike[str], shifts: ArrayLike, shape: tuple[int, int], rotations: ArrayLike | float = 0.0
) -> None:
    """Write the transformations of shifts (tilt, 2) and rotations, of raw images of `shape`.

    Replaced as a whole or not at all.

    Raises
    ------
    InputError
        The shifts have another shape, or the file cannot be written.
    """
    rows = to_transforms(shifts, shape, rotations)
    lines = ("".join(f"{v:12.7f}" for v in row[:4]) + "".join(f"{v:12.3f}" for v in row[4:]) for row in rows)
    with atomic(path) as temporary:
        temporary.write_text("".join(line + "\n" for line in lines))

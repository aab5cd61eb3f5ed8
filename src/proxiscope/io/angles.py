"""Tilt angles in files of their own: text, IMOD, SerialEM, MATLAB, numpy."""

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from proxiscope.core.errors import InputError
from proxiscope.core.files import atomic
from proxiscope.io.mdoc import read_mdoc
from proxiscope.io.raw import check_file, reading
from proxiscope.io.text import read_rows

_TEXT = (".rawtlt", ".tlt", ".txt", ".dat", ".csv")
ANGLE_SUFFIXES = (*_TEXT, ".mdoc", ".mat", ".npy")


def read_angles(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Read tilt angles or Euler triples from a file.

    Text (``.rawtlt .tlt .txt .dat .csv``) has one angle a line, or three columns phi, theta, psi, or five of
    refined tilts, as `write_angles` writes them; what follows ``#``, ``;`` or ``%`` is a comment. A SerialEM
    ``.mdoc`` gives the ``TiltAngle`` of each section in the order of the sections, which is that of acquisition.
    ``.mat`` and ``.npy`` hold (n,), (n, 1), (1, n), (n, 3), (3, n) or (n, 5).

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    ndarray
        Degrees, float64, (n,), or (n, 3) for triples; (n, 5) with the shifts (dy, dx) in pixels of refined tilts.

    Raises
    ------
    InputError
        The file is missing or unreadable, or holds something else than finite numbers in 1, 3 or 5 columns.
    """
    path = check_file(path)
    suffix = path.suffix.lower()
    if suffix not in ANGLE_SUFFIXES:
        raise InputError(
            path.name,
            f"no angles are read from {suffix or 'a name without suffix'}",
            f"Use one of {' '.join(ANGLE_SUFFIXES)}.",
        )
    with reading(path, "angles"):
        if suffix == ".mdoc":
            values = read_mdoc(path)["angles"]
        elif suffix == ".mat":
            from proxiscope.io import matlab

            values = matlab.read_angles(path)
        elif suffix == ".npy":
            from proxiscope.io import npy

            values = npy.read(path, None, ndims=(1, 2)).data
        else:
            values = read_rows(path)
        return as_angles(values, path.name)


def as_angles(values: ArrayLike, field: str) -> NDArray[Any]:
    """Angles as float64 (n,), triples as (n, 3), refined tilts as (n, 5); a single row or column counts as (n,).

    Raises
    ------
    InputError
        They are not finite real numbers, or of another shape.
    """
    values = np.asarray(values)
    if values.dtype.kind not in "iuf":
        raise InputError(field, f"angles of type {values.dtype}", "Give real numbers in degrees.")
    shape, values = values.shape, np.asarray(values, dtype=np.float64)
    if values.ndim == 2 and 1 in values.shape:
        values = values.ravel()
    elif values.ndim == 2 and values.shape[1] != 3 and values.shape[0] == 3:
        values = values.T
    if values.size == 0 or not (values.ndim == 1 or (values.ndim == 2 and values.shape[1] in (3, 5))):
        raise InputError(
            field,
            f"angles of shape {shape}",
            "Give one angle an image, or columns phi, theta, psi, of refined tilts also dy, dx.",
        )
    if not np.isfinite(values).all():
        bad = int(np.argmin(np.isfinite(values.reshape(len(values), -1)).all(axis=1))) + 1
        raise InputError(field, f"angle number {bad} is not finite", "Remove or correct it.")
    return np.ascontiguousarray(values)


def split_shifts(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Angles (n,) or triples (n, 3), and the shifts (n, 2) of refined tilts (n, 5)."""
    return (values[:, :3], values[:, 3:]) if values.shape[1:] == (5,) else (values, None)


def check_angle_name(path: str | os.PathLike[str]) -> None:
    """Raise InputError unless a table of refined tilts by this name can be read back."""
    if Path(path).suffix.lower() not in _TEXT:
        raise InputError(
            Path(path).name, "a name that angles in text are not read from", f"Choose one of {' '.join(_TEXT)}"
        )


def write_angles(path: str | os.PathLike[str], rotations: ArrayLike, shifts: ArrayLike) -> None:
    """Write refined tilts as a table that `read_angles` reads.

    Parameters
    ----------
    path : path-like
        ``.txt``, ``.csv`` or another suffix of text; replaced as a whole or not at all.
    rotations : array_like, (tilt, 3)
        Euler triples (phi, theta, psi) in degrees.
    shifts : array_like, (tilt, 2)
        (dy, dx) in pixels.

    Raises
    ------
    InputError
        If the suffix is another one, or the file cannot be written.
    """
    check_angle_name(path)
    between = ", " if Path(path).suffix.lower() == ".csv" else " "
    rows = np.column_stack([rotations, shifts])
    text = "".join(between.join(f"{value:.10g}" for value in row) + "\n" for row in rows)
    with atomic(path) as temporary:
        temporary.write_text("# phi theta psi (degrees), dy dx (pixels)\n" + text)


def siblings(path: Path, stem: str) -> list[Path]:
    """Files beside `path` that by their names hold its angles, most trusted first; a reconstruction has none.

    IMOD refines ``.rawtlt`` into ``.tlt`` while it aligns, so that only an aligned stack prefers ``.tlt``.
    """
    if path.suffix.lower() == ".rec":
        return []
    tilts = [".tlt", ".rawtlt"] if path.suffix.lower() == ".ali" else [".rawtlt", ".tlt"]
    names = [stem + suffix for suffix in tilts] + [path.name + ".mdoc", stem + ".mdoc"]
    names += [f"{stem}_angles{suffix}" for suffix in (".mat", ".npy", ".csv", ".txt")]
    if "projections" in stem.lower():
        named = re.sub("projections", "angles", stem, flags=re.I)
        names += [named + suffix for suffix in (".mat", ".npy", ".csv", ".txt")]
    return [file for name in dict.fromkeys(names) if (file := path.with_name(name)).is_file()]

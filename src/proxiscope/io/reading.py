"""`read`: from any file that proxiscope knows to a `RawData`."""

import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from proxiscope.core.errors import InputError
from proxiscope.io.angles import as_angles, read_angles, siblings, split_shifts
from proxiscope.io.raw import Found, RawData, check_file, reading

_MRC = (".mrc", ".mrcs", ".st", ".ali", ".map", ".rec", ".preali")
_ARCHIVE = (".gz", ".bz2")
_FORMATS = {  # suffix: module and the words for the message
    **{mrc + archive: ("mrc", "MRC") for mrc in _MRC for archive in ("", *_ARCHIVE)},
    **dict.fromkeys((".h5", ".hdf5", ".hspy", ".nxs", ".cxi", ".emd"), ("hdf5", "HDF5")),
    ".mat": ("matlab", "MATLAB"),
    ".npy": ("npy", "NPY"),
    ".npz": ("npz", "NPZ"),
    **dict.fromkeys((".tif", ".tiff"), ("tiff", "TIFF")),
}
READ_SUFFIXES = tuple(_FORMATS)
"""Suffixes that `read` knows, in lower case with the dot."""


def read(
    path: str | os.PathLike,
    *,
    angles: str | os.PathLike | ArrayLike | None = None,
    variable: str | None = None,
) -> RawData:
    """Read an image, a tilt series or a volume with what the file and its neighbours say about it.

    Angles come from `angles`, else from the file or from one beside it that goes by its name. Those that were
    found without being asked for and do not fit the data are left out, and a note says so.

    Parameters
    ----------
    path : path-like
        A file with one of `READ_SUFFIXES`.
    angles : path-like or array-like, optional
        Angles file as for `read_angles`, or degrees: (n,), (n, 3) Euler ZYX triples, or (n, 5) refined tilts.
    variable : str, optional
        Name of the array to read, in formats that hold several (HDF5, MATLAB, NPZ).

    Returns
    -------
    RawData
        With axes (y, x), (tilt, y, x) or (z, y, x); a sinogram with angles becomes (tilt, 1, x).

    Raises
    ------
    InputError
        The file is missing, damaged, unsupported, ambiguous or too large, or `angles` do not fit the data.
    """
    path, stem, found = _open(path, variable, kinds="biuf")
    if angles is not None:
        named = isinstance(angles, str | os.PathLike)
        values = read_angles(angles) if named else as_angles(angles, "angles")
        origin = Path(angles).name if named else "the call"
        placed = _place(found, len(values), asked=True)
        if placed is None:
            raise InputError(
                origin if named else "angles",
                f"{_count(values)} for data of shape {found.data.shape} in {path.name}",
                "Give one angle for each image of the stack.",
            )
        return _with_angles(found, path, values, origin, *placed)
    notes: list[str] = []
    for origin, values in _candidates(found, path, stem, notes):
        if placed := _place(found, len(values), asked=False):
            return _with_angles(found, path, values, origin, placed[0], (*notes, *placed[1]))
        notes.append(f"Found {_count(values)} in {origin}, which do not fit the shape {found.data.shape}: not used.")
    return RawData(found.data, None, None, found.pixel_size, found.tilt_axis, (*found.notes, *notes), path)


def read_array(path: str | os.PathLike, variable: str | None = None) -> NDArray:
    """Read the array alone, such as a support, a mask or an earlier result, in the type it is stored in.

    It has the axes (y, x) or (z, y, x). Complex numbers are read too, from NPY, NPZ, HDF5 and MATLAB.

    Raises
    ------
    InputError
        As for `read`.
    """
    return _open(path, variable, kinds="biufc")[2].data


def _open(path: str | os.PathLike, variable: str | None, *, kinds: str) -> tuple[Path, str, Found]:
    """The file, its name without suffix, and what its format's reader finds, of one of the `kinds` of numbers."""
    path = check_file(path)
    suffix = path.suffix.lower()
    if suffix in _ARCHIVE:
        suffix = Path(path.stem).suffix.lower() + suffix
    if suffix not in _FORMATS:
        known = " ".join(s for s in _FORMATS if not s.endswith(_ARCHIVE))
        raise InputError(
            path.name,
            f"files of type {suffix or '(no suffix)'} are not read",
            f"Supported are {known}, and .gz or .bz2 of MRC.",
        )
    module, kind = _FORMATS[suffix]
    with reading(path, kind):
        found = import_module(f"proxiscope.io.{module}").read(path, variable)
    return path, path.name[: -len(suffix)], _checked(found, path, kinds)


def _checked(found: Found, path: Path, kinds: str) -> Found:
    data = found.data
    if data.dtype.kind not in kinds:
        kind = "complex numbers" if data.dtype.kind == "c" else f"values of type {data.dtype}"
        raise InputError(path.name, f"holds {kind}", "Give real numbers, for example magnitudes or intensities.")
    if data.ndim not in (2, 3) or data.size == 0:
        raise InputError(
            path.name, f"holds an array of shape {data.shape}", "Give an image (y, x) or a stack of images."
        )
    return found


def _candidates(found: Found, path: Path, stem: str, notes: list[str]) -> Iterator[tuple[str, NDArray]]:
    """Angles that were not asked for, from the file and from its neighbours, most trusted first.

    MRC headers are often copied along without their angles' being true, so there the neighbours go first.
    """
    embedded = [(origin, lambda v=values, o=origin: as_angles(v, o)) for origin, values in found.angles]
    beside = [(file.name, lambda f=file: read_angles(f)) for file in siblings(path, stem)]
    is_mrc = any(suffix.lower() in _MRC for suffix in path.suffixes[-2:])
    for origin, get in beside + embedded if is_mrc else embedded + beside:
        try:
            yield origin, get()
        except InputError as error:
            notes.append(f"The angles of {origin} were not used: {error.found}.")


def _place(found: Found, count: int, *, asked: bool) -> tuple[NDArray, tuple[str, ...]] | None:
    """Data as (tilt, y, x) for `count` tilts, with notes; None when no axis, or more than one, fits."""
    data, shape = found.data, found.data.shape
    axes = [axis for axis in range(data.ndim) if shape[axis] == count]
    if data.ndim == 2:
        if not axes or (len(axes) == 2 and not asked):
            return None
        sinogram = data if axes[0] == 0 else data.T
        return sinogram[:, None, :], (
            f"Read {shape} as a sinogram: {count} tilts of one row of {sinogram.shape[1]} pixels.",
        )
    if 0 in axes:
        return data, ()
    if len(axes) != 1:
        return None
    if found.turned and axes == [2]:
        return data.transpose(2, 1, 0), ("The angles show that the file stores its tilts first: kept its axis order.",)
    return np.moveaxis(data, axes[0], 0), (f"Moved the tilts, axis {axes[0]} of {shape}, to the front.",)


def _with_angles(
    found: Found, path: Path, values: NDArray, origin: str, data: NDArray, notes: tuple[str, ...]
) -> RawData:
    values, shifts = split_shifts(values)
    rotations, thetas = None, values if values.ndim == 1 else values[:, 1]
    if values.ndim == 2 and values[:, [0, 2]].any():
        rotations = values
    kind = "tilt angles" if rotations is None else "Euler triples"
    line = f"{len(values)} {kind if shifts is None else 'refined tilts'} from {origin} "
    line += f"({thetas.min():.4g} to {thetas.max():.4g} degrees)."
    if 0 < np.abs(values).max() <= 2 * np.pi and len(values) > 3:
        line += " They are taken as degrees; should they be radians, convert them."
    angles = np.ascontiguousarray(thetas) if rotations is None else None
    notes = (*found.notes, *notes, line)
    return RawData(data, angles, rotations, found.pixel_size, found.tilt_axis, notes, path, shifts)


def _count(values: NDArray) -> str:
    kinds = {(): "angles", (3,): "Euler triples", (5,): "refined tilts"}
    return f"{len(values)} {kinds[values.shape[1:]]}"

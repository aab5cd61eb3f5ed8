"""`read`: from any file that proxiscope knows to a `RawData`."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from proxiscope.core.errors import InputError
from proxiscope.io.angles import as_angles, read_angles, siblings, split_shifts
from proxiscope.io.formats import MRC, READ_SUFFIXES, Opened, Source, open_source
from proxiscope.io.lazy import in_memory
from proxiscope.io.order import nearer_to, put, tilt_order
from proxiscope.io.raw import Found, RawData

__all__ = ["READ_SUFFIXES", "read", "read_array"]

Placed = tuple[Callable[[Any], Any], tuple[str, ...]]
"""What makes (tilt, y, x) of an array that is shaped as the file has it, and notes."""

_Candidate = tuple[str, Callable[[], NDArray[Any]]]


def read(
    path: Source,
    *,
    angles: str | os.PathLike[str] | ArrayLike | None = None,
    variable: str | None = None,
) -> RawData:
    """Read an image, a tilt series or a volume with what the file and its neighbours say about it.

    Angles come from `angles`, else from the file or from one beside it that goes by its name. Those that were
    found without being asked for and do not fit the data are left out, and a note says so. A series that was found
    in another order than that of its tilts is put in order; one whose angles were given stays as it is.

    Parameters
    ----------
    path : path-like or sequence of path-like
        A file with one of `READ_SUFFIXES`, of which an mdoc stands for the series beside it; a folder of single TIFF
        images or of a Zarr group; or a list of single TIFF images.
    angles : path-like or array-like, optional
        Angles file as for `read_angles`, or degrees: (n,), (n, 3) Euler ZYX triples, or (n, 5) refined tilts.
    variable : str, optional
        Name of the array to read, in formats that hold several (HDF5, Zarr, MATLAB, NPZ, DigitalMicrograph).

    Returns
    -------
    RawData
        With axes (y, x), (tilt, y, x) or (z, y, x); a sinogram with angles becomes (tilt, 1, x).

    Raises
    ------
    InputError
        The file is missing, damaged, unsupported, ambiguous or too large, or `angles` do not fit the data.
    """
    opened = _open(path, variable, kinds="biuf")
    found, path = opened.found, opened.path
    if angles is not None:
        if named := isinstance(angles, str | os.PathLike):
            values, origin = read_angles(angles), Path(angles).name
        else:
            values, origin = as_angles(angles, "angles"), "the call"
        placed = _place(found, len(values), asked=True)
        if placed is None:
            raise InputError(
                origin if named else "angles",
                f"{_count(values)} for data of shape {found.data.shape} in {path.name}",
                "Give one angle for each image of the stack.",
            )
        return _with_given(opened, values, origin, placed)
    notes: list[str] = []
    for origin, values in _candidates(opened, notes):
        if placed := _place(found, len(values), asked=False):
            order = None if found.declared.ours else tilt_order(values)
            return _with_angles(found, path, values, origin, (placed[0], (*notes, *placed[1])), order)
        notes.append(f"Found {_count(values)} in {origin}, which do not fit the shape {found.data.shape}: not used.")
    notes = [*found.notes, *notes]
    return RawData(
        found.data, None, None, found.pixel_size, found.tilt_axis, tuple(notes), path, declared=found.declared
    )


def read_array(path: Source, variable: str | None = None) -> NDArray[Any]:
    """Read the array alone, such as a support, a mask or an earlier result, in the type it is stored in.

    It has the axes (y, x) or (z, y, x). Complex numbers are read too, from NPY, NPZ, HDF5, Zarr and MATLAB. In masks
    of proxiscope true, or non-zero, is usable; those of Fit2D (.msk) mean the opposite and are turned round.

    Parameters
    ----------
    path : path-like
        The file, as for `read`.
    variable : str, optional
        Name of the array in a file that holds several.

    Returns
    -------
    ndarray
        As it is stored.

    Raises
    ------
    InputError
        As for `read`.
    """
    opened = _open(path, variable, kinds="biufc")
    return in_memory(opened.found.data, opened.path)


def _open(path: Source, variable: str | None, *, kinds: str) -> Opened:
    """What the reader of the file's format finds, of one of the `kinds` of numbers."""
    opened = open_source(path, variable)
    return replace(opened, found=_checked(opened.found, opened.path, kinds))


def _checked(found: Found, path: Path, kinds: str) -> Found:
    data = found.data
    if data.dtype.kind not in kinds and not (data.dtype.kind == "c" and found.declared.kind == "result"):
        kind = "complex numbers" if data.dtype.kind == "c" else f"values of type {data.dtype}"
        raise InputError(path.name, f"holds {kind}", "Give real numbers, for example magnitudes or intensities.")
    if data.ndim not in (2, 3) or data.size == 0:
        raise InputError(
            path.name, f"holds an array of shape {data.shape}", "Give an image (y, x) or a stack of images."
        )
    return found


def _candidates(opened: Opened, notes: list[str]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Angles that were not asked for, from the file and from its neighbours, most trusted first.

    MRC headers are often copied along without their angles' being true, so there the neighbours go first.
    """
    found, path = opened.found, opened.path
    if found.declared.kind in ("result", "pattern"):
        return
    if found.declared.ours and found.angles:
        yield found.angles[0]
        return
    embedded: list[_Candidate] = [(origin, partial(as_angles, values, origin)) for origin, values in found.angles]
    beside: list[_Candidate] = [(file.name, partial(read_angles, file)) for file in siblings(path, opened.stem)]
    copied = any(suffix.lower() in MRC for suffix in path.suffixes[-2:])
    candidates = beside + embedded if copied else embedded + beside
    if opened.described_by is not None:
        candidates.insert(0, (opened.described_by.name, partial(read_angles, opened.described_by)))
    for origin, get in candidates:
        try:
            yield origin, get()
        except InputError as error:
            notes.append(f"The angles of {origin} were not used: {error.found}.")


def _place(found: Found, count: int, *, asked: bool) -> Placed | None:
    """How to make (tilt, y, x) of the data for `count` tilts; None when no axis, or more than one, fits."""
    shape = found.data.shape
    axes = [axis for axis in range(len(shape)) if shape[axis] == count]
    if len(shape) == 2:
        if not axes or (len(axes) == 2 and not asked):
            return None
        turn = axes[0] != 0
        note = f"Read {shape} as a sinogram: {count} tilts of one row of {shape[1 - axes[0]]} pixels."
        return lambda a: (a.T if turn else a)[:, None, :], (note,)
    if 0 in axes:
        return lambda a: a, ()
    if len(axes) != 1:
        return None
    if found.turned and axes == [2]:
        note = "The angles show that the file stores its tilts first: kept its axis order."
        return lambda a: a.transpose(2, 1, 0), (note,)
    note = f"Moved the tilts, axis {axes[0]} of {shape}, to the front."
    return lambda a: np.moveaxis(a, axes[0], 0), (note,)


def _with_given(opened: Opened, values: NDArray[Any], origin: str, placed: Placed) -> RawData:
    """With angles that were asked for, in the order in which they are given.

    Refined tilts are those of a series as it was read, which may have been put in order: the file's own angles tell.
    """
    order, notes = None, placed[1]
    if values.shape[1:] == (5,) and not opened.found.declared.ours:
        own = next((v for _, v in _candidates(opened, []) if v.shape == (len(values),)), None)
        order = tilt_order(own) if own is not None else None
        order = order if own is not None and order is not None and nearer_to(values[:, 1], own[order], own) else None
    elif tilt_order(values) is not None:
        notes += ("The angles given are not in the order of the tilts; the images stay as the file has them.",)
    found = opened.found
    return _with_angles(found, opened.path, values, origin, (placed[0], notes), order, sort_values=False)


def _with_angles(
    found: Found,
    path: Path,
    values: NDArray[Any],
    origin: str,
    placed: Placed,
    order: NDArray[Any] | None,
    *,
    sort_values: bool = True,
) -> RawData:
    data, declared, notes = placed[0](found.data), found.declared, placed[1]
    if declared.valid is not None and declared.valid.shape == found.data.shape:
        declared = replace(declared, valid=placed[0](declared.valid))
    if order is not None:
        data, values = put(data, order), values[order] if sort_values else values
        if declared.valid is not None and declared.valid.shape == data.shape:
            declared = replace(declared, valid=declared.valid[order])
        notes += ("The images were not in the order of their tilts, and were put in it.",)
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
    return RawData(
        data, angles, rotations, found.pixel_size, found.tilt_axis, notes, path, shifts, declared, order=order
    )


def _count(values: NDArray[Any]) -> str:
    kinds = {(): "angles", (3,): "Euler triples", (5,): "refined tilts"}
    return f"{len(values)} {kinds[values.shape[1:]]}"

"""What a file holds, before it becomes a problem, and the checks every reader shares."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from proxiscope.core.errors import InputError
from proxiscope.core.memory import available

_NM = {
    "nm": 1.0, "nanometer": 1.0, "nanometre": 1.0, "n_m": 1.0,
    "å": 0.1, "a": 0.1, "angstrom": 0.1, "angstroms": 0.1, "ångström": 0.1,
    "um": 1e3, "µm": 1e3, "μm": 1e3, "micron": 1e3, "microns": 1e3, "micrometer": 1e3, "micrometre": 1e3,
    "u_m": 1e3, "\\u00b5m": 1e3, "pm": 1e-3, "picometer": 1e-3, "mm": 1e6, "millimeter": 1e6, "cm": 1e7,
    "m": 1e9, "meter": 1e9, "metre": 1e9,
}  # fmt: skip

ANGLES = re.compile(
    r"(ang|angles?|thetas?|tilts?|tilt_?(angles?|alpha|values?)|rotations?|rotation_angles?)$|.*_angles?$",
    re.I,
)
"""Names under which files keep their angles."""


_MUCH, _RATIO = 2**30, 500  # bytes, and what images may be packed to


Kind = Literal["pattern", "tilt-series", "result"]
"""What a file may say that it holds."""

Quantity = Literal["magnitudes", "intensities"]
"""What the numbers of a diffraction pattern are."""


@dataclass(frozen=True, eq=False)
class Declared:
    """What a file says of its array besides angles and pixel size; nothing is guessed.

    Attributes
    ----------
    ours : bool
        Whether proxiscope wrote it: its record is exact, and nothing is put into another order.
    kind : {"pattern", "tilt-series", "result"} or None
        What it holds.
    quantity : {"magnitudes", "intensities"} or None
        What the numbers of a pattern are; what a detector's own format holds are intensities.
    object : str or None
        What a pattern's object is, as for `DiffractionPattern`.
    reconstruction_pixel_size : float or None
        Of a pattern: edge in nm of a pixel of what is reconstructed from it, which is not its own.
    valid : ndarray of bool or None
        Usable pixels, of the shape of the data or of one image.
    provenance : Mapping
        How a result came about, as `proxiscope.reconstruction.conclude` writes it, or a series was prepared.
    metrics, products : Mapping[str, ndarray]
        Curves and further arrays of a result.
    """

    ours: bool = False
    kind: Kind | None = None
    quantity: Quantity | None = None
    object: str | None = None
    reconstruction_pixel_size: float | None = None
    valid: NDArray[np.bool_] | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    products: Mapping[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class RawData:
    """The array a file holds with what is known about it.

    Attributes
    ----------
    data : ndarray or dask array
        Numbers or booleans as stored; axes (y, x), (tilt, y, x) or (z, y, x). Read-only and not yet in
        memory where the format allows it.
    angles : ndarray or None
        Tilt angles of a single-axis series in degrees, float64 (n_tilt,); None when none were found or when
        `rotations` has them.
    rotations : ndarray or None
        Euler ZYX triples (phi, theta, psi) in degrees, float64 (n_tilt, 3), of a series that turns about more
        than one axis; None otherwise.
    pixel_size : float or None
        Edge of a pixel in nm.
    tilt_axis : {"x", "y"}
        The image axis along which the tilt axis lies, as stored; "y" unless the file says otherwise.
    notes : tuple of str
        What was recognised, decided or corrected, as sentences for the user.
    source : Path
        The file.
    shifts : ndarray or None
        Where the rotation centre appears, (dy, dx) in pixels, float64 (n_tilt, 2), of refined tilts; None otherwise.
    declared : Declared
        What else the file says.
    order : ndarray of int or None
        Which image of the file each one is, (n_tilt,), where they were put in the order of their tilts.
    """

    data: NDArray[Any]
    angles: NDArray[Any] | None
    rotations: NDArray[Any] | None
    pixel_size: float | None
    tilt_axis: Literal["x", "y"]
    notes: tuple[str, ...]
    source: Path
    shifts: NDArray[Any] | None = None
    declared: Declared = Declared()
    order: NDArray[Any] | None = None


@dataclass(frozen=True, eq=False)
class Found:
    """What one format's reader found; `proxiscope.io.reading` makes a `RawData` of it.

    `angles` are candidates in order of trust, each with the words that say where it comes from. `turned` says
    that the axes were reversed because the format usually stores (x, y, z or tilt).
    """

    data: NDArray[Any]
    angles: tuple[tuple[str, NDArray[Any]], ...] = ()
    pixel_size: float | None = None
    tilt_axis: Literal["x", "y"] = "y"
    notes: tuple[str, ...] = ()
    turned: bool = False
    declared: Declared = Declared()


def squeezed(data: NDArray[Any], path: Path) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Data without leading axes of length one, and a note if there were any.

    Raises
    ------
    InputError
        More than three axes are longer than one.
    """
    long = tuple(n for axis, n in enumerate(data.shape) if n != 1 or axis >= data.ndim - 2)
    if len(long) > 3:
        raise InputError(
            path.name, f"holds an array of shape {data.shape}", "Give an image or a stack: export one channel or time."
        )
    if long == data.shape:
        return data, ()
    return data.reshape(long), (f"Left out the axes of length one of {data.shape}.",)


def to_nm(value: float, unit: str) -> float | None:
    """Length in nm, or None for a unit that is no length or a value that is no size."""
    factor = _NM.get(str(unit).strip().strip("[]").lower())
    size = float(value) * factor if factor else 0.0
    return size if np.isfinite(size) and size > 0 else None


def metres(value: Any) -> float | None:
    """Length in nm of a text, or a number, in metres, whatever follows it; None if it is no size."""
    try:
        return to_nm(float(str(value).split()[0]), "m")
    except (ValueError, IndexError):
        return None


def check_file(path: str | os.PathLike[str]) -> Path:
    """Path of a regular file that is not empty.

    Raises
    ------
    InputError
        It is missing, a folder, a device or pipe (which could block for ever), or has no bytes.
    """
    path = Path(path)
    try:
        size = path.stat().st_size if path.is_file() else None
        found = "is a folder" if path.is_dir() else "is no regular file" if path.exists() else "does not exist"
    except (OSError, ValueError) as error:  # no permission, a name too long, a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            path.name[:100], f"cannot be opened ({reason})", "Check the path and your permissions."
        ) from error
    if size is None:
        where = path.absolute()
        raise InputError(where.name or str(path), f"{found} in {where.parent}", "Give the path of a data file.")
    if size == 0:
        raise InputError(path.name, "the file is empty (0 bytes)", "Copy or export it again.")
    return path


def require_memory(nbytes: int, path: Path) -> None:
    """Raise an InputError unless `nbytes` fit into the memory at hand; call it before any allocation."""
    have = available()
    if nbytes > have:
        raise InputError(
            path.name,
            f"its data claim {nbytes / 2**30:.3g} GiB and {have / 2**30:.3g} GiB of memory are free",
            "If that size is right, crop or bin the data or use a larger machine; else the file is damaged.",
        )


def require_plausible(packed: int, unpacked: int, path: Path, much: int = _MUCH) -> None:
    """Raise an InputError if more than `much` comes out of next to nothing, as of no measurement: a bomb."""
    if unpacked > much and unpacked > _RATIO * packed:
        raise InputError(
            path.name,
            f"its data claim {unpacked / 2**30:.3g} GiB, of which it has {packed} bytes",
            "If it holds hardly anything but zeros, write it without compression; else the file is damaged.",
        )


def require_few(
    shape: tuple[int, ...], chunks: tuple[int, ...], itemsize: int, stored: Callable[[], int], path: Path
) -> None:
    """Raise an InputError if an array lies in millions of tiny chunks, or most of many are not there.

    It would take for ever to read it, or to find out; `stored` tells the bytes that are there, and is asked if there
    are many.
    """
    count = nbytes_of(tuple(-(-int(n) // max(int(c), 1)) for n, c in zip(shape, chunks, strict=True)), 1)
    if count > 2**20 and nbytes_of(chunks, itemsize) < 1024:
        raise InputError(path.name, f"keeps shape {tuple(shape)} in {count} chunks", "Write it with larger chunks.")
    if count > 2**16:
        require_plausible(stored(), nbytes_of(shape, itemsize), path, 0)


def nbytes_of(shape: tuple[int, ...], itemsize: int) -> int:
    """Size of an array in bytes, in Python integers, which do not overflow whatever a header claims."""
    size = itemsize
    for n in shape:
        size *= int(n)
    return size


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever a format library raises on bad bytes into one InputError.

    On damaged files the libraries raise nearly every exception there is, so nothing narrower is complete;
    only a reader's own work runs inside.
    """
    try:
        yield
    except InputError:
        raise
    except ModuleNotFoundError as error:
        found = f"{kind} is read by the library {error.name}, which is not installed"
        raise InputError(path.name, found, f"Install {error.name}, or napari-proxiscope again") from error
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(
            path.name,
            f"cannot be read as {kind} ({reason})",
            "The file is damaged or of another format than its name says: copy or export it again.",
        ) from error


def choose(path: Path, sizes: dict[str, int], preferred: tuple[str, ...] = ()) -> str:
    """Name of the array to read: a preferred name, else the largest.

    Parameters
    ----------
    path : Path
        The file, for the message.
    sizes : dict
        Number of elements of every candidate.
    preferred : tuple of str
        Names, in lower case, that win over size, best first.

    Raises
    ------
    InputError
        There is none, or several are equally large.
    """
    if not sizes:
        raise InputError(
            path.name, "holds no numeric array of 2 or 3 dimensions", "Give a file with an image or stack."
        )
    by_name = {name.lower(): name for name in reversed(sizes)}
    for name in preferred:
        if name in by_name:
            return by_name[name]
    largest = max(sizes.values())
    best = [name for name, size in sizes.items() if size == largest]
    if len(best) > 1:
        names = ", ".join(best[:10]) + (" ..." if len(best) > 10 else "")
        raise InputError(
            path.name,
            f"holds {len(best)} arrays of the same size: {names}",
            f"Say which with variable={best[0]!r}.",
        )
    return best[0]


def others(chosen: str, names: list[str]) -> tuple[str, ...]:
    """A note that says which of several arrays was read, or nothing when there was no choice."""
    rest = [name for name in names if name != chosen]
    if not rest:
        return ()
    listed = ", ".join(rest[:5]) + (" ..." if len(rest) > 5 else "")
    return (f"Read the array {chosen}; the file also holds {listed}.",)


def no_variable(path: Path, variable: str, names: list[str]) -> InputError:
    """The error for a `variable` that the file does not have."""
    listed = ", ".join(sorted(names)[:20]) or "no usable array"
    return InputError(path.name, f"has no array {variable!r} to read", f"It holds {listed}.")

"""Writers, one file a format. Each takes a path and `Contents`, and returns the names of what it cannot hold."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

from ...core.errors import InputError
from ...core.files import atomic
from ..contents import Contents

_FORMATS = {  # suffix: module
    ".mrc": "mrc",
    ".zarr": "zarr",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".cxi": "cxi",
    ".npz": "npz",
    ".npy": "npy",
    ".tif": "tiff",
    ".tiff": "tiff",
}
_BESIDE = (".mrc", ".npy")  # formats with a second file

WRITE_SUFFIXES = tuple(_FORMATS)
"""Suffixes of files that are written, in lower case with the dot."""

COMPLEX_SUFFIXES = (".npz", ".h5", ".hdf5", ".cxi", ".npy")
"""Those of `WRITE_SUFFIXES` whose formats hold complex numbers."""

WHOLE_SUFFIXES = (".npz", ".h5", ".hdf5")
"""Those of `WRITE_SUFFIXES` whose formats hold everything, of any size."""


def write(path: Path, contents: Contents) -> tuple[str, ...]:
    """Write a file in the format of its suffix, complete or not at all.

    Parameters
    ----------
    path : Path
        The file to make or replace.
    contents : Contents
        What it is to hold.

    Returns
    -------
    tuple of str
        What the format does not keep, in sentences.

    Raises
    ------
    InputError
        Unknown suffix, missing or unwritable folder, or an array that the format cannot hold.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    writer = writer_for(path)
    if contents.array.dtype.kind == "c" and suffix not in COMPLEX_SUFFIXES:
        remedy = f"Write the modulus or the phase to {suffix}, or use one of {' '.join(COMPLEX_SUFFIXES)}."
        raise InputError("array", "complex numbers", remedy)
    write_beside = _module(suffix).beside(path, contents) if suffix in _BESIDE else tuple
    with atomic(path, folder=suffix == ".zarr") as temporary:
        left_out = writer(temporary, contents)
    return (*(_sentence(path, name) for name in left_out), *write_beside())


def writer_for(path: Path) -> Callable[[Path, Contents], list[str]]:
    """The function that writes the format of a name; raises InputError if there is none."""
    suffix = Path(path).suffix.lower()
    if suffix not in _FORMATS:
        found = f"files of type {suffix or '(no suffix)'} are not written"
        raise InputError(Path(path).name, found, f"Supported are {' '.join(sorted(WRITE_SUFFIXES))}.")
    return _module(suffix).write


def _module(suffix: str) -> ModuleType:
    return import_module(f"{__name__}.{_FORMATS[suffix]}")


def _sentence(path: Path, name: str) -> str:
    return f"{path.name} does not keep {name.replace('/', ' ', 1)}; {' and '.join(WHOLE_SUFFIXES[:2])} do."

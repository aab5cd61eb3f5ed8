"""Which reader a file, a folder or a list of files goes to."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from proxiscope.core.errors import InputError
from proxiscope.io.angles import ANGLE_SUFFIXES
from proxiscope.io.raw import Found, check_file, reading
from proxiscope.io.sampled import is_sample
from proxiscope.io.sampled import read as read_sample

MRC = (".mrc", ".mrcs", ".st", ".ali", ".map", ".rec", ".preali")
_ARCHIVE = (".gz", ".bz2")
_FORMATS = {  # suffix: module and the words for the message
    **{mrc + archive: ("mrc", "MRC") for mrc in MRC for archive in ("", *_ARCHIVE)},
    ".mdoc": ("mdoc", "SerialEM's mdoc"),
    **dict.fromkeys((".h5", ".hdf5", ".hspy", ".nxs", ".cxi", ".emd"), ("hdf5", "HDF5")),
    **dict.fromkeys((".dm3", ".dm4"), ("dm", "DigitalMicrograph")),
    ".mat": ("matlab", "MATLAB"),
    ".npy": ("npy", "NPY"),
    ".npz": ("npz", "NPZ"),
    **dict.fromkeys((".tif", ".tiff", ".btf"), ("tiff", "TIFF")),
    **dict.fromkeys((".tar", ".tar.gz", ".tgz", ".tar.bz2"), ("frames", "a tar archive")),
    ".edf": ("edf", "EDF"),
    **dict.fromkeys((".cbf", ".msk"), ("fabio_images", "a detector image")),
    **dict.fromkeys((".zarr", ".zarr.zip"), ("ome_zarr", "Zarr")),
    ".zspy": ("hyperspy", "HyperSpy's Zarr"),
}
_FOLDERS = (".zarr", ".zspy")
READ_SUFFIXES = tuple(_FORMATS)
"""Suffixes that `proxiscope.io.read` knows, in lower case with the dot."""

Source = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""A file, a folder of TIFF images or of Zarr, or a list of TIFF images; or a sample, as ``"sample:pattern"``."""


@dataclass(frozen=True, eq=False)
class Opened:
    """What was read.

    Attributes
    ----------
    path : Path
        The file or folder that holds the array.
    stem : str
        Its name without suffix.
    found : Found
    described_by : Path or None
        The mdoc that led to it.
    """

    path: Path
    stem: str
    found: Found
    described_by: Path | None = None


def open_source(source: Source, variable: str | None) -> Opened:
    """Read a file, a folder, or a list of files with the reader of its format.

    Raises
    ------
    InputError
        It is missing, unsupported, damaged or too large.
    """
    if not isinstance(source, str | os.PathLike):
        return _list(source)
    path = Path(source)
    if is_sample(path):
        return Opened(path, path.name, read_sample(path))
    suffix = _suffix(path)
    if _is_folder(path) and (suffix not in _FORMATS or suffix in _FOLDERS):
        return _folder(path, suffix, variable)
    path = check_file(path)
    if suffix not in _FORMATS:
        table = " It may hold angles: give it with --angles." if suffix in ANGLE_SUFFIXES else ""
        known = " ".join(s for s in _FORMATS if not (s.endswith(_ARCHIVE) and s.startswith(MRC)))
        raise InputError(
            path.name,
            f"files of type {suffix or '(no suffix)'} are not read",
            f"Supported are {known}, .gz or .bz2 of MRC, and folders of TIFF images.{table}",
        )
    module, kind = _FORMATS[suffix]
    if module == "mdoc":
        return _described(path, variable)
    with reading(path, kind):
        found = import_module(f"proxiscope.io.{module}").read(path, variable)
    return Opened(path, path.name[: -len(suffix)], found)


def _suffix(path: Path) -> str:
    """The suffix in lower case, of two parts where these name a format."""
    double = "".join(path.suffixes[-2:]).lower()
    return double if double in _FORMATS or path.suffix.lower() in _ARCHIVE else path.suffix.lower()


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # which `check_file` will tell
        return False


def _folder(path: Path, suffix: str, variable: str | None) -> Opened:
    from proxiscope.io import frames
    from proxiscope.io.zarr_access import is_zarr

    if suffix in _FOLDERS or is_zarr(path):
        module, kind = _FORMATS.get(suffix, _FORMATS[".zarr"])
        with reading(path, kind):
            found = import_module(f"proxiscope.io.{module}").read(path, variable)
        return Opened(path, path.name.removesuffix(path.suffix), found)
    with reading(path, "a folder of TIFF images"):
        return Opened(path, path.name, frames.read_files(frames.in_folder(path), path))


def _list(source: Sequence[str | os.PathLike[str]]) -> Opened:
    from proxiscope.io import frames

    paths = [check_file(path) for path in source]
    if not paths:
        raise InputError("path", "an empty list of files", "Give at least one.")
    if len(paths) == 1:
        return open_source(paths[0], None)
    wrong = next((p for p in paths if p.suffix.lower() not in frames.SUFFIXES), None)
    if wrong is not None:
        raise InputError(wrong.name, "is no TIFF image", "A list of files is a stack of single TIFF images.")
    with reading(paths[0], "TIFF images"):
        return Opened(paths[0], paths[0].stem, frames.read_files(paths, paths[0]))


def _described(path: Path, variable: str | None) -> Opened:
    from proxiscope.io import mdoc

    with reading(path, "SerialEM's mdoc"):
        image, notes = mdoc.image_of(path)
    opened = open_source(image, variable)
    found = replace(opened.found, notes=(*notes, *opened.found.notes))
    return Opened(opened.path, opened.stem, found, path)

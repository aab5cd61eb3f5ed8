"""NumPy's .npz: a zip of .npy files, checked member by member before anything is unpacked."""

import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npformat
from numpy.typing import NDArray

from proxiscope.core.errors import InputError
from proxiscope.io import npy, own
from proxiscope.io.raw import (
    ANGLES,
    Declared,
    Found,
    Quantity,
    choose,
    nbytes_of,
    no_variable,
    others,
    require_memory,
    require_plausible,
)

_DATA = ("data", "projections", "magnitudes", "intensity", "intensities", "image", "volume")
_QUANTITIES: dict[str, Quantity] = {
    "magnitudes": "magnitudes", "intensities": "intensities", "intensity": "intensities",
}  # fmt: skip
_SIDE = ("metadata", "pixel_size", "support", "mask", "known", "valid")


def read(path: Path, variable: str | None = None) -> Found:
    """Read the data of an .npz with angles and pixel size (nm) where it names them.

    Parameters
    ----------
    path : Path
        The file.
    variable : str, optional
        The array to read; else ``data`` of a result of ours, else one of real numbers named ``data``,
        ``projections``, ``magnitudes``, ``intensity`` ..., else the largest of them; complex ones if there are no
        others.

    Returns
    -------
    Found
        The array as stored.
    """
    with zipfile.ZipFile(path) as archive:
        headers, skipped = _headers(archive, path)
        if variable is not None and variable not in headers:
            raise skipped.get(variable) or no_variable(path, variable, list(headers))
        name = variable or _choose(path, headers, skipped)
        named = [key for key in headers if ANGLES.match(key) and key != name]
        angles = tuple((f"{key} in {path.name}", _array(archive, path, key)) for key in named if _small(headers[key]))
        found = Found(
            _array(archive, path, name),
            angles,
            _pixel_size(archive, path, headers),
            notes=others(name, _arrays(headers)),
            declared=Declared(quantity=_QUANTITIES.get(name.lower())),
        )
        if variable is not None or not _is_ours(headers):
            return found
        found = Found(found.data, pixel_size=found.pixel_size)
        return own.of_npz(found, headers, partial(_array, archive, path), path)


_Header = tuple[tuple[int, ...], np.dtype]


def _headers(archive: zipfile.ZipFile, path: Path) -> tuple[dict[str, _Header], dict[str, InputError]]:
    """Shape and dtype of each member that is an array of numbers, and why others are not."""
    headers, skipped = {}, {}
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if name == info.filename:
            continue
        try:
            with archive.open(info) as file:
                headers[name] = npy.header(file, path)
        except InputError as error:
            skipped[name] = error
    return headers, skipped


def _choose(path: Path, headers: dict[str, _Header], skipped: dict[str, InputError]) -> str:
    if _is_ours(headers):
        return "data"
    usable = {key: header for key, header in headers.items() if _is_image(key, header)}
    real = {key: header for key, header in usable.items() if header[1].kind != "c"}
    sizes = {key: nbytes_of(shape, 1) for key, (shape, _) in (real or usable).items()}
    main = {key: size for key, size in sizes.items() if key.lower() not in _SIDE}
    if not sizes and skipped:
        raise next(iter(skipped.values()))
    if not sizes and headers:
        listed = ", ".join(f"{key} {shape} {dtype}" for key, (shape, dtype) in list(headers.items())[:10])
        raise InputError(
            path.name, f"holds no numeric array of 2 or 3 dimensions, only {listed}", "Give an image or a stack."
        )
    return choose(path, main or sizes, _DATA)


def _is_ours(headers: dict[str, _Header]) -> bool:
    return headers.keys() >= {"data", "metadata"} and headers["metadata"][1].kind == "U"


def _is_image(name: str, header: _Header) -> bool:
    shape, dtype = header
    return len(shape) in (2, 3) and dtype.kind in "biufc" and not name.startswith("metrics_") and not ANGLES.match(name)


def _arrays(headers: dict[str, _Header]) -> list[str]:
    return [key for key, (shape, _) in headers.items() if len(shape) in (2, 3) and not ANGLES.match(key)]


def _small(header: _Header) -> bool:
    return nbytes_of(header[0], 1) <= 10**6


def _array(archive: zipfile.ZipFile, path: Path, name: str) -> NDArray[Any]:
    info = archive.getinfo(name + ".npy")
    with archive.open(info) as file:
        shape, dtype = npy.header(file, path)
        nbytes = nbytes_of(shape, dtype.itemsize)
        require_memory(max(nbytes, info.file_size), path)
        require_plausible(info.compress_size, max(nbytes, info.file_size), path)
        if nbytes > info.file_size:
            raise InputError(
                path.name,
                f"{name} claims shape {shape} and holds less",
                "The file is damaged: export it again.",
            )
    with archive.open(info) as file:
        return npformat.read_array(file, allow_pickle=False)


def _pixel_size(archive: zipfile.ZipFile, path: Path, headers: dict[str, _Header]) -> float | None:
    shape, dtype = headers.get("pixel_size", ((0,), np.dtype("V1")))
    if dtype.kind not in "iuf" or nbytes_of(shape, 1) != 1:
        return None
    size = float(_array(archive, path, "pixel_size").ravel()[0])
    return size if np.isfinite(size) and size > 0 else None

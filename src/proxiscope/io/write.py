"""Results to files: the array, its pixel size, how it was made, and the curves of its metrics."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from proxiscope.core.errors import InputError
from proxiscope.core.files import atomic


def write_array(
    path: str | os.PathLike,
    array: ArrayLike,
    *,
    pixel_size: float | None = None,
    metadata: Mapping[str, Any] | None = None,
    metrics: Mapping[str, ArrayLike] | None = None,
    angles: ArrayLike | None = None,
    products: Mapping[str, ArrayLike] | None = None,
) -> None:
    """Write an image (y, x) or a volume (z, y, x); the suffix of `path` decides the format.

    ==============  ==================================================================================
    ``.mrc``        float32, voxel size, metadata as labels (ten of 80 characters)
    ``.npy``        the array alone
    ``.npz``        ``data``, ``pixel_size``, ``metadata`` (JSON), ``metrics_<name>``, ``products_<name>``
    ``.h5 .hdf5``   ``/data`` with ``pixel_size`` and ``units``, ``/metrics``, ``/products``, ``provenance``
    ``.tif .tiff``  float32, readable by ImageJ with its scale; metadata as JSON in its info
    ==============  ==================================================================================

    The file is complete or not there: a failure leaves what was at `path` before.

    Parameters
    ----------
    path : path-like
        The file to make or replace.
    array : array-like
        Two or three dimensions; complex numbers only into ``.npy``, ``.npz`` and HDF5.
    pixel_size : float, optional
        Edge of a pixel in nm.
    metadata : mapping, optional
        How the result was made; whatever JSON can hold.
    metrics : mapping, optional
        Curves by name; kept by ``.npz`` and HDF5.
    angles : array-like, (n,) or (n, 3), optional
        Tilt angles or Euler triples of a tilt series, in degrees; kept by ``.npz`` and HDF5, and beside an MRC file
        as ``.rawtlt``.
    products : mapping, optional
        Further arrays by name, of any shape; kept by ``.npz`` and HDF5.

    Raises
    ------
    InputError
        Unknown suffix, missing or unwritable folder, or an array the format cannot hold.
    """
    path = Path(path)
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        found = f"files of type {path.suffix or '(no suffix)'} are not written"
        raise InputError(path.name, found, f"Supported are {' '.join(WRITE_SUFFIXES)}.")
    array = np.asarray(array)
    if array.ndim not in (2, 3) or array.size == 0 or array.dtype.kind not in "biufc":
        raise InputError("array", f"shape {array.shape}, type {array.dtype}", "Give numbers (y, x) or (z, y, x).")
    if pixel_size is not None and not (np.isfinite(pixel_size) and pixel_size > 0):
        raise InputError("pixel_size", str(pixel_size), "Give a positive length in nm, or None.")
    beside = _angles_beside(path, angles)
    arrays = {f"metrics_{name}": _curve(f"metrics[{name!r}]", curve) for name, curve in (metrics or {}).items()}
    arrays |= {f"products_{name}": np.asarray(values) for name, values in (products or {}).items()}
    if angles is not None:
        arrays["angles"] = _curve("angles", angles)
    with atomic(path) as temporary:
        try:
            writer(temporary, array, pixel_size, dict(metadata or {}), arrays)
        except (OSError, RuntimeError) as error:  # HDF5 says RuntimeError when the disk is full
            raise InputError(
                path.name, f"cannot be written ({error})", "Check the free space and permissions."
            ) from error
    if beside is not None:
        with atomic(path.with_suffix(".rawtlt")) as temporary:
            temporary.write_text(beside)


def _angles_beside(path: Path, angles: ArrayLike | None) -> str | None:
    """Text of the angle file that goes with `path`, for a format that cannot hold the angles itself."""
    if angles is None or path.suffix.lower() in _HOLD_ANGLES:
        return None
    if path.suffix.lower() != ".mrc" or np.ndim(angles) != 1:
        raise InputError(path.name, "this format cannot hold the tilt angles", "Save as .h5 or .npz.")
    return "".join(f"{angle:.4f}\n" for angle in np.asarray(angles))


def _mrc(path: Path, array: NDArray, pixel_size: float | None, metadata: dict, arrays: dict) -> None:
    import mrcfile

    with mrcfile.new(path, overwrite=True) as mrc:
        mrc.set_data(_float32(array, ".mrc"))
        if array.ndim == 3:
            mrc.set_volume()
        if pixel_size is not None:
            mrc.voxel_size = pixel_size * 10
            metadata = {"pixel_size": f"{pixel_size:.7g} nm"} | metadata  # tells 1 A from the dummy of 1 A
        for label in _labels(metadata, 10 - int(mrc.header.nlabl)):
            mrc.add_label(label)


def _labels(metadata: dict, room: int) -> list[str]:
    """One "key: value" a label, in printable ASCII; the last one says when not all fit."""
    lines = [f"{key}: {value if isinstance(value, str) else _json(value)}" for key, value in metadata.items()]
    if len(lines) > room:
        lines[room - 1 :] = [f"... and {len(lines) - room + 1} more, which .h5 or .npz would keep"]
    plain = ["".join(c if " " <= c <= "~" else "?" for c in line) for line in lines]
    return [line if len(line) <= 80 else line[:77] + "..." for line in plain]


def _npy(path: Path, array: NDArray, pixel_size: float | None, metadata: dict, arrays: dict) -> None:
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def _npz(path: Path, array: NDArray, pixel_size: float | None, metadata: dict, arrays: dict) -> None:
    if pixel_size is not None:
        arrays = {"pixel_size": np.float64(pixel_size)} | arrays
    with path.open("wb") as file:
        np.savez_compressed(file, data=array, metadata=np.array(_json(metadata)), **arrays, allow_pickle=False)


def _hdf5(path: Path, array: NDArray, pixel_size: float | None, metadata: dict, arrays: dict) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["provenance"] = _json(metadata)
        data = file.create_dataset("data", data=array)
        if pixel_size is not None:
            data.attrs["pixel_size"] = float(pixel_size)
            data.attrs["units"] = "nm"
        for name, values in arrays.items():
            group = name.replace("metrics_", "metrics/", 1).replace("products_", "products/", 1)
            file.create_dataset(group, data=values)


def _tiff(path: Path, array: NDArray, pixel_size: float | None, metadata: dict, arrays: dict) -> None:
    import tifffile

    info: dict[str, Any] = {"axes": "ZYX"[-array.ndim :], "Info": _json(metadata)}
    scale: dict[str, Any] = {}
    if pixel_size is not None:
        info |= {"unit": "nm", "spacing": float(pixel_size)}
        scale["resolution"] = (1 / pixel_size, 1 / pixel_size)
    tifffile.imwrite(path, _float32(array, ".tif"), imagej=True, metadata=info, **scale)


def _float32(array: NDArray, suffix: str) -> NDArray:
    if array.dtype.kind == "c":
        raise InputError("array", "complex numbers", f"Write magnitude or phase to {suffix}, or use .npz or .h5.")
    return np.ascontiguousarray(array, dtype=np.float32)


def _curve(name: str, curve: ArrayLike) -> NDArray:
    curve = np.asarray(curve)
    if curve.dtype.kind not in "biuf":
        raise InputError(name, f"values of type {curve.dtype}", "Give real numbers.")
    return curve


def _json(value: object) -> str:
    def plain(other: object) -> object:
        return other.tolist() if isinstance(other, np.ndarray | np.generic) else str(other)

    return json.dumps(value, default=plain)


_WRITERS: dict[str, Callable[..., None]] = {
    ".mrc": _mrc, ".npy": _npy, ".npz": _npz, ".h5": _hdf5, ".hdf5": _hdf5, ".tif": _tiff, ".tiff": _tiff,
}  # fmt: skip
_HOLD_ANGLES = (".npz", ".h5", ".hdf5")
WRITE_SUFFIXES = tuple(_WRITERS)
"""Suffixes that `write_array` knows, in lower case with the dot."""

COMPLEX_SUFFIXES = (".npy", ".npz", ".h5", ".hdf5")
"""Those of `WRITE_SUFFIXES` whose formats hold complex numbers."""

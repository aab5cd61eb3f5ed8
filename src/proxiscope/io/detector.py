"""What HDF5 files of X-ray sources tell of a detector: its masked pixels, their size, and the geometry."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proxiscope.io.hdf5_access import inside, load, lookup, number, text
from proxiscope.io.raw import to_nm

CXI_BAD = 0x17DF
"""Bits of a CXI mask that spoil a pixel: invalid, saturated, hot, dead, shadowed, to be ignored, bad, out of the
resolution limits, missing, noisy, badly corrected. A peak, or a corrected artefact, does not."""

_HC = 1.98644586e-25  # J m
_EV = 1.602176634e-19  # J


def bad_to_valid(mask: NDArray[Any], shape: tuple[int, ...], bits: int | None = None) -> NDArray[Any] | None:
    """Usable pixels from a mask that marks the others, or None when its shape does not fit.

    Parameters
    ----------
    mask : ndarray
        Non-zero where a pixel is not to be used.
    shape : tuple of int
        That of the data; the mask is of this shape or of that of one image.
    bits : int, optional
        Only these bits tell.
    """
    mask = mask.reshape([n for n in mask.shape if n > 1] or [1]) if mask.ndim > len(shape) else mask
    mask = mask[0] if mask.ndim == 3 and len(mask) == 1 else mask
    if mask.dtype.kind not in "biu" or mask.shape not in (shape, shape[-2:]):
        return None
    return (mask & mask.dtype.type(bits & np.iinfo(mask.dtype).max) if bits and mask.dtype.kind != "b" else mask) == 0


def masked(valid: NDArray[Any], words: str) -> str:
    """A note that says how many pixels a mask takes out."""
    return f"{np.count_nonzero(~valid)} of {valid.size} pixels are masked, by {words}, where non-zero means not usable."


def pixel_size(group: Any, path: Path) -> float | None:
    """The detector's ``x_pixel_size`` in nm; metres, if no unit is given."""
    for name in ("x_pixel_size", "pixel_size"):
        node = inside(group, name) if group is not None else None
        if (value := number(node, path)) is not None:
            return to_nm(value, text(node, "units") or "m")
    return None


def geometry(file: Any, group: Any, shape: tuple[int, ...], path: Path) -> str | None:
    """A sentence on distance, energy and the pixel size of a reconstruction, as far as they are known."""
    metres = _metres(next((n for k in ("distance", "detector_distance") if (n := inside(group, k)) is not None), None))
    wavelength = _wavelength(file, group, path)
    size = pixel_size(group, path)
    known = [f"pixels of {size / 1e3:.4g} µm"] if size else []
    known += [f"{metres:.4g} m from the object"] if metres else []
    known += [f"{_HC / _EV / wavelength / 1e3:.4g} keV"] if wavelength else []
    if not known:
        return None
    line = f"The detector: {', '.join(known)}."
    if size and metres and wavelength:
        reconstructed = wavelength * metres / (shape[-1] * size * 1e-9) * 1e9
        line += f" A reconstruction from all {shape[-1]} columns has pixels of {reconstructed:.4g} nm."
    return line


def _metres(node: Any) -> float | None:
    value = number(node, Path()) if node is not None else None
    size = to_nm(abs(value), text(node, "units") or "m") if value is not None else None
    return size * 1e-9 if size else None


def _wavelength(file: Any, group: Any, path: Path) -> float | None:
    """In metres, from the energy of CXI (J) or NeXus (by unit), or the wavelength of NeXus."""
    instrument = group.parent
    places = ("source_1/energy", "beam/incident_energy", "source/energy", "monochromator/energy")
    nodes = [inside(instrument, place) for place in places]
    nodes += [inside(instrument.parent, place) for place in ("source_1/energy", "sample/beam/incident_energy")]
    node = next((n for n in nodes if n is not None), None)
    energy = number(node, path) if node is not None else None
    if energy is not None and energy > 0:
        unit = text(node, "units").lower()
        joule = energy * {"ev": _EV, "kev": 1e3 * _EV}.get(unit, 1.0)
        return _HC / joule if joule < 1e-10 else None
    for place in ("beam/incident_wavelength", "monochromator/wavelength"):
        node = inside(instrument, place)
        value = number(node, path) if node is not None else None
        if value is not None and (size := to_nm(value, text(node, "units") or "angstrom")):
            return size * 1e-9
    return None


def mask_beside(file: Any, places: list[str], path: Path) -> tuple[str, NDArray[Any]] | None:
    """The first mask found at the given places, with its name."""
    for place in places:
        node = lookup(file, place, path)
        if getattr(node, "shape", None) is not None and node.dtype.kind in "biu" and node.ndim >= 2:
            return place, load(node, path)
    return None

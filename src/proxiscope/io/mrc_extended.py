"""Extended headers of MRC files: what microscopes record for each image of a series."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_FEI_OLD = np.dtype([("alpha", "f4"), ("skip", "f4", 9), ("axis", "f4"), ("pixel", "f4"), ("rest", "f4", 20)])
_NOTHING: dict[str, Any] = {"angles": None, "pixel_size": None, "tilt_axis": None}


def extended(block: bytes, raw: np.void, titles: str, sections: int) -> dict[str, Any]:
    """Angles (degrees, one a section), pixel size (nm), tilt axis angle (degrees); None where not recorded.

    Parameters
    ----------
    block : bytes
        The extended header.
    raw : numpy.void
        The main header.
    titles : str
        Its labels.
    sections : int
        Number of images.
    """
    kind = raw["exttyp"].decode("latin-1").strip("\0 ")
    if kind in ("FEI1", "FEI2"):
        return _fei(block, kind, sections)
    if kind == "SERI":
        return _serial(block, raw, sections)
    if not kind and "fei company" in titles.lower() and len(block) >= 128 * max(sections, 1):
        order: Any = raw.dtype["mode"].str[0]
        records = np.frombuffer(block, _FEI_OLD.newbyteorder(order), count=sections)
        return _record(records["alpha"], records["pixel"], records["axis"])
    return _NOTHING


def _fei(block: bytes, kind: str, sections: int) -> dict[str, Any]:
    """FEI1 and FEI2, whose records start with their own size; little-endian in all files known."""
    from mrcfile.dtypes import get_ext_header_dtype

    dtype = get_ext_header_dtype(kind.encode(), "<")
    step = int(np.frombuffer(block, "<i4", count=1)[0]) if len(block) >= 4 else 0
    if dtype is None or step < dtype.itemsize or len(block) < step * sections:
        return _NOTHING
    records = np.array([np.frombuffer(block, dtype, count=1, offset=i * step)[0] for i in range(sections)])
    return _record(records["Alpha tilt"], records["Pixel size X"], records["Tilt axis angle"])


def _serial(block: bytes, raw: np.void, sections: int) -> dict[str, Any]:
    """SerialEM: shorts, of which the first is 100 times the tilt angle when the lowest flag is set."""
    order = raw.dtype["mode"].str[0]
    step, flags = (int(n) for n in np.frombuffer(raw["extra2"].tobytes()[16:20], order + "i2"))
    if step < 2 or not flags & 1 or len(block) < step * sections:
        return _NOTHING
    table = np.frombuffer(block, np.uint8, count=step * sections).reshape(sections, step)
    angles = np.ascontiguousarray(table[:, :2]).view(order + "i2")[:, 0] / 100
    return _NOTHING | {"angles": angles if angles.any() else None}


def _record(alpha: NDArray[Any], pixel: NDArray[Any], axis: NDArray[Any]) -> dict[str, Any]:
    """FEI's records: angles unless all are zero, pixel size from metres; an axis of zero means not set."""
    angles = alpha.astype(np.float64)
    size = float(f"{pixel[0] * 1e9:.6g}")
    return {
        "angles": angles if np.isfinite(angles).all() and angles.any() else None,
        "pixel_size": size if np.isfinite(size) and 1e-4 < size < 1e6 else None,
        "tilt_axis": float(axis[0]) if np.isfinite(axis[0]) and axis[0] != 0 else None,
    }

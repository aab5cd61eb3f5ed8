"""TIFF as ImageJ reads it: single precision, its scale, and the rest as JSON in its info."""

from pathlib import Path
from typing import Any

from ..contents import Contents
from ..document import as_json, document
from .common import as_float32


def write(path: Path, contents: Contents) -> list[str]:
    """Write pages in single precision."""
    import tifffile

    array, rounded = as_float32(contents)
    found, left_out = document(contents)
    info: dict[str, Any] = {"axes": "ZYX"[-array.ndim :], "Info": as_json(found)}
    scale: dict[str, Any] = {}
    if contents.scale is not None:
        info |= {"unit": "nm", "spacing": contents.scale}
        scale["resolution"] = (1 / contents.scale, 1 / contents.scale)
    tifffile.imwrite(path, array, imagej=True, metadata=info, **scale)
    return rounded + left_out

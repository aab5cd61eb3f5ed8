"""Velox EMD of Thermo Fisher, with the stage's tilt of every frame.

RosettaSciIO reads it too, but all of it, texts of any length that they claim, over whatever links there are.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proxiscope.core.errors import InputError
from proxiscope.io.hdf5_access import inside, load, outward, stored
from proxiscope.io.raw import Found, choose, nbytes_of, others, to_nm

_TEXT = 2**28  # bytes of the metadata of all frames


def read(file: Any, path: Path) -> Found | None:
    """The largest image or stack of a Velox file, or None if the file is none.

    Parameters
    ----------
    file : h5py.File
    path : Path
        The file, for the messages.

    Raises
    ------
    InputError
        Links lead out of the file, it holds no images, or several of the same size.
    """
    images = inside(file, "Data/Image")
    if images is None or "Version" not in file:
        return None
    if files := outward(file):
        raise InputError(path.name, f"has links into other files: {', '.join(files[:5])}", "Export it into one file.")
    nodes = {name: node for name in images if _is_stack(node := inside(images, f"{name}/Data"))}
    name = choose(path, {key: nbytes_of(node.shape, 1) for key, node in nodes.items()})
    records = {key: _records(inside(images, f"{key}/Metadata"), node.shape[2], path) for key, node in nodes.items()}
    data = stored(nodes[name], path).transpose(2, 0, 1)
    tilts = _tilts(records[name])
    titles = [_title(record, key) for key, record in records.items()]
    return Found(
        data[0] if len(data) == 1 else data,
        angles=((f"the stage's tilts in {path.name}", tilts),) if tilts is not None else (),
        pixel_size=_pixel_size(records[name]),
        notes=others(_title(records[name], name), titles),
    )


def _is_stack(node: Any) -> bool:
    """Whether a dataset holds frames (y, x, frame) of real numbers; transforms hold pairs of them."""
    return getattr(node, "ndim", 0) == 3 and node.dtype.kind in "biuf"


def _records(node: Any, count: int, path: Path) -> list[Mapping[str, Any]]:
    """What is recorded of each frame, a column of bytes with JSON; nothing if any of it is damaged."""
    if getattr(node, "ndim", 0) != 2 or node.dtype != np.uint8 or nbytes_of(node.shape, 1) > _TEXT:
        return []
    columns = load(node, path).T
    try:
        records = [json.loads(column.tobytes().rstrip(b"\0")) for column in columns]
    except (ValueError, RecursionError):
        return []
    return records if len(records) == count and all(isinstance(r, Mapping) for r in records) else []


def _entry(record: Mapping[str, Any], *keys: str) -> Any:
    found: Any = record
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _title(records: list[Mapping[str, Any]], name: str) -> str:
    return str(_entry(records[0], "BinaryResult", "Detector") or name)[:100] if records else name


def _pixel_size(records: list[Mapping[str, Any]]) -> float | None:
    if not records:
        return None
    width = _number(_entry(records[0], "BinaryResult", "PixelSize", "width"))
    return to_nm(abs(width), str(_entry(records[0], "BinaryResult", "PixelUnitX"))) if width is not None else None


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (ValueError, TypeError):
        return None


def _tilts(records: list[Mapping[str, Any]]) -> NDArray[Any] | None:
    """Alpha in degrees; None unless they differ."""
    tilts = [_number(_entry(record, "Stage", "AlphaTilt")) for record in records]
    return np.degrees(np.array(tilts, np.float64)) if len(set(tilts)) > 1 and None not in tilts else None

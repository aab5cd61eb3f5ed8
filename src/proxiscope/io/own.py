"""Files of our own, read back: what each format's reader hands over, and what `declare` makes of it."""

import json
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.hdf5_attributes import attribute, text_of
from .declared import declare
from .document import FORMAT, VERSION, arrays_in, is_document
from .raw import Found
from .writing.mrc import is_sound
from .writing.npy import fingerprint, sidecar

_FACTS = ("kind", "quantity", "object", "pixel_size_nm", "reconstruction_pixel_size_nm", "shape")
_CXI = "entry_1/image_1"
_MAX_TEXT = 2**28  # bytes
DAMAGED = "The record in the extended header is damaged, and is not used."
OTHER_ARRAY = "belongs to another array, and is not used"


def of_text(found: Found, text: Any, path: Path) -> Found:
    """What a JSON document of ours says (TIFF); any other text says nothing."""
    try:
        value = json.loads(text) if isinstance(text, str) and FORMAT in text[:100] else None
    except ValueError:
        value = None
    return of_document(found, value, path)


def of_document(found: Found, value: Any, path: Path) -> Found:
    """What a parsed document of ours says, such as the attribute ``proxiscope`` of a Zarr group; else nothing."""
    return declare(found, value, arrays_in(value, path), path) if is_document(value) else found


def beside(found: Found, path: Path) -> Found:
    """What the document beside an NPY file says, if it goes with this file."""
    file = sidecar(path)
    if not file.is_file() or file.stat().st_size > _MAX_TEXT:
        return found
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        return found
    if not is_document(value):
        return found
    if value.get("fingerprint") != fingerprint(path):
        return replace(found, notes=(*found.notes, f"{file.name} {OTHER_ARRAY}."))
    return of_document(found, value, path)


def of_npz(found: Found, names: Iterable[str], load: Callable[[str], NDArray[Any]], path: Path) -> Found:
    """What the members of an NPZ say, given their names and a function that loads one.

    Parameters
    ----------
    found : Found
        The array ``data`` and the pixel size.
    names : iterable of str
    load : callable
    path : Path
    """
    names = set(names)
    facts: dict[str, Any] = {key: str(load(key)) for key in ("kind", "quantity", "object") if key in names}
    facts["provenance"] = json.loads(str(load("metadata")))
    if "reconstruction_pixel_size" in names:
        facts["reconstruction_pixel_size_nm"] = float(load("reconstruction_pixel_size"))
    groups = ("metrics_", "products_")
    arrays: dict[str, NDArray[Any]] = {key: load(key) for key in ("angles", "shifts", "valid") if key in names}
    arrays |= {key.replace("_", "/", 1): load(key) for key in sorted(names) if key.startswith(groups)}
    return declare(found, facts, arrays, path)


def is_our_group(group: Any) -> bool:
    """Whether an HDF5 group is one that `proxiscope.io.writing.hdf5.describe` wrote."""
    version = attribute(group, FORMAT)
    return isinstance(version, int | np.integer) and bool(0 < version <= VERSION)


def of_group(found: Found, group: Any, path: Path) -> Found:
    """What an HDF5 group of ours says."""
    from . import hdf5_access as hdf5

    read = {name: attribute(group, name) for name in _FACTS}
    facts = {name: _plain(value) for name, value in read.items() if value is not None}
    node = hdf5.inside(group, "provenance")
    if getattr(node, "shape", None) == () and node.dtype.kind == "O":
        facts["provenance"] = json.loads(text_of(node, _MAX_TEXT) or "{}")
    arrays = {}
    for name in ("angles", "shifts", "valid", *_members(group, "metrics"), *_members(group, "products")):
        member = hdf5.inside(group, name)
        if member is not None and getattr(member, "shape", None) is not None:
            arrays[name] = hdf5.load(member, path)
    return declare(found, facts, arrays, path)


def in_hdf5(file: Any, path: Path) -> Found | None:
    """What an open HDF5 or CXI file of ours holds; None of a file of others."""
    from . import hdf5_access as hdf5

    for place, group in (("data", file), (_CXI + "/data", hdf5.inside(file, _CXI + "/proxiscope"))):
        data = hdf5.inside(file, place)
        if group is not None and is_our_group(group) and getattr(data, "shape", None) is not None:
            size = attribute(data, "pixel_size")
            found = Found(hdf5.stored(data, path), pixel_size=None if size is None else float(size))
            return of_group(found, group, path)
    return None


def of_extended_header(found: Found, block: bytes, kind: bytes, path: Path) -> Found:
    """What the extended header of an MRC file of ours says, an HDF5 file by itself; else nothing."""
    from .hdf5_access import open_file

    if kind.strip(b"\0 ") != b"HDF5" or not block.startswith(b"\x89HDF\r\n\x1a\n"):
        return found
    if not is_sound(block):
        return replace(found, notes=(*found.notes, DAMAGED)) if FORMAT.encode() in block else found
    with tempfile.TemporaryDirectory() as folder:  # the checks of HDF5 want a file
        copy = Path(folder) / path.name
        copy.write_bytes(block)
        with open_file(copy) as file:
            return of_group(found, file, path) if is_our_group(file) else found


def _members(group: Any, name: str) -> list[str]:
    from .hdf5_access import inside

    node = inside(group, name)
    return [] if node is None or not hasattr(node, "keys") else [f"{name}/{key}" for key in node]


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value

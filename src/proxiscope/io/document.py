"""What goes with an array as one JSON document, for formats that have room for text only: TIFF, Zarr, beside NPY."""

import base64
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError
from .raw import nbytes_of, require_memory

if TYPE_CHECKING:
    from .contents import Contents

FORMAT = "proxiscope"
VERSION = 1
_ROOM = 2**23  # bytes of text that an array may take
_LIST = 1000  # numbers that are written as such


def as_json(value: object) -> str:
    """JSON of plain values, arrays and paths."""

    def plain(other: object) -> object:
        return other.tolist() if isinstance(other, np.ndarray | np.generic) else str(other)

    return json.dumps(value, default=plain)


def document(contents: "Contents") -> tuple[dict[str, Any], list[str]]:
    """The document of all but the array itself, and the names of arrays that are too large for it."""
    arrays, left_out = {}, []
    for name, values in contents.arrays().items():
        encoded = _encode(values)
        if encoded is None:
            left_out.append(name)
        else:
            arrays[name] = encoded
    found = {FORMAT: VERSION, **contents.facts(), "provenance": json.loads(as_json(contents.provenance))}
    return (found | {"arrays": arrays} if arrays else found), left_out


def is_document(value: object) -> bool:
    """Whether a parsed JSON value is such a document, of a version that is known."""
    return isinstance(value, Mapping) and isinstance(value.get(FORMAT), int) and value[FORMAT] <= VERSION


def arrays_in(value: Mapping[str, Any], path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a document, by name; those that are damaged raise InputError."""
    return {name: _decode(name, encoded, path) for name, encoded in value.get("arrays", {}).items()}


def _encode(values: NDArray[Any]) -> dict[str, Any] | None:
    kind: dict[str, Any] = {"type": values.dtype.newbyteorder("<").str, "shape": list(values.shape)}
    if values.size <= _LIST and values.dtype.kind in "biuf" and np.isfinite(values).all():
        return kind | {"values": values.tolist()}
    if values.dtype.kind not in "biufc" or values.nbytes > 64 * _ROOM:
        return None
    packed = zlib.compress(np.ascontiguousarray(values, dtype=kind["type"]).data)
    return kind | {"base64 of zlib": base64.b64encode(packed).decode()} if len(packed) <= 3 * _ROOM // 4 else None


def _decode(name: str, encoded: Mapping[str, Any], path: Path) -> NDArray[Any]:
    dtype, shape = np.dtype(str(encoded["type"])), tuple(int(n) for n in encoded["shape"])
    nbytes = nbytes_of(shape, dtype.itemsize)
    if dtype.kind not in "biufc" or any(n < 0 for n in shape):
        raise InputError(path.name, f"{name} claims type {dtype} and shape {shape}", "The file is damaged.")
    require_memory(nbytes, path)
    if "values" in encoded:
        return np.asarray(encoded["values"], dtype=dtype.newbyteorder("=")).reshape(shape)
    packed = base64.b64decode(encoded["base64 of zlib"])
    block = zlib.decompressobj().decompress(packed, max(nbytes, 1))  # a bomb is not unpacked beyond what it claims
    return np.frombuffer(bytearray(block), dtype).astype(dtype.newbyteorder("="), copy=False).reshape(shape)

"""Recipes: how a problem was made, in plain values that JSON can hold, so that it can be made again.

A recipe is a mapping. Of a file it has ``path`` and ``sha256`` (of the file), ``options`` as `proxiscope.load` takes
them, and ``then``, the steps that followed; of a sample ``sample``, its name, in place of path and hash; of a joined
series ``joined``, a list of recipes, and ``then``. A problem that was changed in a way that its recipe does not
describe has none.
"""

import base64
import hashlib
import json
import math
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import InputError
from .memory import available

INLINE = 5000
"""How many numbers a recipe holds by value; of more it keeps a hash only."""

PACKED = 50_000
"""Characters that a mask may take in a recipe; nearly all supports and masks take a few hundred."""

_REAL = "biuf"
_GROWTH = 1032
"""What zlib makes of one byte at most."""


@overload
def then(recipe: Mapping[str, Any], name: str, **options: Any) -> dict[str, Any]: ...


@overload
def then(recipe: Mapping[str, Any] | None, name: str, **options: Any) -> dict[str, Any] | None: ...


def then(recipe: Mapping[str, Any] | None, name: str, **options: Any) -> dict[str, Any] | None:
    """The recipe with one more step; None stays None."""
    if recipe is None:
        return None
    return {**recipe, "then": [*recipe.get("then", ()), {"name": name, **options}]}


def joined(*recipes: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The recipe of several problems that were made one; None if one of them has none."""
    return None if None in recipes else {"joined": list(recipes), "then": []}


def repeatable(recipe: Any) -> bool:
    """Whether a problem can be made again from its recipe: there is one, and it holds no array by its hash alone."""
    if isinstance(recipe, Mapping):
        return "array" not in recipe and all(map(repeatable, recipe.values()))
    if isinstance(recipe, list | tuple):
        return all(map(repeatable, recipe))
    return recipe is not None


def by_value(values: ArrayLike) -> dict[str, Any]:
    """An array for a recipe: its numbers if they are few and real, a mask packed; else its hash, which says no more."""
    array = np.asarray(values)
    kind = {"shape": list(array.shape), "type": array.dtype.name}
    if array.dtype == bool and array.size > 100:
        packed = base64.b64encode(zlib.compress(np.packbits(array).data, 9)).decode()
        return kind | ({"packed": packed} if len(packed) <= PACKED else {"array": array_hash(array)})
    if array.size <= INLINE and array.dtype.kind in _REAL and np.isfinite(array).all():
        return {"values": array.tolist(), "type": array.dtype.name}
    return kind | {"array": array_hash(array)}


def from_value(value: Mapping[str, Any], name: str) -> NDArray[Any]:
    """The array that `by_value` put into a recipe; raises InputError where only its hash is there, or no sense."""
    if "packed" in value:
        return _unpacked(value, name)
    if "values" not in value:
        size = " x ".join(map(str, value.get("shape", ())))
        raise InputError(
            name,
            f"given in Python as an array of {size} numbers, of which the record has a hash only",
            "Save the array to a file and give its path: that can be repeated",
        )
    try:
        kind, numbers = np.dtype(value["type"]), np.asarray(value["values"])
        if kind.kind not in _REAL or (numbers.size and numbers.dtype.kind not in _REAL):
            raise TypeError
        return np.asarray(value["values"], dtype=kind)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        found = f"values of the type {value.get('type')!s:.40} that are no real numbers of that type"
        raise InputError(name, found, "The record is damaged: use another copy") from error


def _unpacked(value: Mapping[str, Any], name: str) -> NDArray[np.bool_]:
    try:
        shape, packed = tuple(map(int, value["shape"])), value["packed"]
        if len(packed) > PACKED or min(shape) < 0:
            raise ValueError
        block, size = base64.b64decode(packed), math.prod(shape)
        if size > 8 * _GROWTH * len(block) or size > available() // 3:
            raise ValueError
        length = -(-size // 8)
        bits = zlib.decompressobj().decompress(block, length + 1)
        if len(bits) != length:
            raise ValueError
        return np.unpackbits(np.frombuffer(bits, np.uint8), count=size).reshape(shape).astype(bool)
    except (KeyError, TypeError, ValueError, OverflowError, zlib.error) as error:
        raise InputError(name, "a mask that cannot be unpacked", "The record is damaged: use another copy") from error


def array_hash(array: NDArray[Any]) -> str:
    """SHA-256 of the type, shape and values of an array."""
    digest = hashlib.sha256(json.dumps([array.dtype.str, list(array.shape)]).encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def file_hash(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file, or of the names and files of a folder such as a Zarr group."""
    path = Path(path)
    if not path.is_dir():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    members = {p.relative_to(path).as_posix(): p for p in path.rglob("*") if p.is_file()}
    for name in sorted(members):  # as text: paths of Windows are sorted otherwise
        digest.update(json.dumps([name, file_hash(members[name])]).encode())
    return digest.hexdigest()


def files_of(recipe: Any) -> list[dict[str, str]]:
    """All files that a recipe names, each with its path and hash, in the order of their appearance."""
    if isinstance(recipe, Mapping):
        own = [{"path": recipe["path"], "sha256": recipe["sha256"]}] if "path" in recipe and "sha256" in recipe else []
        return own + [file for value in recipe.values() for file in files_of(value)]
    if isinstance(recipe, list | tuple):
        return [file for value in recipe for file in files_of(value)]
    return []

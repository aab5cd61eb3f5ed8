"""Recipes: how a problem was made, in plain values that JSON can hold, so that it can be made again.

A recipe is a mapping. Of a file it has ``path`` and ``sha256`` (of the file), ``options`` as `proxiscope.load` takes
them, and ``then``, the steps that followed; of a joined series ``joined``, a list of recipes, and ``then``. A problem
that was changed in a way that its recipe does not describe has none.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import InputError

INLINE = 5000
"""How many numbers a recipe holds by value; of more it keeps a hash only."""


def then(recipe: Mapping[str, Any] | None, name: str, **options: Any) -> dict[str, Any] | None:
    """The recipe with one more step; None stays None."""
    if recipe is None:
        return None
    return {**recipe, "then": [*recipe.get("then", ()), {"name": name, **options}]}


def joined(*recipes: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The recipe of several problems that were made one; None if one of them has none."""
    return None if None in recipes else {"joined": list(recipes), "then": []}


def by_value(values: ArrayLike) -> dict[str, Any]:
    """An array for a recipe: its numbers if they are few and real, else its hash, from which nothing can be rebuilt."""
    array = np.asarray(values)
    if array.size <= INLINE and array.dtype.kind in "biuf" and np.isfinite(array).all():
        return {"values": array.tolist(), "type": array.dtype.name}
    return {"array": array_hash(array), "shape": list(array.shape), "type": array.dtype.name}


def from_value(value: Mapping[str, Any], name: str) -> NDArray:
    """The array that `by_value` put into a recipe; raises InputError where only its hash is there."""
    if "values" not in value:
        size = " x ".join(map(str, value.get("shape", ())))
        raise InputError(
            name,
            f"given in Python as an array of {size} numbers, of which the record has a hash only",
            "Save the array to a file and give its path: that can be repeated",
        )
    return np.asarray(value["values"], dtype=np.dtype(value["type"]))


def array_hash(array: NDArray) -> str:
    """SHA-256 of the type, shape and values of an array."""
    digest = hashlib.sha256(json.dumps([array.dtype.str, list(array.shape)]).encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def file_hash(path: str | os.PathLike) -> str:
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

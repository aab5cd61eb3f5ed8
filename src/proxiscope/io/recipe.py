"""Recipes of problems that come from files: what `load` was called with, in plain values."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from ..core import parameters, to_dict
from ..core.errors import InputError
from ..core.recipes import by_value, file_hash, from_value, then
from ..preparation import Step, as_step
from .sampled import is_sample, sample_name, sample_path

Find = Callable[[Mapping[str, str]], str | Path]
"""Where a file lies now, of which a recipe has the path and the hash."""

_MAY_BE_FILES = ("angles", "support", "mask", "start")


def recipe_of(path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], **options: Any) -> dict[str, Any]:
    """The recipe of a problem that `load(path, **options)` makes.

    For problems that are made otherwise, as from the layers of napari, give the options with which `load` would make
    the same from the file. Attach it by ``problem.copy_with(recipe=...)``.

    Parameters
    ----------
    path : path-like or sequence of path-like
        The file, or the files of the single images, whose hashes are taken now; or a sample, as ``"sample:pattern"``.
    **options
        As for `proxiscope.load`. Files are kept with their hashes, small arrays with their values, large ones by their
        hashes alone: from such a recipe the problem cannot be made again, and an attempt says so.
    """
    kept = {name: _encoded(name, value) for name, value in options.items() if value is not None}
    if not isinstance(path, str | os.PathLike):
        return {"files": [_file(p) for p in path], "options": kept, "then": []}
    if is_sample(path):
        return {"sample": sample_name(path), "options": kept, "then": []}
    return {**_file(path), "options": kept, "then": []}


def sorted_recipe(
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    order: NDArray[Any] | None,
    steps: Sequence[Step | Mapping[str, Any]],
    **options: Any,
) -> dict[str, Any]:
    """The recipe of a tilt series that was put in `order` on reading, before any steps.

    Options such as angles are in the order of the file, and so `load` leaves the images.
    """
    if order is None:
        return recipe_of(path, steps=steps or None, **options)
    found = then(recipe_of(path, **options), "subset", tilts=order.tolist())
    return after_steps(found, steps) if steps else found


def after_steps(recipe: Mapping[str, Any], steps: Sequence[Step | Mapping[str, Any]]) -> dict[str, Any]:
    """The recipe of a tilt series with steps of preparation that followed all that it has."""
    return then(recipe, "prepare", steps=_encoded("steps", steps))


def source_in(recipe: Mapping[str, Any], find: Find) -> str | Path | list[str | Path]:
    """The file of a recipe, or the files that are its images, or the sample, as `load` takes them."""
    if "sample" in recipe:
        return sample_path(recipe["sample"])
    return [find(file) for file in recipe["files"]] if "files" in recipe else find(recipe)


def options_in(recipe: Mapping[str, Any], find: Find) -> dict[str, Any]:
    """The options of a recipe, as `load` takes them."""
    return {name: _decoded(name, value, find) for name, value in recipe.get("options", {}).items()}


def steps_in(records: Sequence[Mapping[str, Any]], find: Find) -> list[Step]:
    """The steps of preparation in a recipe, with their files as they lie now."""
    placed = ({k: str(find(v)) if isinstance(v, Mapping) else v for k, v in record.items()} for record in records)
    return [as_step(record) for record in placed]


def is_word(support: Any) -> bool:
    """Whether a support is given by a word such as ``"ellipse:4"``, not by a file."""
    from ..phase.support import Kind as Shape

    return isinstance(support, str) and support.partition(":")[0] in get_args(Shape)


def plain(value: Any) -> Any:
    """A value that JSON can hold: numbers, words, and steps as they write themselves."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(one) for one in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise InputError("recipe", f"a value of type {type(value).__name__}", "Give plain values")


def _file(path: str | os.PathLike[str]) -> dict[str, str]:
    return {"path": str(Path(path).absolute()), "sha256": file_hash(path)}


def _encoded(name: str, value: Any) -> Any:
    if name == "steps":
        return [_step(as_step(one)) for one in value]
    if name not in _MAY_BE_FILES or (name == "support" and is_word(value)):
        return plain(value)
    return _file(value) if isinstance(value, str | os.PathLike) else by_value(value)


def _step(one: Step) -> dict[str, Any]:
    """The record of a step, its files with their hashes."""
    files = [p.name for p in parameters(one) if p.kind == "file" and getattr(one, p.name)]
    return {"name": one.name, **to_dict(one)} | {name: _file(getattr(one, name)) for name in files}


def _decoded(name: str, value: Any, find: Find) -> Any:
    if name == "steps":
        return steps_in(value, find)
    if name not in _MAY_BE_FILES or not isinstance(value, Mapping):
        return value
    return find(value) if "path" in value else from_value(value, name)

"""Inputs that no file holds, written so that what was made of them can be repeated."""

import os
from pathlib import Path
from typing import Any

from ..core import InputError
from ..core.recipes import repeatable
from ..io import save
from ..io.recipe import recipe_of
from ..reconstruction import describe

SUFFIXES = (".h5", ".npz", ".cxi")
"""Formats that keep all that a problem has."""

FAMILIES = {"DiffractionPattern": "pattern", "TiltSeries": "tilt-series"}


def recipe_in(provenance: Any) -> dict[str, Any]:
    """The recipe of the input on record, if the input can be made again from it.

    Raises
    ------
    InputError
        If there is none, or a part of it is on record by its hash alone.
    """
    described = provenance.get("input") if isinstance(provenance, dict) else None
    recipe = described.get("recipe") if isinstance(described, dict) else None
    if not (isinstance(recipe, dict) and repeatable(recipe)):
        raise InputError(
            "input",
            "no file holds it as it was used: it was made in memory, or a part of it was drawn",
            "Write the input to a file (save_input; napari offers it) and copy again",
        )
    return recipe


def save_input(problem: Any, path: str | os.PathLike[str]) -> dict[str, Any]:
    """Write the input of a reconstruction to a file that `proxiscope.load` makes it again from.

    Parameters
    ----------
    problem : DiffractionPattern or TiltSeries
    path : path-like
        Its suffix is .h5, .npz or .cxi, which keep everything; a .cxi takes patterns only.

    Returns
    -------
    dict
        What stands for ``provenance["input"]`` from then on: ``{**provenance, "input": save_input(problem, path)}`` is
        a record that can be repeated.

    Raises
    ------
    InputError
        If the suffix is another, or the file cannot be written.
    """
    if Path(path).suffix.lower() not in SUFFIXES:
        raise InputError(str(path), "does not keep all of an input", f"Choose one of {', '.join(SUFFIXES)}")
    save(path, problem)
    kind = FAMILIES[type(problem).__name__]
    given = {"intensities": False, "object": problem.object} if kind == "pattern" else {"tilt_axis": "y"}
    if problem.pixel_size:
        given["pixel_size"] = problem.pixel_size
    return describe(problem.copy_with(recipe=recipe_of(path, kind=kind, **given)))

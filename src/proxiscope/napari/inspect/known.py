"""What a result was reconstructed from, and how."""

from collections.abc import Callable
from typing import Any

from ...core import InputError
from ..layers import note
from .page import Source

REMEDY = "Reconstruct it in this session, or from a file, whose path the record then has"


def has_record(layer: Any) -> bool:
    """Whether a layer is the result of a reconstruction on record."""
    return "algorithm" in (note(layer, "provenance") or {})


def family_of(layer: Any) -> str:
    """ "tomography", "phase", or nothing where a layer is no such result."""
    kind = ((note(layer, "provenance") or {}).get("input") or {}).get("kind")
    return {"TiltSeries": "tomography", "DiffractionPattern": "phase"}.get(kind, "")


def knows_tilts(layer: Any) -> bool:
    """Whether a result of a tilt series knows its tilts, as far as can be told without reading a file."""
    if family_of(layer) != "tomography":
        return False
    refined = (note(layer, "products") or {}).get("rotations") is not None
    recipe = ((note(layer, "provenance") or {}).get("input") or {}).get("recipe")
    return refined or bool(note(layer, "make_problem") or recipe)


def problem_maker(source: Source) -> Callable[[], Any]:
    """A function for a worker thread that makes the problem of a result; it raises InputError where none can be made.

    The session knows the data of what was reconstructed in it; otherwise the record says which file they are from.
    """
    make, record = source.notes.get("make_problem"), source.notes.get("provenance") or {}

    def from_record() -> Any:
        from ...io.rebuild import problem_of

        recipe = (record.get("input") or {}).get("recipe")
        if not recipe:
            raise InputError(source.name, "its record does not say which data it is from", REMEDY)
        return problem_of(recipe)

    return make or from_record

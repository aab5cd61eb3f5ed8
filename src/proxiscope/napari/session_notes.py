"""Notes of layers from a session file, checked: a file may say anything, and the panels rely on them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, get_args

import numpy as np

from .layers import DERIVED
from .recipes import Origin
from .values import QUANTITIES

KINDS = ("pattern", "tilt-series", "stack", *DERIVED)


def checked(notes: Mapping[str, Any], shape: tuple[int, ...]) -> tuple[dict[str, Any], list[str]]:
    """The notes that are known and make sense, and the names of those that are known and do not.

    Parameters
    ----------
    notes : Mapping
    shape : tuple of int
        Of the layer's data; empty of shapes and the like.
    """
    given = {name: value for name, value in notes.items() if value is not None and name in _CHECKS}
    wrong = [name for name, value in given.items() if not _CHECKS[name](value, shape)]
    return {name: value for name, value in given.items() if name not in wrong}, wrong


def origin(kept: Any, data: Any) -> Origin | None:
    """Where the data of a layer come from, as it was kept; None if that makes no sense."""
    known = {f.name for f in fields(Origin)} - {"data"}
    if not isinstance(kept, Mapping):
        return None
    values = {name: value for name, value in kept.items() if name in known and value is not None}
    if not ("path" in values and all(_ORIGIN[name](value) for name, value in values.items())):
        return None
    values |= {name: make(values[name]) for name, make in (("steps", tuple), ("own", frozenset)) if name in values}
    return Origin(data=data, **values)


def _array(value: Any, kinds: str) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in kinds


def _list_of(kind: type, value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, kind) for one in value)


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _rows(columns: int) -> Callable[[Any, tuple[int, ...]], bool]:
    """Real numbers for each image of a stack."""

    def check(value: Any, shape: tuple[int, ...]) -> bool:
        fits = len(shape) == 3 and _array(value, "iuf") and value.shape == (shape[0], columns)
        return fits and bool(np.isfinite(value).all())

    return check


def _text(value: Any, _shape: Any) -> bool:
    return isinstance(value, str)


def _truth(value: Any, _shape: Any) -> bool:
    return isinstance(value, bool)


def _mapping(value: Any, _shape: Any) -> bool:
    return isinstance(value, dict)


def _provenance(value: Any, _shape: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("input", {}), dict)


def _metrics(value: Any, _shape: Any) -> bool:
    return isinstance(value, dict) and all(_array(one, "biuf") and one.ndim == 1 for one in value.values())


def _products(value: Any, _shape: Any) -> bool:
    if not (isinstance(value, dict) and all(_array(one, "biufc") for one in value.values())):
        return False
    tables = [(value[name], columns) for name, columns in (("rotations", 3), ("shifts", 2)) if name in value]
    return all(table.dtype.kind in "iuf" and table.ndim == 2 and table.shape[1] == n for table, n in tables)


def _object(value: Any, _shape: Any) -> bool:
    from ..phase.problem import Object

    return isinstance(value, str) and value in get_args(Object)


_CHECKS: dict[str, Callable[[Any, tuple[int, ...]], bool]] = {
    "kind": lambda value, _: isinstance(value, str) and value in KINDS,
    "quantity": lambda value, _: isinstance(value, str) and value in QUANTITIES,
    "object": _object,
    "pixel_size": lambda value, _: _finite(value) and value > 0,
    "in_plane": lambda value, _: _finite(value),
    "refined": _truth,
    "turned": _truth,
    "rotations": _rows(3),
    "shifts": _rows(2),
    "complex": lambda value, shape: _array(value, "c") and value.shape == shape,
    "metrics": _metrics,
    "products": _products,
    "provenance": _provenance,
    "recipe": _mapping,
    "steps": lambda value, _: _list_of(dict, value),
    "remarks": lambda value, _: _list_of(str, value),
    "notes": lambda value, _: _list_of(str, value),
    "source": _text,
    "prepared_from": _text,
    "aligned_to": _text,
    "log_of": _text,
}
"""By the names of the notes. What can only be had in the process that made it, such as `make_problem`, is not here."""

_ORIGIN: dict[str, Callable[[Any], bool]] = {
    "path": lambda value: isinstance(value, str),
    "order": lambda value: _array(value, "iu") and value.ndim == 1,
    "turned": lambda value: isinstance(value, bool),
    "steps": lambda value: _list_of(dict, value),
    "tilts": lambda value: _array(value, "iuf"),
    "own": lambda value: _list_of(str, value),
    "support": lambda value: _array(value, "biuf"),
}

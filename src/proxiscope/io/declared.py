"""What files of our own say of themselves, from whichever format, as readers hand it on."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from .raw import Declared, Found, Kind, Quantity

STALE = "Its record belongs to an array of another shape, and is not used: another program has changed the file."


def declare(found: Found, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], path: Path) -> Found:
    """What a reader found, with what the file itself declares.

    Parameters
    ----------
    found : Found
        The array and what the format's own fields say; a record of an array of another shape is not believed.
    facts : Mapping
        `Contents.facts` as read, and ``provenance``.
    arrays : Mapping[str, ndarray]
        `Contents.arrays` as read.
    path : Path
        The file, for the messages.
    """
    shape = tuple(facts.get("shape", found.data.shape))
    if shape != found.data.shape:  # formats of images drop axes of length one
        if _long(shape) != _long(found.data.shape):
            return replace(found, notes=(*found.notes, STALE))
        found = replace(found, data=found.data.reshape(shape))
    tilts = _tilts(arrays.get("angles"), arrays.get("shifts"))
    provenance = facts.get("provenance")
    declared = Declared(
        ours=True,
        kind=_one_of(facts.get("kind"), Kind),
        quantity=_one_of(facts.get("quantity"), Quantity),
        object=facts.get("object") if isinstance(facts.get("object"), str) else None,
        reconstruction_pixel_size=_size(facts.get("reconstruction_pixel_size_nm")),
        valid=_valid(arrays.get("valid"), found.data),
        provenance=provenance if isinstance(provenance, Mapping) else {},
        metrics=_below("metrics/", arrays),
        products=_below("products/", arrays),
    )
    return replace(
        found,
        angles=((f"the record in {path.name}", tilts),) if tilts is not None else (),
        pixel_size=_pixel_size(found.pixel_size, facts.get("pixel_size_nm")),
        tilt_axis="y",
        declared=declared,
    )


def _long(shape: tuple[int, ...]) -> list[int]:
    return [n for n in shape if n != 1]


def _tilts(angles: NDArray[Any] | None, shifts: NDArray[Any] | None) -> NDArray[Any] | None:
    """Angles as they are, or with the shifts in five columns."""
    if angles is None or shifts is None:
        return angles
    triples = angles if angles.ndim == 2 else np.stack([0 * angles, angles, 0 * angles], axis=1)
    return np.column_stack([triples, shifts])


def _valid(valid: NDArray[Any] | None, data: NDArray[Any]) -> NDArray[Any] | None:
    return valid if valid is not None and valid.dtype == bool and valid.shape == data.shape else None


def _pixel_size(header: float | None, exact: Any) -> float | None:
    """The size on record, which has all digits, unless the header's own field was changed since."""
    size = _size(exact)
    return size if size is not None and (header is None or abs(header / size - 1) < 1e-4) else header


def _size(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and 0 < value < np.inf else None


def _one_of(value: Any, known: Any) -> Any:
    return value if value in get_args(known) else None


def _below(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}

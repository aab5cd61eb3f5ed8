"""Layers into files."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray


def write_image(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """napari's writer hook for one image layer: its calibration, and how it came about, go with it."""
    from napari.utils.notifications import show_error, show_warning

    from ..core import InputError
    from ..io import COMPLEX_SUFFIXES
    from .layers import KEY, array_of

    notes = attributes.get("metadata", {}).get(KEY, {})
    rotations = notes.get("rotations")
    if rotations is not None and not rotations[:, [0, 2]].any():
        rotations = rotations[:, 1]
    if path.lower().endswith(COMPLEX_SUFFIXES):  # other formats take what is shown, the modulus
        data = array_of(data, notes)
    try:
        left_out = _write(Path(path), data, notes, rotations)
    except InputError as error:  # napari would say no more than that nothing was written
        show_error(str(error))
        return []
    for sentence in left_out:
        show_warning(sentence)
    return [path]


def _write(path: Path, data: Any, notes: dict[str, Any], rotations: NDArray | None) -> tuple[str, ...]:
    from ..io import write_array

    kind = notes.get("kind")
    return write_array(
        path,
        data,
        kind=kind if kind in ("pattern", "tilt-series", "result") else None,
        quantity=notes.get("quantity"),
        object=notes.get("object"),
        pixel_size=notes.get("pixel_size"),
        metadata=_record(notes),
        metrics=notes.get("metrics"),
        angles=rotations,
        shifts=notes.get("shifts"),
        products=notes.get("products"),
    )


def _record(notes: dict[str, Any]) -> dict[str, Any]:
    """How the data came about: of a result its provenance, of prepared data their steps."""
    named = ("source", "steps", "remarks", "recipe")
    record = {name: notes[name] for name in named if notes.get(name)}
    return record | (notes.get("provenance") or {})

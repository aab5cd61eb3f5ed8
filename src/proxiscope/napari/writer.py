"""Layers into files."""

from pathlib import Path
from typing import Any


def write_image(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """napari's writer hook for one image layer: its calibration, and how it came about, go with it."""
    from napari.utils.notifications import show_error, show_warning

    from ..core import InputError
    from .keeper import result_saved
    from .layers import KEY

    notes = attributes.get("metadata", {}).get(KEY, {})
    try:
        left_out = write_layer(path, data, notes)
    except InputError as error:  # napari would say no more than that nothing was written
        show_error(str(error))
        return []
    for sentence in left_out:
        show_warning(sentence)
    result_saved(notes)
    return [path]


def write_layer(path: str, data: Any, notes: dict[str, Any]) -> tuple[str, ...]:
    """Write the data of a layer with its notes; may be called in a worker thread.

    Returns
    -------
    tuple of str
        What the format does not keep, in sentences.

    Raises
    ------
    InputError
        As for `proxiscope.save`.
    """
    from ..io import COMPLEX_SUFFIXES, write_array
    from .layers import array_of

    rotations = notes.get("rotations")
    if rotations is not None and not rotations[:, [0, 2]].any():
        rotations = rotations[:, 1]
    if path.lower().endswith(COMPLEX_SUFFIXES):  # other formats take what is shown, the modulus
        data = array_of(data, notes)
    kind = notes.get("kind")
    return write_array(
        Path(path),
        data,
        kind=kind if kind in ("pattern", "tilt-series", "result") else None,
        quantity=notes.get("quantity"),
        object=notes.get("object"),
        pixel_size=notes.get("pixel_size"),
        metadata=record_of(notes),
        metrics=notes.get("metrics"),
        angles=rotations,
        shifts=notes.get("shifts"),
        products=notes.get("products"),
    )


def record_of(notes: dict[str, Any]) -> dict[str, Any]:
    """How the data of a layer came about: of a result its provenance, of prepared data their steps."""
    named = ("source", "steps", "remarks", "recipe")
    record = {name: notes[name] for name in named if notes.get(name)}
    return record | (notes.get("provenance") or {})

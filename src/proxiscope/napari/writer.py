"""Layers into files."""

from typing import Any


def write_image(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """napari's writer hook for one image layer: scale, provenance and metrics go with it."""
    from ..io import write_array
    from .layers import array_of

    notes = attributes.get("metadata", {}).get("proxiscope", {})
    rotations = notes.get("rotations")
    if rotations is not None and not rotations[:, [0, 2]].any():
        rotations = rotations[:, 1]
    write_array(
        path,
        array_of(data, notes),
        pixel_size=notes.get("pixel_size"),
        metadata=notes.get("provenance"),
        metrics=notes.get("metrics"),
        angles=rotations,
        products=notes.get("products"),
    )
    return [path]

"""Layers into files."""

from typing import Any


def write_image(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """napari's writer hook for one image layer: scale, provenance and metrics go with it."""
    from ..io import write_array

    notes = attributes.get("metadata", {}).get("proxiscope", {})
    write_array(
        path,
        data,
        pixel_size=notes.get("pixel_size"),
        metadata=notes.get("provenance"),
        metrics=notes.get("metrics"),
    )
    return [path]

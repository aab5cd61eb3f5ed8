"""Files into layers."""

from collections.abc import Callable
from pathlib import Path

from .layers import LayerData, raw_layer


def get_reader(path: str | list[str]) -> Callable[[str], list[LayerData]] | None:
    """napari's reader hook: a function for a file that proxiscope can read, else None."""
    from ..io import READ_SUFFIXES

    if isinstance(path, list):
        return None
    name = Path(path).name.lower()
    return read_layers if any(name.endswith(suffix) for suffix in READ_SUFFIXES) else None


def read_layers(path: str) -> list[LayerData]:
    """The layers of a file; a file that cannot be read raises InputError, which napari shows."""
    from napari.utils.notifications import show_info

    from ..io import read

    data, options, kind = raw_layer(read(path))
    for sentence in options["metadata"]["proxiscope"]["notes"]:
        show_info(sentence)
    return [(data, options, kind)]

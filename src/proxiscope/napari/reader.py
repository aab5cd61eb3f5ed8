"""Files into layers."""

from collections.abc import Callable
from pathlib import Path

from .layers import KEY, LayerData

_IN_FOLDERS = (".tif", ".tiff")
"""Images of which a folder is read as a stack."""


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list[LayerData]] | None:
    """napari's reader hook: a function for what proxiscope can read, else None.

    That is a file, a folder of Zarr or of TIFF images, or a list of TIFF images, which are opened as a stack.
    """
    from ..io import READ_SUFFIXES

    if isinstance(path, list):
        return read_layers if path and all(map(_is_image, map(Path, path))) else None
    known = Path(path).name.lower().endswith(READ_SUFFIXES)
    return read_layers if known or _is_stack(Path(path)) else None


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in _IN_FOLDERS


def _is_stack(path: Path) -> bool:
    return path.is_dir() and any(map(_is_image, path.iterdir()))


def read_layers(path: str | list[str]) -> list[LayerData]:
    """The layers of a file; a file that cannot be read raises InputError, which napari shows."""
    from napari.utils.notifications import show_info

    from ..io import read
    from .opening import raw_layers
    from .session_file import is_session

    if not isinstance(path, list) and is_session(path):
        from .sessions import session_layers

        return session_layers(path)
    layers = raw_layers(read(path))
    for _, options, _ in layers:
        notes = options.get("metadata", {}).get(KEY, {})
        if sentences := notes.get("notes", ()):
            show_info("\n".join(sentences))  # napari leaves all but the last few notifications standing
        if isinstance(path, list):
            notes.pop("origin", None)  # which would be one file
    return layers

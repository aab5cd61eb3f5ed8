"""Files that the user chose, as layers."""

from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QWidget

from ..core import InputError
from .dialogs import to_open_data


def open_data(viewer: Any, parent: QWidget) -> list[Any]:
    """Ask for a file and open it; the layers that it gave, none if the user thought better of it.

    Raises
    ------
    InputError
        If the file is not there, or of a kind that is not read.
    """
    path = to_open_data(parent)
    if not path:
        return []
    try:
        return viewer.open(path, plugin="napari-proxiscope")
    except (FileNotFoundError, ValueError) as error:  # what napari says before it asks our reader
        found = "is not there" if not Path(path).exists() else "is of a kind that is not read"
        raise InputError(Path(path).name, found, "Choose another: docs/how-to/files.md says what is read") from error

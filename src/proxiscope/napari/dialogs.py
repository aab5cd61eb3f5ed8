"""Asking for files."""

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QWidget

STEPS = "Steps (*.json)"


def to_open(parent: QWidget, what: str = STEPS) -> str:
    """A file that the user chose to open; empty when none was."""
    return QFileDialog.getOpenFileName(parent, "Load", "", what)[0]


def to_save(parent: QWidget, what: str = STEPS) -> str:
    """A file that the user chose to write, with a suffix; empty when none was."""
    path, chosen = QFileDialog.getSaveFileName(parent, "Save", "", what)
    if path and not Path(path).suffix:
        path += "." + chosen.split("*.")[1].split(")")[0].split()[0]
    return path

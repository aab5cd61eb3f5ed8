"""Keys: function keys, which no text field needs and napari leaves free."""

from collections.abc import Callable
from typing import Any

from qtpy.QtWidgets import QAbstractSpinBox, QApplication, QLineEdit, QPlainTextEdit, QTextEdit

from . import commands

KEYS = {
    "preview": "F4",
    "run": "F5",
    "pause_or_resume": "F6",
    "stop_and_keep": "F7",
    "cancel": "F8",
    "log_view": "F9",
    "show_record": "Ctrl+I",
}
"""Of the commands, by the names of their functions."""


def bind(viewer: Any) -> None:
    """Let a viewer react to the keys, once and for all; those that something else has taken stay as they are.

    Manifests cannot: napari ignores their keybindings.
    """
    for name, key in KEYS.items():
        if key in map(str, (*viewer.keymap, *viewer.class_keymap)):
            continue
        viewer.bind_key(key, _calling(getattr(commands, name)))


def with_key(tooltip: str, name: str) -> str:
    """A tooltip that ends with the key of a command."""
    return f"{tooltip} ({KEYS[name]})" if name in KEYS else tooltip


def _calling(command: Callable[[], None]) -> Callable[[Any], None]:
    def pressed(_viewer: Any) -> None:
        focus = QApplication.focusWidget()
        if isinstance(focus, QLineEdit | QTextEdit | QPlainTextEdit):
            return
        if isinstance(focus, QAbstractSpinBox):
            focus.interpretText()  # a number that was just typed counts
        command()

    pressed.__doc__ = command.__doc__
    return pressed

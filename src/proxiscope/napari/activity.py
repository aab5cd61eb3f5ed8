"""A run's progress in napari's activity dock."""

from contextlib import suppress

from napari.utils import progress
from qtpy.QtWidgets import QLabel, QWidget

SPINNER_SPEED = 5
"""Percent of its usual speed. Each frame repaints the window; without a GPU that takes the solver's time."""


class Activity:
    """A bar in the activity dock.

    Parameters
    ----------
    window : QWidget
        The window, whose spinner is slowed down meanwhile.
    description : str
    total : int
    """

    def __init__(self, window: QWidget, description: str, total: int):
        self._bar: progress | None = progress(total=total, desc=description)
        self._spinners = [label.movie() for label in window.findChildren(QLabel) if label.movie() is not None]
        self._set_speed(SPINNER_SPEED)

    def update(self, iteration: int) -> None:
        """Move the bar to `iteration`."""
        if self._bar is not None:
            self._bar.update(iteration - self._bar.n)

    def close(self) -> None:
        """Take the bar away; once is enough."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
            self._set_speed(100)

    def _set_speed(self, percent: int) -> None:
        for spinner in self._spinners:
            with suppress(RuntimeError):  # the window may be gone
                spinner.setSpeed(percent)

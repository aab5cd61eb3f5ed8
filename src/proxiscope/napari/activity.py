"""A run's progress in napari's activity dock."""

from napari.utils import progress
from qtpy.QtWidgets import QLabel, QWidget

SPINNER_SPEED = 5
"""Percent of its usual speed. Each frame repaints the window; without a GPU that takes the solver's time."""


class Activity:
    """A bar in the activity dock.

    Parameters
    ----------
    window : QWidget
        The window, whose spinner is slowed down while there is work.
    description : str
    total : int
    """

    def __init__(self, window: QWidget, description: str, total: int):
        self._bar: progress | None = progress(total=total, desc=description)
        for label in window.findChildren(QLabel):
            if label.movie() is not None:
                label.movie().setSpeed(SPINNER_SPEED)

    def update(self, iteration: int) -> None:
        """Move the bar to `iteration`."""
        if self._bar is not None:
            self._bar.update(iteration - self._bar.n)

    def close(self) -> None:
        """Take the bar away; once is enough."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

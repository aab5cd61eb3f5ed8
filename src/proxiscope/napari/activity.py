"""A run's progress in napari's activity dock."""

from contextlib import suppress

from napari.utils import progress
from qtpy.QtWidgets import QLabel, QWidget

SPINNER_SPEED = 5
"""Percent of its usual speed. Each frame repaints the window; without a GPU that takes the solver's time."""


class Activity:
    """A bar in the activity dock, from the first `update` on.

    To make or move it lets Qt work: whoever does so must see afterwards whether the window is still there.

    Parameters
    ----------
    window : QWidget
        The window, whose spinner is slowed down meanwhile.
    description : str
    total : int
    """

    def __init__(self, window: QWidget, description: str, total: int):
        self._about = {"total": total, "desc": description}
        self._bar: progress | None = None
        self._closed = False
        self._spinners = [label.movie() for label in window.findChildren(QLabel) if label.movie() is not None]
        self._set_speed(SPINNER_SPEED)

    def update(self, iteration: int) -> None:
        """Move the bar to `iteration`."""
        if self._bar is None and not self._closed:
            bar = progress(**self._about)
            if self._closed:  # meanwhile
                bar.close()
            else:
                self._bar = bar
        if self._bar is not None:
            self._bar.update(iteration - self._bar.n)

    def close(self) -> None:
        """Take the bar away; once is enough."""
        if not self._closed:
            self._closed = True
            self._set_speed(100)
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _set_speed(self, percent: int) -> None:
        for spinner in self._spinners:
            with suppress(RuntimeError):  # the window may be gone
                spinner.setSpeed(percent)

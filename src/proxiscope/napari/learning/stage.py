"""A demonstration at work: a timer pulls its newest frame and has it shown."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from ...demos import Frame
from .run import DemoRun

LOOK = 60
"""Milliseconds between two looks at a run; the next one waits until the window has painted what this one showed."""


class Stage(QObject):
    """Runs one demonstration at a time; of those that are asked for meanwhile only the last.

    Attributes
    ----------
    run : DemoRun or None
        The one under way, or the last.

    Signals
    -------
    begun(object)
        A run begins, with what `start` was told of it.
    framed(object)
        There is a newer frame.
    moved()
        The run came further, was paused, or has ended.
    ended(object)
        The run has ended, with its status, and no other is to begin.
    """

    begun = Signal(object)
    framed = Signal(object)
    moved = Signal()
    ended = Signal(object)

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self.run: DemoRun | None = None
        self._shown: Frame | None = None
        self._next: tuple[Callable[[], DemoRun], Any] | None = None
        self._timer = QTimer(self, singleShot=True, interval=LOOK)
        self._timer.timeout.connect(self._look)
        self._looking = self._left = False

    @property
    def running(self) -> bool:
        """Whether something is under way, or its end has yet to be shown."""
        return self._timer.isActive() or self._looking

    def start(self, make: Callable[[], DemoRun], about: Any = None) -> None:
        """Begin a run, in place of one that is under way."""
        if self.running:
            self._next = (make, about)
            self.run.cancel()
            return
        self.run, self._shown = make(), None
        self.begun.emit(about)
        self.run.start()
        self.moved.emit()
        self._timer.start()

    def leave(self) -> None:
        """Cancel what is under way, and look no more."""
        self._next, self._left = None, True
        self._timer.stop()
        if self.run is not None:
            self.run.cancel()

    def tell(self, what: str) -> None:
        """Have the run ``"pause"``, ``"resume"``, ``"stop"`` or ``"cancel"``, and show at once that it was asked."""
        if self.running:
            self._next = None
            getattr(self.run, what)()
            self.moved.emit()

    def _look(self) -> None:
        run, status = self.run, self.run.status  # read once: the run goes on meanwhile
        frame, self._looking = run.newest, True
        try:
            if frame is not self._shown:
                self._shown = frame
                self.framed.emit(frame)
        finally:
            self._looking = False
        if self._left:
            return
        if not status.ended:
            self.moved.emit()
            self._timer.start()
            return
        waiting, self._next = self._next, None
        if waiting is not None:
            self.start(*waiting)  # its beginning is shown, and not this end: each repaints the window at once
        else:
            self.moved.emit()
            self.ended.emit(status)

"""A piece of work whose result is shown, with at most one more waiting behind it."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from .worker import Job, Status

LOOK = 40
"""Milliseconds between two looks at the work."""

Tick = Callable[[float], None]
Work = Callable[[Tick], Any]


class Task(QObject):
    """Runs one job at a time; of those that are asked for meanwhile only the last.

    Parameters
    ----------
    name : str
    parent : QObject, optional

    Attributes
    ----------
    job : Job or None
        The one under way, or the last.

    Signals
    -------
    done(object)
        What the work returned.
    failed(object)
        The exception that it raised.
    moved()
        It began, came further or ended.
    """

    done = Signal(object)
    failed = Signal(object)
    moved = Signal()

    def __init__(self, name: str, parent: QObject | None = None):
        super().__init__(parent)
        self.name, self.doing = name, ""
        self.job: Job | None = None
        self._next: tuple[Work, str] | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK)
        self._timer.timeout.connect(self._look)

    @property
    def working(self) -> bool:
        """Whether something is under way, or has ended and is not shown yet."""
        return self._timer.isActive()

    @property
    def fraction(self) -> float:
        """Done so far."""
        return self.job.fraction if self.job is not None else 0.0

    def start(self, work: Work, doing: str = "") -> None:
        """Begin, or wait for the job that is under way; `doing` says in a sentence what is at work."""
        if self.working:
            self._next = (work, doing)
            return
        self.doing = doing
        self.job = Job(self.name, work)
        self.job.start()
        self._timer.start()
        self.moved.emit()

    def replace(self, work: Work, doing: str = "") -> None:
        """Begin, in place of the job that is under way."""
        if self.working:
            self.job.cancel()
        self.start(work, doing)

    def cancel(self) -> None:
        """End at the next occasion, and drop what waits."""
        self._next = None
        if self.job is not None:
            self.job.cancel()

    def stop(self) -> None:
        """Cancel, and look no more."""
        self.cancel()
        self._timer.stop()

    def _look(self) -> None:
        job, status = self.job, self.job.status  # read once: the work goes on meanwhile
        if not status.ended:
            self.moved.emit()
            return
        self._timer.stop()
        waiting, self._next = self._next, None
        if waiting is not None:
            self.start(*waiting)
        if status is Status.DONE and not job.ending:
            self.done.emit(job.result)
        elif status is Status.FAILED:
            self.failed.emit(job.error)
        self.moved.emit()

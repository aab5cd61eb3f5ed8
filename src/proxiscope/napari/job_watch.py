"""One job at a time, watched by pulling."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from .activity import Activity
from .controls import JobControls
from .session import Tick
from .worker import Job, Status

LOOK = 70
"""Milliseconds between two looks at the work."""


class JobWatch(QObject):
    """Starts jobs, and shows in some controls how far they are.

    Signals
    -------
    ended(object, object)
        A job and its last status.
    """

    ended = Signal(object, object)

    def __init__(self, controls: JobControls, parent: QObject):
        super().__init__(parent)
        self.controls = controls
        self._job: Job | None = None
        self._doing: Callable[[float], str] = lambda fraction: ""
        self._activity: Activity | None = None
        self._looking = self._left = False
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK)
        self._timer.timeout.connect(self._look)
        controls.pressed.connect(lambda name: getattr(self._job, name)() if self.working else None)

    @property
    def working(self) -> bool:
        """Whether something is under way, or has ended and is not shown yet."""
        return self._timer.isActive()

    def start(self, work: Callable[[Tick], Any], doing: Callable[[float], str], *, window: Any = None) -> Job:
        """Begin; `doing` says in a sentence what is at work at a fraction. In a `window` the activity dock shows it."""
        self._doing, self._job = doing, Job("prepare", work)
        self._activity = None if window is None else Activity(window, "Preparing", 100)
        self._job.start()
        self._timer.start()
        self._look()
        return self._job

    def stop(self) -> None:
        """Cancel what is under way, and look no more."""
        self._left = True
        self._timer.stop()
        if self._job is not None:
            self._job.cancel()
        if self._activity is not None:
            self._activity.close()

    def _look(self) -> None:
        if self._looking:  # moving the bar lets Qt work, which must not show the same in between
            return
        job, status = self._job, self._job.status  # read once: the work goes on meanwhile
        self.controls.show_job(job, status, self._doing(job.fraction))
        if self._activity is not None:
            self._looking = True
            try:
                self._activity.update(round(100 * job.fraction))
            finally:
                self._looking = False
        if status.ended and not self._left:
            self._timer.stop()
            if self._activity is not None:
                self._activity.close()
            self.controls.show_job(job, status, "Cancelled." if status is Status.CANCELLED else "")
            self.ended.emit(job, status)

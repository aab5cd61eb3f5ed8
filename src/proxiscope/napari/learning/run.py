"""A demonstration that runs in a thread of its own, to be watched by pulling. No Qt here."""

import time
from collections.abc import Callable, Iterator

from ...demos import Frame
from ..worker import Cancelled, Status, Worker

MOMENT = 0.02
"""Seconds in which a thread that waits notices that it is to pause or to end."""


class DemoRun(Worker):
    """One run of a demonstration; of its frames only the newest is kept.

    Parameters
    ----------
    name : str
    frames : callable
        Returns the frames. Called in the thread: it may import, simulate and read.
    lasts : float
        Seconds over which a whole run is spread at least, so that a quick one can be watched. Pauses do not count.

    Attributes
    ----------
    newest : Frame or None
        Whoever shows it remembers which it showed.
    fraction : float
        Done so far.
    seconds : float
        Spent on computing.
    """

    def __init__(self, name: str, frames: Callable[[], Iterator[Frame]], lasts: float = 0.0):
        super().__init__(f"demo-{name}")
        self.newest: Frame | None = None
        self.fraction = self.seconds = 0.0
        self._frames, self._lasts = frames, lasts
        self._stop = False

    def stop(self) -> None:
        """End at the next occasion; what is shown is to stay."""
        self._stop = True
        self._go.set()

    @property
    def ending(self) -> bool:
        """Whether it was asked to end."""
        return self._stop or super().ending

    def _work(self) -> None:
        status = Status.FAILED
        try:
            self._run()
            status = Status.DONE
        except Cancelled:
            status = Status.STOPPED if self._stop and not self._cancel else Status.CANCELLED
        except Exception as error:
            self.error = error
        finally:
            self.status = status

    def _run(self) -> None:
        begin = time.perf_counter()
        frames = self._frames()
        try:
            while (frame := next(frames, None)) is not None:
                took, share = time.perf_counter() - begin, max(0.0, frame.fraction - self.fraction)
                self.seconds += took
                self.newest, self.fraction = frame, frame.fraction
                self._wait(share * self._lasts - took)
                begin = time.perf_counter()
        finally:
            close = getattr(frames, "close", None)
            if close is not None:
                close()

    def _wait(self, seconds: float) -> None:
        """Let a frame be seen for a while; hold during a pause, and end if that is asked for."""
        while True:
            self._hold()
            if self.ending:
                raise Cancelled
            if seconds <= 0:
                return
            time.sleep(min(seconds, MOMENT))
            seconds -= MOMENT

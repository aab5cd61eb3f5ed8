"""Work in a thread of its own, to be watched by pulling.

No Qt here. The watcher asks for what is new when it has time to show it; nothing is queued, so quick work never
backs up behind a slow display.
"""

import atexit
import concurrent.futures.thread  # noqa: F401  whose threads are to end after ours, see `_end_all`
import logging
import threading
import weakref
from collections.abc import Callable
from enum import Enum
from typing import Any

from ..core.engine import dropping
from ..core.errors import ProxiscopeError


class Status(Enum):
    """Where a piece of work is in its life."""

    PREPARING = "preparing"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self not in LIVE


LIVE = (Status.PREPARING, Status.RUNNING, Status.PAUSED)

catching = threading.Lock()
"""Catching warnings changes what the whole process does with them: one at a time."""

_live: "weakref.WeakSet[Worker]" = weakref.WeakSet()


LAST_ITERATION, LAST_CHECKPOINT = 10, 120
"""Seconds that a process which ends waits for what is under way, and for a checkpoint that is being written."""


def _end_all() -> None:
    """Threads that still compute while the interpreter goes away would crash it; some have a checkpoint to write."""
    workers = list(_live)
    for worker in workers:
        worker.interrupt()
    for worker in workers:
        if not worker.wait(LAST_ITERATION) and worker.writing:
            worker.wait(LAST_CHECKPOINT)


# `atexit` comes too late: by then there are no pools of threads any more, which an iteration may still want
getattr(threading, "_register_atexit", atexit.register)(_end_all)


class Cancelled(Exception):
    """Raised inside work that is to end at once."""


class Worker:
    """A thread that can be paused and cancelled; a subclass says what it does in `_work`.

    Attributes
    ----------
    status : Status
        Written by the thread alone, which leaves it at one that has ended.
    error : Exception or None
        Why it failed.
    writing : bool
        Whether it is writing something that is to be finished also when the process ends.
    """

    writing = False

    def __init__(self, name: str):
        self.status = Status.PREPARING
        self.error: Exception | None = None
        self._go = threading.Event()
        self._go.set()
        self._cancel = False
        self._thread = threading.Thread(target=self._begin_work, name=f"proxiscope-{name}", daemon=True)

    def _begin_work(self) -> None:
        with dropping(self._is_dropped):
            self._work()

    def _work(self) -> None:
        raise NotImplementedError

    def _is_dropped(self) -> bool:
        """Whether a long piece of work may be broken off in the middle."""
        return self._cancel

    def start(self) -> None:
        """Begin."""
        _live.add(self)
        self._thread.start()

    def pause(self) -> None:
        """Hold at the next occasion; buffers stay as they are."""
        self._go.clear()

    def resume(self) -> None:
        """Go on after a pause."""
        self._go.set()

    def cancel(self) -> None:
        """End at the next occasion and drop the result."""
        self._cancel = True
        self._go.set()

    def interrupt(self) -> None:
        """End since the window goes; a subclass may keep what there is for another time."""
        self.cancel()

    @property
    def ending(self) -> bool:
        """Whether it was asked to end."""
        return self._cancel

    @property
    def request(self) -> str:
        """What was asked for and waits for the next occasion: pause, cancel, or nothing."""
        if self._cancel:
            return "cancel"
        return "" if self._go.is_set() or self.status is Status.PAUSED else "pause"

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the thread; whether it has ended."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _hold(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Wait as long as it is paused."""
        while not (self._go.is_set() or self.ending):
            self.status = Status.PAUSED
            meanwhile()
            self._go.wait(0.05)
        self.status = Status.RUNNING


def log_unforeseen(name: str, error: Exception) -> None:
    """Leave in the log where an error came from that is not one of ours, which say themselves what is wrong."""
    if not isinstance(error, ProxiscopeError):
        logging.getLogger(__name__).warning("%s failed", name, exc_info=error)


class Job(Worker):
    """One function in a thread.

    Parameters
    ----------
    name : str
    work : callable
        Called with `tick`, which it calls with the fraction done, now and then: that waits during a pause, and raises
        `Cancelled` to end it.

    Attributes
    ----------
    fraction : float
        Done so far.
    result
        What `work` returned; None unless it is done.
    """

    def __init__(self, name: str, work: Callable[[Callable[[float], None]], Any]):
        super().__init__(name)
        self.fraction = 0.0
        self.result: Any = None
        self._do = work

    def _tick(self, fraction: float) -> None:
        self.fraction = min(1.0, max(0.0, float(fraction)))
        self._hold()
        if self._cancel:
            raise Cancelled

    def _work(self) -> None:
        status = Status.FAILED
        try:
            self.status = Status.RUNNING
            self.result = self._do(self._tick)
            status = Status.DONE
        except Cancelled:
            status = Status.CANCELLED
        except Exception as error:
            log_unforeseen(self._thread.name, error)
            self.error = error
        finally:
            self.status = status

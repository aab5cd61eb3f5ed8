"""A reconstruction that runs in a thread of its own, to be watched by pulling.

No Qt here. The watcher asks for what is new when it has time to show it; nothing is queued, so a fast
iteration never backs up behind a slow display.
"""

import atexit
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from typing import Any, NamedTuple

from numpy.typing import NDArray

from ..core import Algorithm, Progress, Record, iterate
from ..reconstruction import Result, conclude


class Status(Enum):
    """Where a run is in its life."""

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
        return self not in (Status.PREPARING, Status.RUNNING, Status.PAUSED)


_live: "weakref.WeakSet[Run]" = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    """Threads that still compute while the interpreter goes away would crash it."""
    for run in list(_live):
        run.cancel()
        run.wait(10)


class Frame(NamedTuple):
    """An estimate to be shown, with its range: looking through a volume for it would hold up the display."""

    data: NDArray
    low: float
    high: float


def frame(data: NDArray) -> Frame:
    """The frame of an estimate."""
    return Frame(data, float(data.min()), float(data.max()))


class Run:
    """One reconstruction in a thread.

    Parameters
    ----------
    algorithm : Algorithm
    make_problem : callable
        Returns the problem. Called in the thread, since reading and checking large data take time.
    seed : int

    Attributes
    ----------
    status : Status
    iteration, total : int
        Iterations done, and those of the whole run.
    curve : list of (int, float)
        Recorded iterations with their R-factors; grows only.
    result_frame : Frame or None
        Of the result.
    result : Result or None
        Once the run is done or stopped; after a failure, what was computed before it, if anything.
    error : Exception or None
        Why the run failed.
    estimate_seconds : float
        What the last estimate cost.
    """

    def __init__(self, algorithm: Algorithm, make_problem: Callable[[], Any], seed: int = 0):
        self.algorithm, self.seed = algorithm, seed
        self._make_problem = make_problem
        self.status = Status.PREPARING
        self.iteration, self.total = 0, algorithm.iterations
        self.curve: list[tuple[int, float]] = []
        self.result: Result | None = None
        self.result_frame: Frame | None = None
        self.error: Exception | None = None
        self.estimate_seconds = 0.0
        self._go = threading.Event()
        self._go.set()
        self._stop = self._cancel = False
        self._estimate_wanted = False
        self._estimate: Frame | None = None
        self._thread = threading.Thread(target=self._work, name=f"proxiscope-{algorithm.name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        _live.add(self)
        self._thread.start()

    def pause(self) -> None:
        """Hold after the iteration in progress; buffers stay as they are."""
        self._go.clear()

    def resume(self) -> None:
        """Go on after a pause."""
        self._go.set()

    def stop(self) -> None:
        """End after the iteration in progress and keep the result."""
        self._stop = True
        self._go.set()

    def cancel(self) -> None:
        """End after the iteration in progress and drop the result."""
        self._cancel = True
        self._go.set()

    @property
    def request(self) -> str:
        """What was asked for and waits for the iteration in progress: pause, stop, cancel, or nothing."""
        if self._cancel or self._stop:
            return "cancel" if self._cancel else "stop"
        return "" if self._go.is_set() or self.status is Status.PAUSED else "pause"

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the thread; whether it has ended."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def request_estimate(self) -> None:
        """Ask for the estimate of the iteration in progress; `take_estimate` gives it later."""
        self._estimate_wanted = True

    def take_estimate(self) -> Frame | None:
        """The estimate that was asked for, once; None when it is not there yet."""
        estimate, self._estimate = self._estimate, None
        return estimate

    def _work(self) -> None:
        """The thread. It alone writes the status, and leaves it at one that has ended, whatever happens."""
        record, progress, problem, begin = Record(self.algorithm), None, None, time.perf_counter()
        status = Status.FAILED
        try:
            problem = self._make_problem()
            begin = time.perf_counter()
            for progress in iterate(self.algorithm, problem, seed=self.seed):
                self._note(record, progress)
                self._hold(progress)
                if self._stop or self._cancel:
                    break
            if self._cancel:
                status = Status.CANCELLED
            else:
                self._conclude(problem, record, progress, begin)
                status = Status.STOPPED if progress.iteration < progress.total else Status.DONE
        except Exception as error:
            self.error = error
            if record.best:  # an iterate from before the failure
                with suppress(Exception):
                    self._conclude(problem, record, progress, begin)
        finally:
            self.status = status

    def _note(self, record: Record, progress: Progress) -> None:
        record.add(progress)
        if "r_factor" in progress.metrics:
            self.curve.append((progress.iteration, progress.metrics["r_factor"]))
        self.iteration = progress.iteration
        if self.status is Status.PREPARING:
            self.status = Status.RUNNING
        self._deliver(progress)

    def _deliver(self, progress: Progress) -> None:
        if self._estimate_wanted:
            self._estimate_wanted = False
            begin = time.perf_counter()
            self._estimate = frame(progress.estimate())
            self.estimate_seconds = time.perf_counter() - begin

    def _hold(self, progress: Progress) -> None:
        while not (self._go.is_set() or self._stop or self._cancel):
            self.status = Status.PAUSED
            self._deliver(progress)  # a paused run still shows where it is
            self._go.wait(0.05)
        self.status = Status.RUNNING

    def _conclude(self, problem: Any, record: Record, progress: Progress, begin: float) -> None:
        seconds = time.perf_counter() - begin
        result = conclude(self.algorithm, problem, record, progress, seed=self.seed, seconds=seconds)
        self.result_frame, self.result = frame(result.array), result

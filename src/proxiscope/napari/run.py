"""A reconstruction that runs in a thread of its own, to be watched by pulling. No Qt here."""

import threading
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core import Algorithm, Criterion, Progress, Record, iterate, lowest_of, until
from ..reconstruction import Result, conclude, criteria_for
from .layers import Companion, companions
from .worker import Status, Worker

CURVES = ("r_factor", "free_r_factor", "median_r_factor")
"""Recorded figures that are drawn over iterations."""

_catching = threading.Lock()
"""Catching warnings changes what the whole process does with them: one at a time."""


class Frame(NamedTuple):
    """An estimate to be shown, with its range: looking through a volume for it would hold up the display."""

    data: NDArray
    low: float
    high: float


def frame(data: NDArray) -> Frame:
    """The frame of an estimate; of a complex one, its modulus."""
    data = np.abs(data) if np.iscomplexobj(data) else data
    return Frame(data, float(data.min()), float(data.max()))


class Run(Worker):
    """One reconstruction in a thread.

    Parameters
    ----------
    algorithm : Algorithm
    make_problem : callable
        Returns the problem. Called in the thread, since reading and checking large data take time.
    seed : int
    stop : sequence of Criterion
        What ends the run before its last iteration.

    Attributes
    ----------
    status : Status
    iteration, total : int
        Iterations done, and those of the whole run.
    stopped : str
        Which criterion ended the run, and why; empty as long as none did.
    curves : dict[str, list of (int, float)]
        Recorded iterations with their figures, for each of `CURVES`; grow only.
    starts : ndarray or None
        Of an ensemble, the R-factors of all starts when last looked at; infinite where there is none yet.
    warnings : list of str
        What making the problem warned of.
    companions : list of Companion
        What is to be shown beside the result.
    result_frame : Frame or None
        Of the result.
    result : Result or None
        Once the run is done or stopped; after a failure, what was computed before it, if anything.
    error : Exception or None
        Why the run failed.
    estimate_seconds : float
        What the last estimate cost.
    """

    def __init__(
        self, algorithm: Algorithm, make_problem: Callable[[], Any], seed: int = 0, stop: Sequence[Criterion] = ()
    ):
        super().__init__(algorithm.name)
        self.algorithm, self.seed, self.stop_by = algorithm, seed, tuple(stop)
        self.stopped = ""
        self._make_problem = make_problem
        self.iteration, self.total = 0, algorithm.iterations
        self.curves: dict[str, list[tuple[int, float]]] = {name: [] for name in CURVES}
        self.starts: NDArray | None = None
        self.warnings: list[str] = []
        self.companions: list[Companion] = []
        self.result: Result | None = None
        self.result_frame: Frame | None = None
        self.estimate_seconds = 0.0
        self._stop = False
        self._estimate_wanted = False
        self._estimate: Frame | None = None

    @property
    def curve(self) -> list[tuple[int, float]]:
        """Recorded iterations with their R-factors."""
        return self.curves["r_factor"]

    def stop(self) -> None:
        """End after the iteration in progress and keep the result."""
        self._stop = True
        self._go.set()

    @property
    def ending(self) -> bool:
        """Whether it was asked to end."""
        return self._stop or super().ending

    @property
    def request(self) -> str:
        """What was asked for and waits for the iteration in progress: pause, stop, cancel, or nothing."""
        return "stop" if self._stop and not self._cancel else super().request

    def request_estimate(self) -> None:
        """Ask for the estimate of the iteration in progress; `take_estimate` gives it later."""
        self._estimate_wanted = True

    def take_estimate(self) -> Frame | None:
        """The estimate that was asked for, once; None when it is not there yet."""
        estimate, self._estimate = self._estimate, None
        return estimate

    def _work(self) -> None:
        """The thread. It alone writes the status, and leaves it at one that has ended, whatever happens."""
        record, progress, problem, watched = Record(self.algorithm, lowest_of(self.stop_by)), None, None, None
        status = Status.FAILED
        try:
            with _catching, warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", UserWarning)
                problem = self._make_problem()
            self.warnings = [str(warning.message) for warning in caught if warning.category is UserWarning]
            begin = time.perf_counter()
            watched = self._watched(problem)
            for progress in watched:
                self._note(record, progress)
                self._hold(lambda progress=progress: self._deliver(progress))  # a paused run still shows where it is
                if self.ending:
                    break
            if self._cancel:
                status = Status.CANCELLED
            else:
                self.stopped = watched.reason
                self._conclude(problem, record, progress, begin, watched)
                early = self._stop and progress.iteration < progress.total and not watched.reason
                status = Status.STOPPED if early else Status.DONE
        except Exception as error:
            self.error = error
            if record.best:  # an iterate from before the failure
                with suppress(Exception):
                    self._conclude(problem, record, progress, begin, watched)
        finally:
            self.status = status

    def _watched(self, problem: Any) -> until:
        progresses = iterate(self.algorithm, problem, seed=self.seed)
        return until(progresses, *criteria_for(self.algorithm, problem, self.stop_by), era=self.algorithm.era)

    def _note(self, record: Record, progress: Progress) -> None:
        record.add(progress)
        for name in self.curves.keys() & progress.metrics.keys():
            self.curves[name].append((progress.iteration, progress.metrics[name]))
        starts = getattr(progress.state, "r_factors", None)
        if starts is not None and progress.metrics:
            self.starts = starts.copy()
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

    def _conclude(self, problem: Any, record: Record, progress: Progress, begin: float, watched: until) -> None:
        timing = {"seed": self.seed, "seconds": time.perf_counter() - begin}
        result = conclude(self.algorithm, problem, record, progress, watched=watched, **timing)
        self.companions = companions(result.array, result.products)
        self.result_frame, self.result = frame(result.array), result

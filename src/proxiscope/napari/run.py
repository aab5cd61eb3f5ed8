"""A reconstruction that runs in a thread of its own, to be watched by pulling. No Qt here."""

import logging
import math
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar

from numpy.typing import NDArray

from ..core import (
    Algorithm,
    Criterion,
    InputError,
    Progress,
    ProxiscopeError,
    Record,
    iterate,
    lowest_of,
    until,
)
from ..core.algorithm import check_state, copy_of, due
from ..core.estimates import memory_in_words, note_speed
from ..core.memory import available
from ..reconstruction import Result, conclude, criteria_for
from .iterates import Curve, Frame, Kept, frame
from .layers import Companion, companions
from .worker import Status, Worker

CURVES = ("r_factor", "free_r_factor", "median_r_factor")
"""Recorded figures that are drawn over iterations."""

_catching = threading.Lock()
"""Catching warnings changes what the whole process does with them: one at a time."""


class Run(Worker):
    """One reconstruction in a thread.

    Parameters
    ----------
    algorithm : Algorithm
        The one that begins it.
    make_problem : callable
        Returns the problem. Called in the thread, since reading and checking large data take time.
    seed : int
    stop : sequence of Criterion
        What ends the run before its last iteration.
    changes : Mapping[int, Algorithm]
        What takes over after which iteration; `amend` adds to it.
    begin : Kept, optional
        Where to begin, of a run with the same problem, algorithm, seed and changes up to there.

    Attributes
    ----------
    status : Status
    iteration, total : int
        Iterations done, and those of the whole run.
    seconds : float
        Spent on them.
    stopped : str
        Which criterion ended the run, and why; empty as long as none did.
    refused : InputError or None
        Why the last change could not be made, in which case the run is paused, or why an iterate could not be kept.
        Whoever shows it resets it.
    curves : dict[str, list of (int, float)]
        Recorded iterations with their figures, those of `CURVES` and others; grow only.
    starts : ndarray or None
        Of an ensemble, the R-factors of all starts when last looked at; infinite where there is none yet.
    shown_start : int or None
        The one whose image was asked for last.
    kept : list of Kept
        The iterates that were to be kept; whoever shows them takes them from the front.
    final : Kept or None
        The last iterate, once the run has ended and kept its result.
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

    limit: ClassVar[float] = math.inf
    """Seconds after the first iteration in which it ends by itself."""

    def __init__(
        self,
        algorithm: Algorithm,
        make_problem: Callable[[], Any],
        seed: int = 0,
        stop: Sequence[Criterion] = (),
        *,
        changes: Mapping[int, Algorithm] | None = None,
        begin: Kept | None = None,
    ):
        super().__init__(algorithm.name)
        self.algorithm, self.seed, self.stop_by = algorithm, seed, tuple(stop)
        self.make_problem = make_problem
        self.changes: dict[int, Algorithm] = dict(changes or {})
        self._begin = begin
        self.stopped, self.refused = "", None
        self.iteration, self.total = 0 if begin is None else begin.iteration, algorithm.iterations
        self.seconds = 0.0 if begin is None else begin.seconds
        before: Mapping[str, Curve] = {} if begin is None else begin.curves
        self.curves: dict[str, Curve] = {name: list(before.get(name, ())) for name in (*CURVES, *before)}
        self.starts: NDArray | None = None
        self.shown_start: int | None = None
        self.kept: list[Kept] = []
        self.final: Kept | None = None
        self.warnings: list[str] = []
        self.companions: list[Companion] = []
        self.result: Result | None = None
        self.result_frame: Frame | None = None
        self.estimate_seconds = 0.0
        self._stop = False
        self._keep_wanted = self._estimate_wanted = False
        self._kept_at: set[int] = set()
        self._handing = threading.Lock()
        self._amended: Algorithm | None = None
        self._start_wanted: int | None = None
        self._estimate: Frame | None = None
        self._start: tuple[int, Frame] | None = None
        self._first, self._warm = self.iteration + 1, self.seconds

    @property
    def curve(self) -> Curve:
        """Recorded iterations with their R-factors."""
        return self.curves["r_factor"]

    @property
    def present(self) -> Algorithm:
        """The algorithm that is at work now, after all changes."""
        return due(self.algorithm, dict(self.changes), self.iteration)

    @property
    def seconds_left(self) -> float | None:
        """What the remaining iterations take at the speed so far; None before that is known.

        The first one does not count: it may have to compile the kernels.
        """
        done = self.iteration - self._first
        return (self.total - self.iteration) * (self.seconds - self._warm) / done if done > 0 else None

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

    def amend(self, algorithm: Algorithm) -> None:
        """Go on with another algorithm, or with other parameters, after the iteration in progress.

        Where it cannot go on from there, the run is paused and `refused` says why.
        """
        self.refused = None
        self._give("_amended", algorithm)

    def keep(self) -> None:
        """Keep the iterate in progress, to go back to."""
        self._keep_wanted = True

    def request_estimate(self) -> None:
        """Ask for the estimate of the iteration in progress; `take_estimate` gives it later."""
        self._estimate_wanted = True

    def take_estimate(self) -> Frame | None:
        """The estimate that was asked for, once; None when it is not there yet."""
        return self._take("_estimate")

    def request_start(self, start: int) -> None:
        """Ask for the image of one start of an ensemble; `take_start` gives it later."""
        self.shown_start = start
        final = self.final
        if final is not None:
            self._give("_start", (start, frame(final.state.images[start])))
        else:
            self._give("_start_wanted", start)

    def take_start(self) -> tuple[int, Frame] | None:
        """The start that was asked for with its image, once; None when it is not there yet."""
        return self._take("_start")

    def _give(self, name: str, value: Any) -> None:
        with self._handing:
            setattr(self, name, value)

    def _take(self, name: str) -> Any:
        """What was given by the other thread, once."""
        with self._handing:
            value = getattr(self, name)
            setattr(self, name, None)
            return value

    def _work(self) -> None:
        """The thread. It alone writes the status, and leaves it at one that has ended, whatever happens."""
        begin = self._begin
        record = Record(self.algorithm, lowest_of(self.stop_by)) if begin is None else begin.record.copied()
        progress, problem, watched, status = None, None, None, Status.FAILED
        try:
            with _catching, warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", UserWarning)
                problem = self._made()
            self.warnings = [str(warning.message) for warning in caught if warning.category is UserWarning]
            watched = self._watched(problem)
            since = time.perf_counter()
            for progress in watched:
                self.seconds += time.perf_counter() - since
                if progress.iteration == self._first:
                    self._warm = self.seconds
                self._note(progress, record)
                self._wait(progress, record, problem, watched)
                if self.seconds - self._warm > self.limit:
                    self._stop = True
                if self.ending:
                    break
                since = time.perf_counter()
            if self._cancel:
                status = Status.CANCELLED
            elif progress is None:
                raise InputError("iterations", f"{self.iteration} of {self.total} are done", "Ask for more of them")
            else:
                self.stopped = watched.reason
                self.final = self._kept(progress, record, problem, watched, last=True)
                self.companions = companions(self.final.result.array, self.final.result.products)
                self.result_frame, self.result = self.final.frame, self.final.result
                self._note_speed(problem)
                early = self._stop and progress.iteration < progress.total and not watched.reason
                status = Status.STOPPED if early else Status.DONE
        except Exception as error:
            if not isinstance(error, ProxiscopeError):
                logging.getLogger(__name__).warning("A run failed", exc_info=error)
            self.error = error.with_traceback(None)  # which would hold the problem as long as the run is listed
            if record.best and progress is not None:  # an iterate from before the failure
                with suppress(Exception):
                    result = self._result(progress, record, problem, watched)
                    self.result_frame, self.result = frame(result.array), result
        finally:
            self.status = status

    def _made(self) -> Any:
        return self.make_problem()

    def _watched(self, problem: Any) -> until:
        state = None if self._begin is None else copy_of(self._begin.state)
        progresses = iterate(self.algorithm, problem, state=state, seed=self.seed, changes=self.changes)
        chosen = criteria_for(self.algorithm, problem, self.stop_by)
        return until(progresses, *chosen, era=self.algorithm.era, changes=self.changes)

    def _note(self, progress: Progress, record: Record) -> None:
        record.add(progress)
        for name, value in progress.metrics.items():
            self.curves.setdefault(name, []).append((progress.iteration, value))
        starts = getattr(progress.state, "r_factors", None)
        if starts is not None and progress.metrics:
            self.starts = starts.copy()
        self.iteration, self.total = progress.iteration, progress.total
        if self.status is Status.PREPARING:
            self.status = Status.RUNNING

    def _note_speed(self, problem: Any) -> None:
        """For estimates of the time that runs to come will take."""
        done = self.iteration - self._first
        if done > 0 and not self.changes:
            note_speed(self.algorithm, problem, (self.seconds - self._warm) / done)

    def _wait(self, progress: Progress, *context: Any) -> None:
        """Hold while it is paused, which still shows where it is; and take over what is to go on otherwise."""
        _, problem, _ = context
        self._deliver(progress, *context)
        while True:
            self._hold(lambda: self._deliver(progress, *context))
            amended = self._take("_amended")
            if amended is None or self.ending:
                return
            try:
                check_state(amended, problem, progress.state)
                total = amended.total(problem, progress.state)
                if total <= progress.iteration:
                    done = f"{total}, of which {progress.iteration} are done"
                    raise InputError("iterations", done, "Ask for more of them, or press Stop and keep")
                self.changes[progress.iteration], self.total = amended, total
                return
            except InputError as error:
                self.refused = error
                self._go.clear()

    def _deliver(self, progress: Progress, *context: Any) -> None:
        if self._estimate_wanted:
            self._estimate_wanted = False
            begin = time.perf_counter()
            self._give("_estimate", frame(progress.estimate()))
            self.estimate_seconds = time.perf_counter() - begin
        if self._keep_wanted:
            self._keep_wanted = False
            self._keep(progress, *context)
        start = self._take("_start_wanted")
        if start is not None:
            self._give("_start", (start, frame(progress.state.images[start].copy())))

    def _keep(self, progress: Progress, *context: Any) -> None:
        if progress.iteration in self._kept_at:
            return
        need = 3 * sum(getattr(value, "nbytes", 0) for value in vars(progress.state).values())
        if need > available():
            found = f"{memory_in_words(need)} to keep it, {memory_in_words(available())} are free"
            self.refused = InputError("iterate", found, "Remove kept iterates from the list of runs, and their layers")
            return
        self._kept_at.add(progress.iteration)
        self.kept.append(self._kept(progress, *context))

    def _kept(self, progress: Progress, record: Record, *context: Any, last: bool = False) -> Kept:
        result = self._result(progress, record.copied(), *context)  # to which it may add figures
        return Kept(
            iteration=progress.iteration,
            r_factor=self.curve[-1][1] if self.curve else result.r_factor,
            state=replace(progress.state, work=None) if last else copy_of(progress.state),
            record=record.copied(),
            curves={name: list(curve) for name, curve in self.curves.items()},
            seconds=self.seconds,
            result=result,
            frame=frame(result.array),
        )

    def _result(self, progress: Progress, record: Record, problem: Any, watched: until) -> Result:
        """What there is, as the result of a run that ends here."""
        told = {"seed": self.seed, "seconds": self.seconds, "watched": watched, "changes": self.changes}
        return conclude(self.algorithm, problem, record, progress, **told)

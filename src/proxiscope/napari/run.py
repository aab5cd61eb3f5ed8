"""A reconstruction that runs in a thread of its own, to be watched by pulling. No Qt here."""

import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

from numpy.typing import NDArray

from ..core import (
    Algorithm,
    Criterion,
    DivergedError,
    InputError,
    Progress,
    Record,
    iterate,
    lowest_of,
    until,
)
from ..core.algorithm import check_state, copy_of, due
from ..core.estimates import memory_in_words, note_speed
from ..core.memory import available
from ..reconstruction import Result, conclude, criteria_for, where_it_is
from .iterates import Curve, Frame, Kept, frame
from .layers import Companion, companions
from .on_engine import OnEngine, on
from .requests import Requests
from .worker import Status, catching, log_unforeseen

if TYPE_CHECKING:
    from .keeper import Keeper

PATIENCE = 5.0
"""Seconds that an iteration may take to its end once the window goes, so that it comes into the checkpoint."""

CURVES = ("r_factor", "free_r_factor", "median_r_factor")
"""Recorded figures that are drawn over iterations."""


class Run(Requests, OnEngine):
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
    resumed : sequence of int
        Where that run was interrupted, and this one takes its place: the iterations at which it was taken up, of which
        `begin` is the last. It shows at once where it is.
    over : bool
        Whether that run had come to its end there: nothing is left to do but its result.

    Attributes
    ----------
    status : Status
    iteration, total : int
        Iterations done, and those of the whole run.
    seconds : float
        Spent on them.
    stopped : str
        Which criterion ended the run, and why; empty as long as none did.
    curves : dict[str, list of (int, float)]
        Recorded iterations with their figures, those of `CURVES` and others; grow only.
    doing, remark : str
        What it is at before the first iteration, if that is not the usual, and what is to be said of its end.
    starts : ndarray or None
        Of an ensemble, the R-factors of all starts when last looked at; infinite where there is none yet.
    kept : list of Kept
        The iterates that were to be kept; whoever shows them takes them from the front.
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
    checkpoints : Keeper or None
        Where it writes its own, to be given before it starts.
    """

    keeps: ClassVar[bool] = True
    """Whether it writes checkpoints."""
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
        resumed: Sequence[int] = (),
        over: bool = False,
    ):
        super().__init__(algorithm.name)
        self.algorithm, self.seed, self.stop_by = algorithm, seed, tuple(stop)
        self.make_problem = make_problem
        self.changes: dict[int, Algorithm] = dict(changes or {})
        self._begin, self._resumed, self._over = begin, tuple(resumed), over
        self.checkpoints: Keeper | None = None
        self._interrupted = False
        self._patient_until = 0.0
        self.stopped = self.remark = ""
        self.iteration, self.total = 0 if begin is None else begin.iteration, algorithm.iterations
        self.seconds = 0.0 if begin is None else begin.seconds
        before: Mapping[str, Curve] = {} if begin is None else begin.curves
        self.curves: dict[str, Curve] = {name: list(before.get(name, ())) for name in (*CURVES, *before)}
        self.starts: NDArray | None = None
        self.kept: list[Kept] = []
        self.warnings: list[str] = []
        self.companions: list[Companion] = []
        self.result: Result | None = None
        self.result_frame: Frame | None = None
        self.estimate_seconds = 0.0
        self._stop = False
        self._kept_at: set[int] = set()
        self._first, self._warm = self.iteration + 1, self.seconds

    @property
    def curve(self) -> Curve:
        """Recorded iterations with their R-factors."""
        return self.curves["r_factor"]

    @property
    def unsaved(self) -> str:
        """Why its last checkpoint could not be written; empty if it could."""
        return self.checkpoints.warning if self.checkpoints is not None else ""

    @property
    def checkpoint(self) -> str:
        """Where its result is kept until it is saved; empty where that is not needed."""
        return str(self.checkpoints.path) if self.checkpoints is not None and self.checkpoints.holds else ""

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

    def interrupt(self) -> None:
        """End after the iteration in progress, unless it takes long, and leave a checkpoint to go on from."""
        self._interrupted, self._patient_until = True, time.monotonic() + PATIENCE
        self.cancel()

    def _is_dropped(self) -> bool:
        return self._cancel and (not self._interrupted or time.monotonic() > self._patient_until)

    @property
    def ending(self) -> bool:
        """Whether it was asked to end."""
        return self._stop or super().ending

    @property
    def request(self) -> str:
        """What was asked for and waits for the iteration in progress: pause, stop, cancel, or nothing."""
        return "stop" if self._stop and not self._cancel else super().request

    def _work(self) -> None:
        """The thread. It alone writes the status, and leaves it at one that has ended, whatever happens."""
        begin = self._begin
        record = Record(self.algorithm, lowest_of(self.stop_by)) if begin is None else begin.record.copied()
        progress, problem, watched, status = None, None, None, Status.FAILED
        try:
            with catching, warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", UserWarning)
                problem = self._made()
            self.warnings = [str(warning.message) for warning in caught if warning.category is UserWarning]
            self._join_engine()
            state = None if begin is None else begin.state if self._resumed else copy_of(begin.state)
            if self._resumed:
                self._begin = begin = None  # the run uses it up
            watched = self._watched(problem, state, record)
            since = time.perf_counter()
            for progress in chain(self._present(problem, state, record), () if self._over else watched):
                self.seconds += time.perf_counter() - since
                if progress.iteration == self._first:
                    self._warm = self.seconds
                self._note(progress, record)
                self._save("offer", progress, record)
                self._wait(progress, record, problem, watched)
                if self.seconds - self._warm > self.limit:
                    self._stop = True
                if self.ending:
                    break
                since = time.perf_counter()
            if self._cancel:
                status = Status.CANCELLED
                if self._interrupted and progress is not None:
                    self._save("write", progress, record)
            elif progress is None:
                raise InputError("iterations", f"{self.iteration} of {self.total} are done", "Ask for more of them")
            else:
                self.stopped = watched.reason
                record.make_room(progress.state)
                self.final = self._kept(progress, record, problem, watched, last=True)
                self.companions = companions(self.final.result.array, self.final.result.products)
                self.result_frame, self.result = self.final.frame, self.final.result
                self._note_speed(problem)
                early = progress.iteration < progress.total and not watched.reason
                self._save("finish", progress, record)
                status = Status.STOPPED if early and (self._stop or self._over) else Status.DONE
        except Exception as error:
            if self._cancel:  # the iteration was broken off
                status = Status.CANCELLED
                if self._interrupted and self._engine is not None and progress is not None:
                    self._save("write", progress, record)  # what came of a cluster is whole
            else:
                log_unforeseen(self._thread.name, error)
                self.error = error.with_traceback(None)  # which would hold the problem as long as the run is listed
                kept = record.best or (isinstance(error, DivergedError) and record.fall_back())
                if kept and progress is not None:  # an iterate from before the failure
                    with suppress(Exception):
                        result = self._result(progress, record, problem, watched)
                        self.result_frame, self.result = frame(result.array), result
        finally:
            self._leave_engine()
            try:
                if self.checkpoints is not None:
                    ended = {Status.FAILED: True, Status.CANCELLED: self._interrupted}  # the others hold a result
                    self.checkpoints.end(ended.get(status), str(self.error or ""))
            finally:
                self.status = status

    def _made(self) -> Any:
        return self.make_problem()

    def _present(self, problem: Any, state: Any, record: Record) -> Iterator[Progress]:
        """Of a run that was interrupted, the iteration that it had got to."""
        if self._resumed:
            yield where_it_is(self.algorithm, problem, state, record, self.changes)

    def _save(self, how: str, progress: Progress, record: Record) -> None:
        """Write a checkpoint, by the method of the keeper that has this name."""
        if self.checkpoints is None:
            return
        self.writing = True
        try:
            getattr(self.checkpoints, how)(progress, record, self.seconds)
        finally:
            self.writing = False

    def _watched(self, problem: Any, state: Any, record: Record) -> until:
        progresses = iterate(self.algorithm, problem, state=state, seed=self.seed, changes=self.changes)
        chosen = criteria_for(self.algorithm, problem, self.stop_by)
        before = list(record.rows) if self._resumed else ()
        if self.checkpoints is not None:
            course = {"seed": self.seed, "changes": self.changes, "resumed": self._resumed}
            self.checkpoints.follow(self.algorithm, problem, chosen, **course)
        return until(progresses, *chosen, era=self.algorithm.era, changes=self.changes, before=before)

    def _note(self, progress: Progress, record: Record) -> None:
        if progress.iteration >= self._first:
            record.add(progress)
            for name, value in progress.metrics.items():
                self.curves.setdefault(name, []).append((progress.iteration, value))
        starts = getattr(progress.state, "r_factors", None)
        if starts is not None and (progress.metrics or self.starts is None):
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
                self.changes[progress.iteration], self.total = on(amended, self._engine), total
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
        told |= {"resumed": self._resumed}
        result = conclude(self.algorithm, problem, record, progress, **told)
        return replace(result, algorithm=on(result.algorithm, None))

"""Many starts of one algorithm: run side by side, ranked, guided, refined, and compared."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, cast

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Algorithm, Doc, InputError, Label, State, When, Zero
from ..core.algorithm import device_for, placed, same_make
from ..core.arrays import check_room, is_array, on_host
from ..core.engine import Dropped, Engine, InProcess, asked
from ..core.memory import Proposal
from ..core.threads import num_threads, parallel
from . import agreement
from ._course import Course, Place
from ._ensemble_state import EnsembleState, Slots
from ._starts import Sweep, run_start, until_evaluation
from .base import PhaseRetrieval
from .gps import GPSF
from .poisson_ml import PoissonML
from .problem import DiffractionPattern

REFINEMENT = PoissonML(max_iterations=100)
_REFINING = 8
"""How much longer its unit of work takes than that of a search: double precision, and steps that are tried twice."""

Starts = Annotated[int, Interval(ge=1, le=10_000), Label("Random starts"), Doc("Starts from random phases.")]
Refined = Annotated[
    int,
    Interval(ge=0, le=10_000),
    Label("Refined by likelihood"),
    Zero("none"),
    Doc("Best starts that maximum likelihood refines and ranks; 0 for none."),
]
Exchanges = Annotated[
    int,
    Interval(ge=0, le=1000),
    Label("Rounds of exchange"),
    Zero("none"),
    When("refined"),
    Doc("Rounds in which refined starts trade phases with the best one in part of the spectrum."),
]


@dataclass(frozen=True, kw_only=True)
class Ensemble(Algorithm[DiffractionPattern, EnsembleState], name="ensemble"):
    """Independent starts of one algorithm, of which the best are kept.

    Start i is the single run with seed + i. The starts of a batch advance side by side, each in a thread of its own
    with the whole iteration in its cache, which is faster than transforming all of them at once. In guided
    generations (Chen et al., Phys. Rev. B 76, 064113 (2007)) each start is drawn to the best one and run again. The
    best ones can be refined by maximum likelihood, whose deviance tells them apart better than the R-factor.

    With an `engine`, such as the workers of a `proxiscope.cluster`, each start runs there from beginning to end, and a
    step waits for the next one that is done. The result is the same, bit for bit.
    """

    State: ClassVar[type[State]] = EnsembleState
    family: ClassVar[str] = "phase"
    Problem: ClassVar[type] = DiffractionPattern
    random_start: ClassVar[bool] = True

    algorithm: PhaseRetrieval[Any] = field(default=GPSF(), metadata={"part": True})
    starts: Starts = 20
    generations: Annotated[
        int,
        Interval(ge=1, le=100),
        Label("Guided generations"),
        Doc("Guided generations: all run again, from what the best start suggests."),
    ] = 1
    refined: Refined = 0
    exchanges: Exchanges = 0
    rank: Annotated[
        Literal["r_factor", "free_r_factor"],
        Label("Rank by"),
        Doc("Figure that tells the best; the free one needs held-out pixels."),
    ] = "r_factor"
    keep: Annotated[
        int,
        Interval(ge=1, le=1000),
        Label("Best starts to compare"),
        Doc("Best starts that mean, variance and modes are made of."),
        When("starts", Interval(ge=2)),
    ] = 5
    batch: Annotated[
        int,
        Interval(ge=1, le=1000),
        Label("Starts at a time"),
        Doc("Starts that are under way at a time; fewer take less memory."),
        When("starts", Interval(ge=2)),
    ] = 16
    engine: Engine | None = field(default=None, compare=False, repr=False, metadata={"parameter": False})

    def __post_init__(self) -> None:
        """Check the parameters, and that the algorithm is one with random starts."""
        super().__post_init__()
        if not (isinstance(self.algorithm, PhaseRetrieval) and self.algorithm.random_start):
            raise InputError("algorithm", f"got {self.algorithm!r}", "Give one with random starts, such as GPSR()")

    @property
    def iterations(self) -> int:
        """Iterations of a start, times batches and generations; and those of the refinement."""
        return self._course.iterations

    @cached_property
    def _refinement(self) -> PoissonML:
        """That of the best starts, on the device of the search."""
        return replace(REFINEMENT, device=cast(Any, device_for(self.algorithm)))

    @cached_property
    def _course(self) -> Course:
        return Course(
            self.algorithm, self.starts, self.generations, self._refinement, min(self.refined, self.starts),
            1 + self.exchanges, self.batch,
        )  # fmt: skip

    def prepare(self, problem: DiffractionPattern) -> Slots:
        """Room for the work of each thread."""
        return Slots()

    def init(self, problem: DiffractionPattern, seed: int) -> EnsembleState:
        """No start has begun."""
        unknown = np.full(self.starts, np.inf)
        dtype = np.float32 if problem.real else np.complex64
        return EnsembleState(
            images=np.zeros((self.starts, *problem.shape), dtype), r_factors=unknown, free_r_factors=unknown.copy(),
            deviances=unknown.copy(), supports=np.broadcast_to(problem.support, (self.starts, *problem.shape)).copy(),
            eras=np.zeros(self.starts, np.int64), done=np.zeros(self.starts, bool),
            chosen=np.zeros(min(self.refined, self.starts), np.int64),
            independent=np.zeros((min(self.keep, self.starts), *problem.shape), dtype),
            guide=np.zeros(problem.shape, dtype), guide_support=problem.support.copy(), members=[], seed=seed,
        )  # fmt: skip

    def check_problem(self, problem: DiffractionPattern) -> None:
        """Refuse what the algorithm refuses, starts too large for its device, and a ranking by no held-out pixels."""
        here = self.algorithm if self.engine is None else replace(self.algorithm, device="cpu")  # workers check theirs
        here.check_problem(problem)
        if (device := device_for(here)) != "cpu":
            check_room(self.name, self._under_way(problem), device, "Set fewer starts at a time, bin or crop the data.")
        if self.rank == "free_r_factor" and problem.held_out is None:
            raise InputError("rank", "free_r_factor without held-out pixels", "Hold some out, or rank by r_factor")
        if problem.start is not None and self.starts > 1:
            raise InputError("start", f"given to {self.starts} starts, which would all be the same", "Leave it out")

    def check_state(self, problem: DiffractionPattern, state: EnsembleState) -> None:
        """Refuse a state that belongs to another ensemble."""
        place, done = self._course.place(min(state.iteration, self.iterations - 1)), int(state.done.sum())
        if state.members:
            fits = len(state.members) == place.last - place.first and self._in_order(state, place)
            fits = fits and place.iteration > 0 and all(self._is_member(problem, place, m) for m in state.members)
        elif state.iteration >= self.iterations:
            fits = not done
        else:
            fits = not state.done[place.starts :].any() and state.iteration == self._course.reached(place, done)
        if not (fits and np.isin(state.chosen, range(self.starts)).all()):
            raise InputError("state", "that of another ensemble", "Resume with the ensemble that the state belongs to")

    def _is_member(self, problem: DiffractionPattern, place: Place, member: Any) -> bool:
        if type(member) is not place.algorithm.State:
            return False
        found: Any = member
        if not is_array(found.support):
            return False
        if type(member.iteration) is not int or member.iteration != place.iteration:
            return False
        support = on_host(found.support)
        if support.shape != problem.shape or support.dtype != bool or not support.any():
            return False
        start = support.astype(np.float32 if problem.real else np.complex64)
        own = problem.copy_with(support=support, start=start)
        return same_make(place.algorithm.init(own, 0), member)

    def memory(self, problem: DiffractionPattern) -> int:
        """Bytes that a run allocates at its peak: states under way, work of the threads, and results."""
        image = problem.magnitudes.size * (4 if problem.real else 8)
        return self._under_way(problem) + (2 * self.starts + 5 * min(self.keep, self.starts) + 1) * image

    def _under_way(self, problem: DiffractionPattern) -> int:
        """Of the starts under way, which may lie on a device."""
        search = min(self.batch, self.starts) * self.algorithm.memory(problem)
        return max(search, min(self.batch, self.refined, self.starts) * self._refinement.memory(problem))

    def proposals(self, problem: DiffractionPattern, have: int) -> Iterable[Proposal]:
        """Fewer starts at a time, and binning, as far as they fit."""
        from .proposals import proposals

        return proposals(self, problem, have)

    def work(self, problem: DiffractionPattern) -> float:
        """Of all starts and refinements, shared out among the iterations."""
        refined = min(self.refined, self.starts) * (1 + self.exchanges)
        search = self.generations * self.starts * self.algorithm.iterations * self.algorithm.work(problem)
        refinement = refined * REFINEMENT.iterations * _REFINING * REFINEMENT.work(problem)
        return (search + refinement) / self.iterations

    def step(self, problem: DiffractionPattern, state: EnsembleState) -> EnsembleState:
        """All starts of the batch go on to their next evaluation; with an engine, the next start is done."""
        place = self._course.place(state.iteration)
        if not (state.members or state.done.any()):
            self._enter(problem, state, place)
        here = self.engine is None and self.workspace(problem, state).results is None
        if state.members or (here and place.iteration == 0 and self._in_order(state, place)):
            self._advance_batch(problem, state, place)
        else:
            self._merge_next(problem, state, place)
        return state

    def _advance_batch(self, problem: DiffractionPattern, state: EnsembleState, place: Place) -> None:
        """All starts of the batch go on to their next evaluation, each in a thread of its own; raises `Dropped`."""
        algorithm, slots, sweep = place.algorithm, self.workspace(problem, state), self._sweep(state, place)
        slots.provide(algorithm, problem, min(num_threads(), self.batch, self.starts))
        starts, count = self._starts(state, place), until_evaluation(algorithm, place.iteration)
        batch, is_dropped = range(place.first, place.last), asked()
        state.members = state.members or list[Any]([None] * len(batch))

        def advance(i: int) -> None:
            start, own, work = starts[batch[i]], problem, slots.idle.get()
            try:
                if state.members[i] is None:
                    own = sweep.problem(problem, start, state.kept(start))
                    member = sweep.begun(work, own, start)
                else:
                    member = placed(cast(Any, state.members[i]), device_for(algorithm))
                member.work = work
                for _ in range(count):
                    if is_dropped():
                        raise Dropped
                    member = algorithm.step(own, member)
                if starts.index(start) == batch[i]:
                    state.keep(start, sweep.better(own, member, state.kept(start)))
                member.work, state.members[i] = None, member
            finally:
                slots.idle.put(work)

        parallel(advance, [(i,) for i in range(len(batch))])
        state.iteration += count
        if place.iteration + count == algorithm.iterations:
            state.members, state.done[batch] = [], True
            self._leave(state, place)

    def _merge_next(self, problem: DiffractionPattern, state: EnsembleState, place: Place) -> None:
        """Wait for the engine until a start is done, or several if iterations are few, and take in its best."""
        work, before, finished = self.workspace(problem, state), state.iteration, False
        results, work.results = work.results or self._results(problem, state, place), None
        while state.iteration == before or not (finished or np.isfinite(self._ranked_by(state)).any()):
            found = next(results, None)
            if found is None:  # any others are there twice
                state.done[: place.starts] = True
            else:
                (at, start, _), kept = found
                state.keep(start, kept)
                state.done[at] = True
            state.iteration = self._course.reached(place, int(state.done.sum()))
            finished = self._leave(state, place)
        work.results = None if finished else results

    def _results(self, problem: DiffractionPattern, state: EnsembleState, place: Place) -> Iterator[Any]:
        """What the engine finds of the starts of the sweep that are not done; one that is there twice is run once."""
        starts, first = self._starts(state, place), place.generation == 0 and not place.refining
        todo = [at for at, start in enumerate(starts) if not state.done[at] and starts.index(start) == at]
        rows = replace(state, work=None)  # the same arrays; what is under way ends with the work of the state
        items = ((at, starts[at], None if first else rows.kept(starts[at])) for at in todo)
        engine = self.engine or InProcess()
        return engine.run(run_start, (self._sweep(state, place), problem.copy_with()), items)

    def metrics(self, problem: DiffractionPattern, state: EnsembleState) -> Mapping[str, float]:
        """``"r_factor"`` of the best start, ``"free_r_factor"`` if pixels are held out, ``"median_r_factor"``."""
        best, known = self.ranking(state)[0], state.r_factors[np.isfinite(state.r_factors)]
        figures = {"r_factor": state.r_factors[best], "median_r_factor": np.median(known) if known.size else np.inf}
        if problem.held_out is not None:
            figures["free_r_factor"] = state.free_r_factors[best]
        return {name: float(value) for name, value in figures.items()}

    def estimate(self, problem: DiffractionPattern, state: EnsembleState) -> NDArray[Any]:
        """The image of the best start."""
        return state.images[self.ranking(state)[0]].copy()

    def products(self, problem: DiffractionPattern, state: EnsembleState) -> Mapping[str, NDArray[Any]]:
        """Figures of all starts, infinite where there are none, and how the best agree: see `agreement.compare`.

        Those are the best before they learnt from each other, in guided generations or by exchange: only starts that
        know nothing of each other can confirm each other.
        """
        names = ("r_factors", "free_r_factors", "deviances")
        figures = {name: getattr(state, name).copy() for name in names if np.isfinite(getattr(state, name)).any()}
        images = state.independent if state.independent.any() else state.images[self.ranking(state)[: self.keep]]
        images = images[[image.any() for image in images]]  # without starts that blew up
        return figures | (agreement.compare(images, problem) if len(images) > 1 else {})

    def told(self, problem: DiffractionPattern, state: EnsembleState) -> Mapping[str, Any]:
        """Of one that was stopped while an engine ran its starts, those that were done: the fastest, not the first."""
        place = self._course.place(min(state.iteration, self.iterations - 1))
        if not state.done.any() or state.members or self._in_order(state, place):
            return {}
        return {"starts_done": np.flatnonzero(state.done).tolist()}

    def ranking(self, state: EnsembleState) -> NDArray[np.int64]:
        """The starts from the best to the worst: refined ones by their deviance, then the others by `rank`."""
        return np.lexsort((self._ranked_by(state), state.deviances))

    def _ranked_by(self, state: EnsembleState) -> NDArray[Any]:
        return state.r_factors if self.rank == "r_factor" else state.free_r_factors

    def _in_order(self, state: EnsembleState, place: Place) -> bool:
        """Whether just the starts of the batches before are done."""
        return bool((state.done == (np.arange(self.starts) < place.first)).all())

    def _enter(self, problem: DiffractionPattern, state: EnsembleState, place: Place) -> None:
        """Begin with a sweep."""
        if place.generation == 1 and not state.independent.any():
            state.independent[...] = state.images[self.ranking(state)[: self.keep]]
        best = self.ranking(state)[0]
        state.guide[...], state.guide_support[...] = state.images[best], state.supports[best]
        if place.refining and place.generation == 0:
            chosen = self.ranking(state)[: len(state.chosen)]
            state.chosen[...] = np.where(np.isfinite(state.r_factors[chosen]), chosen, best)
            own = self._sweep(state, place).problem(problem, int(best), state.kept(best))
            state.background = REFINEMENT.init(own, 0).background

    def _leave(self, state: EnsembleState, place: Place) -> bool:
        """End with a sweep if all its starts are done."""
        finished = bool(state.done[: place.starts].all())
        if finished:
            state.done[...] = False
        return finished

    def _starts(self, state: EnsembleState, place: Place) -> list[int]:
        """The starts of the sweep."""
        return state.chosen.tolist() if place.refining else list(range(self.starts))

    def _sweep(self, state: EnsembleState, place: Place) -> Sweep:
        return Sweep(
            place.algorithm, place.refining, place.generation, self.rank, state.seed, state.guide,
            state.guide_support, state.background,
        )  # fmt: skip

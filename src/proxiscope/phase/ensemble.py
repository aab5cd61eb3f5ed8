"""Many starts of one algorithm: run side by side, ranked, guided, refined, and compared."""

import math
import queue
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Algorithm, Doc, InputError, Label, State, When, Zero
from ..core.algorithm import same_make
from ..core.threads import num_threads, parallel
from . import agreement
from .base import PhaseRetrieval, PhaseState, Work
from .exchange import exchanged
from .gps import GPSF
from .metrics import align
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


@dataclass
class EnsembleState(State):
    """The best of each start so far, and the starts that are under way.

    `images` and `supports` (start, ...) with `r_factors`, `free_r_factors` and `deviances` (start,), infinite where not
    known yet; `eras` (start,) counts the updates of each support. `chosen` are the starts that are refined, best
    first. `independent` are the best `keep` images before the starts learnt from each other, zero until they do.
    `guide` and `guide_support` are those of the best start when the generation began. `members` are the states of
    the starts under way. `seed` is that of the first start. `background` is that of the likelihood, told by the best
    start for all, whose deviances then compare.
    """

    images: NDArray
    r_factors: NDArray
    free_r_factors: NDArray
    deviances: NDArray
    supports: NDArray
    eras: NDArray
    chosen: NDArray
    independent: NDArray
    guide: NDArray
    guide_support: NDArray
    members: list[State]
    seed: int
    background: float = 0.0


class _Place(NamedTuple):
    """Where in the whole an iteration is: the algorithm that is due, for which starts, and its own iteration."""

    algorithm: PhaseRetrieval
    generation: int
    first: int
    last: int
    iteration: int


class _Slots:
    """Work for each thread, of the algorithm that is due."""

    def __init__(self) -> None:
        self._algorithm: PhaseRetrieval | None = None
        self.idle: queue.SimpleQueue = queue.SimpleQueue()

    def provide(self, algorithm: PhaseRetrieval, problem: DiffractionPattern, count: int) -> None:
        if self._algorithm is not algorithm:
            self._algorithm, self.idle = algorithm, queue.SimpleQueue()
            for _ in range(count):
                self.idle.put(algorithm.prepare(problem))


@dataclass(frozen=True, kw_only=True)
class Ensemble(Algorithm[DiffractionPattern, EnsembleState], name="ensemble"):
    """Independent starts of one algorithm, of which the best are kept.

    Start i is the single run with seed + i. The starts of a batch advance side by side, each in a thread of its own
    with the whole iteration in its cache, which is faster than transforming all of them at once. In guided
    generations (Chen et al., Phys. Rev. B 76, 064113 (2007)) each start is drawn to the best one and run again. The
    best ones can be refined by maximum likelihood, whose deviance tells them apart better than the R-factor.
    """

    State: ClassVar[type[State]] = EnsembleState
    family: ClassVar[str] = "phase"
    Problem: ClassVar[type] = DiffractionPattern
    random_start: ClassVar[bool] = True

    algorithm: PhaseRetrieval = field(default=GPSF(), metadata={"part": True})
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

    def __post_init__(self) -> None:
        """Check the parameters, and that the algorithm is one with random starts."""
        super().__post_init__()
        if not (isinstance(self.algorithm, PhaseRetrieval) and self.algorithm.random_start):
            raise InputError("algorithm", f"got {self.algorithm!r}", "Give one with random starts, such as GPSR()")

    @property
    def iterations(self) -> int:
        """Iterations of a start, times batches and generations; and those of the refinement."""
        rounds = (1 + self.exchanges) * self._batches(min(self.refined, self.starts))
        return self._searching + rounds * REFINEMENT.iterations

    def prepare(self, problem: DiffractionPattern) -> _Slots:
        """Room for the work of each thread."""
        return _Slots()

    def init(self, problem: DiffractionPattern, seed: int) -> EnsembleState:
        """No start has begun."""
        unknown = np.full(self.starts, np.inf)
        dtype = np.float32 if problem.real else np.complex64
        return EnsembleState(
            images=np.zeros((self.starts, *problem.shape), dtype), r_factors=unknown, free_r_factors=unknown.copy(),
            deviances=unknown.copy(), supports=np.broadcast_to(problem.support, (self.starts, *problem.shape)).copy(),
            eras=np.zeros(self.starts, np.int64), chosen=np.zeros(min(self.refined, self.starts), np.int64),
            independent=np.zeros((min(self.keep, self.starts), *problem.shape), dtype),
            guide=np.zeros(problem.shape, dtype), guide_support=problem.support.copy(), members=[], seed=seed,
        )  # fmt: skip

    def check_problem(self, problem: DiffractionPattern) -> None:
        """Refuse what the algorithm refuses, and a ranking by pixels that are not held out."""
        self.algorithm.check_problem(problem)
        if self.rank == "free_r_factor" and problem.held_out is None:
            raise InputError("rank", "free_r_factor without held-out pixels", "Hold some out, or rank by r_factor")
        if problem.start is not None and self.starts > 1:
            raise InputError("start", f"given to {self.starts} starts, which would all be the same", "Leave it out")

    def check_state(self, problem: DiffractionPattern, state: EnsembleState) -> None:
        """Refuse a state that belongs to another ensemble."""
        place = self._place(min(state.iteration, self.iterations - 1))
        under_way = place.last - place.first if 0 < state.iteration < self.iterations and place.iteration else 0
        fits = len(state.members) == under_way and np.isin(state.chosen, range(self.starts)).all()
        fits = fits and all(self._is_member(problem, place, member) for member in state.members)
        if not fits:
            raise InputError("state", "that of another ensemble", "Resume with the ensemble that the state belongs to")

    def _is_member(self, problem: DiffractionPattern, place: _Place, member: State) -> bool:
        if type(member) is not place.algorithm.State or member.iteration != place.iteration:
            return False
        if member.support.shape != problem.shape or member.support.dtype != bool or not member.support.any():
            return False
        start = member.support.astype(np.float32 if problem.real else np.complex64)
        own = problem.copy_with(support=member.support, start=start)
        return same_make(place.algorithm.init(own, 0), member)

    def memory(self, problem: DiffractionPattern) -> int:
        """Bytes that a run allocates at its peak: states under way, work of the threads, and results."""
        image = problem.magnitudes.size * (4 if problem.real else 8)
        under_way = min(self.batch, self.starts) * self.algorithm.memory(problem)
        refinement = min(self.batch, self.refined, self.starts) * REFINEMENT.memory(problem)
        return max(under_way, refinement) + (2 * self.starts + 5 * min(self.keep, self.starts) + 1) * image

    def work(self, problem: DiffractionPattern) -> float:
        """Of all starts and refinements, shared out among the iterations."""
        refined = min(self.refined, self.starts) * (1 + self.exchanges)
        search = self.generations * self.starts * self.algorithm.iterations * self.algorithm.work(problem)
        refinement = refined * REFINEMENT.iterations * _REFINING * REFINEMENT.work(problem)
        return (search + refinement) / self.iterations

    def step(self, problem: DiffractionPattern, state: EnsembleState) -> EnsembleState:
        """All starts of the batch go on to their next evaluation."""
        place, slots = self._place(state.iteration), self.workspace(problem, state)
        algorithm = place.algorithm
        slots.provide(algorithm, problem, min(num_threads(), self.batch, self.starts))
        if place.iteration == 0:
            self._enter(problem, state, place)
        starts = self._starts(state, place)
        every = algorithm.check_every
        count = min(every - place.iteration % every, algorithm.iterations - place.iteration)

        def advance(i: int) -> None:
            work = slots.idle.get()
            try:
                member, own = state.members[i], problem
                if member is None:
                    own = self._own_problem(problem, state, place, starts[i])
                    member = self._started(work, own, state, place, starts[i])
                member.work = work
                for _ in range(count):
                    member = algorithm.step(own, member)
                self._note(own, state, place, member, starts[i])
                member.work, state.members[i] = None, member
            finally:
                slots.idle.put(work)

        parallel(advance, [(i,) for i in range(len(starts))])
        state.iteration += count
        if place.iteration + count == algorithm.iterations:
            state.members = []
        return state

    def metrics(self, problem: DiffractionPattern, state: EnsembleState) -> Mapping[str, float]:
        """``"r_factor"`` of the best start, ``"free_r_factor"`` if pixels are held out, ``"median_r_factor"``."""
        best, known = self.ranking(state)[0], state.r_factors[np.isfinite(state.r_factors)]
        figures = {"r_factor": state.r_factors[best], "median_r_factor": np.median(known) if known.size else np.inf}
        if problem.held_out is not None:
            figures["free_r_factor"] = state.free_r_factors[best]
        return {name: float(value) for name, value in figures.items()}

    def estimate(self, problem: DiffractionPattern, state: EnsembleState) -> NDArray:
        """The image of the best start."""
        return state.images[self.ranking(state)[0]].copy()

    def products(self, problem: DiffractionPattern, state: EnsembleState) -> Mapping[str, NDArray]:
        """Figures of all starts, infinite where there are none, and how the best agree: see `agreement.compare`.

        Those are the best before they learnt from each other, in guided generations or by exchange: only starts that
        know nothing of each other can confirm each other.
        """
        names = ("r_factors", "free_r_factors", "deviances")
        figures = {name: getattr(state, name).copy() for name in names if np.isfinite(getattr(state, name)).any()}
        images = state.independent if state.independent.any() else state.images[self.ranking(state)[: self.keep]]
        images = images[[image.any() for image in images]]  # without starts that blew up
        return figures | (agreement.compare(images, problem) if len(images) > 1 else {})

    def ranking(self, state: EnsembleState) -> NDArray[np.int64]:
        """The starts from the best to the worst: refined ones by their deviance, then the others by `rank`."""
        return np.lexsort((self._ranked_by(state), state.deviances))

    def _ranked_by(self, state: EnsembleState) -> NDArray:
        return state.r_factors if self.rank == "r_factor" else state.free_r_factors

    def _enter(self, problem: DiffractionPattern, state: EnsembleState, place: _Place) -> None:
        """Begin with a batch."""
        state.members = [None] * (place.last - place.first)
        if place.generation == 1 and not state.independent.any():
            state.independent[...] = state.images[self.ranking(state)[: self.keep]]
        if place.first == 0:
            best = self.ranking(state)[0]
            state.guide[...], state.guide_support[...] = state.images[best], state.supports[best]
            if place.algorithm is REFINEMENT and place.generation == 0:
                chosen = self.ranking(state)[: len(state.chosen)]
                state.chosen[...] = np.where(np.isfinite(state.r_factors[chosen]), chosen, best)
                first = self._own_problem(problem, state, place, int(best))
                state.background = REFINEMENT.init(first, 0).background

    def _starts(self, state: EnsembleState, place: _Place) -> list[int]:
        """The starts of the batch."""
        everyone = state.chosen.tolist() if place.algorithm is REFINEMENT else range(self.starts)
        return list(everyone[place.first : place.last])

    def _started(
        self, work: Work, problem: DiffractionPattern, state: EnsembleState, place: _Place, start: int
    ) -> PhaseState:
        if place.algorithm is REFINEMENT:
            return REFINEMENT.started(work, problem, 0, background=state.background)
        return place.algorithm.started(work, problem, state.seed + start)

    def _own_problem(
        self, problem: DiffractionPattern, state: EnsembleState, place: _Place, start: int
    ) -> DiffractionPattern:
        """The problem as one start sees it, which differs only where it begins."""
        refining, image, support = place.algorithm is REFINEMENT, state.images[start], state.supports[start]
        if place.generation:
            image, support = align(image, state.guide).astype(image.dtype), state.guide_support
            if refining:
                rng = np.random.default_rng((state.seed, start, place.generation))
                image = exchanged(state.guide, image, support, problem, rng)
            else:
                image = _drawn(image, state.guide, problem)
        elif not refining:
            return problem
        return problem.copy_with(start=image, support=support)

    def _note(
        self, problem: DiffractionPattern, state: EnsembleState, place: _Place, member: PhaseState, i: int
    ) -> None:
        """Keep what a start has, if it is its best so far. One that blew up is out, and the others go on."""
        algorithm = place.algorithm
        figures, era = algorithm.metrics(problem, member), algorithm.era(member)
        judged = figures[self.rank]
        if algorithm is REFINEMENT:
            judged = figures["deviance"]
            better = member.iteration == algorithm.iterations and judged < state.deviances[i]
        else:
            shrunk = era != state.eras[i] and place.generation == 0  # later ones must beat what there is
            better = shrunk or judged < self._ranked_by(state)[i]
        if better and math.isfinite(judged):
            state.images[i] = algorithm.estimate(problem, member)
            state.supports[i], state.eras[i], state.r_factors[i] = member.support, era, figures["r_factor"]
            state.free_r_factors[i] = figures.get("free_r_factor", math.inf)
            state.deviances[i] = figures.get("deviance", math.inf)

    def _batches(self, starts: int) -> int:
        return -(-starts // self.batch)

    @property
    def _searching(self) -> int:
        """Iterations before the refinement."""
        return self.generations * self._batches(self.starts) * self.algorithm.iterations

    def _place(self, iteration: int) -> _Place:
        searching = iteration < self._searching
        algorithm = self.algorithm if searching else REFINEMENT
        starts = self.starts if searching else min(self.refined, self.starts)
        sweep, own = divmod(iteration if searching else iteration - self._searching, algorithm.iterations)
        generation, batch = divmod(sweep, self._batches(starts))
        return _Place(algorithm, generation, batch * self.batch, min((batch + 1) * self.batch, starts), own)


def _drawn(image: NDArray, guide: NDArray, problem: DiffractionPattern) -> NDArray:
    """The mean of an aligned image and the guide: the geometric one of densities."""
    mean = np.sqrt(image * guide) if problem.object == "non-negative" else (image + guide) / 2
    return mean if mean.any() else guide

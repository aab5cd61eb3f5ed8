"""One start of many, from its beginning to its end: what an engine's worker does, knowing nothing of the others."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import on_host
from ..core.engine import Dropped, dropped
from .base import PhaseRetrieval, PhaseState, Work
from .exchange import exchanged
from .metrics import align
from .problem import DiffractionPattern


class Kept(NamedTuple):
    """The best that a start has found so far; its figures are infinite where not known."""

    image: NDArray[Any]
    support: NDArray[Any]
    era: int
    r_factor: float
    free_r_factor: float
    deviance: float


@dataclass(frozen=True)
class Sweep:
    """What all starts have in common as they run once from beginning to end.

    A sweep is a search (`generation` 0), a guided generation after it, or a round of the refinement (`refining`), of
    which those after the first exchange phases. `guide` and `guide_support` are those of the best start when the sweep
    began.
    """

    algorithm: PhaseRetrieval[Any]
    refining: bool
    generation: int
    rank: str
    seed: int
    guide: NDArray[Any]
    guide_support: NDArray[Any]
    background: float

    def problem(self, problem: DiffractionPattern, start: int, kept: Kept) -> DiffractionPattern:
        """The problem as one start sees it, which differs only where it begins."""
        image, support = kept.image, kept.support
        if self.generation:
            image, support = align(image, self.guide).astype(image.dtype), self.guide_support
            if self.refining:
                rng = np.random.default_rng((self.seed, start, self.generation))
                image = exchanged(self.guide, image, support, problem, rng)
            else:
                image = _drawn(image, self.guide, problem)
        elif not self.refining:
            return problem
        return problem.copy_with(start=image, support=support)

    def begun(self, work: Work, problem: DiffractionPattern, start: int) -> PhaseState:
        """The state before the first iteration of a start, of its own problem."""
        if self.refining:
            refinement: Any = self.algorithm
            return refinement.started(work, problem, 0, background=self.background)
        return self.algorithm.started(work, problem, self.seed + start)

    def better(self, problem: DiffractionPattern, member: PhaseState, kept: Kept) -> Kept | None:
        """What a start has now, if it is better than what it has kept. One that blew up is out."""
        figures, era = self.algorithm.metrics(problem, member), self.algorithm.era(member)
        if self.refining:
            judged = figures["deviance"]
            better = member.iteration == self.algorithm.iterations and judged < kept.deviance
        else:
            judged = figures[self.rank]
            shrunk = era != kept.era and self.generation == 0  # later ones must beat what there is
            better = shrunk or judged < getattr(kept, self.rank)
        if not (better and math.isfinite(judged)):
            return None
        return Kept(
            self.algorithm.estimate(problem, member), on_host(member.support).copy(), era, figures["r_factor"],
            figures.get("free_r_factor", math.inf), figures.get("deviance", math.inf),
        )  # fmt: skip


def fresh(problem: DiffractionPattern) -> Kept:
    """What a start has kept before it begins."""
    image = np.zeros(problem.shape, np.float32 if problem.real else np.complex64)
    return Kept(image, problem.support, 0, math.inf, math.inf, math.inf)


def run_start(shared: tuple[Sweep, DiffractionPattern], item: tuple[int, int, Kept | None]) -> Kept | None:
    """The task of an engine: one start, evaluated as often as if it ran beside the others.

    Parameters
    ----------
    shared : (Sweep, DiffractionPattern)
    item : (int, int, Kept or None)
        Its place among those of the sweep, its number, and what it has kept, nothing before the first sweep.

    Returns
    -------
    Kept or None
        What is better than that; None if nothing is.
    """
    (sweep, problem), (_, start, kept) = shared, item
    kept, found = kept or fresh(problem), None
    own = sweep.problem(problem, start, kept)
    work = sweep.algorithm.prepare(problem)
    first = sweep.begun(work, own, start)
    first.work = work
    for member in _evaluated(sweep.algorithm, own, first):
        found = sweep.better(own, member, found or kept) or found
        if dropped():
            raise Dropped
    return found


def _evaluated(algorithm: PhaseRetrieval[Any], problem: DiffractionPattern, member: PhaseState) -> Iterator[PhaseState]:
    """A start at those of its iterations where it is evaluated."""
    while member.iteration < algorithm.iterations:
        for _ in range(until_evaluation(algorithm, member.iteration)):
            member = algorithm.step(problem, member)
        yield member


def until_evaluation(algorithm: PhaseRetrieval[Any], iteration: int) -> int:
    """Iterations from `iteration` to the next evaluation."""
    every = algorithm.check_every
    return min(every - iteration % every, algorithm.iterations - iteration)


def _drawn(image: NDArray[Any], guide: NDArray[Any], problem: DiffractionPattern) -> NDArray[Any]:
    """The mean of an aligned image and the guide: the geometric one of densities."""
    mean = np.sqrt(image * guide) if problem.object == "non-negative" else (image + guide) / 2
    return mean if mean.any() else guide

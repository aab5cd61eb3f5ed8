"""Small problems that tests share."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from proxiscope.core import Algorithm, Doc, Iterative, State, registry
from proxiscope.phase import DiffractionPattern
from proxiscope.simulate import diffraction_pattern, tilt_series, vesicle
from proxiscope.tomography import TiltSeries


@cache
def small_pattern() -> DiffractionPattern:
    """48 x 40, noisy, with a beamstop: sizes differ, so that swapped axes show."""
    return diffraction_pattern(vesicle((18, 14)), (48, 40), flux=1e6, beamstop=1.5)


@cache
def small_series() -> TiltSeries:
    """21 tilts of 20 x 24 pixels with noise and a missing wedge."""
    return tilt_series(vesicle((24, 20, 24)), np.arange(-60, 61, 6.0), noise=0.1)


def problem_for(cls: type):
    """A problem that the algorithm `cls` takes."""
    return small_pattern() if cls.Problem is DiffractionPattern else small_series()


def scaled(problem, factor: float):
    """The same problem with its data multiplied by `factor`."""
    if isinstance(problem, DiffractionPattern):
        return DiffractionPattern(factor * problem.magnitudes, problem.support, problem.known)
    return TiltSeries(factor * problem.projections, problem.angles, valid=problem.valid)


def random_problem(cls: type, seed: int):
    """Noise of the right shape, which no object explains."""
    rng = np.random.default_rng(seed)
    problem = problem_for(cls)
    if isinstance(problem, DiffractionPattern):
        return DiffractionPattern(rng.random(problem.shape), problem.support)
    return TiltSeries(rng.standard_normal(problem.shape), problem.angles)


@dataclass(frozen=True)
class Walkers:
    """A made-up problem: so many walkers."""

    count: int = 5
    pixel_size: float | None = None
    source: str = ""

    @property
    def shape(self) -> tuple[int, int]:
        return (1, self.count)


@dataclass
class WalkState(State):
    """Where the walkers are, and what they decide their next step by."""

    position: NDArray
    rng: np.random.Generator
    furthest: float = 0.0
    note: str | None = None


@contextmanager
def random_walk() -> Iterator[type]:
    """An algorithm that takes `Walkers`, registered as "walk" only inside the block.

    Its R-factor is the mean position; everything that it is asked for is noted in the list ``asked``.
    """

    @dataclass(frozen=True, kw_only=True)
    class RandomWalk(Iterative, Algorithm[Walkers, WalkState], name="walk", title="Random walk"):
        """Walk at random."""

        family: ClassVar[str] = "phase"
        Problem: ClassVar[type] = Walkers
        State: ClassVar[type] = WalkState
        asked: ClassVar[list[str]] = []

        stride: Annotated[float, Interval(ge=0, le=1e300), Doc("Length of a step.")] = 1.0
        every: Annotated[int, Interval(ge=1, le=100), Doc("Iterations between two records.")] = 1

        def records(self, iteration):
            return iteration % self.every == 0

        def memory(self, problem):
            return 8 * problem.count

        def prepare(self, problem):
            self.asked.append("prepare")
            return np.arange(problem.count)

        def init(self, problem, seed):
            return WalkState(np.zeros(problem.count), np.random.default_rng(seed))

        def step(self, problem, state):
            self.asked.append("step")
            steps = state.rng.standard_normal(problem.count)
            state.position += self.stride * (steps + self.workspace(problem, state))
            state.furthest = float(np.abs(state.position).max())
            state.iteration += 1
            return state

        def metrics(self, problem, state):
            self.asked.append("metrics")
            return {"r_factor": float(state.position.mean()), "furthest": state.furthest}

        def estimate(self, problem, state):
            self.asked.append("estimate")
            return state.position[None].astype(np.float32)

    try:
        yield RandomWalk
    finally:
        del registry._algorithms["walk"]

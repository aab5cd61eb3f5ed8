"""Small problems that tests share."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from proxiscope.core import Algorithm, Doc, Iterative, State, iterate, parameters, registry
from proxiscope.core.parameters import parts
from proxiscope.phase import ER, DiffractionPattern
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


@cache
def started_pattern() -> DiffractionPattern:
    """`small_pattern` with an estimate to start from: its object after a few projections."""
    pattern = small_pattern()
    *_, progress = iterate(ER(max_iterations=10), pattern)
    return pattern.starting_from(progress.estimate())


def problem_for(cls: type):
    """A problem that the algorithm `cls` takes."""
    if cls.Problem is DiffractionPattern:
        return started_pattern() if getattr(cls, "needs_start", False) else small_pattern()
    return small_series()


def quick(cls: type, iterations: int = 25) -> Algorithm:
    """The algorithm with a short run; of many starts with a few short ones, one of which is refined."""
    if parts(cls):
        return cls(algorithm=ER(max_iterations=iterations), starts=3, refined=1)
    wanted = {"max_iterations": iterations, "polish": iterations // 5, "rounds": 3, "steps": -(-iterations // 3)}
    return cls(**{p.name: wanted[p.name] for p in parameters(cls) if p.name in wanted})


def scaled(problem, factor: float):
    """The same problem with its data multiplied by `factor`."""
    if isinstance(problem, DiffractionPattern):
        start = None if problem.start is None else factor * problem.start
        return replace(problem, magnitudes=factor * problem.magnitudes, start=start)
    return TiltSeries(factor * problem.projections, problem.angles, valid=problem.valid)


def random_problem(cls: type, seed: int):
    """Noise of the right shape, which no object explains."""
    rng = np.random.default_rng(seed)
    problem = problem_for(cls)
    if isinstance(problem, DiffractionPattern):
        return replace(problem, magnitudes=rng.random(problem.shape))
    return TiltSeries(rng.standard_normal(problem.shape), problem.angles)


def corner(shape: tuple[int, ...], size: float = 0.45) -> NDArray[np.bool_]:
    """A triangle or tetrahedron in the middle of a frame, which no inversion maps onto itself."""
    axes = np.meshgrid(*((np.arange(n) - 0.3 * n) / (size * n) for n in shape), indexing="ij")
    return np.logical_and.reduce([x >= 0 for x in axes]) & (sum(axes) <= 1)


def truth(kind: str, shape: tuple[int, ...], seed: int = 0) -> NDArray:
    """An object of a kind that `DiffractionPattern` knows, which fills a `corner` of the frame."""
    rng = np.random.default_rng(seed)
    values = (0.3 + rng.random(shape)) * corner(shape)
    if kind == "real":
        return (values * np.where(rng.random(shape) < 0.3, -1, 1)).astype(np.float32)
    if kind == "non-negative":
        return values.astype(np.float32)
    turn = np.pi if kind == "complex" else 1.4  # radians
    return (values * np.exp(1j * turn * (rng.random(shape) - 0.5))).astype(np.complex64)


def clean_pattern(kind: str, shape: tuple[int, ...], **options) -> DiffractionPattern:
    """The noise-free pattern of `truth`, with the corner that it fills as support."""
    magnitudes = np.abs(np.fft.fftshift(np.fft.fftn(truth(kind, shape).astype(complex))))
    return DiffractionPattern(magnitudes, options.pop("support", corner(shape)), object=kind, **options)


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

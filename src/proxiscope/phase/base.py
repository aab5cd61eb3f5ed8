"""What the phase-retrieval algorithms share."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeVar

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Algorithm, Doc, Iterative, Label, State
from ..core.algorithm import MaxIterations
from ..core.arrays import Device, namespace, namespace_of, on_host, place
from ..core.memory import Proposal
from ..core.threads import elementwise
from . import kernels
from .measured import Measured
from .problem import DiffractionPattern


@dataclass
class PhaseState(State):
    """What every phasing has.

    `support` (bool) is the present one, and `shrunk` how often it was updated. `r_factor` and `free_r_factor` are
    the figures of the last evaluation.
    """

    support: NDArray[Any]
    shrunk: int = 0
    r_factor: float = math.inf
    free_r_factor: float = math.inf


S = TypeVar("S", bound=PhaseState)

FAST = {"fast": {"max_iterations": 300}}
"""Three in ten of the iterations, which show what is to come."""


class Work:
    """The measured data and scratch arrays on a device; nothing that a result depends on."""

    def __init__(self, problem: DiffractionPattern, device: str = "cpu"):
        self.device, self.measured = device, Measured(problem, device)
        self.transform = self.measured.transform
        self.spectrum, self.image = self.transform.spectrum(), self.transform.image()
        self.non_negative = problem.non_negative

    def constrain(self, image: NDArray[Any], support: NDArray[Any], out: NDArray[Any]) -> NDArray[Any]:
        """P_S(u) into `out`, which may be `image`."""
        elementwise(kernels.constrain, (image, support, out), self.non_negative)
        return out

    def project(self, image: NDArray[Any], out: NDArray[Any]) -> NDArray[Any]:
        """P_M(u) into `out`: the measured magnitudes with the phases of `image`."""
        spectrum = self.transform.forward(image, self.spectrum)
        return self.transform.inverse(self.measured.impose(spectrum), out)


@dataclass(frozen=True, kw_only=True)
class PhaseRetrieval(Iterative, Algorithm[DiffractionPattern, S]):
    """Base of the algorithms that phase a `DiffractionPattern`.

    The R-factor (eq. 2.21) is that of the constrained object P_S(u): u inside the support, with what the object
    may not be cut off, and zero outside. The result is the recorded iterate of lowest R-factor, among those with the
    last support.
    """

    family: ClassVar[str] = "phase"
    Problem: ClassVar[type] = DiffractionPattern
    result_is_best: ClassVar[bool] = True
    random_start: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = FAST
    _images: ClassVar[int] = 8
    """Arrays of the image's size that a run holds at its peak."""
    _ffts: ClassVar[int] = 2
    """Transforms in an iteration."""

    max_iterations: MaxIterations = 1000
    check_every: Annotated[
        int,
        Interval(ge=1, le=10_000),
        Label("Iterations between checks"),
        Doc("Iterations between two evaluations of the R-factor, which costs an FFT or two."),
    ] = 10
    device: Device = "cpu"

    def check_problem(self, problem: DiffractionPattern) -> None:
        """Refuse a device that there is not."""
        namespace(self.device)

    def prepare(self, problem: DiffractionPattern) -> Work:
        """The measured data and scratch."""
        return Work(problem, self.device)

    def init(self, problem: DiffractionPattern, seed: int) -> S:
        """The measured magnitudes with the phases of a random object, or of the estimate that the problem gives."""
        work = self.prepare(problem)
        state = self.started(work, problem, seed)
        state.work = work
        return state

    def started(self, work: Any, problem: DiffractionPattern, seed: int) -> S:
        """What `init` returns, with work that there is already."""
        return self.begin(work, first_spectrum(work, problem, seed), place(problem.support.copy(), self.device))

    def begin(self, work: Work, spectrum: NDArray[Any], support: NDArray[Any]) -> S:
        """The state that starts from `spectrum`, which it may keep."""
        raise NotImplementedError

    def advance(self, work: Any, state: S) -> None:
        """One iteration, in place; `state.iteration` is the number of those before."""
        raise NotImplementedError

    def object(self, work: Any, state: S) -> NDArray[Any]:
        """The object u before its constraints; scratch, valid until the next call."""
        raise NotImplementedError

    def judged(self, state: S) -> None:
        """Called after each evaluation of the R-factor."""

    def update_support(self, work: Any, state: S) -> None:
        """Called after each iteration; may change the support in place, and counts that in `state.shrunk`."""

    def step(self, problem: DiffractionPattern, state: S) -> S:
        """One iteration; then the support's update and, with that, the R-factor where they are due."""
        work = self.workspace(problem, state)
        self.advance(work, state)
        state.iteration += 1
        self.update_support(work, state)
        if self._judges(state.iteration):
            state.r_factor, state.free_r_factor = self._figures(work, state)
            self.judged(state)
        return state

    def records(self, iteration: int) -> bool:
        """Whether the R-factor is evaluated at `iteration`."""
        return iteration % self.check_every == 0

    def era(self, state: S) -> int:
        """Iterates with different supports are not compared."""
        return state.shrunk

    def metrics(self, problem: DiffractionPattern, state: S) -> Mapping[str, float]:
        """``"r_factor"`` of the constrained object over the pixels used, ``"free_r_factor"`` over those held out."""
        work = self.workspace(problem, state)
        due = state.iteration and self._judges(state.iteration)
        r_factor, free = (state.r_factor, state.free_r_factor) if due else self._figures(work, state)
        return {"r_factor": r_factor, "free_r_factor": free} if work.measured.has_free else {"r_factor": r_factor}

    def estimate(self, problem: DiffractionPattern, state: S) -> NDArray[Any]:
        """P_S(u), float32 or, of a complex object, complex64."""
        work = self.workspace(problem, state)
        return on_host(work.constrain(self.object(work, state), state.support, work.transform.image()))

    def memory(self, problem: DiffractionPattern) -> int:
        """Bytes that a run on `problem` allocates at its peak; on a device, updates take scratch of their own."""
        images = self._images + (6 if self.device == "cpu" else 14)
        return images * (4 if problem.real else 8) * problem.magnitudes.size

    def proposals(self, problem: DiffractionPattern, have: int) -> Iterable[Proposal]:
        """Binning, where the support leaves room for it and it fits."""
        from .proposals import proposals

        return proposals(self, problem, have)

    def work(self, problem: DiffractionPattern) -> float:
        """Of the transforms, those for the R-factor included."""
        pixels = problem.magnitudes.size
        return (self._ffts + 1.5 / self.check_every) * pixels * math.log2(pixels) * (1 if problem.real else 2)

    def _judges(self, iteration: int) -> bool:
        """Whether the step to `iteration` evaluates the R-factor."""
        return self.records(iteration) or iteration == self.iterations

    def _figures(self, work: Work, state: S) -> tuple[float, float]:
        image = work.constrain(self.object(work, state), state.support, work.image)
        return work.measured.r_factors(work.transform.forward(image, work.spectrum))


def first_spectrum(work: Work, problem: DiffractionPattern, seed: int) -> NDArray[Any]:
    """Measured magnitudes with the phases of a random object or of `problem.start`; the rest zero or as there."""
    transform = work.transform
    if problem.start is not None:
        return work.measured.impose(transform.forward(place(problem.start, work.device), transform.spectrum()))
    return _with_random_phases(work, np.random.default_rng(seed))


def _with_random_phases(work: Work, rng: np.random.Generator) -> NDArray[Any]:
    """Random numbers are NumPy's on every device, so that a seed stands for one start."""
    transform, b = work.transform, work.measured.magnitudes
    xp = namespace_of(b)
    b = xp.clip(b, 0, None)
    if not transform.real:
        phases = np.exp(2j * np.pi * rng.random(transform.shape, dtype=np.float32)).astype(np.complex64)
        return b * place(phases, work.device)
    image = rng.random(transform.shape, dtype=np.float32) - np.float32(0.5)
    spectrum = transform.forward(place(image, work.device), transform.spectrum())
    return b * spectrum / xp.clip(xp.abs(spectrum), float(np.finfo(np.float32).tiny), None)

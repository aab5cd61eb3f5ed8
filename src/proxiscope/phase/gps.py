"""Generalized proximal smoothing (Pham et al., Opt. Express 27, 2792 (2019); thesis eqs 2.13-2.28)."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Doc, Schedule, State, Unit
from ..physics.fourier import irfft, radius_squared, rfft
from . import kernels
from .base import HalfPattern, PhaseRetrieval, constrained, random_spectrum
from .problem import DiffractionPattern


@dataclass
class GPSState(State):
    """Primal-dual iterates: `z` and `y_hat` = F y on the half spectrum (complex64), `y` and `image` u (float32).

    `best_z` and `best_y` belong to the lowest R-factor so far, `best_r_factor`, where each stage starts.
    """

    z: NDArray
    y: NDArray
    y_hat: NDArray
    image: NDArray
    best_z: NDArray
    best_y: NDArray
    r_factor: float = math.inf
    best_r_factor: float = math.inf


class GPSWork:
    """The pattern, scratch, and the smoothing weight of the stage at hand."""

    def __init__(self, pattern: DiffractionPattern):
        self.pattern = HalfPattern(pattern)
        self.reflected = np.empty(self.pattern.magnitudes.shape, np.complex64)
        self.radius_squared = radius_squared(pattern.shape)
        self.stage = -1
        self.weight: NDArray = np.empty(0, np.float32)


@dataclass(frozen=True, kw_only=True)
class GPSF(PhaseRetrieval[GPSState], name="gps-f", title="GPS-F (Fourier smoothing)"):
    """Generalized proximal smoothing in Fourier space: a primal-dual iteration whose two constraints are relaxed.

    It tolerates noise and converges where HIO oscillates. The smoothing narrows from stage to stage, and each
    stage starts from the best iterate so far (algorithm 2 of the thesis).
    """

    State: ClassVar[type] = GPSState
    _arrays: ClassVar[int] = 18

    stages: Annotated[int, Interval(ge=1, le=100), Doc("Stages of smoothing in a run.")] = 10
    sigma: Annotated[
        Schedule,
        Interval(ge=0, le=1e6),
        Doc(
            "Relaxation of the measured magnitudes over the run, as fraction of the run: value. Larger for more noise."
        ),
    ] = ((0.0, 0.01), (0.4, 0.1))
    s: Annotated[float, Interval(ge=0.01, le=0.99), Doc("Step size of the dual variable; s t must stay below 1.")] = 0.9
    t: Annotated[float, Interval(ge=0.01, le=1), Doc("Step size of the primal variable; s t must stay below 1.")] = 1.0
    widest: Annotated[
        float, Interval(ge=0.01, le=100), Unit("frames"), Doc("Width of the first stage's smoothing filter.")
    ] = 2.0
    narrowest: Annotated[
        float, Interval(ge=0.01, le=100), Unit("frames"), Doc("Width of the last stage's smoothing filter.")
    ] = 0.2

    def prepare(self, problem: DiffractionPattern) -> GPSWork:
        """Half pattern, scratch and radii."""
        return GPSWork(problem)

    def init(self, problem: DiffractionPattern, seed: int) -> GPSState:
        """z: measured magnitudes with random phases; y = 0."""
        work = self.prepare(problem)
        z = random_spectrum(work.pattern, np.random.default_rng(seed))
        y = np.zeros(problem.shape, np.float32)
        return GPSState(z, y, np.zeros_like(z), irfft(z.copy(), problem.shape), z.copy(), y.copy(), work=work)

    def step(self, problem: DiffractionPattern, state: GPSState) -> GPSState:
        """One primal-dual iteration (eq. 2.13), with the stage and relaxation due at this point of the run."""
        work: GPSWork = self.workspace(problem, state)
        stage = self._stage(state.iteration)
        if state.iteration and stage != self._stage(state.iteration - 1):
            self._start_from_best(problem, state)
        if stage != work.stage:
            work.stage, work.weight = stage, self._weight(stage, work)
        eps, t = self._sigma(state.iteration) / self.t, self.t
        kernels.gps_magnitude_step(
            state.z.ravel(), state.y_hat.ravel(), work.pattern.magnitudes.ravel(), np.float32(eps), np.float32(t),
            work.reflected.ravel(),
        )  # fmt: skip
        d = irfft(work.reflected, problem.shape)
        kernels.gps_dual_step(
            state.y.ravel(), state.image.ravel(), d.ravel(), problem.support.ravel(), np.float32(self.s),
            work.weight.ravel(),
        )  # fmt: skip
        state.y_hat = rfft(state.y)
        state.iteration += 1
        if self._judges(state.iteration):
            self._keep_best(problem, state)
        return state

    def metrics(self, problem: DiffractionPattern, state: GPSState) -> dict[str, float]:
        """``"r_factor"``, a fraction: the R-factor of the constrained object over the known pixels."""
        due = state.iteration and self._judges(state.iteration)
        return {"r_factor": state.r_factor if due else self._r_factor(problem, state)}

    def estimate(self, problem: DiffractionPattern, state: GPSState) -> NDArray:
        """P_S(u), float32."""
        return constrained(state.image, problem.support)

    def _stage(self, iteration: int) -> int:
        return iteration * self.stages // self.iterations

    def _sigma(self, iteration: int) -> float:
        return [value for start, value in self.sigma if iteration >= start * self.iterations][-1]

    def _weight(self, stage: int, work: GPSWork) -> NDArray:
        """exp(-s gamma r^2) of eq. 2.27, with gamma = 1 / (2 alpha^2) and alpha in pixels."""
        alpha = np.linspace(self.widest, self.narrowest, self.stages)[stage] * max(work.pattern.shape)
        return np.exp(-self.s * work.radius_squared / (2 * alpha**2)).astype(np.float32)

    def _start_from_best(self, problem: DiffractionPattern, state: GPSState) -> None:
        if not math.isfinite(state.best_r_factor):
            return
        state.z[...], state.y[...] = state.best_z, state.best_y
        state.y_hat = rfft(state.y)
        state.image = irfft(state.z.copy(), problem.shape)

    def _judges(self, iteration: int) -> bool:
        """Whether the step to `iteration` evaluates the R-factor."""
        return self.records(iteration) or iteration == self.iterations

    def _r_factor(self, problem: DiffractionPattern, state: GPSState) -> float:
        work: GPSWork = self.workspace(problem, state)
        return work.pattern.r_factor(self.estimate(problem, state))

    def _keep_best(self, problem: DiffractionPattern, state: GPSState) -> None:
        state.r_factor = self._r_factor(problem, state)
        if state.r_factor < state.best_r_factor:
            state.best_r_factor = state.r_factor
            state.best_z[...], state.best_y[...] = state.z, state.y

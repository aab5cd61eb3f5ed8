"""Error reduction (Gerchberg and Saxton 1972; Fienup, Appl. Opt. 21, 2758 (1982))."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..core import State
from ..physics.fourier import irfft, rfft
from . import kernels
from .base import HalfPattern, PhaseRetrieval, constrained, random_spectrum
from .problem import DiffractionPattern


@dataclass
class ERState(State):
    """`image` (float32): what the measured magnitudes gave, before the real-space constraints."""

    image: NDArray


@dataclass(frozen=True, kw_only=True)
class ER(PhaseRetrieval[ERState], name="er", title="Error reduction (ER)"):
    """Error reduction: project in turn onto the measured magnitudes and onto the object's constraints.

    It never raises its error and stops at the nearest minimum: use it to polish what another algorithm found.
    """

    State: ClassVar[type] = ERState

    def init(self, problem: DiffractionPattern, seed: int) -> ERState:
        """Measured magnitudes with random phases."""
        work = self.prepare(problem)
        spectrum = random_spectrum(work, np.random.default_rng(seed))
        return ERState(irfft(spectrum, problem.shape), work=work)

    def step(self, problem: DiffractionPattern, state: ERState) -> ERState:
        """u <- F^-1 P_M F P_S u."""
        work: HalfPattern = self.workspace(problem, state)
        spectrum = rfft(constrained(state.image, problem.support))
        kernels.impose_magnitudes(spectrum.ravel(), work.magnitudes.ravel())
        state.image = irfft(spectrum, problem.shape)
        state.iteration += 1
        return state

    def estimate(self, problem: DiffractionPattern, state: ERState) -> NDArray:
        """P_S(u), float32."""
        return constrained(state.image, problem.support)

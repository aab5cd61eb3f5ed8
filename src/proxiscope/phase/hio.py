"""Hybrid input-output (Fienup, Appl. Opt. 21, 2758 (1982))."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Doc, State
from ..physics.fourier import irfft, rfft
from . import kernels
from .base import HalfPattern, PhaseRetrieval, constrained, random_spectrum
from .problem import DiffractionPattern


@dataclass
class HIOState(State):
    """`input` (float32): the next input g. `image` (float32): the output u that the last input gave."""

    input: NDArray
    image: NDArray


@dataclass(frozen=True, kw_only=True)
class HIO(PhaseRetrieval[HIOState], name="hio", title="Hybrid input-output (HIO)"):
    """Hybrid input-output: push the object back where it breaks its constraints instead of cutting it off.

    It escapes local minima, and keeps oscillating when the data are noisy.
    """

    State: ClassVar[type] = HIOState

    beta: Annotated[float, Interval(ge=0.01, le=2), Doc("Feedback of the pixels that break the constraints.")] = 0.9

    def init(self, problem: DiffractionPattern, seed: int) -> HIOState:
        """Measured magnitudes with random phases."""
        work = self.prepare(problem)
        image = irfft(random_spectrum(work, np.random.default_rng(seed)), problem.shape)
        return HIOState(image.copy(), image, work=work)

    def step(self, problem: DiffractionPattern, state: HIOState) -> HIOState:
        """g <- u where u is in S and u >= 0, else g - beta u; u <- F^-1 P_M F g."""
        work: HalfPattern = self.workspace(problem, state)
        kernels.hio_feedback(state.input.ravel(), state.image.ravel(), problem.support.ravel(), np.float32(self.beta))
        spectrum = rfft(state.input)
        kernels.impose_magnitudes(spectrum.ravel(), work.magnitudes.ravel())
        state.image = irfft(spectrum, problem.shape)
        state.iteration += 1
        return state

    def estimate(self, problem: DiffractionPattern, state: HIOState) -> NDArray:
        """P_S(u), float32."""
        return constrained(state.image, problem.support)

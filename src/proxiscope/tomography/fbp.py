"""Filtered back projection (Kak and Slaney, Principles of Computerized Tomographic Imaging, chapter 3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from ..core import Doc, State
from .base import Setup, Tomography
from .problem import TiltSeries


@dataclass
class FBPState(State):
    """The volume in the projector's layout, zero before the one step, and its R-factor."""

    volume: NDArray
    r_factor: float = 1.0


@dataclass(frozen=True, kw_only=True)
class FBP(Tomography[FBPState], name="fbp", title="Filtered back projection (FBP)"):
    """Filtered back projection: filter each projection, weigh it by the angle it stands for, smear it back.

    One pass, no constraints. Quick, and good when many tilts cover the whole range; a missing wedge streaks.
    """

    State: ClassVar[type] = FBPState

    filter: Annotated[
        Literal["ram-lak", "shepp-logan", "cosine", "hann"], Doc("Window on the ramp: from sharp to smooth.")
    ] = "ram-lak"

    def prepare(self, problem: TiltSeries) -> Setup:
        """The real-space projector and the packed projections."""
        self.check_problem(problem)
        return Setup(problem, self.volume_shape(problem)[0])

    def init(self, problem: TiltSeries, seed: int) -> FBPState:
        """An empty volume; there is nothing random, so `seed` has no effect."""
        work = self.prepare(problem)
        return FBPState(np.zeros(work.projector.domain_shape, np.float32), work=work)

    def step(self, problem: TiltSeries, state: FBPState) -> FBPState:
        """The whole reconstruction."""
        work: Setup = self.workspace(problem, state)
        widths = np.zeros(work.tilts)
        widths[work.used] = angular_widths(problem.angles[work.used])
        filtered = _filtered(work.measured, self.filter, widths)
        work.projector.interpolate(filtered, state.volume)
        _, state.r_factor, _ = work.residual(state.volume, filtered)
        state.iteration += 1
        return state

    def metrics(self, problem: TiltSeries, state: FBPState) -> Mapping[str, float]:
        """``"r_factor"``, a fraction (eq. 3.9), by the real-space projector."""
        return {"r_factor": state.r_factor}

    def estimate(self, problem: TiltSeries, state: FBPState) -> NDArray:
        """Volume (z, y, x), float32."""
        return self.workspace(problem, state).projector.unpack_volume(state.volume)


def angular_widths(angles: NDArray) -> NDArray:
    """Angle in radians that each tilt stands for: half the way to its neighbours, modulo 180 degrees.

    The widest gap is a missing wedge if it is wider than 2.5 usual steps. The tilts at its edges count as wide as
    the step on their other side. Repeated tilts share.
    """
    folded = np.mod(angles, 180.0)
    distinct, inverse, count = np.unique(folded.round(6), return_inverse=True, return_counts=True)
    if len(distinct) == 1:
        return np.full(len(angles), np.pi / len(angles))
    steps = np.diff(distinct, append=distinct[0] + 180)
    before, after = np.roll(steps, 1), steps.copy()
    gap = steps.argmax()
    if steps[gap] > 2.5 * np.median(steps):
        behind = (gap + 1) % len(steps)
        after[gap], before[behind] = before[gap], after[behind]
    return np.deg2rad(0.5 * (before + after) / count)[inverse]


def ramp(size: int, window: str) -> NDArray:
    """Ramp filter on the half spectrum of `size` samples, from its band-limited kernel, float32."""
    n = np.arange(size)
    distance = np.minimum(n, size - n)
    kernel = np.where(distance % 2 == 1, -1 / (np.pi * np.maximum(distance, 1)) ** 2, 0.0)
    kernel[0] = 0.25
    frequency = scipy.fft.rfftfreq(size)
    windows = {
        "ram-lak": np.ones_like(frequency),
        "shepp-logan": np.sinc(frequency),
        "cosine": np.cos(np.pi * frequency),
        "hann": 0.5 * (1 + np.cos(2 * np.pi * frequency)),
    }
    return (scipy.fft.rfft(kernel).real * windows[window]).astype(np.float32)


def _filtered(packed: NDArray, window: str, widths: NDArray) -> NDArray:
    """Packed projections (block, tilt, x, slice), filtered along x and weighted."""
    columns = packed.shape[2]
    size = scipy.fft.next_fast_len(2 * columns, real=True)
    weights = ramp(size, window)[None, :, None] * widths.astype(np.float32)[:, None, None]
    filtered = np.empty_like(packed)
    for block, out in zip(packed, filtered, strict=True):
        spectrum = scipy.fft.rfft(block, n=size, axis=1)
        spectrum *= weights
        out[...] = scipy.fft.irfft(spectrum, n=size, axis=1, overwrite_x=True)[:, :columns]
    return filtered

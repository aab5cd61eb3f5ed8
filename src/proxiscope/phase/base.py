"""What the phase-retrieval algorithms share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Algorithm, Doc, Iterative
from ..core.algorithm import S
from ..physics.fourier import half, half_shape, opposite_half, rfft, self_paired
from . import kernels
from .problem import DiffractionPattern


class HalfPattern:
    """A pattern on the half spectrum of a real image, ready for the kernels.

    Attributes
    ----------
    magnitudes : float32, half spectrum
        Mean of b(k) and b(-k), where both are known; what the magnitude constraint uses. -1 where neither is.
    """

    def __init__(self, pattern: DiffractionPattern):
        b, known = pattern.magnitudes, pattern.known
        self.shape = pattern.shape
        self._plus, known_plus = half(b), half(known)
        self._minus, known_minus = opposite_half(b), opposite_half(known)
        count = known_plus.astype(np.float32) + known_minus
        total = self._plus * known_plus + self._minus * known_minus
        self.magnitudes = np.where(count > 0, total / np.maximum(count, 1), np.float32(-1))
        counted_twice = self_paired(self.shape) & np.ones(half_shape(self.shape), bool)
        self._plus[~known_plus] = -1
        self._minus[~known_minus | counted_twice] = -1
        self._sum = float(b.sum(dtype=np.float64))

    def r_factor(self, image: NDArray) -> float:
        """R-factor of a real image over the known pixels of the full pattern (eq. 2.21)."""
        return kernels.magnitude_misfit(rfft(image).ravel(), self._plus.ravel(), self._minus.ravel()) / self._sum


def random_spectrum(pattern: HalfPattern, rng: np.random.Generator) -> NDArray:
    """Half spectrum with the measured magnitudes and the phases of a real random image."""
    spectrum = rfft(rng.random(pattern.shape, dtype=np.float32) - np.float32(0.5))
    b = np.maximum(pattern.magnitudes, 0)
    return b * spectrum / np.maximum(np.abs(spectrum), np.finfo(np.float32).tiny)


@dataclass(frozen=True, kw_only=True)
class PhaseRetrieval(Iterative, Algorithm[DiffractionPattern, S]):
    """Base of the algorithms that phase a `DiffractionPattern` for a real, non-negative object.

    The R-factor (eq. 2.21) is that of the constrained object P_S(u): u where it is positive inside the
    support, zero elsewhere. The result is the recorded iterate of lowest R-factor.
    """

    family: ClassVar[str] = "phase"
    Problem: ClassVar[type] = DiffractionPattern
    result_is_best: ClassVar[bool] = True
    _arrays: ClassVar[int] = 10
    """Image-sized float32 arrays that a run holds at its peak."""

    max_iterations: Annotated[int, Interval(ge=1, le=1_000_000), Doc("Iterations of a whole run.")] = 1000
    check_every: Annotated[
        int,
        Interval(ge=1, le=10_000),
        Doc("Iterations between two evaluations of the R-factor, which costs one FFT."),
    ] = 10

    def records(self, iteration: int) -> bool:
        """Whether the R-factor is evaluated at `iteration`."""
        return iteration % self.check_every == 0

    def memory(self, problem: DiffractionPattern) -> int:
        """Bytes that a run on `problem` allocates at its peak."""
        return self._arrays * 4 * problem.magnitudes.size

    def metrics(self, problem: DiffractionPattern, state: S) -> Mapping[str, float]:
        """``"r_factor"``, a fraction: the R-factor of the constrained object over the known pixels."""
        half_pattern = self.workspace(problem, state)
        return {"r_factor": half_pattern.r_factor(self.estimate(problem, state))}

    def prepare(self, problem: DiffractionPattern) -> HalfPattern:
        """The pattern on the half spectrum."""
        return HalfPattern(problem)


def constrained(image: NDArray, support: NDArray) -> NDArray:
    """P_S(u): the image where it is positive inside the support, zero elsewhere."""
    return np.where(support, np.maximum(image, 0), np.float32(0))

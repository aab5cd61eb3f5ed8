"""What the methods in one pass share: filter the projections, smear them back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..core import State
from ..core.arrays import zeros
from .base import Setup, Tomography
from .problem import TiltSeries, filled


@dataclass
class DirectState(State):
    """The volume in the projector's layout, zero before the one step, and its R-factors."""

    volume: NDArray[Any]
    r_factor: float = 1.0
    free_r_factor: float | None = None


@dataclass(frozen=True, kw_only=True)
class DirectTomography(Tomography[DirectState]):
    """Base of the one-pass methods; a subclass says by `back_project` what it does.

    Pixels that are not usable are given the value of the nearest one that is, since a filter cannot leave holes.
    """

    State: ClassVar[type] = DirectState
    _volumes: ClassVar[int] = 2
    _series: ClassVar[int] = 2

    def prepare(self, problem: TiltSeries) -> Setup:
        """The real-space projector and the packed projections."""
        return Setup(problem, self.volume_shape(problem))

    def init(self, problem: TiltSeries, seed: int) -> DirectState:
        """An empty volume; there is nothing random, so `seed` has no effect."""
        work = self.prepare(problem)
        return DirectState(zeros(work.projector.domain_shape, np.float32, "cpu"), work=work)

    def back_project(self, series: TiltSeries, work: Setup, out: NDArray[Any]) -> None:
        """Reconstruct `series`, in which all pixels are usable, from the tilts that are kept into `out`."""
        raise NotImplementedError

    def step(self, problem: TiltSeries, state: DirectState) -> DirectState:
        """The whole reconstruction."""
        work: Setup = self.workspace(problem, state)
        self.back_project(filled(problem), work, state.volume)
        work.constrain(state.volume)
        _, figures, _ = work.residual(state.volume, work.empty(work.projector.range_shape))
        state.r_factor, state.free_r_factor = figures["r_factor"], figures.get("free_r_factor")
        state.iteration += 1
        return state

    def metrics(self, problem: TiltSeries, state: DirectState) -> Mapping[str, float]:
        """``"r_factor"``, a fraction (eq. 3.9), by the real-space projector, and that of held-out tilts."""
        free = {} if state.free_r_factor is None else {"free_r_factor": state.free_r_factor}
        return {"r_factor": state.r_factor} | free

    def estimate(self, problem: TiltSeries, state: DirectState) -> NDArray[Any]:
        """Volume (z, y, x), float32."""
        return self.workspace(problem, state).projector.unpack_volume(state.volume)

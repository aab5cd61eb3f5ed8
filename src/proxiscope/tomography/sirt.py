"""Simultaneous iterative reconstruction technique (Gilbert 1972; thesis eq. 3.5)."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Interval

from ..core import Doc
from . import kernels
from .base import DescentState, IterativeTomography, Setup
from .problem import TiltSeries


class SirtSetup(Setup):
    """A packed tilt series with the row and column sums of the projector."""

    def __init__(self, series: TiltSeries, depth: int, projector: type):
        super().__init__(series, depth, projector)
        ones = np.ones(self.projector.domain_shape, np.float32)
        self.row_weights = _inverse(self.projector.forward(ones))
        usable = np.ones(self.projector.range_shape, np.float32) if self.valid is None else self.valid
        self.column_weights = _inverse(self.projector.adjoint(usable, ones))
        self.scaled = np.empty(self.projector.range_shape, np.float32)
        self.gradient = np.empty(self.projector.domain_shape, np.float32)


def _inverse(sums):
    """1 / sums, and 0 where a ray or a voxel meets nothing."""
    threshold = np.float32(1e-3) * sums.max()
    return np.divide(1, sums, out=np.zeros_like(sums), where=sums > threshold)


@dataclass(frozen=True, kw_only=True)
class SIRT(IterativeTomography, name="sirt", title="SIRT"):
    """Simultaneous iterative reconstruction: u <- u - lambda C A* R (A u - b).

    R and C hold the inverse row and column sums of the projector, the column sums over usable pixels. They bound
    the step because the real-space projector's weights are not negative.
    """

    Setup: ClassVar[type] = SirtSetup
    _series: ClassVar[int] = 6

    relaxation: Annotated[float, Interval(ge=0.01, le=1.99), Doc("Relaxation lambda.")] = 1.0
    max_iterations: Annotated[int, Interval(ge=1, le=1_000_000), Doc("Iterations of a whole run.")] = 200

    def descend(self, work: SirtSetup, state: DescentState) -> None:
        """Eq. 3.5, with column weights."""
        np.multiply(state.residual, work.row_weights, out=work.scaled)
        gradient = work.projector.adjoint(work.scaled, work.gradient)
        kernels.descend(state.volume, gradient, self.relaxation, self.positivity, work.column_weights)

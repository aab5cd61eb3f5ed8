"""RESIRE (Pham et al. 2020; thesis eqs 3.1-3.8 and algorithm 3)."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Interval

from ..core import Doc
from . import kernels
from .base import DescentState, IterativeTomography, Setup
from .problem import TiltSeries


class ResireSetup(Setup):
    """A packed tilt series with room for the gradient."""

    def __init__(self, series: TiltSeries, depth: int, projector: type):
        super().__init__(series, depth, projector)
        self.gradient = np.empty(self.projector.domain_shape, np.float32)


@dataclass(frozen=True, kw_only=True)
class RESIRE(IterativeTomography, name="resire", title="RESIRE"):
    """Real space iterative reconstruction: gradient descent on the squared misfit of all projections.

    u <- u - t / (n N_z) A*(A u - b) for n projections and depth N_z (eq. 3.8), with A* the exact adjoint of
    the projector A. The thesis projects by the Fourier slice theorem; rays in real space are quicker.
    """

    Setup: ClassVar[type] = ResireSetup

    max_iterations: Annotated[int, Interval(ge=1, le=1_000_000), Doc("Iterations of a whole run.")] = 100
    step_size: Annotated[
        float,
        Interval(ge=0.01, le=2),
        Doc("Normalised step t of eq. 3.8; shortened by itself should the misfit rise."),
    ] = 2.0

    def descend(self, work: ResireSetup, state: DescentState) -> None:
        """Eq. 3.8, with a shorter step after an iteration in which the misfit rose."""
        if state.squares > 1.0001 * state.previous_squares:
            state.slowdown *= 1.5
        gradient = work.projector.adjoint(state.residual, work.gradient)
        step = self.step_size / (state.slowdown * work.used.sum() * work.depth)
        kernels.descend(state.volume, gradient, step, self.positivity)

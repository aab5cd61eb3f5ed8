"""RESIRE (Pham et al. 2020; thesis eqs 3.1-3.8 and algorithm 3)."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Doc
from ..physics.projectors import FourierSliceProjector, SingleAxisProjector
from . import kernels
from .base import DescentState, IterativeTomography, Setup
from .problem import TiltSeries

PROJECTORS = {"real-space": SingleAxisProjector, "fourier-slice": FourierSliceProjector}


class ResireSetup(Setup):
    """A packed tilt series with room for the gradient, and factors that make all voxels count alike."""

    def __init__(self, series: TiltSeries, depth: int, projector: type):
        super().__init__(series, depth, projector)
        self.gradient = np.empty(self.projector.domain_shape, np.float32)
        along_rays = projector is SingleAxisProjector
        self.weights = equal_weights(series.angles[self.used], series.shape[2], depth) if along_rays else None


def equal_weights(angles: NDArray, columns: int, depth: int) -> NDArray[np.float32]:
    """Factors (z, x) that make each voxel count alike in a back projection along rays.

    Eq. 3.8 rests on a back projection in which every projection reaches every voxel with weight one. The adjoint of
    a projection along rays gives some voxels more, most of all those on the tilt axis, which then run ahead as a
    bright line. Positive factors on the gradient leave the minimum where it is.
    """
    projector = SingleAxisProjector(angles, (1, columns), depth)
    ones = np.ones(projector.range_shape, np.float32)
    along_rays, alike = projector.adjoint(ones)[0, ..., 0], projector.interpolate(ones)[0, ..., 0]
    return np.divide(alike, along_rays, out=np.zeros_like(alike), where=along_rays > 1e-3 * along_rays.max())


@dataclass(frozen=True, kw_only=True)
class RESIRE(IterativeTomography, name="resire", title="RESIRE"):
    """Real space iterative reconstruction: gradient descent on the squared misfit of all projections.

    u <- u - t / (n N_z) A*(A u - b) for n projections and depth N_z (eq. 3.8), with A* the exact adjoint of
    the projector A. The thesis projects by the Fourier slice theorem; rays in real space are quicker.
    """

    Setup: ClassVar[type] = ResireSetup

    projector: Annotated[
        Literal["real-space", "fourier-slice"],
        Doc("How volumes are projected: rays in real space, or the exact Fourier slice theorem."),
    ] = "real-space"
    step_size: Annotated[
        float,
        Interval(ge=0.01, le=2),
        Doc("Normalised step t of eq. 3.8; shortened by itself should the misfit rise."),
    ] = 2.0

    @property
    def projector_class(self) -> type:
        """Class of the projector that the method uses."""
        return PROJECTORS[self.projector]

    def descend(self, work: ResireSetup, state: DescentState) -> None:
        """Eq. 3.8, with a shorter step after an iteration in which the misfit rose."""
        if state.squares > 1.0001 * state.previous_squares:
            state.slowdown *= 1.5
        gradient = work.projector.adjoint(state.residual, work.gradient)
        step = self.step_size / (state.slowdown * work.used.sum() * work.depth)
        kernels.descend(state.volume, gradient, step, self.positivity, work.weights)

"""RESIRE (Pham et al. 2020; thesis eqs 3.1-3.8 and algorithm 3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Doc, Label
from ..core.arrays import Device, place
from ..physics.projectors import SingleAxisProjector
from .base import DescentState, IterativeTomography, Setup
from .problem import TiltSeries


class ResireSetup(Setup):
    """A packed tilt series with room for the gradient, a safe step, and factors that make voxels count alike."""

    of_the_whole: ClassVar[Mapping[str, Any]] = {"step": min}

    def __init__(self, series: TiltSeries, volume: tuple[int, int, int], kind: str, film: bool, device: str = "cpu"):
        super().__init__(series, volume, kind, film, device)
        self.gradient = self.empty(self.projector.domain_shape)
        self.weights = None
        if self.in_slices:
            self.weights = equal_weights(series.angles[series.used], series.shape[2], volume)
        self.step = self.safe_step()

    def safe_step(self) -> float:
        """1 / (n N_z) of eq. 3.8; 0 where no ray to a usable pixel meets the volume."""
        depth = self.depth()
        return 1 / (self.tilts * depth) if depth > 0 else 0.0

    def depth(self) -> float:
        """N_z of eq. 3.8: the depth of the volume, or what stands for it where rays are longer, or fewer.

        Eq. 3.7 takes rays to cross a volume over its depth, all of them measured. Through a thin one, steep rays are
        longer; pixels that are not usable allow for longer steps.
        """
        nz, ny, nx = self.volume
        if self.valid is None and (nz >= max(ny, nx) or (nz >= nx and isinstance(self.projector, SingleAxisProjector))):
            return nz
        return 1.05 * self.largest_eigenvalue() / self.tilts

    def largest_eigenvalue(self, rounds: int = 6) -> float:
        """Largest eigenvalue of weights * A* A over the usable pixels, by power iteration from a uniform volume.

        Packed slices do not affect each other, so that each has its own, and the largest counts.
        """
        volume, mask = place(np.ones(self.projector.domain_shape, np.float32), self.device), self.usable()
        for _ in range(rounds):
            volume = self.projector.adjoint(mask * self.projector.forward(volume))
            if self.weights is not None:
                volume = volume * (self.weights[..., None] if volume.ndim == 4 else self.weights[:, None])
            largest = self.kernels.normalise(volume)
        return largest


def equal_weights(angles: NDArray[Any], columns: int, volume: tuple[int, int, int]) -> NDArray[np.float32]:
    """Factors (z, x) that make each voxel count alike in a back projection along rays.

    Eq. 3.8 rests on a back projection in which every projection reaches every voxel with weight one. The adjoint of
    a projection along rays gives some voxels more, most of all those on the tilt axis, which then run ahead as a
    bright line. Positive factors on the gradient leave the minimum where it is.
    """
    projector = SingleAxisProjector(angles, (1, columns), (volume[0], 1, volume[2]))
    ones = np.ones(projector.range_shape, np.float32)
    along_rays, alike = projector.adjoint(ones)[0, ..., 0], projector.interpolate(ones)[0, ..., 0]
    return np.divide(alike, along_rays, out=np.zeros_like(alike), where=along_rays > 1e-3 * along_rays.max())


FAST = {"fast": {"max_iterations": 25}}
"""A quarter of the iterations, which show what is to come."""


@dataclass(frozen=True, kw_only=True)
class Resire(IterativeTomography):
    """What the variants of RESIRE share: the projector and the length of a step."""

    Setup: ClassVar[type] = ResireSetup

    projector: Annotated[
        Literal["real-space", "fourier-slice", "thesis"],
        Doc(
            "How volumes are projected: rays in real space; the exact Fourier slice theorem; or the thesis' own pair, "
            "which interpolates in Fourier space and is not adjoint."
        ),
    ] = "real-space"
    device: Device = "cpu"

    @property
    def kind(self) -> str:
        """Kind of projector that the method uses."""
        return self.projector


@dataclass(frozen=True, kw_only=True)
class RESIRE(Resire, name="resire", title="RESIRE"):
    """Real space iterative reconstruction: gradient descent on the squared misfit of all projections.

    u <- u - t / (n N_z) A*(A u - b) for n projections and depth N_z (eq. 3.8), with A* the exact adjoint of
    the projector A. The thesis projects by the Fourier slice theorem; rays in real space are quicker.
    """

    use: ClassVar[str] = (
        "The thesis' own method, steady and plain. The accelerated one fits as well in a quarter of the time."
    )

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **FAST, "thesis": {"projector": "thesis", "max_iterations": 400}
    }  # fmt: skip

    step_size: Annotated[
        float,
        Interval(ge=0.01, le=2),
        Label("Step size t"),
        Doc("Normalised step t of eq. 3.8; shortened by itself should the misfit rise."),
    ] = 2.0

    def descend(self, work: ResireSetup, state: DescentState) -> None:
        """Eq. 3.8, with a shorter step after an iteration in which the misfit rose."""
        state.slowdown[state.squares > 1.0001 * state.previous_squares] *= 1.5
        gradient = work.projector.adjoint(state.residual, work.gradient)
        step = self.step_size * work.step / state.slowdown
        work.kernels.descend(state.volume, gradient, step, self.positivity, work.weights)

"""Simultaneous algebraic reconstruction technique (A. Andersen and A. Kak, Ultrason. Imaging 6, 81 (1984))."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Doc, Label
from ..physics.projectors import SingleAxisProjector, packed_slices
from ..physics.projectors import memory as projector_memory
from ..physics.rotations import rotation_matrices
from . import kernels
from .base import DescentState, IterativeTomography, Setup
from .problem import TiltSeries
from .sirt import bounded_inverse, inverse

_FADING = 0.7
"""How much less each earlier tilt counts than the one after it when the next one is chosen."""


class Subset:
    """A few tilts of a series, with what a sub-step along them needs.

    Parameters
    ----------
    work : Setup
    series : TiltSeries
    tilts : NDArray of int
    scratch : float32, ``projector.domain_shape``
        Overwritten.

    Attributes
    ----------
    projector : LinearOperator
    measured, row_weights : float32, ``projector.range_shape``
        Projections, and inverse row sums, 0 at pixels that are not usable.
    column_weights : float32, (z, x), or None
        Inverse column sums over the whole detector; None where one number stands for them.
    step : float
        That number, the inverse of the largest column sum; 1 where there are column weights.
    """

    def __init__(self, work: Setup, series: TiltSeries, tilts: NDArray[Any], scratch: NDArray[Any]):
        self.projector, self.measured, valid = work.part(series, tilts)
        self.column_weights, self.step = None, 1.0
        scratch.fill(1)
        sums = self.projector.forward(scratch)
        if work.in_slices:
            self.row_weights = inverse(sums)
            self.column_weights = inverse(column_sums(series.angles[tilts], series.shape[2], work.volume))
        else:
            self.row_weights = bounded_inverse(sums)  # no stride is then longer than 1.5 times what is safe
            largest = float(self.projector.adjoint(np.ones_like(sums), scratch).max())
            self.step = 1 / largest if largest > 0 else 1.0  # a tilt shifted so far that no ray meets the volume
        if valid is not None:
            self.row_weights *= valid

    def gradient(self, volume: NDArray[Any], out: NDArray[Any]) -> NDArray[Any]:
        """A_s* R_s (A_s u - b_s) into `out`."""
        residual = self.projector.forward(volume)
        residual -= self.measured
        residual *= self.row_weights
        return self.projector.adjoint(residual, out)


def column_sums(angles: NDArray[Any], columns: int, volume: tuple[int, int, int]) -> NDArray[np.float32]:
    """Column sums (z, x) of one slice's projector to `columns` pixels, all angles together."""
    a = SingleAxisProjector(angles, (1, columns), (volume[0], 1, volume[2]))
    return a.adjoint(np.ones(a.range_shape, np.float32))[0, ..., 0]


def far_apart(rotations: NDArray[Any]) -> NDArray[np.intp]:
    """An order of tilts (tilt, 3), Euler triples in degrees, in which each lies far from those before it.

    Beams repel each other by -log sin of the angle between them, the last ones most; beams along the same line, as of
    tilts by 0 and 180 degrees, see the same. The first tilt stays first.
    """
    beams = rotation_matrices(rotations)[:, :, 2]
    order, push = [0], np.zeros(len(beams))
    while len(order) < len(beams):
        sine = np.sqrt(np.maximum(1 - (beams @ beams[order[-1]]) ** 2, 1e-12))
        push = _FADING * push - np.log(sine)
        push[order] = np.inf
        order.append(int(push.round(9).argmin()))
    return np.array(order)


class SartSetup(Setup):
    """A packed tilt series, and its subsets in the order in which they are visited."""

    def __init__(self, series: TiltSeries, volume: tuple[int, int, int], kind: str, film: bool, tilts_at_once: int):
        super().__init__(series, volume, kind, film)
        self.update = self.empty(self.projector.domain_shape)
        used = np.flatnonzero(self.kept)
        order = used[far_apart(series.rotations[used])]
        parts = np.array_split(order, -(-len(order) // tilts_at_once))
        self.subsets = [Subset(self, series, np.sort(tilts), self.update) for tilts in parts]


@dataclass(frozen=True, kw_only=True)
class SART(IterativeTomography, name="sart", title="SART"):
    """Simultaneous algebraic reconstruction: u <- u + lambda C_s A_s* R_s (b_s - A_s u), tilt by tilt.

    R_s and C_s hold the inverse row and column sums of the tilt's projector. An iteration is a pass over all tilts, in
    an order in which successive ones differ much. The first few passes do what takes SIRT many iterations; later ones
    fit the noise, the more the larger lambda is. Several tilts at once, an ordered subset, take more passes.

    For tilts about one axis the column sums are those of each voxel. Else, where they would take a volume for each
    tilt, the largest one stands for all; they are nearly alike.
    """

    use: ClassVar[str] = "A quick look in a few passes; later ones fit the noise."

    Setup: ClassVar[type] = SartSetup
    _series: ClassVar[int] = 6

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "fast": {"max_iterations": 8}, "best": {"relaxation": 0.2},
    }  # fmt: skip

    relaxation: Annotated[
        float,
        Interval(ge=0.01, le=1),
        Label("Relaxation lambda"),
        Doc("Relaxation lambda: lower ones take more passes and fit less noise."),
    ] = 0.35
    tilts_at_once: Annotated[
        int, Interval(ge=1, le=100_000), Doc("Tilts in a sub-step; as many as there are make it SIRT.")
    ] = 1
    max_iterations: Annotated[
        int, Interval(ge=1, le=1_000_000), Label("Passes"), Doc("Passes over all tilts of a whole run.")
    ] = 30

    def prepare(self, problem: TiltSeries) -> SartSetup:
        """The projectors, the packed projections and the weights."""
        return SartSetup(problem, self.work_shape(problem), self.kind, self.film, self.tilts_at_once)

    def memory(self, problem: TiltSeries) -> int:
        """Bytes at the peak; the subsets have projectors and column weights of their own."""
        volume, subsets = self.work_shape(problem), -(-problem.shape[0] // self.tilts_at_once)
        weights = (subsets + 2 * packed_slices(1)) * volume[0] * volume[2]
        own = projector_memory(self.kind, problem.rotations, problem.shape[1:], volume, problem.shifts)
        return super().memory(problem) + 4 * weights + own

    def descend(self, work: SartSetup, state: DescentState) -> None:
        """One pass, the constraints applied after each sub-step."""
        for subset in work.subsets:
            gradient = subset.gradient(state.volume, work.update)
            step = self.relaxation * subset.step
            kernels.descend(state.volume, gradient, step, self.positivity, subset.column_weights)
            work.constrain(state.volume)

"""What the tomography algorithms share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Algorithm, Doc, InputError, Iterative, State, Unit
from ..core.algorithm import S
from ..core.threads import parallel
from ..physics.projectors import SingleAxisProjector, packed_slices
from . import kernels
from .problem import TiltSeries

_OVERHEAD = 4_000_000
"""Bytes of tables and of the kernels' scratch."""


class Setup:
    """A tilt series packed for its projector.

    Attributes
    ----------
    projector : SingleAxisProjector or FourierSliceProjector
    tilts, depth : int
        Projections, and slices of the volume along the beam.
    used : bool, (tilt,)
        Tilts that have data; the others are left out.
    measured : float32, ``projector.range_shape``
        Projections, zero where not valid.
    valid : float32, ``projector.range_shape``, or None
        1 at usable pixels; None when all are.
    """

    def __init__(self, series: TiltSeries, depth: int, projector: type = SingleAxisProjector):
        self.projector = projector(series.angles, series.shape[1:], depth)
        self.tilts, self.depth = len(series.angles), depth
        self.measured = self.projector.pack_projections(series.projections)
        self.used = series.projections.any(axis=(1, 2))
        masked = not (self.used.all() and series.valid.all())
        valid = series.valid & self.used[:, None, None]
        self.valid = self.projector.pack_projections(valid) if masked else None
        totals = np.abs(series.projections).sum(axis=(1, 2), dtype=np.float64)
        with np.errstate(divide="ignore"):
            self._weights = np.where(self.used, 1 / totals, 0) / self.used.sum()

    def residual(self, volume: NDArray, out: NDArray) -> tuple[NDArray, float, float]:
        """A u - b over the usable pixels into `out`; with it the R-factor and the sum of squares.

        The R-factor is the mean over tilts of sum |A u - b| / sum |b| (eq. 3.9), over the tilts that have data.
        """
        self.projector.forward(volume, out)
        masked = self.valid is not None
        arrays = (out, self.measured, self.valid if masked else out)
        blocks = list(zip(*(a.reshape(-1, self.tilts, *a.shape[-2:]) for a in arrays), strict=True))
        sums = np.zeros((len(blocks), 2, self.tilts))
        parallel(kernels.subtract, [(*block, masked, s) for block, s in zip(blocks, sums, strict=True)])
        absolute, squares = sums.sum(axis=0)
        return out, float(absolute @ self._weights), float(squares.sum())


@dataclass(frozen=True, kw_only=True)
class Tomography(Algorithm[TiltSeries, S]):
    """Base of the algorithms that reconstruct a volume (z, y, x) from a `TiltSeries`."""

    family: ClassVar[str] = "tomography"
    Problem: ClassVar[type] = TiltSeries

    depth: Annotated[
        int,
        Interval(ge=0, le=100_000),
        Unit("px"),
        Doc("Slices of the volume along the beam; 0 for as many as the detector is wide."),
    ] = 0

    _volumes: ClassVar[int] = 4
    _series: ClassVar[int] = 3
    """Volumes and projection stacks, float32, that a run holds at its peak beside the data."""

    def volume_shape(self, problem: TiltSeries) -> tuple[int, int, int]:
        """(z, y, x) of the reconstruction of `problem`."""
        _, ny, nx = problem.shape
        return (self.depth or nx, ny, nx)

    def memory(self, problem: TiltSeries) -> int:
        """Bytes that a run on `problem` allocates at its peak."""
        depth, ny, nx = self.volume_shape(problem)
        row = packed_slices(ny) * nx
        masked = 1 if problem.valid.all() else 2
        return 4 * row * (self._volumes * depth + (self._series + masked) * problem.shape[0]) + _OVERHEAD

    def check_problem(self, problem: TiltSeries) -> None:
        """Raise InputError unless all tilts turn about y alone."""
        if not problem.single_axis:
            raise InputError(
                "rotations",
                "tilts about z or x",
                f"{self.name} takes a single tilt axis along y: phi = psi = 0",
            )


@dataclass
class DescentState(State):
    """Volume u and residual A u - b in the projector's layout, with the residual's figures.

    `squares` is the sum of squared residuals, `previous_squares` that of the iteration before. `slowdown`
    divides the step size.
    """

    volume: NDArray
    residual: NDArray
    r_factor: float = 1.0
    squares: float = np.inf
    previous_squares: float = np.inf
    slowdown: float = 1.0


@dataclass(frozen=True, kw_only=True)
class IterativeTomography(Iterative, Tomography[DescentState]):
    """Base of the methods that descend along the back-projected residual.

    A subclass says by `descend` how the back projection of the residual changes the volume. The recorded
    R-factor is that of the present volume, constraints applied, by the method's own projector.
    """

    State: ClassVar[type] = DescentState
    Setup: ClassVar[type[Setup]] = Setup

    positivity: Annotated[bool, Doc("Keep the volume non-negative, as projected density is.")] = True

    def init(self, problem: TiltSeries, seed: int) -> DescentState:
        """u = 0; there is nothing random, so `seed` has no effect."""
        work = self.prepare(problem)
        volume = np.zeros(work.projector.domain_shape, np.float32)
        residual, r_factor, squares = work.residual(volume, np.empty(work.projector.range_shape, np.float32))
        return DescentState(volume, residual, r_factor, squares, work=work)

    def prepare(self, problem: TiltSeries) -> Setup:
        """The projector, the packed projections, and what else the method needs."""
        self.check_problem(problem)
        return self.Setup(problem, self.volume_shape(problem)[0], self.projector_class)

    @property
    def projector_class(self) -> type:
        """Class of the projector that the method uses."""
        return SingleAxisProjector

    def descend(self, work: Setup, state: DescentState) -> None:
        """Change ``state.volume`` in place along the back projection of ``state.residual``."""
        raise NotImplementedError

    def step(self, problem: TiltSeries, state: DescentState) -> DescentState:
        """Back-project the residual, descend, and project again."""
        work = self.workspace(problem, state)
        self.descend(work, state)
        state.previous_squares = state.squares
        state.residual, state.r_factor, state.squares = work.residual(state.volume, state.residual)
        state.iteration += 1
        return state

    def metrics(self, problem: TiltSeries, state: DescentState) -> Mapping[str, float]:
        """``"r_factor"``, a fraction (eq. 3.9)."""
        return {"r_factor": state.r_factor}

    def estimate(self, problem: TiltSeries, state: DescentState) -> NDArray:
        """Volume (z, y, x), float32."""
        return self.workspace(problem, state).projector.unpack_volume(state.volume)

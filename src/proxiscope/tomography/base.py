"""What the tomography algorithms share."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Algorithm, Doc, Group, InputError, Iterative, Label, State, Unit, Zero
from ..core.algorithm import S, placed
from ..core.arrays import copied, empty, namespace, place, zeros
from ..core.memory import Proposal
from ..physics.projectors import (
    GeneralProjector,
    Projector,
    SingleAxisProjector,
    check_device,
    packed_slices,
    projector,
)
from ..physics.projectors import memory as projector_memory
from . import array_kernels, kernels
from .film import around, resized, whole_rays
from .problem import TiltSeries

_OVERHEAD = 4_000_000
"""Bytes of tables and of the kernels' scratch."""

_COSTS = {
    ("real-space", True): 1.0, ("real-space", False): 4.5, ("fourier-slice", True): 3.2,
    ("fourier-slice", False): 20.0, ("thesis", True): 7.5,
}  # fmt: skip
"""What a projection costs by its kind, and whether it is about a single axis; as measured for 128 pixels, 60 tilts."""

Volume = Group("Volume", preset=False)

Positivity = Annotated[bool, Label("Non-negative"), Doc("Keep the volume non-negative, as projected density is.")]
Film = Annotated[
    bool,
    Label("Extended film"),
    Doc("The sample is a film that goes on beyond the field of view; give its depth."),
    Volume,
]


class Setup:
    """A tilt series packed for its projector.

    Parameters
    ----------
    series : TiltSeries
    volume : tuple of int
        (z, y, x) of the reconstruction.
    kind : str
        Of the projector.
    film : bool
        Whether the sample goes on beyond the volume, so that only rays wholly inside count.
    device : str
        A `Device`, on which volumes and projections lie.

    Attributes
    ----------
    projector : Projector
    kernels : module
        Passes over arrays on the device.
    tilts : int
        Projections that are reconstructed from.
    measured : float32, ``projector.range_shape``
        Projections, zero where not valid.
    valid : float32, ``projector.range_shape``, or None
        1 at usable pixels; None when all are in the tilts that count.
    kept : float32, (tilt,)
        1 for tilts that are reconstructed from; 0 for those that have no data or are held out.
    support : bool, ``projector.domain_shape``, or None
    blocks : int
        Groups of slices that do not affect each other.
    in_slices : bool
        Whether rays stay in their slices, with weights that are not negative and the same in all of them.
    sums : float64, (tilt, 2), or None
        Absolute values and squares of the residual that was computed last, summed over each tilt.
    """

    of_the_whole: ClassVar[Mapping[str, Callable[[Iterable[float]], float]]] = {}
    """Attributes that are one number for the whole volume, and how it follows from those of its slabs."""

    def __init__(
        self,
        series: TiltSeries,
        volume: tuple[int, int, int],
        kind: str = "real-space",
        film: bool = False,
        device: str = "cpu",
    ):
        self.device, self.kernels = device, kernels if device == "cpu" else array_kernels
        self.projector: Projector = projector(kind, series.rotations, series.shape[1:], volume, series.shifts, device)
        self.volume = volume
        self.blocks = self.projector.domain_shape[0] if len(self.projector.domain_shape) == 4 else 1
        self.in_slices = type(self.projector) is SingleAxisProjector
        valid = series.valid & whole_rays(series, volume) if film else series.valid
        measured = np.where(valid, series.projections, np.float32(0)) if film else series.projections
        used = series.used & valid.any(axis=(1, 2)) if film else series.used
        self.sums: NDArray[Any] | None = None
        if not used.any():
            raise InputError(
                "film", "no ray passes wholly through the volume", "Make the volume wider or thinner, or leave this off"
            )
        self.kept, self.tilts = used.astype(np.float32), int(used.sum())
        self._kept = place(self.kept, device)
        self.measured = self.projector.pack_projections(measured)
        compared = used if series.held_out is None else used | series.held_out
        self.valid = None if valid[compared].all() else self.projector.pack_projections(valid)
        self.support = None
        if series.support is not None:
            self.support = self.projector.pack_volume(resized(series.support, volume)) != 0
        self.pixels = int(valid[used].sum())
        totals = np.abs(measured).sum(axis=(1, 2), dtype=np.float64)
        held_out = (totals > 0) & ~used if series.held_out is not None else np.zeros_like(used)
        self._weights = [_mean_weights(totals, some) for some in (used, held_out) if some.any()]

    def residual(
        self, volume: NDArray[Any], out: NDArray[Any]
    ) -> tuple[NDArray[Any], Mapping[str, float], NDArray[Any]]:
        """A u - b over the usable pixels into `out`; with it figures, and the sum of squares of each block.

        The R-factor is the mean over tilts of sum |A u - b| / sum |b| (eq. 3.9) over the tilts that are reconstructed
        from, the free one that over the held-out ones; `misfit` is the root mean square, in the data's unit.
        """
        self.projector.forward(volume, out)
        sums = self.kernels.subtract(out, self.measured, self.valid, self._kept)
        self.sums = sums.sum(axis=0)
        absolute, squares = sums[..., 0].sum(axis=0), sums[..., 1] @ self.kept.astype(np.float64)
        names = ("r_factor", "free_r_factor")
        figures = {name: float(absolute @ w) for name, w in zip(names, self._weights, strict=False)}
        return out, figures | {"misfit": float(np.sqrt(squares.sum() / self.pixels))}, squares

    def part(self, series: TiltSeries, tilts: NDArray[Any]) -> tuple[Projector, NDArray[Any], NDArray[Any] | None]:
        """The projector, the packed projections and, where not all are, the usable pixels of some tilts."""
        a: Projector
        if self.in_slices:
            a = SingleAxisProjector(series.angles[tilts], series.shape[1:], self.volume)
        else:
            a = GeneralProjector(series.rotations[tilts], series.shape[1:], self.volume, series.shifts[tilts])
        valid = None if self.valid is None else _some(self.valid, tilts)
        return a, _some(self.measured, tilts), valid

    def constrain(self, volume: NDArray[Any]) -> None:
        """Set what lies outside the support to zero."""
        if self.support is not None:
            self.kernels.restrict(volume, self.support)

    def usable(self) -> Any:
        """1 at the pixels that are reconstructed from; of a shape that goes with projections, on the device."""
        kept = self._kept[:, None, None]
        return kept if self.valid is None else self.valid * kept

    def empty(self, shape: tuple[int, ...]) -> Any:
        """An array on the device, float32, with anything in it."""
        return empty(shape, np.float32, self.device)


def _some(packed: NDArray[Any], tilts: NDArray[Any]) -> NDArray[Any]:
    """Packed projections of some tilts; the tilt is the last axis but two in both layouts."""
    return np.ascontiguousarray(packed[..., tilts, :, :])


def _mean_weights(totals: NDArray[Any], used: NDArray[Any]) -> NDArray[np.float64]:
    """1 / sum |b| over the number of tilts, zero for tilts that are not used."""
    return np.divide(1, totals, out=np.zeros_like(totals), where=used & (totals > 0)) / used.sum()


@dataclass(frozen=True, kw_only=True)
class Tomography(Algorithm[TiltSeries, S]):
    """Base of the algorithms that reconstruct a volume (z, y, x) from a `TiltSeries`."""

    family: ClassVar[str] = "tomography"
    Problem: ClassVar[type] = TiltSeries
    remedy: ClassVar[str] = (
        "Bin or crop the data, reduce the depth of the volume, or reconstruct it in slabs: InSlabs, or --in-slabs."
    )
    film = False
    """Whether the sample goes on beyond the field of view; a parameter of the methods that can take that."""
    device = "cpu"
    """Where arrays lie; a parameter of the methods that can choose."""
    slice_reach: ClassVar[int | None] = 0
    """Slices on either side that affect one about a single axis, all in all; None where all do and must."""

    depth: Annotated[
        int,
        Interval(ge=0, le=100_000),
        Unit("px"),
        Zero("as detector"),
        Doc("Slices of the volume along the beam; 0 for as many as the detector is wide."),
        Volume,
    ] = 0
    height: Annotated[
        int,
        Interval(ge=0, le=100_000),
        Unit("px"),
        Zero("as detector"),
        Doc("Voxels along y; 0 for as many as the detector has."),
        Volume,
    ] = 0
    width: Annotated[
        int,
        Interval(ge=0, le=100_000),
        Unit("px"),
        Zero("as detector"),
        Doc("Voxels along x; 0 for as many as the detector has."),
        Volume,
    ] = 0

    _volumes: ClassVar[int] = 4
    _series: ClassVar[int] = 3
    """Volumes and projection stacks, float32, that a run holds at its peak beside the data."""

    @property
    def kind(self) -> str:
        """Kind of projector that the method uses."""
        return "real-space"

    def volume_shape(self, problem: TiltSeries) -> tuple[int, int, int]:
        """(z, y, x) of the reconstruction of `problem`."""
        if problem.support is not None:
            return problem.support.shape
        _, ny, nx = problem.shape
        return (self.depth or nx, self.height or ny, self.width or nx)

    def work_shape(self, problem: TiltSeries) -> tuple[int, int, int]:
        """(z, y, x) of the volume that is computed in, of which the reconstruction is the middle."""
        return self.volume_shape(problem)

    def memory(self, problem: TiltSeries) -> int:
        """Bytes that a run on `problem` allocates at its peak; raises InputError where the projector cannot."""
        if self.kind == "thesis":
            self.check_single_axis(problem)
        depth, ny, nx = volume = self.work_shape(problem)
        tilts, rows, columns = problem.shape
        held = self._volumes * depth * packed_slices(ny) * nx
        masked = 1 if problem.valid.all() and not self.film else 2
        held += (self._series + masked) * tilts * packed_slices(rows) * columns
        if self.device != "cpu":
            held += 3 * depth * ny * nx + 4 * tilts * rows * columns  # what array operations leave on their way
        own = projector_memory(self.kind, problem.rotations, problem.shape[1:], volume, problem.shifts, self.device)
        return 4 * held + own + _OVERHEAD

    def proposals(self, problem: TiltSeries, have: int) -> Iterable[Proposal]:
        """Slabs, out of core, and binning, as far as they fit."""
        from .proposals import proposals

        return proposals(self, problem, have)

    def work(self, problem: TiltSeries) -> float:
        """Voxels times tilts, in units of a projection along rays about a single axis."""
        voxels = math.prod(self.work_shape(problem))
        return problem.shape[0] * voxels * _COSTS[self.kind, bool(problem.single_axis) or self.kind == "thesis"]

    def check_problem(self, problem: TiltSeries) -> None:
        """Raise InputError if the support and the chosen size of the volume disagree, or the projector cannot."""
        if problem.support is not None:
            for name, found in zip(("depth", "height", "width"), problem.support.shape, strict=True):
                if getattr(self, name) not in (0, found):
                    raise InputError(
                        name,
                        f"{getattr(self, name)}, and the support has {found}",
                        "Leave it at 0 to follow the support",
                    )
        if self.kind == "thesis":
            self.check_single_axis(problem)
        if self.device != "cpu":
            geometry = problem.rotations, problem.shape[1:], self.work_shape(problem), problem.shifts
            check_device(self.kind, *geometry, self.device)
            namespace(self.device)

    def check_single_axis(self, problem: TiltSeries) -> None:
        """Raise InputError unless all tilts turn about y alone."""
        if not problem.single_axis or self.work_shape(problem)[1] != problem.shape[1]:
            raise InputError(
                "rotations",
                "tilts about z or x, shifts, or a volume of another height than the detector",
                f"{self.name} takes a single tilt axis along y here: phi = psi = 0. Weighted back projection (wbp) and "
                "iterative methods take the others",
            )


ON_HOST = {"on_host": True}
"""Metadata of a state's field that is NumPy's on every device: a few numbers that steer the descent."""


@dataclass
class DescentState(State):
    """Volume u and residual A u - b in the projector's layout, on the algorithm's device, with the residual's figures.

    `squares` (block,) are the sums of squared residuals of the blocks of slices, `previous_squares` those of the
    iteration before. `slowdown` (block,) divides the step size. `r_factor`, `free_r_factor` and `misfit` are as
    `Setup.residual` says.
    """

    volume: NDArray[Any]
    residual: NDArray[Any]
    squares: NDArray[Any] = field(metadata=ON_HOST)
    previous_squares: NDArray[Any] = field(metadata=ON_HOST)
    slowdown: NDArray[Any] = field(metadata=ON_HOST)
    r_factor: float = 1.0
    free_r_factor: float | None = None
    misfit: float = 0.0


@dataclass(frozen=True, kw_only=True)
class IterativeTomography(Iterative, Tomography[DescentState]):
    """Base of the methods that descend along the back-projected residual.

    A subclass says by `descend` how the back projection of the residual changes the volume. The recorded
    R-factor is that of the present volume, constraints applied, by the method's own projector.
    """

    State: ClassVar[type] = DescentState
    Setup: ClassVar[type[Setup]] = Setup

    positivity: Positivity = True
    film: Film = False

    def work_shape(self, problem: TiltSeries) -> tuple[int, int, int]:
        """(z, y, x) of the volume that is computed in: of a film so much wider that rays pass wholly (see `around`)."""
        shape = self.volume_shape(problem)
        return around(problem, shape) if self.film else shape

    def check_problem(self, problem: TiltSeries) -> None:
        """Raise InputError also if the depth of a film is not given."""
        super().check_problem(problem)
        if self.film and not self.depth and problem.support is None:
            raise InputError("depth", "0 for a film", "Give the depth of the film in slices")

    def init(self, problem: TiltSeries, seed: int) -> DescentState:
        """u = 0; there is nothing random, so `seed` has no effect."""
        return self.starting_from(problem, None)

    def starting_from(self, problem: TiltSeries, volume: NDArray[Any] | None) -> DescentState:
        """The state before the first step from a volume (z, y, x), zero if None."""
        work = self.prepare(problem)
        if volume is None:
            volume = zeros(work.projector.domain_shape, np.float32, self.device)
        else:
            volume = copied(work.projector.pack_volume(resized(volume, work.volume)))
        residual, figures, squares = work.residual(volume, work.empty(work.projector.range_shape))
        start = np.full(work.blocks, np.inf), np.ones(work.blocks)
        return self.start(DescentState(volume, residual, squares, *start, **figures, work=work))

    def start(self, state: DescentState) -> DescentState:
        """The state of this method, from the one that all have."""
        return state

    def prepare(self, problem: TiltSeries) -> Any:
        """The projector, the packed projections, and what else the method needs."""
        return self.Setup(problem, self.work_shape(problem), self.kind, self.film, self.device)

    def workspace(self, problem: TiltSeries, state: DescentState) -> Any:
        """What `prepare` made, with the arrays of a state that was loaded on the device."""
        if state.work is None:
            placed(state, self.device)
        return super().workspace(problem, state)

    def descend(self, work: Any, state: Any) -> None:
        """Change ``state.volume`` in place along the back projection of ``state.residual``."""
        raise NotImplementedError

    def step(self, problem: TiltSeries, state: DescentState) -> DescentState:
        """Back-project the residual, descend, and project again."""
        work = self.workspace(problem, state)
        self.descend(work, state)
        work.constrain(state.volume)
        state.previous_squares = state.squares
        state.residual, figures, state.squares = work.residual(state.volume, state.residual)
        for name, value in figures.items():
            setattr(state, name, value)
        state.iteration += 1
        return state

    def metrics(self, problem: TiltSeries, state: DescentState) -> Mapping[str, float]:
        """``"r_factor"`` (eq. 3.9), ``"free_r_factor"`` of held-out tilts, and ``"misfit"``, in the data's unit."""
        free = {} if state.free_r_factor is None else {"free_r_factor": state.free_r_factor}
        return {"r_factor": state.r_factor} | free | {"misfit": state.misfit}

    def estimate(self, problem: TiltSeries, state: DescentState) -> NDArray[Any]:
        """Volume (z, y, x), float32."""
        volume = self.workspace(problem, state).projector.unpack_volume(state.volume)
        return resized(volume, self.volume_shape(problem))

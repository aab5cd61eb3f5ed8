"""GENFIRE, generalised Fourier iterative reconstruction (A. Pryor et al., Sci. Rep. 7, 10409 (2017))."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, log2, prod
from typing import Annotated, Any, ClassVar, Literal

import finufft
import numpy as np
import scipy
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Doc, Group, Iterative, Label, State, Unit
from ..core.algorithm import MaxIterations
from ..core.later import Later
from ..core.threads import num_threads, parallel
from ..physics.rotations import rotation_matrices
from .base import Positivity, Setup, Tomography
from .problem import TiltSeries, filled

_genfire = Later("proxiscope.tomography._genfire")

NYQUIST = 0.5
"""Cycles per voxel."""

_BLOCK = 8  # planes or slices that share a thread's scratch
_EPS = 1e-6  # precision of the non-uniform FFT
_NO_SUPPORT = np.zeros((0, 0, 0), bool)
_RISE, _FALL, _LAST = 0.25, 0.5, 0.1
_COUNTED = 2**28
"""Points of a grid that are looked at one by one, which takes a moment."""

Gridding = Group("Gridding")


def grid_sizes(volume: tuple[int, int, int], oversampling: float) -> tuple[int, int, int]:
    """Points (z, y, x) of the Fourier grid of a volume: even numbers that are quick to transform."""
    return tuple(2 * scipy.fft.next_fast_len(ceil(oversampling * n / 2), real=True) for n in volume)


def resolution(schedule: str, fraction: float) -> float:
    """Resolution up to which data are enforced at a fraction of the run, as a fraction of the Nyquist frequency."""
    if schedule == "none":
        return 1.0
    limit = min(1.0, 0.05 + 0.95 * fraction / _RISE)
    if schedule == "extension" or fraction <= _FALL:
        return limit
    return min(limit, 1 - (1 - _LAST) * (fraction - _FALL) / (1 - _FALL))


def count_points(series: TiltSeries, sizes: tuple[int, int, int], cutoff: float) -> NDArray[np.int64]:
    """Grid points near the central planes of the tilts in use: (tilt, kx)."""
    matrices = rotation_matrices(series.rotations[series.used])
    counts = np.zeros((len(matrices), sizes[2] // 2 + 1), np.int64)
    none, nothing = np.empty(0, np.int32), np.empty(0, np.float32)
    tasks = [(sizes, m, cutoff, n, none, nothing, nothing, nothing) for m, n in zip(matrices, counts, strict=True)]
    parallel(_genfire.near_plane, tasks)
    return counts


def about_points(series: TiltSeries, sizes: tuple[int, int, int], cutoff: float) -> NDArray[np.int64]:
    """Grid points near the central plane of each tilt in use; of a grid that is large, told from a coarser one."""
    coarser = ceil((prod(sizes) / _COUNTED) ** (1 / 3))
    coarse = tuple(2 * ceil(n / (2 * coarser)) for n in sizes)
    return coarser**2 * count_points(series, coarse, cutoff).sum(axis=1)


class FourierGrid:
    """The projections of a series on the Fourier grid of an oversampled volume.

    By the Fourier slice theorem the transform of a projection is that of the object on a plane through zero frequency.
    Each grid point within `cutoff` of such a plane gets the value at the foot of the perpendicular, by a non-uniform
    FFT; where several planes pass, their mean, weighted by the inverse distances. What lies outside the detector counts
    as zero, and points beyond the Nyquist frequency as unknown.

    Parameters
    ----------
    series : TiltSeries
        Pixels that are not usable count with the value of the nearest one that is.
    volume : tuple of int
        (z, y, x) of the reconstruction.
    oversampling : float
        Grid points over voxels along each axis.
    cutoff : float
        In grid units.

    Attributes
    ----------
    sizes : tuple of int
        Points of the grid along z, y and x.
    starts, ends : int64, (kx,)
        Where in `places` and `values` the points of each kx >= 0 lie.
    places : int32
        ``ky * sizes[0] + kz``, zero frequency first.
    values : complex64
        Measured transform, on the scale of the volume's own.
    """

    def __init__(self, series: TiltSeries, volume: tuple[int, int, int], oversampling: float, cutoff: float):
        self.sizes = grid_sizes(volume, oversampling)
        counts = count_points(series, self.sizes, cutoff)
        edges = np.concatenate([[0], counts.T.ravel().cumsum()])
        starts = edges[:-1].reshape(counts.T.shape)  # (kx, tilt)
        self.starts, self.ends = starts[:, 0].copy(), np.append(starts[1:, 0], edges[-1])
        self.places, self.values = np.empty(edges[-1], np.int32), np.empty(edges[-1], np.complex64)
        weights = np.empty(edges[-1], np.float32)
        self._measure(filled(series), cutoff, starts, counts, weights)
        self._merge(weights)
        self._planes = np.zeros((len(starts), *volume[1::-1]), np.complex64)  # (kx, y, z)
        self._sums = np.zeros((len(starts), 2))

    def _measure(
        self, series: TiltSeries, cutoff: float, starts: NDArray[Any], counts: NDArray[Any], weights: NDArray[Any]
    ) -> None:
        """Evaluate the transforms of all projections at the feet."""
        matrices = rotation_matrices(series.rotations)
        points = self.places, weights, self.values

        def measure(i: int, t: int) -> None:
            n = counts[i].sum()
            places, (near, rows, columns) = np.empty(n, np.int32), np.empty((3, n), np.float32)
            _genfire.near_plane(self.sizes, matrices[t], cutoff, counts[i], places, near, rows, columns)
            plan = finufft.Plan(2, series.shape[1:], 1, _EPS, -1, "complex64", nthreads=1, showwarn=0)
            plan.setpts(rows, columns)
            values = plan.execute(series.projections[t].astype(np.complex64))
            if series.shifts[t].any():
                dy, dx = series.shifts[t]
                values *= np.exp(1j * (dy * rows + dx * columns)).astype(np.complex64)
            _genfire.scatter(starts[:, i], counts[i], (places, near, values), points)

        parallel(measure, list(enumerate(np.flatnonzero(series.used))))

    def _merge(self, weights: NDArray[Any]) -> None:
        """Average where planes of several tilts pass the same point."""
        area = self.sizes[0] * self.sizes[1]
        parallel(
            lambda a, b: _genfire.merge(self.starts[a:b], self.ends[a:b], area, self.places, weights, self.values),
            _parts(len(self.starts)),
        )

    def project(
        self, volume: NDArray[Any], limit: float, positivity: bool, support: NDArray[Any] = _NO_SUPPORT
    ) -> None:
        """Give the volume the measured transform up to `limit` (cycles per voxel), then cut it, in place.

        It becomes zero outside the support, unless that is empty, and with `positivity` nowhere negative.
        """
        self._transform(volume, limit, replace=True)
        size, planes = self.sizes[2], self._planes
        parallel(
            lambda a, b: _genfire.from_planes(planes, size, a, b, support, positivity, volume), _parts(volume.shape[1])
        )

    def error(self, volume: NDArray[Any]) -> float:
        """``sum |F u - b| / sum |b|`` over all measured points and their mates at opposite frequencies."""
        self._transform(volume, NYQUIST, replace=False)
        misfit, total = 2 * self._sums.sum(axis=0) - self._sums[0]  # the plane kx = 0 holds both of a pair
        return float(misfit / total)

    def _transform(self, volume: NDArray[Any], limit: float, replace: bool) -> None:
        size, planes = self.sizes[2], self._planes
        points = self.starts, self.ends, self.places, self.values
        parallel(lambda a, b: _genfire.to_planes(volume, size, a, b, planes), _parts(volume.shape[1]))
        parallel(
            lambda a, b: _genfire.constrain(planes, self.sizes, a, b, *points, limit, replace, self._sums),
            _parts(len(planes)),
        )


def _parts(length: int) -> list[tuple[int, int]]:
    return [(i, min(i + _BLOCK, length)) for i in range(0, length, _BLOCK)]


class GenfireSetup(Setup):
    """A tilt series packed for its projector, by which the R-factor is taken, and gridded."""

    def __init__(self, series: TiltSeries, volume: tuple[int, int, int], oversampling: float, cutoff: float):
        super().__init__(series, volume)
        self.grid = FourierGrid(series, volume, oversampling, cutoff)
        self.box = _NO_SUPPORT if series.support is None else series.support


@dataclass
class GenfireState(State):
    """The volume (z, y, x), constraints applied."""

    volume: NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class GENFIRE(Iterative, Tomography[GenfireState], name="genfire", title="GENFIRE"):
    """Generalised Fourier iterative reconstruction: the projections on a Fourier grid and real space, in turn.

    Needs an isolated object, zero beyond the detector; takes tilts about any axes. Pixels that are not usable are given
    the value of the nearest one that is, since a transform cannot leave holes.
    """

    use: ClassVar[str] = (
        "Isolated objects that end within the detector, any tilts: as low an error as with total variation, in far "
        "more time and memory."
    )

    State: ClassVar[type] = GenfireState
    slice_reach: ClassVar[int | None] = 16

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "thesis": {"max_iterations": 400}, "fast": {"max_iterations": 50},
    }  # fmt: skip

    max_iterations: MaxIterations = 200
    positivity: Positivity = True
    schedule: Annotated[
        Literal["extension-suppression", "extension", "none"],
        Label("Resolution"),
        Doc(
            "Resolution up to which the data are enforced: raised over the first quarter of the run, and lowered over "
            "its second half, which keeps noise out; only raised; or the highest throughout."
        ),
    ] = "extension-suppression"
    oversampling: Annotated[
        float,
        Interval(ge=1, le=6),
        Label("Grid points per voxel"),
        Doc("Points of the Fourier grid over voxels, along each axis."),
        Gridding,
    ] = 3.0
    cutoff: Annotated[
        float,
        Interval(ge=0.05, le=2),
        Unit("grid points"),
        Label("Reach"),
        Doc("Distance in grid units up to which a projection counts as measuring a grid point."),
        Gridding,
    ] = 0.5

    def prepare(self, problem: TiltSeries) -> GenfireSetup:
        """The gridded projections, and the real-space projector for the R-factor."""
        return GenfireSetup(problem, self.volume_shape(problem), self.oversampling, self.cutoff)

    def init(self, problem: TiltSeries, seed: int) -> GenfireState:
        """u = 0; there is nothing random, so `seed` has no effect."""
        return GenfireState(np.zeros(self.volume_shape(problem), np.float32), work=self.prepare(problem))

    def step(self, problem: TiltSeries, state: GenfireState) -> GenfireState:
        """Enforce the measured transform up to the resolution of the moment, then the constraints in real space."""
        work: GenfireSetup = self.workspace(problem, state)
        state.iteration += 1
        limit = NYQUIST * resolution(self.schedule, state.iteration / self.max_iterations)
        work.grid.project(state.volume, limit, self.positivity, work.box)
        return state

    def records(self, iteration: int) -> bool:
        """Every tenth iteration, since figures cost as much as an iteration."""
        return iteration % 10 == 0

    def metrics(self, problem: TiltSeries, state: GenfireState) -> Mapping[str, float]:
        """The figures of `Setup.residual`, by the real-space projector, and ``"fourier_error"``.

        That is ``sum |F u - b| / sum |b|`` over the measured Fourier points.
        """
        work: GenfireSetup = self.workspace(problem, state)
        packed, out = work.projector.pack_volume(state.volume), np.empty(work.projector.range_shape, np.float32)
        return {**work.residual(packed, out)[1], "fourier_error": work.grid.error(state.volume)}

    def estimate(self, problem: TiltSeries, state: GenfireState) -> NDArray[Any]:
        """Volume (z, y, x), float32."""
        return state.volume.copy()

    def work(self, problem: TiltSeries) -> float:
        """Of the transforms of the oversampled volume, which its planes are padded for one by one."""
        points = prod(grid_sizes(self.volume_shape(problem), self.oversampling))
        return points * log2(points)

    def memory(self, problem: TiltSeries) -> int:
        """Bytes that a run on `problem` allocates at its peak."""
        volume = self.volume_shape(problem)
        sizes = grid_sizes(volume, self.oversampling)
        counts = about_points(problem, sizes, self.cutoff)
        planes = 8 * (sizes[2] // 2 + 1) * prod(volume[:2])
        gridding = 48 * counts.max() + 100 * prod(problem.shape[1:])  # of one tilt
        scratch = max(12 * prod(sizes[:2]), 8 * volume[0] * (sizes[2] + 2), gridding)
        return super().memory(problem) + int(planes + 16 * counts.sum() + num_threads() * scratch)

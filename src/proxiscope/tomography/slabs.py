"""How a volume is cut into slabs along the tilt axis, where they show, and what they leave unexplained."""

from copy import copy
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core import InputError
from ..physics.projectors import Projector, projector
from ..physics.rotations import rotation_matrices
from .base import Tomography
from .film import whole_rays
from .problem import TiltSeries

STEEPEST = 10.0
"""Degrees between the tilt axis and y up to which slabs can be cut."""

BLOCK = 32
"""Slices that a projector about y keeps together: slabs cut there give the bits of the whole."""

_TAPS = 3  # pixels on either side that the general projector interpolates over


class Slab(NamedTuple):
    """Part of a volume, as pairs (first, last + 1).

    `kept` are the slices that it contributes, `slices` those that are reconstructed with them, `rows` those of the
    detector that they are reconstructed from, and `seen` the ones that show any of the kept slices.
    """

    kept: tuple[int, int]
    slices: tuple[int, int]
    rows: tuple[int, int]
    seen: tuple[int, int]


class Geometry:
    """How slices lie on the detector.

    Parameters
    ----------
    series : TiltSeries
    volume : tuple of int
        (z, y, x) of the reconstruction.
    film : bool
        Whether the sample goes on beyond the volume, and the method sees to that.

    Attributes
    ----------
    plain : bool
        Whether each slice shows in a row of its own.
    """

    def __init__(self, series: TiltSeries, volume: tuple[int, int, int], film: bool):
        self.series, self.volume, self.film = series, volume, film
        self.plain = series.single_axis and volume[1] == series.shape[1]
        self._matrices = rotation_matrices(series.rotations)
        self._along = self._matrices[:, 1, 1]
        across = np.abs(self._matrices[:, [0, 2], 1]) @ [volume[2] // 2 + 1, volume[0] // 2 + 1]
        self._reach = across + _TAPS
        self._centre = series.shape[1] // 2 + series.shifts[:, 0]

    def check(self) -> None:
        """Raise InputError if a tilt is too far from one about y."""
        turned = np.rad2deg(np.arccos(np.clip(self._along, -1, 1)))
        t = int(turned.argmax())
        if turned[t] > STEEPEST:
            phi, theta, psi = self.series.rotations[t]
            raise InputError(
                "rotations",
                f"tilt {t} (phi {phi:g}, theta {theta:g}, psi {psi:g}) has its axis {turned[t]:.3g} degrees from y",
                f"Slabs need all axes within {STEEPEST:g} degrees of y: reconstruct the volume as a whole, binned or "
                "cropped if the memory does not suffice",
            )

    def rows(self, slices: tuple[int, int]) -> tuple[int, int]:
        """Rows (first, last + 1) of the detector that show any of the slices in any tilt."""
        if self.plain:
            return slices
        low, high = (self._along * (y - self.volume[1] // 2) + self._centre for y in (slices[0], slices[1] - 1))
        return _within((low - self._reach).min(), (high + self._reach).max(), self.series.shape[1])

    def slices(self, rows: tuple[int, int]) -> tuple[int, int]:
        """Slices (first, last + 1) of the volume that rays to any of the rows pass through."""
        if self.plain:
            return rows
        low, high = (v - self._centre for v in (rows[0], rows[1] - 1))
        ends = ((low - self._reach) / self._along).min(), ((high + self._reach) / self._along).max()
        low, high = (end + self.volume[1] // 2 for end in ends)
        return _within(low, high, self.volume[1])

    def around(self, slab: Slab) -> tuple[int, int]:
        """Slices (first, last + 1) that show where a slab's kept slices do, those included."""
        first, last = self.slices(slab.seen)
        return min(first, slab.kept[0]), max(last, slab.kept[1])

    def slabs(self, thickness: int, overlap: int) -> list[Slab]:
        """Cut the volume."""
        height, parts = self.volume[1], cut(self.volume[1], thickness)
        if len(parts) == 1:
            return [Slab((0, height), (0, height), (0, self.series.shape[1]), (0, self.series.shape[1]))]
        return [self._slab(kept, overlap) for kept in parts]

    def _slab(self, kept: tuple[int, int], overlap: int) -> Slab:
        wanted = max(kept[0] - overlap, 0), min(kept[1] + overlap, self.volume[1])
        rows, seen = self.rows(wanted), self.rows(kept)
        if self.film:  # whose methods see to the rays that leave
            return Slab(kept, wanted, rows, seen)
        first, last = self.slices(rows)
        return Slab(kept, (min(first, wanted[0]), max(last, wanted[1])), rows, seen)

    def part(self, slices: tuple[int, int], rows: tuple[int, int]) -> TiltSeries:
        """The series of some rows, with its rotation centre in the middle of some slices. It shares the data."""
        series, (_, height, _) = self.series, self.volume
        y = slices[0] + (slices[1] - slices[0]) // 2 - height // 2
        row = rows[0] + (rows[1] - rows[0]) // 2 - series.shape[1] // 2
        moved = np.stack([self._along * y - row, self._matrices[:, 1, 0] * y], axis=1)
        _ = series.used  # which the part keeps: rows without anything in them tell that there is nothing
        part = copy(series)
        part.__dict__.pop("single_axis", None)
        part.__dict__.update(
            projections=series.projections[:, slice(*rows)],
            valid=series.valid[:, slice(*rows)],
            shifts=series.shifts + moved,
            support=None if series.support is None else series.support[:, slice(*slices)],
        )
        return part


def cut(height: int, thickness: int) -> list[tuple[int, int]]:
    """Slices (first, last + 1) of slabs; a last one of less than half a block, or thickness, joins the one before."""
    edges = [*range(0, height, thickness), height]
    if len(edges) > 2 and height - edges[-2] <= min(BLOCK, thickness) // 2:
        del edges[-2]
    return list(pairwise(edges))


def _within(low: float, high: float, length: int) -> tuple[int, int]:
    """The pixels (first, last + 1) from low to high, of those that there are."""
    first, last = np.clip([np.floor(low), np.ceil(high) + 1], 0, length).astype(int).tolist()
    return first, last


class Work:
    """A series to be cut, its misfit where nothing is known, and the slab that is under way.

    Parameters
    ----------
    algorithm : InSlabs
    series : TiltSeries

    Attributes
    ----------
    geometry : Geometry
    valid : bool, (tilt, y, x)
        Pixels that figures are taken over.
    empty : float64, (2, tilt, y)
        Sums over rows of |b| and of its squares.
    """

    def __init__(self, algorithm: Any, series: TiltSeries):
        self._algorithm = algorithm
        self.geometry = algorithm.geometry(series)
        self.valid = series.valid
        if self.geometry.film:
            inner, whole = algorithm.algorithm, algorithm.independent(self.geometry)
            volume = inner.work_shape(series) if whole else inner.volume_shape(series)
            self.valid = series.valid & whole_rays(series, volume)
        self.empty = self.row_sums(None, (0, series.shape[1]))
        totals = self.empty[0].sum(axis=-1)
        self.used = series.used & (totals > 0)
        self.held_out = (totals > 0) & (np.zeros_like(self.used) if series.held_out is None else series.held_out)
        self.totals = totals
        self.pixels = sum(int(np.count_nonzero(self.valid[t])) for t in np.flatnonzero(self.used))
        self.common = algorithm.common(series)
        if not self.pixels:
            raise InputError("film", "no ray passes wholly through the volume", "Make the volume wider or thinner")
        self._thickness, self._slabs = 0, list[Slab]()
        self._slab: Slab | None
        self._projector: Projector | None
        self._inner: Any
        self._series: Any
        self.leave()

    def slabs(self, thickness: int) -> list[Slab]:
        """All slabs."""
        if thickness != self._thickness:
            self._thickness, self._slabs = thickness, self._algorithm.slabs(self.geometry, thickness)
        return self._slabs

    def enter(self, slab: Slab) -> tuple[Tomography[Any], TiltSeries]:
        """The algorithm and the series of a slab."""
        if slab != self._slab:
            height = slab.slices[1] - slab.slices[0]
            self._slab, self._series = slab, self.geometry.part(slab.slices, slab.rows)
            self._inner = replace(self._algorithm.algorithm, height=height)
        return self._inner, self._series

    def leave(self) -> None:
        """Forget the slab."""
        self._slab, self._inner, self._series, self._projector = None, None, None, None

    def row_sums(self, projected: NDArray[Any] | None, rows: tuple[int, int]) -> NDArray[np.float64]:
        """Sums (2, tilt, row) of |A u - b| and of its squares; a u of zero if nothing is projected."""
        projections = self.geometry.series.projections
        sums = np.zeros((2, len(projections), rows[1] - rows[0]))
        for t, measured in enumerate(projections[:, slice(*rows)]):
            residual = measured.astype(np.float64) if projected is None else projected[t] - measured.astype(np.float64)
            residual *= self.valid[t, slice(*rows)]
            sums[:, t] = np.abs(residual).sum(axis=1), np.einsum("yx,yx->y", residual, residual)
        return sums

    def misfit(self, volume: NDArray[Any], slab: Slab, estimate: NDArray[Any]) -> NDArray[np.float64]:
        """`row_sums` of the rows that a slab's kept slices show in, with an estimate of the slab in the volume."""
        (a, b), rows = slab.kept, slab.seen
        if rows[0] == rows[1]:
            return np.zeros((2, len(self.totals), 0))
        first, last = slices = self.geometry.around(slab)
        part = volume[:, first:last].copy()
        part[:, a - first : b - first] = estimate[:, a - slab.slices[0] : b - slab.slices[0]]
        if self._projector is None:
            series = self.geometry.part(slices, rows)
            kind = self._algorithm.algorithm.kind
            self._projector = projector(kind, series.rotations, series.shape[1:], part.shape, series.shifts)
        project = self._projector
        return self.row_sums(project.unpack_projections(project.forward(project.pack_volume(part))), rows)

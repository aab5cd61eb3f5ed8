"""How a volume is cut into slabs along the tilt axis, and where they show on the detector."""

from copy import copy
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ..core import InputError
from ..physics.rotations import rotation_matrices
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
        return _within(*(end + self.volume[1] // 2 for end in ends), self.volume[1])

    def around(self, slab: Slab) -> tuple[int, int]:
        """Slices (first, last + 1) that show where a slab's kept slices do, those included."""
        first, last = self.slices(slab.seen)
        return min(first, slab.kept[0]), max(last, slab.kept[1])

    def slabs(self, thickness: int, overlap: int) -> list[Slab]:
        """Cut the volume; a last slab of less than half a block, or half the thickness, goes to the one before."""
        height = self.volume[1]
        edges = [*range(0, height, thickness), height]
        if len(edges) > 2 and height - edges[-2] <= min(BLOCK, thickness) // 2:
            del edges[-2]
        if len(edges) == 2:
            return [Slab((0, height), (0, height), (0, self.series.shape[1]), (0, self.series.shape[1]))]
        return [self._slab(kept, overlap) for kept in pairwise(edges)]

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


def _within(low: float, high: float, length: int) -> tuple[int, int]:
    """The pixels (first, last + 1) from low to high, of those that there are."""
    first, last = np.clip([np.floor(low), np.ceil(high) + 1], 0, length).astype(int).tolist()
    return first, last

"""Shifts between neighbouring tilts, from the lowest one outwards, by cross-correlation."""

from functools import partial
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from ...core.threads import parallel
from ..problem import TiltSeries
from .axis import axis_angle, to_images
from .registration import Spectra, displacements
from .working import Source, Tick, WorkingCopy, edge_taper, silent

REACH = 3
"""Neighbours on one side that a tilt is compared with."""

_PASSES = 5
_SETTLED = 0.05  # pixels


def cross_correlation(series: TiltSeries, *, stretch: bool = False, tick: Tick = silent) -> TiltSeries:
    """The series with shifts that put each tilt in register with its neighbours.

    Each image is compared with several neighbours, band-passed, and the shifts that explain all comparisons best are
    taken, outliers left aside: errors add up less on the way from the lowest tilt, which stays where it is, than along
    a chain of single steps. The comparison is made anew on the moved images until they stay.

    Parameters
    ----------
    series : TiltSeries
        Its shifts are where to start.
    stretch : bool
        Stretch images by 1 / cos(theta) across the axis, to what they were untilted: for films and sections.
    tick : callable, optional
        Called with the fraction done; what it raises ends the work.
    """
    source, degrees = Source.of(series), axis_angle(series)
    shifts = series.shifts
    for k in range(_PASSES):
        moves = _moves(source.moved(shifts, degrees), stretch, partial(_part, tick, k))
        shifts = shifts + to_images(moves, degrees)
        if np.abs(moves).max() < _SETTLED:
            break
    tick(1.0)
    return series.copy_with(shifts=shifts)


def _moves(copy: WorkingCopy, stretch: bool, tick: Tick) -> NDArray[np.float64]:
    """Moves (tilt, 2), (along, across) the axis."""
    moves = np.zeros((len(copy.angles), 2))
    order, spectra = stretched_spectra(copy, stretch)
    pairs = np.array([(i, i + n) for n in range(1, REACH + 1) for i in range(len(order) - n)]).reshape(-1, 2)
    if not len(pairs):
        return moves
    tick(0.4)
    found, weights = displacements(spectra, spectra, pairs)
    tick(0.9)
    angles = copy.angles[order]
    if stretch:
        found[:, 1] *= np.cos(np.deg2rad(angles[pairs])).mean(axis=1)
    lowest = int(np.abs(angles).argmin())
    moves[order] = _consistent(found, pairs, weights.clip(0.01) ** 2, lowest, len(order))
    return moves


def stretched_spectra(copy: WorkingCopy, stretch: bool) -> tuple[NDArray[np.intp], Spectra]:
    """The tilts that have data, by their angles, and the spectra of their images."""
    order = np.flatnonzero(copy.used)[np.argsort(copy.angles[copy.used], kind="stable")]
    images = (copy.images * edge_taper(copy.known))[order]
    if stretch:
        parallel(lambda i: _stretch(images[i], float(copy.angles[order[i]])), [(i,) for i in range(len(order))])
    return order, Spectra.of(images)


def _stretch(image: NDArray[np.float32], angle: float) -> None:
    """Stretch an image across the axis to what the object would look like untilted, if it were flat."""
    scale = max(0.1, abs(np.cos(np.deg2rad(angle))))
    middle = image.shape[1] // 2
    image[...] = scipy.ndimage.affine_transform(
        image, [1, scale], [0, middle - scale * middle], order=1, mode="constant"
    )


def _consistent(
    found: NDArray[Any], pairs: NDArray[Any], weights: NDArray[Any], fixed: int, count: int
) -> NDArray[np.float64]:
    """Positions (image, 2) whose differences are those `found` (pair, 2), by least absolute deviations.

    That of image `fixed` is zero.
    """
    first, second = pairs.T
    free = np.delete(np.arange(count), fixed)
    positions, trust = np.zeros((count, 2)), np.ones(len(pairs))
    for _ in range(20):
        w = weights * trust
        normal, pull = np.zeros((count, count)), np.zeros((count, 2))
        np.add.at(normal, (first, first), w)
        np.add.at(normal, (second, second), w)
        np.add.at(normal, (first, second), -w)
        np.add.at(normal, (second, first), -w)
        np.add.at(pull, second, w[:, None] * found)
        np.add.at(pull, first, -w[:, None] * found)
        positions[free] = np.linalg.solve(normal[np.ix_(free, free)], pull[free])
        off = np.hypot(*(found - positions[second] + positions[first]).T)
        trust = 1 / np.maximum(off, 0.1)  # pixels below which a difference counts as noise
    return positions


def _part(tick: Tick, done: int, fraction: float) -> None:
    """Tell how far all passes are, of the fraction done of one."""
    tick((done + fraction) / _PASSES)

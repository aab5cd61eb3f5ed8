"""The profile along the axis: sums across it are the same at all tilts, as each tilt sees all of a slice."""

import numpy as np
from numpy.typing import NDArray

from ..problem import TiltSeries
from .axis import axis_angle, to_images
from .working import Source, Tick, WorkingCopy, silent

_PASSES = 20
_SETTLED = 0.01  # pixels
_LARGEST = 2.0  # pixels that an image moves in a pass


def common_line(series: TiltSeries, *, tick: Tick = silent) -> TiltSeries:
    """The series with shifts along the tilt axis that make the profiles along it agree.

    Each profile is fitted by the mean one, shifted, times a factor, plus a constant. The median move of each
    pass is taken out, so that the series as a whole stays where it is.

    Parameters
    ----------
    series : TiltSeries
        Of an object with nothing to its left and right, in register to some pixels (`cross_correlation`).
    tick : callable, optional
        Called with the fraction done; what it raises ends the work.
    """
    source, degrees = Source.of(series), axis_angle(series)
    shifts = series.shifts
    for k in range(_PASSES):
        copy = source.moved(shifts, degrees)
        moves = np.zeros((len(shifts), 2))
        moves[:, 0] = _moves(copy)
        shifts = shifts + to_images(moves, degrees)
        tick((k + 1) / _PASSES)
        if np.abs(moves).max() < _SETTLED:
            break
    return series.copy_with(shifts=shifts)


def _moves(copy: WorkingCopy) -> NDArray[np.float64]:
    """Moves along the axis (tilt,), Gauss-Newton steps."""
    profiles, weights = profiles_along(copy)
    total = weights.sum(axis=0)
    mean = np.divide((weights * profiles).sum(axis=0), total, out=np.zeros_like(total), where=total > 0)
    slope = np.gradient(mean)
    moves = np.zeros(len(profiles))
    for t in np.flatnonzero(copy.used):
        terms = np.stack([slope, mean, np.ones_like(mean)], axis=1)
        w = np.sqrt(weights[t])
        solved = np.linalg.lstsq(terms * w[:, None], profiles[t] * w, rcond=None)[0]
        moves[t] = -solved[0] / solved[1] if solved[1] > 0 else 0
    moves[copy.used] -= np.median(moves[copy.used])
    return moves.clip(-_LARGEST, _LARGEST)


def profiles_along(copy: WorkingCopy) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums across the axis (tilt, y), and their weights: 1 where rows are known."""
    nx = copy.images.shape[2]
    profiles = copy.images.sum(axis=2, dtype=np.float64)
    middle = copy.known[:, :, nx // 4 : nx - nx // 4]
    return profiles, np.asarray(middle.all(axis=2), np.float64)

"""The centre of mass of an isolated object: it moves along a sinusoid across the axis, and not at all along it."""

import numpy as np
import scipy
from numpy.typing import NDArray

from ..problem import TiltSeries
from .axis import axis_angle, to_images
from .gauge import object_shift
from .working import Source, Tick, WorkingCopy, silent

_PASSES = 8
_SETTLED = 0.01  # pixels
_FAINT = 0.1  # of the brightest: what lies below, blurred, is not the object


def centre_of_mass(
    series: TiltSeries, *, along: bool = False, keep_place: bool = False, tick: Tick = silent
) -> TiltSeries:
    """The series with shifts that put the object's centre of mass onto the tilt axis.

    Only rows that are known in all tilts count, so that an object may leave the view along the axis, and only the
    surroundings of the object, so that noise beside it does not.

    Parameters
    ----------
    series : TiltSeries
        Of an object with nothing to its left and right. Its shifts are where to start.
    along : bool
        Also along the axis; for an object that lies in the view as a whole.
    keep_place : bool
        Leave the object where it is in the volume, on average: its sinusoid is not taken out.
    tick : callable, optional
        Called with the fraction done; what it raises ends the work.
    """
    source, degrees = Source.of(series), axis_angle(series)
    shifts = series.shifts
    for k in range(_PASSES):
        copy = source.moved(shifts, degrees)
        moves = _offsets(copy, along)
        if keep_place:
            moves -= object_shift(moves, copy.angles, copy.used)
        shifts = shifts + to_images(moves, degrees)
        tick((k + 1) / _PASSES)
        if np.abs(moves).max() < _SETTLED:
            break
    return series.copy_with(shifts=shifts)


def _offsets(copy: WorkingCopy, along: bool) -> NDArray[np.float64]:
    """Where the centres of mass lie (tilt, 2), from pixel n // 2."""
    ny, nx = copy.images.shape[1:]
    rows = common_rows(copy)
    offsets = np.zeros((len(copy.images), 2))
    x, y = np.arange(nx) - nx // 2, np.arange(ny) - ny // 2
    for t in np.flatnonzero(copy.used):
        mass = object_mass(copy.images[t])
        if along:
            offsets[t, 0] = mass.sum(axis=1) @ y / max(mass.sum(), np.finfo(float).tiny)
        mass = mass[rows]
        offsets[t, 1] = mass.sum(axis=0) @ x / max(mass.sum(), np.finfo(float).tiny)
    return offsets


def object_mass(image: NDArray[np.float32]) -> NDArray[np.float64]:
    """An image of zero background, cut to the surroundings of the object."""
    blur = max(1.0, min(image.shape) / 64)
    soft = scipy.ndimage.gaussian_filter(image, blur)
    inside = scipy.ndimage.gaussian_filter((soft > _FAINT * np.percentile(soft, 99)).astype(np.float32), blur) > 0.02
    return np.where(inside, image, 0).astype(np.float64)


def common_rows(copy: WorkingCopy) -> NDArray[np.bool_]:
    """Rows (y,) that are known in all tilts over the columns that any object reaches: their middle half."""
    nx = copy.images.shape[2]
    known = np.asarray(copy.known[copy.used][:, :, nx // 4 : nx - nx // 4].all(axis=(0, 2)))
    return known if known.any() else np.ones_like(known)

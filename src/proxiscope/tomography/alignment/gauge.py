"""What a shift of the whole object does to the shifts of its images.

An object that lies elsewhere is as good an object: shifts are determined only up to a constant along the tilt axis and
a cos(theta) + b sin(theta) across it, for a voxel at (z, x) appears at x cos(theta) - z sin(theta).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .axis import to_axis, to_images


def object_shift(shifts: ArrayLike, angles: ArrayLike, weights: ArrayLike | None = None) -> NDArray[np.float64]:
    """The part of shifts that a shift of the object explains, by least squares.

    Parameters
    ----------
    shifts : array_like, (tilt, 2)
        (along, across) a tilt axis along y, in pixels.
    angles : array_like, (tilt,)
        In degrees.
    weights : array_like, (tilt,), optional

    Returns
    -------
    ndarray, (tilt, 2)
    """
    shifts = np.asarray(shifts, np.float64)
    theta = np.deg2rad(np.asarray(angles, np.float64))
    w = np.ones(len(theta)) if weights is None else np.sqrt(np.asarray(weights, np.float64))
    terms = np.stack([np.cos(theta), np.sin(theta)], axis=1)
    across = terms @ np.linalg.lstsq(terms * w[:, None], shifts[:, 1] * w, rcond=None)[0]
    return np.stack([np.full(len(theta), np.average(shifts[:, 0], weights=w**2)), across], axis=1)


def residual_shifts(
    shifts: ArrayLike, reference: ArrayLike, angles: ArrayLike, axis: float = 0.0
) -> NDArray[np.float64]:
    """By how much shifts differ from a reference, apart from what a shift of the object explains.

    Parameters
    ----------
    shifts, reference : array_like, (tilt, 2)
        (dy, dx) in pixels.
    angles : array_like, (tilt,)
        In degrees.
    axis : float
        Where the tilt axis lies, in degrees from y.

    Returns
    -------
    ndarray, (tilt, 2)
        (dy, dx) in pixels.
    """
    difference = to_axis(np.subtract(shifts, reference), axis)
    return to_images(difference - object_shift(difference, angles), axis)


def rms_shift(shifts: ArrayLike, reference: ArrayLike, angles: ArrayLike, axis: float = 0.0) -> float:
    """Root mean square length of the `residual_shifts`, in pixels."""
    return float(np.sqrt((residual_shifts(shifts, reference, angles, axis) ** 2).sum(axis=1).mean()))

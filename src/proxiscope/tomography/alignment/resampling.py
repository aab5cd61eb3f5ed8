"""Move the images by their shifts and turn them so that the tilt axis lies along y, in one interpolation."""

from typing import Any, cast

import numpy as np
import scipy
from numpy.typing import NDArray

from ...core.threads import parallel
from ..problem import TiltSeries, filled
from ._splines import coefficients, evaluate
from .axis import axis_angle, rotations_about_y


def apply_shifts(series: TiltSeries) -> TiltSeries:
    """The aligned series: rotation centres at pixel n // 2, tilt axis along y, no shifts.

    Images are interpolated once, by cubic splines. Pixels that come from outside an image or from pixels that are not
    valid become not valid. A series that needs no change is returned as it is.

    Raises
    ------
    InputError
        If the tilts are not about one axis in the image plane.
    """
    degrees = axis_angle(series)
    if not degrees and not series.shifts.any():
        return series
    images, valid = resample(filled(series).projections, series.valid, series.shifts, degrees)
    return series.copy_with(
        projections=images,
        valid=valid,
        rotations=rotations_about_y(series.rotations),
        shifts=None,
        source=", ".join(filter(None, (series.source, "aligned"))),
    )


def resample(
    images: NDArray[np.float32],
    valid: NDArray[np.bool_],
    shifts: NDArray[Any],
    degrees: float,
    splines: NDArray[np.float32] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Images (tilt, y, x) with their centres and axis in place, and where they are known.

    Parameters
    ----------
    images : ndarray, (tilt, y, x)
        Finite everywhere.
    valid : ndarray of bool, (tilt, y, x)
    shifts : ndarray, (tilt, 2)
        Where the rotation centre appears, (dy, dx) in pixels from pixel n // 2.
    degrees : float
        From y to the tilt axis, positive from x to y.
    splines : ndarray, optional
        The images' `coefficients`, where they are moved more than once.
    """
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    matrix = np.array([[c, s], [-s, c]])  # of (y, x)
    centre = np.array(images.shape[1:]) // 2
    moved, known = np.empty_like(images), np.empty(images.shape, bool)
    y, x = np.ogrid[tuple(slice(-m, n - m) for m, n in zip(centre, images.shape[1:], strict=True))]
    last = np.array(images.shape[1:]) - 1
    whole = np.zeros(len(images), bool) if degrees else ~np.asarray((shifts % 1).any(axis=1))
    splines = coefficients(images) if splines is None and not whole.all() else splines

    def one(t: int) -> None:
        start = centre + shifts[t] - matrix @ centre
        if whole[t]:
            scipy.ndimage.affine_transform(images[t], matrix, start, output=moved[t], order=0, mode="nearest")
        else:
            evaluate(cast(Any, splines)[t], matrix, start, moved[t])
        from_y, from_x = matrix[0, 0] * y + matrix[0, 1] * x, matrix[1, 0] * y + matrix[1, 1] * x
        inside = [np.abs(f + m + d - n / 2) <= n / 2 + 1e-6 for f, m, d, n in zip(
            (from_y, from_x), centre, shifts[t], last, strict=True)]  # fmt: skip
        known[t] = inside[0] & inside[1]
        if not valid[t].all():
            weight = scipy.ndimage.affine_transform(valid[t].astype(np.float32), matrix, start, order=1, mode="nearest")
            known[t] &= weight > 0.999

    parallel(one, [(t,) for t in range(len(images))])
    return moved, known

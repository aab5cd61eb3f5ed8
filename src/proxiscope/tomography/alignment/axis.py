"""The tilt axis of a series: where it lies in the images, and the frame in which it lies along y.

Images are in that frame once they have been aligned. Position (x, y) there, from the rotation centre, is
(x cos a - y sin a, x sin a + y cos a) in the images, a being the angle of the axis from y.
"""

from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from ...core.errors import InputError
from ...physics.rotations import euler_angles, rotation_matrices
from ..orientation import about_axis_at
from ..problem import TiltSeries

_OFF = 0.1  # degrees by which a rotation may miss the common axis


def axis_angle(series: TiltSeries) -> float:
    """Angle from y to the tilt axis in the images, in degrees, positive from x to y.

    Raises
    ------
    InputError
        If the rotations are not about one axis in the image plane.
    """
    return axis_of(series.rotations)


def axis_of(rotations: NDArray[Any]) -> float:
    """`axis_angle` of Euler triples (tilt, 3) in degrees."""
    if not rotations[:, [0, 2]].any():
        return 0.0
    matrices = rotation_matrices(rotations)
    vectors = scipy.spatial.transform.Rotation.from_matrix(matrices[len(matrices) // 2].T @ matrices).as_rotvec(
        degrees=True
    )
    axis = np.linalg.svd(vectors, full_matrices=False)[2][0]
    axis = axis if axis[1] > 0 else -axis
    off = np.abs(vectors - np.outer(vectors @ axis, axis)).max()
    if len(vectors) < 2 or off > _OFF or abs(axis[2]) * np.abs(vectors).max() > _OFF:
        raise InputError(
            "rotations",
            "tilts that are not about one axis in the image plane",
            "Align the series of each axis by itself, with its tilt angles as recorded, and merge them afterwards",
        )
    return float(np.rad2deg(np.arctan2(-axis[0], axis[1])))


def rotations_about_y(rotations: NDArray[Any]) -> NDArray[np.float64]:
    """Euler triples (tilt, 3) in degrees, of the images turned so that their common axis lies along y."""
    degrees = axis_of(rotations)
    if not degrees:
        return rotations
    there, back = rotation_matrices([[degrees, 0, 0], [-degrees, 0, 0]])
    triples = euler_angles(back @ rotation_matrices(rotations) @ there, near=rotations)
    return np.where(np.abs(triples) < 1e-9, 0.0, triples.round(9))


def tilt_angles(series: TiltSeries) -> NDArray[np.float64]:
    """Angles (tilt,) about the axis, in degrees."""
    return rotations_about_y(series.rotations)[:, 1]


def by_tilt(series: TiltSeries) -> NDArray[np.intp]:
    """Indices (tilt,) that put the tilts in order, lowest first; of several axes one after the other."""
    try:
        return np.argsort(tilt_angles(series), kind="stable")
    except InputError:
        return np.lexsort((series.angles, series.rotations[:, 0].round(3)))


def with_axis_at(series: TiltSeries, degrees: float) -> TiltSeries:
    """The series with its tilt axis at an angle from y in the images, in degrees, positive from x to y.

    The shifts stay as they are.
    """
    return series.copy_with(rotations=about_axis_at(rotations_about_y(series.rotations), degrees))


def to_images(moves: ArrayLike, degrees: float) -> NDArray[np.float64]:
    """Vectors (..., 2) that are (along, across) an axis at `degrees`, as (dy, dx) in the images."""
    along, across = np.moveaxis(np.asarray(moves, np.float64), -1, 0)
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.stack([along * c + across * s, across * c - along * s], axis=-1)


def to_axis(shifts: ArrayLike, degrees: float) -> NDArray[np.float64]:
    """Vectors (..., 2) that are (dy, dx) in the images, as (along, across) an axis at `degrees`."""
    return to_images(shifts, -degrees)

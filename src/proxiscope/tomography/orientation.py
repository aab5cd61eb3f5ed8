"""Euler triples of a series that is looked at in another way."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..physics.rotations import euler_angles, rotation_matrices


def reversed_tilts(rotations: ArrayLike) -> NDArray[np.float64]:
    """Triples (tilt, 3) of the stage turning the other way: the same images of the object's mirror image along z."""
    return np.asarray(rotations, dtype=np.float64) * [1, -1, -1] + 0.0  # no zero with a minus sign


def turned_in_plane(rotations: ArrayLike, degrees: float) -> NDArray[np.float64]:
    """Triples (tilt, 3) of an object that was turned about the beam before it was tilted: Z(degrees) R."""
    return np.add(rotations, [degrees, 0, 0])


def about_axis_at(rotations: ArrayLike, degrees: float) -> NDArray[np.float64]:
    """Triples of a series that turns about another axis of the image plane than the triples (tilt, 3) say.

    Parameters
    ----------
    rotations : array_like, (tilt, 3)
        As they would be if the tilt axis lay along y.
    degrees : float
        From y to the axis, positive from x to y.

    Returns
    -------
    ndarray, (tilt, 3)
        Z(degrees) R Z(-degrees); the volume lies as the images do.
    """
    halves = round(degrees / 180)
    rest = degrees - 180 * halves
    rotations = reversed_tilts(rotations) if halves % 2 else np.asarray(rotations, dtype=np.float64)
    if not rest:
        return rotations  # exactly
    there, back = rotation_matrices([[rest, 0, 0], [-rest, 0, 0]])
    return euler_angles(there @ rotation_matrices(rotations) @ back, near=rotations)

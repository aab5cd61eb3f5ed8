"""Euler angles of tilts: the convention ZYX of thesis section 3.2.1.2."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def euler_zyx(rotations: ArrayLike) -> NDArray[np.float64]:
    """Rotation matrices R = Z(phi) Y(theta) X(psi).

    Parameters
    ----------
    rotations : array_like, (..., 3)
        Triples (phi, theta, psi) in degrees.

    Returns
    -------
    ndarray, (..., 3, 3)
        Matrices that act on column vectors (x, y, z).
    """
    phi, theta, psi = np.moveaxis(np.deg2rad(np.asarray(rotations, dtype=np.float64)), -1, 0)
    zero, one = np.zeros_like(phi), np.ones_like(phi)

    def matrix(*rows: tuple[NDArray, NDArray, NDArray]) -> NDArray:
        return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)

    z = matrix((np.cos(phi), -np.sin(phi), zero), (np.sin(phi), np.cos(phi), zero), (zero, zero, one))
    y = matrix((np.cos(theta), zero, np.sin(theta)), (zero, one, zero), (-np.sin(theta), zero, np.cos(theta)))
    x = matrix((one, zero, zero), (zero, np.cos(psi), -np.sin(psi)), (zero, np.sin(psi), np.cos(psi)))
    return z @ y @ x

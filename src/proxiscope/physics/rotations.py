"""Euler angles of tilts: the convention ZYX of thesis section 3.2.1.2."""

from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray


def rotation_matrices(rotations: ArrayLike) -> NDArray[np.float64]:
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

    def matrix(*rows: tuple[NDArray[Any], NDArray[Any], NDArray[Any]]) -> NDArray[Any]:
        return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)

    z = matrix((np.cos(phi), -np.sin(phi), zero), (np.sin(phi), np.cos(phi), zero), (zero, zero, one))
    y = matrix((np.cos(theta), zero, np.sin(theta)), (zero, one, zero), (-np.sin(theta), zero, np.cos(theta)))
    x = matrix((one, zero, zero), (zero, np.cos(psi), -np.sin(psi)), (zero, np.sin(psi), np.cos(psi)))
    return z @ y @ x


def euler_angles(matrices: ArrayLike, near: ArrayLike | None = None) -> NDArray[np.float64]:
    """Euler triples of rotation matrices.

    Two triples within a turn stand for the same rotation, with theta within 90 degrees of 0 or of 180.

    Parameters
    ----------
    matrices : array_like, (..., 3, 3)
    near : array_like, (..., 3), optional
        Triples in degrees; of each two and their whole turns the closest is given. Zero by default.

    Returns
    -------
    ndarray, (..., 3)
        (phi, theta, psi) in degrees. At theta = +-90 only phi -+ psi is determined; psi is then zero.
    """
    r = np.asarray(matrices, dtype=np.float64)
    theta = np.arcsin(np.clip(-r[..., 2, 0], -1, 1))
    locked = np.hypot(r[..., 0, 0], r[..., 1, 0]) < 1e-9
    phi = np.where(locked, np.arctan2(-r[..., 0, 1], r[..., 1, 1]), np.arctan2(r[..., 1, 0], r[..., 0, 0]))
    psi = np.where(locked, 0.0, np.arctan2(r[..., 2, 1], r[..., 2, 2]))
    one = np.rad2deg(np.stack([phi, theta, psi], axis=-1))
    other = one * [1, -1, 1] + 180
    near = np.zeros(3) if near is None else np.asarray(near, dtype=np.float64)
    one, other = (t - 360 * np.round((t - near) / 360) for t in (one, other))
    closer = np.abs(other - near).sum(axis=-1) < np.abs(one - near).sum(axis=-1)
    return np.where(closer[..., None], other, one)


def rotations_by(vectors: ArrayLike) -> NDArray[np.float64]:
    """Rotation matrices (..., 3, 3) about vectors (..., 3) by their length in degrees."""
    return scipy.spatial.transform.Rotation.from_rotvec(vectors, degrees=True).as_matrix()

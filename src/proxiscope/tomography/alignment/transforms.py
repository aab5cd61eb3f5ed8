"""IMOD's linear transformations, each of which takes a raw image of a series to its aligned one.

Six numbers A11 A12 A21 A22 DX DY say that the pixel at (x, y) of the raw image comes to lie at

    x' = A11 (x - xc) + A12 (y - yc) + DX + xc'
    y' = A21 (x - xc) + A22 (y - yc) + DY + yc'

where (xc, yc) is the middle of the raw image and (xc', yc') that of the aligned one, at (n - 1) / 2 when pixels are
counted from 0 at their centres. IMOD counts y from the bottom, which is the first row of the file, as in our arrays.
In the aligned images the axis passes through the middle, along y.

Here a shift is where the rotation centre appears on a raw image, (dy, dx) in pixels from pixel n // 2, as in
`TiltSeries`: it solves x' = xc' for x, and takes in the half pixel by which n // 2 and (n - 1) / 2 differ for even n.

Source: the manual pages of IMOD's xf2rotmagstr and newstack.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.errors import InputError

_STRETCH = 0.01  # largest change of size that is taken for none


def from_transforms(
    rows: ArrayLike, shape: tuple[int, int], name: str = "transforms"
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Shifts and rotations of transformations.

    Parameters
    ----------
    rows : array_like, (tilt, 6)
        A11 A12 A21 A22 DX DY of each image.
    shape : (int, int)
        (y, x) of the raw images.
    name : str
        Words for the message, such as the name of the file.

    Returns
    -------
    shifts : ndarray, (tilt, 2)
        Where the rotation centre appears on the raw images: (dy, dx) in pixels from pixel n // 2.
    rotations : ndarray, (tilt,)
        How far each image is turned, in degrees from x to y; the tilt axis lay at minus this angle from y.

    Raises
    ------
    InputError
        The numbers are no transformations, or one mirrors, or stretches by more than 1 %, which no rotation does.
    """
    rows = np.asarray(rows, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != 6 or not len(rows) or not np.isfinite(rows).all():
        raise InputError(name, f"an array of shape {rows.shape}", "Give A11 A12 A21 A22 DX DY for each image")
    matrices = rows[:, :4].reshape(-1, 2, 2)
    rotations = _rotations(matrices, name)
    moved = np.linalg.solve(matrices, rows[:, 4:, None])[..., 0]
    return (_middle(shape) - moved)[:, ::-1], rotations


def to_transforms(shifts: ArrayLike, shape: tuple[int, int], rotations: ArrayLike | float = 0.0) -> NDArray[np.float64]:
    """Transformations (tilt, 6) that turn images about their rotation centre and put it into the middle.

    Parameters
    ----------
    shifts : array_like, (tilt, 2)
        Where the rotation centre appears on the raw images: (dy, dx) in pixels from pixel n // 2.
    shape : (int, int)
        (y, x) of the raw images.
    rotations : array_like, (tilt,) or float
        How far to turn each image, in degrees from x to y.

    Raises
    ------
    InputError
        The shifts have another shape.
    """
    shifts = np.asarray(shifts, dtype=np.float64)
    if shifts.ndim != 2 or shifts.shape[1] != 2 or not np.isfinite(shifts).all():
        raise InputError("shifts", f"an array of shape {shifts.shape}", "Give finite (dy, dx) for each image.")
    angle = np.radians(np.broadcast_to(np.asarray(rotations, dtype=np.float64), len(shifts)))
    matrices = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], axis=1)
    moved = matrices.reshape(-1, 2, 2) @ (_middle(shape) - shifts[:, ::-1])[..., None]
    return np.column_stack([matrices, moved[..., 0]])


def _rotations(matrices: NDArray[Any], name: str) -> NDArray[np.float64]:
    left, sizes, right = np.linalg.svd(matrices)
    turned = left @ right
    for number, (size, determinant) in enumerate(zip(sizes, np.linalg.det(matrices), strict=True), start=1):
        if determinant <= 0 or np.abs(size - 1).max() > _STRETCH:
            what = "mirrors the image" if determinant < 0 else f"stretches by {size[0]:.4g} and {size[1]:.4g}"
            raise InputError(
                name, f"number {number} {what}", "Align with rotations and shifts alone, or read the aligned stack."
            )
    return np.degrees(np.arctan2(turned[:, 1, 0], turned[:, 0, 0]))


def _middle(shape: tuple[int, int]) -> NDArray[Any]:
    """IMOD's centre (x, y) from pixel n // 2: 0 for odd n, half a pixel before it for even n."""
    return np.array([(n - 1) / 2 - n // 2 for n in reversed(shape)])

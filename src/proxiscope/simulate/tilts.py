"""Simulated tilt series."""

import numpy as np
from numpy.typing import ArrayLike

from ..physics.projectors import projector as make_projector
from ..tomography import TiltSeries


def tilt_series(
    volume: ArrayLike,
    angles: ArrayLike,
    *,
    shape: tuple[int, int] | None = None,
    shifts: ArrayLike | None = None,
    projector: str = "fourier-slice",
    noise: float = 0.0,
    pixel_size: float | None = None,
    seed: int = 0,
) -> TiltSeries:
    """Noisy projections of a volume.

    The default projector is another than the one that the reconstructions use by default, so that they are not tested
    on their own errors.

    Parameters
    ----------
    volume : array_like, (z, y, x)
    angles : array_like, (tilt,) or (tilt, 3)
        Tilts about y, or Euler triples (phi, theta, psi), in degrees.
    shape : tuple of int, optional
        Detector (ny, nx); as large as the volume by default.
    shifts : array_like, (tilt, 2), optional
        Where the rotation centre appears, (dy, dx) in pixels from pixel n // 2.
    projector : {"fourier-slice", "real-space"}
        How the volume is projected.
    noise : float
        Standard deviation of the Gaussian noise, in the unit of the projections.
    pixel_size : float, optional
        In nm.
    seed : int
        Seed of the noise.

    Returns
    -------
    TiltSeries
        With the tilts as given.
    """
    angles = np.asarray(angles, dtype=float)
    rotations = angles if angles.ndim == 2 else np.stack([0 * angles, angles, 0 * angles], axis=1)
    a = make_projector(projector, rotations, shape or np.shape(volume)[1:], np.shape(volume), shifts)
    projections = a.unpack_projections(a.forward(a.pack_volume(volume)))
    if noise:
        projections = projections + np.random.default_rng(seed).normal(0, noise, projections.shape)
    return TiltSeries(projections, rotations=rotations, shifts=shifts, pixel_size=pixel_size, source="simulated")

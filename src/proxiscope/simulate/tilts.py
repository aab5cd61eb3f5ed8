"""Simulated tilt series."""

import numpy as np
from numpy.typing import ArrayLike

from ..physics.projectors import FourierSliceProjector
from ..tomography import TiltSeries


def tilt_series(
    volume: ArrayLike,
    angles: ArrayLike,
    *,
    noise: float = 0.0,
    pixel_size: float | None = None,
    seed: int = 0,
) -> TiltSeries:
    """Noisy projections of a volume about the y axis, by the Fourier slice theorem.

    The projector is another than the one that the reconstructions use, so that they are not tested on their
    own errors.

    Parameters
    ----------
    volume : array_like, (z, y, x)
    angles : array_like, (tilt,)
        In degrees.
    noise : float
        Standard deviation of the Gaussian noise, in the unit of the projections.
    pixel_size : float, optional
        In nm.
    seed : int
        Seed of the noise.
    """
    depth, ny, nx = np.shape(volume)
    projector = FourierSliceProjector(angles, (ny, nx), depth)
    projections = projector.unpack_projections(projector.forward(projector.pack_volume(volume)))
    if noise:
        projections = projections + np.random.default_rng(seed).normal(0, noise, projections.shape)
    return TiltSeries(projections, angles, pixel_size=pixel_size, source="simulated")

"""Misaligned series whose shifts and axis are known."""

import numpy as np
import pytest

from proxiscope.simulate import film, tilt_series, vesicle
from proxiscope.tomography import TiltSeries
from proxiscope.tomography.orientation import about_axis_at


@pytest.fixture(scope="session")
def misaligned():
    """``misaligned(axis=3, offset=4, ...)``: a series of a vesicle, and the truth of its shifts (tilt, 2).

    Images are projected by the Fourier slice theorem about an axis at `axis` degrees from y that passes `offset` pixels
    from the middle, each shifted by `spread` pixels (standard deviation); `noise` is a part of the largest value. The
    series itself knows nothing of the shifts and the axis.
    """
    volumes = {}

    def make(axis=0.0, offset=0.0, spread=2.0, noise=0.0, angles=None, size=48, seed=0):
        volume = volumes.setdefault(size, vesicle((size, size, size), seed=3))
        angles = np.arange(-70, 71, 3.5) if angles is None else np.asarray(angles, float)
        a = np.deg2rad(axis)
        shifts = np.random.default_rng(seed).normal(0, spread, (len(angles), 2))
        shifts += offset * np.array([np.sin(a), np.cos(a)])
        rotations = about_axis_at(np.stack([0 * angles, angles, 0 * angles], axis=1), axis)
        images = tilt_series(volume, rotations, shape=(int(1.4 * size),) * 2, shifts=shifts).projections
        images = images + np.random.default_rng(seed + 1).normal(0, noise * images.max(), images.shape)
        return TiltSeries(images, angles, announce=False), shifts

    return make


@pytest.fixture(scope="session")
def misaligned_film():
    """A film that fills the images, its axis at 3 degrees, shifted by 2 pixels (standard deviation), and the truth."""
    angles = np.arange(-60, 61, 3.0)
    shifts = np.random.default_rng(0).normal(0, 2, (len(angles), 2))
    rotations = about_axis_at(np.stack([0 * angles, angles, 0 * angles], axis=1), 3)
    made = tilt_series(film((24, 120, 280), 16, seed=1), rotations, shape=(64, 64), shifts=shifts)
    return TiltSeries(made.projections, angles, announce=False), shifts

"""The sample problems that the plugin offers, generated on the spot."""

import numpy as np
from numpy.typing import NDArray

from ..phase import DiffractionPattern
from ..tomography import TiltSeries
from .diffraction import diffraction_pattern
from .phantoms import crystal, vesicle
from .tilts import tilt_series


def sample_pattern() -> DiffractionPattern:
    """A noisy 200 x 200 diffraction pattern of a vesicle with 10 nm pixels, behind a small beamstop."""
    return diffraction_pattern(vesicle((80, 80), seed=3), (200, 200), flux=3e7, beamstop=1.5, pixel_size=10.0)


def sample_bragg() -> DiffractionPattern:
    """A 64 x 64 x 64 pattern around the Bragg peak of a strained crystal with 8 nm pixels, of 100 million photons."""
    return diffraction_pattern(crystal((26, 28, 30), seed=1), (64, 64, 64), flux=1e8, readout=0, pixel_size=8.0)


def sample_tilt_series() -> TiltSeries:
    """47 noisy projections (-69 to 69 degrees) of a vesicle, 96 x 96 pixels of 5 nm."""
    return tilt_series(vesicle((96, 96, 96), seed=3), np.arange(-69, 70, 3.0), noise=0.25, pixel_size=5.0)


def sample_double_tilt() -> tuple[TiltSeries, TiltSeries]:
    """Two series of 31 noisy projections (-60 to 60 degrees) of a vesicle, turned by 90 degrees in between.

    64 x 64 pixels of 7.5 nm. `proxiscope.tomography.merge` joins them.
    """
    volume, angles = vesicle((64, 64, 64), seed=3), np.arange(-60, 61, 4.0)
    triples = ([[phi, angle, 0] for angle in angles] for phi in (0, 90))
    one, two = (tilt_series(volume, t, noise=0.2, pixel_size=7.5, seed=i) for i, t in enumerate(triples))
    return one, two


def sample_blocked_series() -> tuple[TiltSeries, NDArray[np.bool_]]:
    """47 noisy projections (-69 to 69 degrees) of a vesicle, 64 x 64 pixels of 7.5 nm, and where a bar is in the way.

    The bar of the sample holder comes in from either side above 40 degrees. The mask (tilt, y, x) marks its pixels,
    whose values mean nothing.
    """
    series = tilt_series(vesicle((64, 64, 64), seed=3), np.arange(-69, 70, 3.0), noise=0.2, pixel_size=7.5)
    reach = 0.8 * (np.abs(series.angles) - 40).clip(0)
    side = np.where(series.angles[:, None] < 0, np.arange(64), np.arange(64)[::-1])
    blocked = np.repeat((side < reach[:, None])[:, None], 64, axis=1)
    shadowed = np.where(blocked, 1.2 * series.projections.max(), series.projections)
    return series.copy_with(projections=shadowed), blocked

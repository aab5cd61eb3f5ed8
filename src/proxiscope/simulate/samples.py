"""The sample problems that the plugin offers, generated on the spot."""

import numpy as np

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

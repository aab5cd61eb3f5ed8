"""Phantoms and simulated measurements of them."""

from .diffraction import diffraction_pattern, missing_centre, noisy_magnitudes, r_noise
from .phantoms import crystal, vesicle
from .samples import sample_bragg, sample_pattern, sample_tilt_series
from .tilts import tilt_series

__all__ = [
    "crystal", "diffraction_pattern", "missing_centre", "noisy_magnitudes", "r_noise", "sample_bragg",
    "sample_pattern", "sample_tilt_series", "tilt_series", "vesicle",
]  # fmt: skip

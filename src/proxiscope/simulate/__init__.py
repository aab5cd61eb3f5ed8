"""Phantoms and simulated measurements of them."""

from .diffraction import diffraction_pattern, noisy_magnitudes, r_noise
from .phantoms import vesicle
from .samples import sample_pattern, sample_tilt_series
from .tilts import tilt_series

__all__ = [
    "diffraction_pattern", "noisy_magnitudes", "r_noise", "sample_pattern", "sample_tilt_series", "tilt_series",
    "vesicle",
]  # fmt: skip

"""Phantoms and simulated measurements of them."""

from .diffraction import diffraction_pattern, missing_centre, noisy_magnitudes, r_noise
from .needle import needle
from .phantoms import crystal, film, vesicle
from .samples import (
    sample_blocked_series,
    sample_bragg,
    sample_double_tilt,
    sample_exposures,
    sample_few_tilts,
    sample_film,
    sample_missing_centre,
    sample_needle,
    sample_pattern,
    sample_phase_object,
    sample_raw_series,
    sample_tilt_series,
)
from .tilts import tilt_series

__all__ = [
    "crystal", "diffraction_pattern", "film", "missing_centre", "needle", "noisy_magnitudes", "r_noise",
    "sample_blocked_series", "sample_bragg", "sample_double_tilt", "sample_exposures", "sample_few_tilts",
    "sample_film", "sample_missing_centre", "sample_needle", "sample_pattern", "sample_phase_object",
    "sample_raw_series", "sample_tilt_series", "tilt_series", "vesicle",
]  # fmt: skip

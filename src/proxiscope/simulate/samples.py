"""The sample problems that the plugin offers, generated on the spot."""

import numpy as np
from numpy.typing import NDArray

from ..phase import DiffractionPattern
from ..tomography import TiltSeries
from ..tomography.orientation import about_axis_at
from .diffraction import diffraction_pattern, missing_centre
from .needle import needle
from .phantoms import crystal, film, vesicle
from .tilts import tilt_series

RAW_AXIS = 4.0
"""Degrees from y to the tilt axis of the raw series."""

RAW_SHIFTS = np.random.default_rng(8).normal(0, 2, (47, 2)).round(2)
"""Where the rotation centre appears on the images (tilt, 2) of the raw series, (dy, dx) in pixels from the middle."""


def sample_pattern() -> DiffractionPattern:
    """A noisy 200 x 200 diffraction pattern of a vesicle with 10 nm pixels, behind a small beamstop."""
    return diffraction_pattern(vesicle((80, 80), seed=3), (200, 200), flux=3e7, beamstop=1.5, pixel_size=10.0)


def sample_phase_object() -> DiffractionPattern:
    """A noisy 128 x 128 pattern of a weakly absorbing vesicle with 10 nm pixels: a complex object.

    It turns the phase by up to 1.5 rad, and takes 30 % of the magnitude where it is densest.
    """
    density = vesicle((56, 56), seed=5)
    wave = np.where(density > 0, (1 - 0.3 * density) * np.exp(1.5j * density), 0)
    return diffraction_pattern(wave, (128, 128), flux=1e9, readout=0, margin=0, pixel_size=10.0)


def sample_missing_centre() -> DiffractionPattern:
    """A noisy 128 x 128 pattern of a vesicle with 10 nm pixels, without the 5 x 5 pixels in the middle."""
    image, known = vesicle((52, 52), seed=7), missing_centre((128, 128), 5)
    return diffraction_pattern(image, (128, 128), flux=1e8, readout=0, known=known, pixel_size=10.0)


def sample_exposures() -> NDArray[np.float32]:
    """Eight raw exposures (frame, y, x) of a vesicle's pattern, 128 x 128 pixels, in counts.

    Zero frequency lies at pixel (67, 60) and not in the middle. There is a background of 3 counts, brighter to one
    side; two pixels are hot, and in each exposure 20 others were hit by cosmic rays.
    """
    rng, side = np.random.default_rng(11), np.linspace(0, 1, 128)
    magnitudes = diffraction_pattern(vesicle((52, 52), seed=7), (128, 128), flux=2e6, readout=0).magnitudes
    pattern = np.roll(magnitudes.astype(np.float64) ** 2, (3, -4), axis=(0, 1))
    counts = rng.poisson(pattern * (2e5 / pattern.sum()) + 3 + side, (8, 128, 128)).astype(np.float32)
    counts[:, [20, 101], [75, 33]] += 4000
    for frame in counts:
        frame.flat[rng.choice(frame.size, 20, replace=False)] += rng.uniform(200, 2000, 20)
    return counts


def sample_bragg() -> DiffractionPattern:
    """A 64 x 64 x 64 pattern around the Bragg peak of a strained crystal with 8 nm pixels, of 100 million photons."""
    return diffraction_pattern(crystal((26, 28, 30), seed=1), (64, 64, 64), flux=1e8, readout=0, pixel_size=8.0)


def sample_tilt_series() -> TiltSeries:
    """47 noisy projections (-69 to 69 degrees) of a vesicle, 96 x 96 pixels of 5 nm."""
    return tilt_series(vesicle((96, 96, 96), seed=3), np.arange(-69, 70, 3.0), noise=0.25, pixel_size=5.0)


def sample_raw_series() -> TiltSeries:
    """47 raw projections (-69 to 69 degrees) of a vesicle, 64 x 64 pixels of 7.5 nm, as they come from a microscope.

    `RAW_SHIFTS` and `RAW_AXIS` say what alignment has to find; there are two hot pixels, and a background.
    """
    angles = np.arange(-69, 70, 3.0)
    rotations = about_axis_at(np.stack([0 * angles, angles, 0 * angles], axis=1), RAW_AXIS)
    made = tilt_series(vesicle((64, 64, 64), seed=3), rotations, shifts=RAW_SHIFTS, noise=0.2, seed=4)
    images = made.projections + 2.0
    images[:, [12, 45], [50, 9]] += 60.0
    return TiltSeries(images, angles, pixel_size=7.5, source="simulated", announce=False)


def sample_few_tilts() -> TiltSeries:
    """13 noisy projections (-48 to 48 degrees) of a vesicle, 64 x 64 pixels of 7.5 nm: a wide missing wedge."""
    return tilt_series(vesicle((64, 64, 64), seed=3), np.arange(-48, 49, 8.0), noise=0.2, pixel_size=7.5)


def sample_film() -> TiltSeries:
    """47 noisy projections (-69 to 69 degrees) of a film of 24 slices, which goes on beyond the 48 x 64 pixels of 1 nm.

    Methods take it for what it is with ``film=True, depth=24``.
    """
    whole = film((24, 48, 264), 24, seed=1)
    return tilt_series(whole, np.arange(-69, 70, 3.0), shape=(48, 64), noise=0.3, pixel_size=1.0, seed=2)


def sample_needle() -> TiltSeries:
    """60 noisy projections (-90 to 87 degrees) of a needle along the tilt axis, 64 x 48 pixels of 2 nm."""
    volume = needle((48, 64, 48), radius=18, seed=1)
    return tilt_series(volume, np.arange(-90, 90, 3.0), noise=0.3, pixel_size=2.0)


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

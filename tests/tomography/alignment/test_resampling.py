"""Images moved once."""

import numpy as np
import pytest

from proxiscope.simulate import tilt_series, vesicle
from proxiscope.tomography import TiltSeries
from proxiscope.tomography.alignment import apply_shifts, with_axis_at

ANGLES = np.arange(-60, 61, 15.0)


@pytest.fixture(scope="module")
def volume():
    return vesicle((40, 40, 40), seed=3)


@pytest.fixture(scope="module")
def series(volume):
    return tilt_series(volume, ANGLES, shape=(60, 60))


def test_without_shifts_nothing_changes(series):
    assert apply_shifts(series) is series


def test_whole_pixels_are_moved_exactly(series):
    shifts = np.random.default_rng(0).integers(-5, 6, (len(ANGLES), 2)).astype(float)
    rolled = [np.roll(image, s.astype(int), (0, 1)) for image, s in zip(series.projections, shifts, strict=True)]
    moved = apply_shifts(series.copy_with(projections=rolled, shifts=shifts))
    np.testing.assert_array_equal(moved.projections[:, 5:-5, 5:-5], series.projections[:, 5:-5, 5:-5])
    assert moved.single_axis
    assert moved.source == "simulated, aligned"
    inside = np.ones((60, 60), bool)
    for t, (dy, dx) in enumerate(shifts.astype(int)):
        expected = np.roll(inside, (-dy, -dx), (0, 1))
        expected[60 - dy if dy > 0 else 0 : 60 if dy > 0 else -dy] = False
        expected[:, 60 - dx if dx > 0 else 0 : 60 if dx > 0 else -dx] = False
        np.testing.assert_array_equal(moved.valid[t], expected)


@pytest.mark.parametrize("axis", [0.0, 4.0])
def test_shifts_and_axis_are_undone_in_one_interpolation(volume, axis):
    """The object, seen about an axis at an angle, comes out turned by that angle about the beam."""
    shifts = np.random.default_rng(1).normal(0, 3, (len(ANGLES), 2))
    tilts = np.stack([0 * ANGLES, ANGLES, 0 * ANGLES], axis=1)
    placed = with_axis_at(TiltSeries(np.ones((len(ANGLES), 60, 60)), ANGLES, announce=False), axis)
    seen = tilt_series(volume, placed.rotations, shape=(60, 60), shifts=shifts)
    moved = apply_shifts(seen)
    turned = tilt_series(volume, np.add(tilts, [axis, 0, 0]), shape=(60, 60)).projections
    error = (moved.projections - turned)[:, 12:-12, 12:-12]
    assert moved.valid[:, 12:-12, 12:-12].all()
    print(np.sqrt((error**2).mean()) / turned.max())
    assert np.sqrt((error**2).mean()) < 0.008 * turned.max()
    np.testing.assert_allclose(moved.rotations, tilts, atol=1e-6)
    assert not moved.shifts.any()


def test_pixels_that_are_not_known_stay_so(series):
    images = series.projections.copy()
    images[2, 20:24, 30:34] = np.nan
    shifts = np.zeros((len(ANGLES), 2))
    shifts[2] = 0.5, 3
    moved = apply_shifts(TiltSeries(images, ANGLES, shifts=shifts))
    lost = ~moved.valid[2]
    assert lost[19:24, 27:31].all()
    assert not lost[:17, :55].any()
    assert not lost[26:58, :55].any()
    assert np.isfinite(moved.projections).all()
    assert not moved.projections[~moved.valid].any()

"""What a shift of the object explains."""

import numpy as np
import pytest

from proxiscope.tomography.alignment import object_shift, residual_shifts, rms_shift
from proxiscope.tomography.alignment.axis import to_images

ANGLES = np.arange(-60, 61, 4.0)
THETA = np.deg2rad(ANGLES)
MOVED = np.stack([np.full(len(ANGLES), 3.0), 5 * np.cos(THETA) - 2 * np.sin(THETA)], axis=1)


@pytest.mark.parametrize("axis", [0.0, 7.0])
def test_a_shift_of_the_object_is_no_difference(axis):
    shifts = np.random.default_rng(0).normal(size=(len(ANGLES), 2))
    assert rms_shift(shifts + to_images(MOVED, axis), shifts, ANGLES, axis) == pytest.approx(0, abs=1e-12)


def test_everything_else_is():
    np.testing.assert_allclose(object_shift(MOVED, ANGLES), MOVED, atol=1e-12)
    one = np.zeros_like(MOVED)
    one[4] = 1, -1
    left = residual_shifts(one + MOVED, 0 * one, ANGLES)
    assert np.abs(left - one).max() < 0.15
    across = np.stack([0 * ANGLES, np.ones_like(ANGLES)], axis=1)  # an axis off the middle is no shift of the object
    assert 0.1 < rms_shift(across, 0 * across, ANGLES) < 1


def test_tilts_without_weight_do_not_count():
    spoiled = MOVED.copy()
    spoiled[3] += 100
    weights = np.ones(len(ANGLES))
    weights[3] = 0
    np.testing.assert_allclose(object_shift(spoiled, ANGLES, weights), MOVED, atol=1e-9)

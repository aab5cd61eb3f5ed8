"""Sample series: a second axis and a mask are worth having."""

import numpy as np

from proxiscope import reconstruct
from proxiscope.simulate import sample_blocked_series, sample_double_tilt, vesicle
from proxiscope.tomography import AcceleratedRESIRE, merge

TRUTH = vesicle((64, 64, 64), seed=3)


def error(series):
    volume = reconstruct(AcceleratedRESIRE(max_iterations=15), series).volume
    return np.abs(volume - TRUTH).sum() / TRUTH.sum()


def test_two_axes_are_better_than_either():
    one, two = sample_double_tilt()
    assert one.shape == two.shape == (31, 64, 64)
    np.testing.assert_array_equal(two.rotations - one.rotations, np.tile([90.0, 0, 0], (31, 1)))
    assert error(merge(one, two)) < 0.8 * min(error(one), error(two))


def test_a_bar_that_is_masked_does_little_harm():
    series, blocked = sample_blocked_series()
    assert 0.02 < blocked.mean() < 0.2
    assert not blocked[np.abs(series.angles) <= 40].any()
    assert error(series.copy_with(valid=~blocked)) < 0.3 * error(series)

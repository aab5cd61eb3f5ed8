"""Binning."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxiscope.core import InputError
from proxiscope.preparation import step
from proxiscope.preparation.bin import block_means

from .common import phase, tomography


@settings(max_examples=40, deadline=None)
@given(n=st.tuples(st.integers(12, 40), st.integers(12, 40)), factor=st.integers(1, 5), seed=st.integers(0, 9))
def test_counts_are_conserved(n, factor, seed):
    """Apart from the margin that no whole block covers."""
    counts = np.zeros(n)
    inner = tuple(slice(factor, m - factor) for m in n)
    counts[inner] = np.random.default_rng(seed).poisson(5, counts[inner].shape)
    edge = [m % factor for m in n]
    binned = step("bin", {"factor": factor})(phase(counts + (0 if counts.any() else 1)))
    if not any(edge) and factor % 2:
        assert binned.values.sum() == pytest.approx(counts.sum(), rel=1e-5)
    assert binned.values.sum() <= counts.sum() * (1 + 1e-5) or not counts.any()


@pytest.mark.parametrize("n", [24, 25, 27])
@pytest.mark.parametrize("factor", [2, 3])
def test_pixel_n_half_stays_the_centre(n, factor):
    image = np.zeros((n, n))
    image[n // 2, n // 2] = 9
    binned = step("bin", {"factor": factor})(phase(image)).values
    assert np.unravel_index(binned.argmax(), binned.shape) == (n // factor // 2,) * 2
    np.testing.assert_allclose(binned, binned.T)


def test_a_tilt_series_keeps_its_units():
    images = tomography(np.ones((2, 8, 8)), [0, 1], shifts=[[2, 4], [0, -2]], pixel_size=0.5)
    binned = step("bin")(images)
    np.testing.assert_allclose(binned.values, 1)
    np.testing.assert_allclose(binned.shifts, [[1, 2], [0, -1]])
    assert binned.pixel_size == 1.0


def test_pixels_that_no_whole_block_covers_make_those_of_the_reconstruction_coarser():
    images = phase(np.ones((127, 127)), pixel_size=2.0)
    assert step("bin", {"factor": 25})(images).pixel_size == pytest.approx(2 * 127 / 125)
    assert step("bin", {"factor": 2})(phase(np.ones((64, 64)), pixel_size=2.0)).pixel_size == 2.0


@pytest.mark.parametrize("factor", [2, 3])
def test_a_mask_of_all_pixels_changes_nothing(factor):
    values = np.random.default_rng(0).random((20, 23)).astype(np.float32)
    sums, valid = block_means(values, np.ones(values.shape, bool), factor)
    masked = np.ones((24, 27), bool)
    masked[0, 0] = False  # far from what is compared
    same, _ = block_means(np.pad(values, 2), masked, factor)
    assert valid.all()
    assert sums.shape == (20 // factor, 23 // factor)
    np.testing.assert_allclose(sums[3:-3, 3:-3], same[_part(sums, same)][3:-3, 3:-3], rtol=1e-6)


def _part(small, large):
    """The pixels of a larger image that lie where those of a smaller one lie, about pixel n//2."""
    return tuple(slice(m // 2 - n // 2, m // 2 - n // 2 + n) for n, m in zip(small.shape, large.shape, strict=True))


def test_masked_pixels_do_not_count():
    values = np.ones((8, 8))
    values[4, 4] = np.nan
    binned = step("bin")(phase(values))
    np.testing.assert_allclose(binned.values[1:, 1:], 4)
    assert binned.valid.all()


def test_too_large_a_factor_is_refused():
    with pytest.raises(InputError, match="factor"):
        step("bin", {"factor": 5})(phase(np.ones((8, 8))))

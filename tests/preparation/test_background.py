"""Background, threshold, and the contrast of bright field."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxiscope.core import InputError
from proxiscope.io import read_array
from proxiscope.preparation import apply_steps, step
from proxiscope.preparation.levels import saturation_level, vacuum_level
from proxiscope.simulate import sample_tilt_series

from .common import phase, tomography

Y, X = np.mgrid[:80, :90]
DISC = np.clip(np.sqrt(np.maximum(0, 20**2 - (Y - 45.0) ** 2 - (X - 40.0) ** 2)) / 20, 0, 1)


def noisy(seed=0, sigma=3.0):
    return np.random.default_rng(seed).normal(0, sigma, DISC.shape)


class TestBackground:
    @settings(max_examples=30, deadline=None)
    @given(level=st.floats(-1e4, 1e4), contrast=st.floats(20, 2000), seed=st.integers(0, 99))
    def test_vacuum_becomes_zero(self, level, contrast, seed):
        done = step("background")(tomography(level + contrast * DISC + noisy(seed)))
        assert abs(done.values[DISC == 0].mean()) < 0.7  # a quarter of the noise

    def test_of_a_real_needle_it_becomes_zero_with_nothing_set(self, shared_data):
        raw = np.asarray(read_array(shared_data("etspy_haadf_needle/HAADF.mrc")))[::6]
        done = step("background")(tomography(raw))
        corner = done.values[:, :40, 200:] if raw[0, :40, 200:].mean() < 2000 else done.values[:, -40:, :40]
        assert raw.min(axis=(1, 2)).min() > 800
        assert np.abs(np.median(corner, axis=(1, 2))).max() < 15  # of 60000
        assert done.values.max() > 60000

    @pytest.mark.parametrize("method", ["vacuum", "plane", "border", "percentile"])
    def test_every_method_takes_a_constant_away(self, method):
        done = step("background", {"method": method, "percentile": 40})(tomography(500 + 300 * DISC + noisy()))
        assert abs(np.median(done.values[DISC == 0])) < 2

    def test_a_plane_is_taken_away(self):
        slope = 0.8 * X - 0.5 * Y + 100
        done = step("background", {"method": "plane"})(tomography(slope + 300 * DISC + noisy()))
        assert abs(done.values[DISC == 0].mean()) < 1
        for side in (np.s_[:, :15], np.s_[:, -15:], np.s_[:15], np.s_[-15:]):
            assert abs(done.values[side].mean()) < 1.5

    def test_pixels_that_are_not_usable_do_not_count(self):
        image = 500 + 300 * DISC + noisy()
        image[:30] = np.nan
        done = step("background")(tomography(image))
        assert abs(done.values[30:][DISC[30:] == 0].mean()) < 1
        assert not done.valid[:30].any()

    def test_it_may_be_clipped(self):
        done = step("background", {"clip": True})(phase(500 + 300 * DISC + noisy()))
        assert done.values.min() == 0

    def test_a_flat_image_becomes_zero(self):
        assert not step("background")(tomography(np.full((8, 8), 7.0))).values.any()


def test_vacuum_is_found_on_either_side():
    dark = vacuum_level((100 + 50 * DISC + noisy()).ravel())
    bright = vacuum_level((100 - 50 * DISC + noisy()).ravel(), "bright")
    assert dark[0] == pytest.approx(100, abs=1)
    assert bright[0] == pytest.approx(100, abs=1)
    assert dark[1] == pytest.approx(3, rel=0.3)


def test_saturation_shows_by_values_that_repeat():
    counts = np.random.default_rng(0).poisson(1000, 10000).astype(float)
    assert saturation_level(counts) is None
    assert saturation_level(np.minimum(counts, 1060)) == 1060
    assert saturation_level(np.minimum(counts, 2)) is None  # single photons


class TestThreshold:
    def test_what_is_below_becomes_zero(self):
        done = step("threshold", {"level": 3})(phase(np.arange(6.0).reshape(2, 3) - 1))
        np.testing.assert_array_equal(done.values, [[0, 0, 0], [0, 3, 4]])
        assert done.valid.all()

    def test_by_default_only_what_is_negative(self):
        done = step("threshold")(phase(np.arange(6.0).reshape(2, 3) - 2))
        np.testing.assert_array_equal(done.values, [[0, 0, 0], [1, 2, 3]])

    def test_it_may_be_a_share_of_the_maximum(self):
        done = step("threshold", {"level": 0.5, "relative": True})(phase([[1.0, 5, 10]]))
        np.testing.assert_array_equal(done.values, [[0, 5, 10]])


class TestInvert:
    thickness = 2 * DISC

    def test_the_logarithm_gives_the_thickness(self):
        rng = np.random.default_rng(1)
        counts = rng.poisson(2000 * np.exp(-np.stack([self.thickness, self.thickness / 2])))
        done = step("invert")(tomography(counts))
        assert np.abs(done.values[:, DISC == 0].mean(axis=1)).max() < 0.005
        assert np.abs(done.values[0] - self.thickness).mean() < 0.05

    def test_the_difference_is_zero_in_vacuum(self):
        done = step("invert", {"method": "linear"})(tomography(2000 - 900 * DISC + noisy()))
        assert abs(done.values[DISC == 0].mean()) < 1
        assert done.values[45, 40] == pytest.approx(900, abs=15)

    def test_the_maximum_may_be_the_reference(self):
        done = step("invert", {"method": "linear", "reference": "maximum"})(tomography([[1.0, 2], [3, 4]]))
        np.testing.assert_array_equal(done.values, [[3, 2], [1, 0]])

    def test_a_pixel_without_light_is_not_usable(self):
        done = step("invert", {"intensity": 4})(tomography([[0.0, 2], [4, 4]]))
        np.testing.assert_array_equal(done.valid, [[False, True], [True, True]])
        np.testing.assert_allclose(done.values, [[0, np.log(2)], [0, 0]], atol=1e-6)

    def test_vacuum_without_light_has_no_logarithm(self):
        with pytest.raises(InputError, match="linearly"):
            step("invert")(tomography(-np.ones((8, 8))))

    def test_a_whole_series_goes_from_counts_to_projections(self):
        """With hits, beam current that drifts by 10 %, and nothing set by hand."""
        rng = np.random.default_rng(0)
        projections = np.maximum(sample_tilt_series().projections, 0)
        thickness = 1.5 * projections / projections.max()
        counts = rng.poisson(3000 * rng.uniform(1, 1.1, (len(thickness), 1, 1)) * np.exp(-thickness))
        for image in counts:
            image[rng.integers(2, 94, 3), rng.integers(2, 94, 3)] += 6000
        chain = [{"name": name} for name in ("hot-pixels", "invert", "background", "normalise")]
        done = apply_steps(tomography(counts), chain)
        assert np.abs(done.values - thickness).mean() < 0.03
        assert abs(done.values[thickness == 0].mean()) < 0.01
        assert done.remarks[0].startswith(("139 ", "140 ", "141 "))

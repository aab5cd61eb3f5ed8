"""Symmetry, background, sampling and geometry of patterns."""

from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxiscope.core import InputError
from proxiscope.physics.fourier import opposite
from proxiscope.preparation import step
from proxiscope.preparation.radial_background import radius

from .common import intensities, phase


@settings(max_examples=40, deadline=None)
@given(shape=st.lists(st.integers(2, 9), min_size=2, max_size=3), seed=st.integers(0, 99))
def test_friedel_mates_are_averaged_or_filled_in(shape, seed):
    rng = np.random.default_rng(seed)
    values, valid = rng.random(shape).astype(np.float32), rng.random(shape) > 0.4
    valid.flat[0] = True
    done = step("friedel")(phase(values, valid=valid))
    mate, known = opposite(values), opposite(valid)
    np.testing.assert_array_equal(done.valid, valid | known)
    np.testing.assert_array_equal(done.values, opposite(done.values))
    both = valid & known
    np.testing.assert_allclose(done.values[both], (values[both] + mate[both]) / 2, rtol=1e-6)
    np.testing.assert_array_equal(done.values[valid & ~known], values[valid & ~known])


class TestRadialBackground:
    speckles = intensities((128, 128), (64, 64), 5e6)
    haze = 300 * np.exp(-radius((128, 128)) / 30)

    def test_speckles_stay(self):
        rng = np.random.default_rng(0)
        counts = rng.poisson(self.speckles + self.haze)
        done = step("radial-background")(phase(counts))
        outer = radius((128, 128)) > 10
        assert np.abs(done.values - self.speckles)[~outer].max() < 0.02 * self.speckles.max()  # centre
        before = np.abs(counts - self.speckles)[outer].sum()
        after = np.abs(done.values - self.speckles)[outer].sum()
        assert after < 0.3 * before
        bright = outer & (self.speckles > 200)
        assert np.abs(done.values - self.speckles)[bright].mean() < 0.15 * self.speckles[bright].mean()

    def test_a_smooth_background_alone_is_gone(self):
        done = step("radial-background", {"percentile": 50, "clip": False, "inner": 0})(phase(self.haze))
        rings = radius((128, 128))
        assert np.abs(done.values)[(rings > 6) & (rings < 60)].max() < 0.04 * self.haze.max()

    def test_what_is_not_usable_does_not_count(self):
        valid = np.ones((128, 128), bool)
        valid[40:64, 40:64] = False
        values = np.where(valid, self.haze, 1e6)
        done = step("radial-background", {"percentile": 50, "inner": 0})(phase(values, valid=valid))
        assert done.values[radius((128, 128)) > 6].max() < 0.04 * self.haze.max()


class TestSampling:
    def test_a_pattern_is_cropped_to_its_signal(self):
        """Beyond the 40th ring, nothing but single photons."""
        rng = np.random.default_rng(0)
        expected = np.where(radius((160, 160)) < 40, intensities((160, 160), (80, 80), 1e8) + 1, 0)
        done = step("crop-signal")(phase(rng.poisson(expected + 0.05)))
        assert all(70 <= n <= 100 and n % 2 == 0 for n in done.shape)
        assert done.values[done.shape[0] // 2, done.shape[1] // 2] == pytest.approx(expected[80, 80], rel=0.1)

    def test_without_signal_there_is_nothing_to_crop_to(self):
        with pytest.raises(InputError, match="noise"):
            step("crop-signal")(phase(np.ones((40, 40))))

    @pytest.mark.parametrize(("ratio", "factor"), [(2.0, 4), (2.5, 3), (4.0, 2), (6.0, 1)])
    def test_a_pattern_is_binned_as_far_as_the_ratio_allows(self, ratio, factor):
        """A vesicle of 34 pixels, with the margin of the support 36, in a frame of 288 is sampled 8 times."""
        counts = np.random.default_rng(0).poisson(intensities((288, 288), (144, 144), 1e8))
        done = step("oversampling", {"ratio": ratio})(phase(counts, pixel_size=2.0))
        assert done.shape == (288 // factor,) * 2
        assert done.pixel_size == 2.0
        assert float(done.remarks[-1].split("is ")[1].split(" times")[0]) == pytest.approx(8, abs=0.3)

    def test_of_a_lone_pixel_no_size_can_be_told(self):
        counts = np.zeros((32, 32))
        counts[16, 16] = 1
        with pytest.raises(InputError, match="size"):
            step("oversampling")(phase(counts))

    def test_the_object_is_as_large_as_before(self):
        counts = np.random.default_rng(0).poisson(intensities((288, 288), (144, 144), 1e8))
        once = step("oversampling", {"ratio": 3.0})(phase(counts))
        twice = step("oversampling", {"ratio": 3.0})(once)
        assert twice.shape == once.shape
        found, left = (float(r.split("is ")[1].split(" times")[0]) for r in (once.remarks[-1], twice.remarks[-1]))
        assert left == pytest.approx(found / 2, rel=0.15)


class TestGeometry:
    geometry: ClassVar = {"energy": 9.0, "distance": 500.0, "pixel": 55.0}

    def test_pixels_are_as_large_as_the_waves_say(self):
        done = step("geometry", self.geometry)(phase(np.ones((256, 256))))
        assert done.pixel_size == pytest.approx(0.13776 * 0.5e9 / (256 * 55e3), rel=1e-4)
        wave = {"wavelength": 0.13776, "distance": 500.0, "pixel": 55.0}
        assert step("geometry", wave)(phase(np.ones((256, 256)))).pixel_size == pytest.approx(done.pixel_size, rel=1e-4)

    def test_cropping_makes_them_coarser_and_binning_does_not(self):
        whole = step("geometry", self.geometry)(phase(np.ones((256, 256))))
        cropped = step("crop", {"size": (96, 96)})(whole)
        small = step("geometry", self.geometry)(phase(np.ones((96, 96))))
        assert cropped.pixel_size == pytest.approx(small.pixel_size)
        binned = step("geometry", self.geometry | {"pixel": 110.0})(phase(np.ones((128, 128))))
        assert step("bin")(whole).pixel_size == pytest.approx(binned.pixel_size)

    @pytest.mark.parametrize("missing", ["energy", "distance", "pixel"])
    def test_all_of_it_is_needed(self, missing):
        with pytest.raises(InputError) as caught:
            step("geometry", self.geometry | {missing: 0.0})(phase(np.ones((8, 8))))
        assert caught.value.field == missing

    def test_pixels_have_to_be_square(self):
        with pytest.raises(InputError, match="square"):
            step("geometry", self.geometry)(phase(np.ones((8, 16))))

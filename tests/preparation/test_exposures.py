"""Repeated exposures, saturated pixels, and a short exposure beside a long one."""

import numpy as np
import pytest

from proxiscope.core import InputError
from proxiscope.io import read_array
from proxiscope.preparation import step
from proxiscope.preparation.average_frames import look_repeated

from .common import files, intensities, phase, tomography

EXPECTED = intensities((96, 96), (48, 48), 3e7)


class TestAverage:
    stack = np.array([[[1.0, 2, np.nan]], [[3, np.nan, np.nan]], [[8, 4, np.nan]]])

    @pytest.mark.parametrize(("method", "result"), [("mean", [4, 3, 0]), ("median", [3, 3, 0]), ("sum", [12, 9, 0])])
    def test_only_usable_pixels_count(self, method, result):
        done = step("average-frames", {"method": method})(phase(self.stack))
        np.testing.assert_allclose(done.values, [result])
        np.testing.assert_array_equal(done.valid, [[True, True, False]])

    def test_those_that_were_not_joined_are_noticed_when_they_are_centred(self):
        rng = np.random.default_rng(1)
        exposures = phase(np.stack([rng.poisson(EXPECTED / 300) for _ in range(10)]))
        assert "average them first" in step("centre")(exposures).remarks[0]
        assert len(step("centre")(step("average-frames")(exposures)).remarks) == 2

    def test_slices_of_a_pattern_in_3d_are_not_taken_for_exposures(self, shared_data):
        counts = read_array(shared_data("cohere_bcdi_34idc/S0054_volume.npz"))
        assert not look_repeated(phase(counts))
        assert not look_repeated(phase(counts[95:104]))  # around the peak, where they are alike

    def test_a_single_one_is_refused(self):
        with pytest.raises(InputError, match="single"):
            step("average-frames")(phase(np.ones((4, 4))))


class TestSaturated:
    clipped = np.minimum(np.random.default_rng(0).poisson(EXPECTED), 20000)

    def test_the_level_is_detected(self):
        done = step("saturated")(phase(self.clipped))
        np.testing.assert_array_equal(done.valid, self.clipped < 20000)
        assert "20000" in done.remarks[-1]

    def test_it_may_be_given_and_charge_may_have_spread(self):
        done = step("saturated", {"level": 10000, "margin": 2})(phase(self.clipped))
        assert done.valid.sum() < (self.clipped < 10000).sum() - 8
        assert done.values.max() < 10000

    def test_none_may_be_saturated(self):
        images = phase(np.random.default_rng(0).poisson(EXPECTED))
        assert step("saturated")(images).valid.all()


class TestMerge:
    rng = np.random.default_rng(2)
    long = np.minimum(rng.poisson(EXPECTED), 20000).astype(float)
    short = rng.poisson(EXPECTED / 37.0).astype(float)

    def merged(self, long=None, short=None, **parameters):
        images = phase(self.long if long is None else long)
        tools = files(short=self.short if short is None else short)
        return step("merge-exposures", {"short": "short"} | parameters)(images, tools)

    def test_counts_are_restored_within_noise(self):
        done = self.merged()
        filled = self.long >= 20000
        sigma = 37 * np.sqrt(EXPECTED[filled] / 37)
        deviation = (done.values[filled] - EXPECTED[filled]) / sigma
        assert filled.sum() > 10
        assert np.sqrt(np.mean(deviation**2)) < 1.6
        np.testing.assert_array_equal(done.values[~filled], self.long[~filled])

    @pytest.mark.parametrize("seed", range(5))
    def test_the_ratio_is_found_in_spite_of_outliers(self, seed):
        rng = np.random.default_rng(seed)
        long = np.where(rng.random(self.long.shape) < 0.01, 15000, self.long)
        ratio = float(self.merged(long=long).remarks[-1].split("times ")[1].rstrip("."))
        assert ratio == pytest.approx(37, rel=0.02)

    def test_the_ratio_may_be_given(self):
        done = self.merged(ratio=40)
        filled = self.long >= 20000
        np.testing.assert_allclose(done.values[filled], 40 * self.short[filled])

    def test_pixels_that_neither_has_are_not_usable(self):
        long, short = self.long.copy(), self.short.copy()
        long[3, 3] = long[4, 4] = np.nan
        short[3, 3] = np.nan
        done = self.merged(long=long, short=short)
        assert not done.valid[3, 3]
        assert done.valid[4, 4]

    def test_several_short_ones_are_averaged(self):
        short = np.stack([self.short, self.short])
        np.testing.assert_array_equal(self.merged(short=short).values, self.merged().values)

    def test_what_does_not_fit_is_refused(self):
        with pytest.raises(InputError, match="same size"):
            self.merged(short=self.short[:50])
        with pytest.raises(InputError, match="no file"):
            step("merge-exposures")(phase(self.long))
        with pytest.raises(InputError, match="ratio"):
            self.merged(short=0 * self.short)
        with pytest.raises(InputError, match="projections of a tilt series"):
            step("merge-exposures", {"short": "short"})(tomography(self.long))

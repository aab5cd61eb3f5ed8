"""Fourier shell correlation, the missing wedge, and half-sets."""

import warnings
from functools import cache

import mrcfile
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from proxiscope.core import InputError, iterate
from proxiscope.physics.fourier import frequencies, half_shape, self_paired
from proxiscope.physics.rotations import rotation_matrices
from proxiscope.simulate import tilt_series, vesicle
from proxiscope.tomography import FBP, RESIRE, SIRT, TiltSeries
from proxiscope.tomography.correlation import FSC, GOLD_STANDARD, fourier_shell_correlation
from proxiscope.tomography.coverage import _arcs, _beams, _distinct, _unswept, missing_wedge
from proxiscope.tomography.half_sets import half_set_correlation, split_tilts
from tests.problems import small_series

SHAPES = [(16, 16, 16), (15, 15, 15), (12, 20, 31), (31, 8, 16), (1, 24, 24), (9, 16, 1)]
ANGLES = np.arange(-60, 61, 3.0)


def noise(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def band_passed(volume, keep):
    """`volume` with the frequencies (cycles per pixel) for which `keep` is true, or with its factors."""
    radius = np.sqrt(sum(k**2 for k in np.meshgrid(*frequencies(volume.shape), indexing="ij")))
    return np.fft.irfftn(np.fft.rfftn(volume) * keep(radius), s=volume.shape, axes=(0, 1, 2))


def curve(correlation, count=100.0, **options):
    correlation = np.array(correlation, float)
    frequency = np.arange(1, len(correlation) + 1) / (2 * len(correlation))
    return FSC(frequency, correlation, np.broadcast_to(np.array(count, float), correlation.shape), **options)


class TestCorrelation:
    @pytest.mark.parametrize("shape", SHAPES)
    def test_of_a_volume_with_itself_is_one_and_with_its_negative_minus_one(self, shape):
        volume = noise(shape)
        for factor in (1, -1):
            found = fourier_shell_correlation(volume, factor * volume)
            np.testing.assert_allclose(found.correlation, factor, atol=1e-12)
        assert fourier_shell_correlation(volume, volume).resolution() is None
        assert fourier_shell_correlation(volume, -volume).resolution() == np.inf

    @pytest.mark.parametrize("shape", SHAPES)
    def test_equals_that_over_the_whole_complex_spectrum(self, shape):
        a, b = noise(shape, 1), noise(shape, 1) + noise(shape, 2)
        fa, fb = np.fft.fftn(a.astype(np.float32)), np.fft.fftn(b.astype(np.float32))
        radius = np.sqrt(sum(k**2 for k in np.meshgrid(*map(np.fft.fftfreq, shape), indexing="ij")))
        shell = np.rint(radius * max(shape))
        found = fourier_shell_correlation(a, b)
        assert len(found.frequency) == max(shape) // 2
        for i, frequency in enumerate(found.frequency, start=1):
            inside = shell == i
            cross = (fa[inside] * fb[inside].conj()).sum()
            power = (np.abs(fa[inside]) ** 2).sum() * (np.abs(fb[inside]) ** 2).sum()
            assert found.correlation[i - 1] == pytest.approx(cross.real / np.sqrt(power), abs=1e-6)
            assert found.count[i - 1] == inside.sum() / 2
            assert frequency == i / max(shape)

    def test_of_independent_noise_spreads_about_zero_as_the_samples_say(self):
        found = [fourier_shell_correlation(noise((32, 32, 32), s), noise((32, 32, 32), 99 - s)) for s in range(20)]
        z = np.array([f.correlation * np.sqrt(2 * f.count) for f in found])  # real part: half the variance 1 / count
        assert abs(z.mean()) < 4 / np.sqrt(z.size)
        assert z.std() == pytest.approx(1, abs=0.12)
        assert np.abs(z).max() < 5

    @pytest.mark.parametrize("snr", [0.2, 1.0, 5.0])
    def test_of_signal_with_noise_is_that_of_its_ratio(self, snr):
        """Against the truth 1 / sqrt(1 + 1 / SNR), between two noisy volumes SNR / (1 + SNR)."""
        shape = (48, 40, 44)
        signal = np.sqrt(snr) * noise(shape, 1)
        first, second = signal + noise(shape, 2), signal + noise(shape, 3)
        with_truth, halves = fourier_shell_correlation(first, signal), fourier_shell_correlation(first, second)
        full = fourier_shell_correlation((first + second) / 2, signal)
        outer = with_truth.count > 1000
        assert outer.sum() > 8
        np.testing.assert_allclose(with_truth.correlation[outer], 1 / np.sqrt(1 + 1 / snr), atol=0.08)
        np.testing.assert_allclose(halves.correlation[outer], snr / (1 + snr), atol=0.1)
        np.testing.assert_allclose(halves.of_full_set().correlation[outer], 2 * snr / (1 + 2 * snr), atol=0.12)
        np.testing.assert_allclose(halves.with_truth().correlation[outer], full.correlation[outer], atol=0.08)

    def test_crosses_where_theory_says(self):
        """A transfer function exp(-8 f^2) on white noise of known power: C = 1 / sqrt(1 + n / H^2)."""
        shape, level = (64, 64, 64), 0.1
        truth = noise(shape, 4)
        found = fourier_shell_correlation(
            band_passed(truth, lambda f: np.exp(-8 * f**2)) + np.sqrt(level) * noise(shape, 5), truth
        )
        for threshold in (0.5, 0.8):  # H^2 = n C^2 / (1 - C^2)
            expected = np.sqrt(-np.log(level * threshold**2 / (1 - threshold**2)) / 16)
            assert 1 / found.resolution(threshold) == pytest.approx(expected, rel=0.03)

    @pytest.mark.parametrize("shape", [(48, 48, 48), (24, 48, 40)])
    def test_crosses_at_a_cutoff_whatever_the_lengths_of_the_axes(self, shape):
        truth = noise(shape)
        for cutoff in (0.15, 0.3):
            found = fourier_shell_correlation(band_passed(truth, lambda f, c=cutoff: f < c), truth)
            for threshold in (0.5, GOLD_STANDARD):
                assert 1 / found.resolution(threshold) == pytest.approx(cutoff, abs=1.5 / max(shape))
            assert abs(found.correlation[found.frequency > cutoff + 0.03]).max() < 0.2

    def test_a_shell_in_which_a_volume_has_nothing_does_not_correlate(self):
        x = np.arange(16) * 2 * np.pi / 16
        wave = np.broadcast_to(np.cos(2 * x), (16, 16, 16))
        found = fourier_shell_correlation(np.zeros((16, 16, 16)), wave)
        assert (found.correlation == 0).all()
        assert fourier_shell_correlation(wave, wave).correlation[1] == pytest.approx(1)

    def test_a_mask_leaves_out_what_lies_outside(self):
        truth = noise((24, 24, 24))
        mask = np.zeros(truth.shape)
        mask[6:18, 6:18, 6:18] = 1
        mask = ndimage.gaussian_filter(mask, 1.5)
        mask[mask < 0.01] = 0
        spoilt = np.where(mask > 0, truth, noise(truth.shape, 7))
        found = fourier_shell_correlation(spoilt, truth, mask=mask)
        np.testing.assert_allclose(found.correlation, 1, atol=1e-6)
        assert fourier_shell_correlation(spoilt, truth).mean < 0.9

    def test_a_shift_shows(self):
        volume = ndimage.gaussian_filter(noise((32, 32, 32)), 1)
        found = fourier_shell_correlation(volume, np.roll(volume, 1, axis=2))
        assert found.correlation[0] > 0.95
        assert found.correlation[-1] < 0.6

    @settings(max_examples=40, deadline=None)
    @given(
        shape=st.tuples(*[st.integers(2, 9)] * 3),
        seeds=st.tuples(st.integers(0, 1000), st.integers(0, 1000)),
        mixture=st.floats(-1, 1),
        scales=st.tuples(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3)),
    )
    def test_is_symmetric_bounded_and_free_of_scale(self, shape, seeds, mixture, scales):
        a = noise(shape, seeds[0])
        b = mixture * a + (1 - abs(mixture)) * noise(shape, seeds[1])
        found = fourier_shell_correlation(a, b)
        assert (np.abs(found.correlation) <= 1).all()
        np.testing.assert_array_equal(fourier_shell_correlation(b, a).correlation, found.correlation)
        scaled = fourier_shell_correlation(scales[0] * a, -scales[1] * b)
        np.testing.assert_allclose(scaled.correlation, -found.correlation, atol=1e-4)
        np.testing.assert_array_equal(scaled.count, found.count)

    @settings(max_examples=30, deadline=None)
    @given(shape=st.tuples(*[st.integers(2, 12)] * 3))
    def test_counts_every_independent_sample_up_to_the_last_shell_once(self, shape):
        size = max(shape)
        radius = np.sqrt(sum(k**2 for k in np.meshgrid(*map(np.fft.fftfreq, shape), indexing="ij")))
        counted = (np.rint(size * radius) <= size // 2).sum() - (np.rint(size * radius) == 0).sum()
        volume = noise(shape)
        assert fourier_shell_correlation(volume, volume).count.sum() == counted / 2


class TestBetween:
    def test_measured_and_missing_points_make_up_all(self):
        a, b = noise((20, 16, 24), 1), noise((20, 16, 24), 1) + noise((20, 16, 24), 2)
        found = {w: fourier_shell_correlation(a, b, between=w, tilts=ANGLES) for w in ("measured", "missing wedge")}
        whole = fourier_shell_correlation(a, b)
        np.testing.assert_allclose(found["measured"].count + found["missing wedge"].count, whole.count)
        wedge = missing_wedge(a.shape, ANGLES)
        for between, region in (("measured", ~wedge), ("missing wedge", wedge)):
            same = fourier_shell_correlation(a, b, between=region)
            np.testing.assert_array_equal(same.correlation, found[between].correlation)

    def test_what_was_lost_in_the_wedge_shows_there_only(self):
        truth = noise((24, 24, 24))
        wedge = missing_wedge(truth.shape, ANGLES)
        lost = np.fft.irfftn(np.fft.rfftn(truth) * ~wedge, s=truth.shape, axes=(0, 1, 2))
        inside = fourier_shell_correlation(lost, truth, between="missing wedge", tilts=ANGLES)
        outside = fourier_shell_correlation(lost, truth, between="measured", tilts=ANGLES)
        np.testing.assert_allclose(outside.correlation, 1, atol=1e-5)
        assert np.abs(inside.correlation[2:]).max() < 0.4
        assert inside.resolution() > 10

    def test_without_any_missing_point_there_is_no_correlation_nor_resolution(self):
        volume = noise((8, 8, 8))
        found = fourier_shell_correlation(volume, volume, between="missing wedge", tilts=np.arange(0, 180, 5.0))
        assert np.isnan(found.correlation).all()
        assert np.isnan(found.mean)
        assert found.resolution() == np.inf


class TestCurve:
    def test_the_resolution_is_interpolated_at_the_first_crossing(self):
        found = curve([1, 0.8, 0.4, 0.9, 0.1], pixel_size=2.0)
        assert 1 / found.resolution() == pytest.approx(0.275)
        assert found.resolution(unit="nm") == pytest.approx(2 / 0.275)
        assert 1 / found.resolution(0.143) == pytest.approx(0.4 + 0.1 * (0.9 - 0.143) / 0.8)
        assert found.resolution(0.05) is None
        assert found.resolution(1.5) == np.inf
        assert found.mean == pytest.approx(0.64)

    def test_a_curve_that_touches_the_threshold_has_not_crossed_it(self):
        assert curve([1, 0.5, 0.5]).resolution() is None
        assert 1 / curve([1, 0.5, 0.4]).resolution() == pytest.approx(1 / 3)

    def test_shells_without_samples_are_passed_over(self):
        found = curve([np.nan, 1, np.nan, 0, 0], [0, 9, 0, 9, 9])
        assert 1 / found.resolution() == pytest.approx(0.3)
        assert found.mean == pytest.approx(1 / 3)

    def test_nanometres_need_a_pixel_size(self):
        with pytest.raises(InputError, match="pixel_size: not known"):
            curve([1, 0]).resolution(unit="nm")

    def test_the_gold_standard_of_half_sets_is_a_half_against_the_truth(self):
        found = curve([1, GOLD_STANDARD, 0, -1 / 3, -0.9, -1, np.nan])
        np.testing.assert_allclose(found.of_full_set().correlation, [1, 0.25, 0, -1, -1, -1, np.nan], atol=1e-3)
        np.testing.assert_allclose(found.with_truth().correlation, [1, 0.5, 0, 0, 0, 0, np.nan], atol=1e-3)

    @pytest.mark.parametrize(("bits", "many", "constants"), [(0.5, 0.1716, (0.2071, 1.9102, 1.2071, 0.9102)),
                                                             (1, 1 / 3, (0.5, 2.4142, 1.5, 1.4142))])  # fmt: skip
    def test_the_information_curves_are_those_of_van_heel_and_schatz(self, bits, many, constants):
        count = np.array([1.0, 4, 25, 1e9])
        a, b, c, d = constants
        found = curve([1, 1, 1, 1], count).information(bits)
        np.testing.assert_allclose(found, (a + b / np.sqrt(count)) / (c + d / np.sqrt(count)), atol=1e-3)
        assert found[-1] == pytest.approx(many, abs=1e-3)
        assert curve([1, 1, 0, 0], 1e9).resolution(curve([0] * 4, 1e9).information(bits)) is not None


@cache
def directions():
    return noise((3, 50_000), 11)


def arcs_of(rotations, margin=0.0):
    return _arcs(_distinct(_beams(np.array(rotations, float))), margin)


def missing_share(rotations, margin=0.0):
    """Share of all directions that a series misses."""
    return _unswept(directions(), arcs_of(rotations, margin)).mean()


def dual(angles):
    return [(phi, a, 0) for phi in (0, 90) for a in angles]


class TestMissingWedge:
    @pytest.mark.parametrize("shape", [(16, 16, 16), (15, 10, 21), (64, 4, 32)])
    @pytest.mark.parametrize(("angles", "low", "high"), [
        (np.arange(-70, 70.1, 3.5), -71.75, 71.75),
        (np.arange(-60, 61, 2.0)[::-1], -61, 61),
        (np.arange(-58, 65.1, 3.0), -59.5, 66.5),
        (np.arange(10, 101, 5.0), 7.5, 102.5),
        ([-60, -59, -57, -40, -20, 0, 20, 40, 57, 60], -60.5, 61.5),
    ])  # fmt: skip
    def test_of_a_single_axis_lies_between_the_outermost_tilts(self, shape, angles, low, high):
        kz, _, kx = np.meshgrid(*frequencies(shape), indexing="ij")
        angle = np.rad2deg(np.arctan2(-kz, kx))  # of the tilt whose plane holds the point
        covered = ((angle - low) % 180 <= high - low + 1e-9) | ((kx == 0) & (kz == 0))
        near = np.abs(((angle - np.array([low, high])[:, None, None, None]) + 90) % 180 - 90).min(axis=0) < 1e-6
        found = missing_wedge(shape, angles)
        assert found.shape == half_shape(shape)
        np.testing.assert_array_equal(found[~near], ~covered[~near])
        assert not found[0, :, 0].any()

    @pytest.mark.parametrize("angles", [
        np.arange(0, 180, 3.0), np.arange(-90, 91, 5.0), np.arange(0, 360, 7.0), np.arange(-88, 89, 4.0), [0, 60, 120],
        np.arange(180) * 137.508 % 180, [0, 10, 30, 60, 100, 140], [0, 90],
    ])  # fmt: skip
    def test_is_empty_when_the_tilts_go_all_round(self, angles):
        assert not missing_wedge((12, 6, 12), angles).any()

    def test_the_order_repetitions_and_turns_of_tilts_do_not_matter(self):
        expected = missing_wedge((24, 4, 24), ANGLES)
        rng = np.random.default_rng(0)
        for same in (
            rng.permutation(ANGLES),
            np.repeat(ANGLES, 2) + np.tile([0, 0.01], len(ANGLES)),
            ANGLES + 180 * rng.integers(-1, 2, len(ANGLES)),
            [(0, a, 0) for a in ANGLES],
            [(360, a, 0) for a in ANGLES],
            [(180, -a, 0) for a in ANGLES],
            TiltSeries(np.ones((len(ANGLES), 2, 2)), ANGLES),
        ):
            np.testing.assert_array_equal(missing_wedge((24, 4, 24), same), expected)

    def test_one_lost_tilt_leaves_no_gap_and_many_do(self):
        assert not missing_wedge((32, 2, 32), np.delete(np.arange(0, 180, 3.0), 20)).any()
        gap = missing_wedge((32, 2, 32), np.delete(np.arange(0, 180, 3.0), range(20, 30)))
        assert 0 < gap.mean() < 0.3

    def test_a_step_that_is_coarse_in_one_part_leaves_no_gap(self):
        angles = [*np.arange(-70, -30, 1.0), *np.arange(-30, 30, 4.0), *np.arange(30, 71, 1.0)]
        np.testing.assert_array_equal(
            missing_wedge((20, 2, 20), angles), missing_wedge((20, 2, 20), np.arange(-70, 71, 1.0))
        )

    @pytest.mark.parametrize("limit", [45, 60, 70])
    def test_shares_are_those_of_the_geometry(self, limit):
        angles = np.arange(-limit, limit + 1, 2.5)
        assert missing_share([(0, a, 0) for a in angles]) == pytest.approx(1 - limit / 90, abs=0.008)
        assert missing_share([(0, a, 0) for a in angles], 0.5) == pytest.approx(1 - (limit + 1.25) / 90, abs=0.008)
        x, y, z = np.abs(directions())
        pyramid = (z > np.tan(np.deg2rad(limit)) * np.maximum(x, y)).mean()
        assert missing_share(dual(angles)) == pytest.approx(pyramid, abs=0.002)
        cone = [(phi, limit, 0) for phi in np.arange(0, 360, 4.0)]
        assert missing_share(cone) == pytest.approx(1 - np.sin(np.deg2rad(limit)), abs=0.008)

    @pytest.mark.parametrize("margin", [0, 0.5])
    def test_every_measured_plane_is_outside(self, margin):
        rng = np.random.default_rng(3)
        for rotations in (dual(ANGLES), rng.uniform(-90, 90, (25, 3)), [(20, a, -10) for a in ANGLES], [(0, 7, 0)]):
            planes = rotation_matrices(rotations)[:, :, :2] @ rng.standard_normal((2, 50))
            assert not _unswept(np.hstack(list(planes)), arcs_of(rotations, margin)).any()

    def test_turns_with_the_series(self):
        about_y, about_x = (missing_wedge((18, 18, 18), [(0, a, b) for a, b in pairs]) for pairs in (
            [(a, 0) for a in ANGLES], [(0, a) for a in ANGLES],
        ))  # fmt: skip
        volume = np.fft.irfftn(about_y.astype(float), s=(18, 18, 18), axes=(0, 1, 2))
        turned = np.fft.rfftn(volume.swapaxes(1, 2)).real > 0.5
        interior = ~np.broadcast_to(self_paired((18, 18, 18)), turned.shape)
        interior[9], interior[:, 9] = False, False
        np.testing.assert_array_equal(turned[interior], about_x[interior])

    def test_tilts_that_are_held_out_or_empty_have_not_measured(self):
        angles = np.arange(-60, 61, 5.0)
        inner = np.abs(angles) < 50
        series = TiltSeries(np.ones((len(angles), 2, 2)), angles, held_out=~inner)
        np.testing.assert_array_equal(missing_wedge((16, 2, 16), series), missing_wedge((16, 2, 16), angles[inner]))
        assert missing_wedge((16, 2, 16), series).sum() > missing_wedge((16, 2, 16), angles).sum()

    def test_a_tilt_apart_measures_its_own_plane_only(self):
        found = missing_wedge((9, 3, 9), [0.0])
        assert not found[0].any()
        assert found[1:].all()
        far = missing_share([*((0, a, 0) for a in np.arange(-20, 21, 2.0)), (0, 90, 0)])
        assert far == pytest.approx(1 - 20 / 90, abs=0.008)

    @pytest.mark.parametrize("tilts", [[], [np.nan, 1], [[1, 2]], np.zeros((3, 3, 3)), [[np.inf, 0, 0]]])
    def test_angles_that_are_none(self, tilts):
        with pytest.raises(InputError, match="tilts: an array of shape"):
            missing_wedge((4, 4, 4), tilts)

    @pytest.mark.parametrize("margin", [-0.1, 0.6, np.nan])
    def test_a_margin_out_of_range(self, margin):
        with pytest.raises(InputError, match="margin: got"):
            missing_wedge((4, 4, 4), ANGLES, margin=margin)


class TestHalfSets:
    def test_every_other_tilt_in_the_order_of_angles(self):
        order = np.random.default_rng(0).permutation(len(ANGLES))
        series = TiltSeries(noise((len(ANGLES), 4, 4)), ANGLES[order], pixel_size=2.0)
        even, odd = split_tilts(series)
        np.testing.assert_array_equal(np.sort(even.angles), ANGLES[::2])
        np.testing.assert_array_equal(np.sort(odd.angles), ANGLES[1::2])
        assert even.pixel_size == 2
        for half in (even, odd):
            at = [list(series.angles).index(a) for a in half.angles]
            assert at == sorted(at)
            np.testing.assert_array_equal(half.projections, series.projections[at])

    @pytest.mark.parametrize("phi", [(0.0, 90.0), (359.9, 90.0), (0.0, 12.0)])
    def test_each_axis_by_itself(self, phi):
        jitter = np.random.default_rng(1).uniform(-0.5, 0.5, (2 * len(ANGLES), 3)) * (1, 0, 1)
        rotations = np.array([(p, a, 0) for p in phi for a in ANGLES]) + jitter
        even, odd = split_tilts(TiltSeries(np.ones((len(rotations), 2, 2)), rotations=rotations))
        for half in (even, odd):
            for p in phi:
                same = np.abs((half.rotations[:, 0] - p + 180) % 360 - 180) < 5
                steps = np.diff(np.sort(half.angles[same]))
                np.testing.assert_allclose(steps, 6)
        assert len(even.angles) + len(odd.angles) == len(rotations)
        assert abs(len(even.angles) - len(odd.angles)) <= 1

    def test_tilts_about_x_are_halved_by_their_angles_too(self):
        even, odd = split_tilts(TiltSeries(np.ones((9, 2, 2)), rotations=[(0, 0, a) for a in range(-40, 41, 10)]))
        np.testing.assert_array_equal(even.rotations[:, 2], range(-40, 41, 20))
        np.testing.assert_array_equal(odd.rotations[:, 2], range(-30, 31, 20))

    @pytest.mark.filterwarnings("ignore:projections. nothing was measured")
    def test_tilts_without_data_or_held_out_are_in_neither(self):
        projections = np.ones((6, 2, 2))
        projections[2] = 0
        held_out = np.arange(6) == 3
        even, odd = split_tilts(TiltSeries(projections, np.arange(6) * 10.0, held_out=held_out))
        np.testing.assert_array_equal(even.angles, [0, 40])
        np.testing.assert_array_equal(odd.angles, [10, 50])

    def test_one_tilt_has_no_halves(self):
        with pytest.raises(InputError, match="series: 1 tilt to reconstruct from"):
            split_tilts(TiltSeries(np.ones((1, 2, 2)), [0.0]))

    @pytest.mark.parametrize("algorithm", [SIRT(max_iterations=20), RESIRE(max_iterations=20), FBP()])
    def test_halves_agree_on_the_object_and_not_on_the_noise(self, algorithm):
        truth = vesicle((24, 20, 24))
        angles = np.arange(-60, 61, 3.0)
        means = []
        for level in (0.05, 1.0):
            series = tilt_series(truth, angles, noise=level, pixel_size=0.5)
            found = half_set_correlation(algorithm, series, between="measured")
            assert found.pixel_size == 0.5
            assert found.correlation[0] > 0.9
            means.append(found.mean)
        assert means[1] < means[0] - 0.15
        assert means[0] > 0.6

    def test_every_iteration_of_both_halves_is_told(self):
        told = []
        half_set_correlation(
            SIRT(max_iterations=2), small_series(), callback=lambda half, p: told.append((half, p.iteration))
        )
        assert told == [(0, 1), (0, 2), (1, 1), (1, 2)]


@pytest.mark.slow
def test_the_thesis_vesicle_correlates_as_an_independent_implementation_found(shared_data):
    """Section 3.3.1 (see test_fidelity.py): SIRT with another projector had mean correlations of 0.907 and 0.768."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the file has no machine stamp
        truth = mrcfile.read(shared_data("dissertation_vesicle/vesicle.mrc")).transpose(2, 1, 0)
    series = tilt_series(truth, np.arange(-70, 70.1, 3.5), noise=0.265)
    *_, progress = iterate(SIRT(max_iterations=400), series)
    volume = progress.estimate()
    assert fourier_shell_correlation(volume, truth).mean == pytest.approx(0.907, abs=0.005)
    rim = missing_wedge(truth.shape, series, margin=0)
    assert fourier_shell_correlation(volume, truth, between=rim).mean == pytest.approx(0.768, abs=0.01)
    by_region = {
        w: fourier_shell_correlation(volume, truth, between=w, tilts=series).mean for w in ("measured", "missing wedge")
    }
    assert by_region["missing wedge"] < 0.76
    assert by_region["measured"] > 0.95
    halves = half_set_correlation(SIRT(max_iterations=100), series, between="measured")
    assert halves.with_truth().mean == pytest.approx(by_region["measured"], abs=0.01)


ONES = np.ones((4, 4, 4))
BAD = {
    "other shapes": ((ONES, np.ones((4, 4, 5))), {}, r"b: its shape is \(4, 4, 5\), that of a \(4, 4, 4\)"),
    "an image": ((np.ones((4, 4)), ONES), {}, r"a: .* axes \(z, y, x\)"),
    "no numbers": ((ONES, np.full((4, 4, 4), "a")), {}, "b: values of type"),
    "complex numbers": ((ONES * 1j, ONES), {}, "a: values of type complex"),
    "NaN": ((ONES, np.full((4, 4, 4), np.nan)), {}, "b: values that are not finite"),
    "a single voxel": ((ONES[:1, :1, :1],) * 2, {}, "Give two volumes"),
    "a mask of another shape": ((ONES, ONES), {"mask": ONES[1:]}, r"mask: its shape is \(3, 4, 4\)"),
    "unknown points": ((ONES, ONES), {"between": "wedge"}, "between: got 'wedge'.* missing wedge"),
    "a region of another shape": ((ONES, ONES), {"between": np.ones((4, 4, 4), bool)}, "between: its shape is"),
    "no tilts": ((ONES, ONES), {"between": "measured"}, "tilts: not given"),
    "a pixel size of zero": ((ONES, ONES), {"pixel_size": 0}, "pixel_size: got 0"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(case):
    volumes, options, words = BAD[case]
    with pytest.raises(InputError, match=words):
        fourier_shell_correlation(*volumes, **options)

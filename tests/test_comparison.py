"""Results against their data and against each other, and their spectra."""

import numpy as np
import pytest

from proxiscope import InputError, reconstruct
from proxiscope.comparison import aligned, correlate, difference, halves, profile, residual
from proxiscope.phase import HIO
from proxiscope.simulate import tilt_series, vesicle
from proxiscope.spectrum import central_section, missing_sectors
from proxiscope.tomography import FBP, RESIRE, SIRT, InSlabs
from proxiscope.tomography.correlation import fourier_shell_correlation
from proxiscope.tomography.half_sets import half_set_correlation
from proxiscope.tomography.metrics import residuals
from tests.problems import clean_pattern, small_pattern, small_series, truth

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    "algorithm",
    [SIRT(max_iterations=4), RESIRE(max_iterations=4), FBP(), InSlabs(algorithm=SIRT(max_iterations=3))],
    ids=lambda a: a.name,
)
@pytest.mark.parametrize("held_out", [False, True])
def test_the_residual_of_a_volume_has_the_recorded_r_factor(algorithm, held_out):
    series = small_series().hold_out(5) if held_out else small_series()
    result = reconstruct(algorithm, series)
    found = residual(result.volume, series, result.algorithm)
    assert found.r_factor == pytest.approx(result.r_factor, rel=1e-3)
    np.testing.assert_allclose(found.calculated + found.difference, series.projections, atol=1e-4)
    np.testing.assert_array_equal(found.at, series.angles)


def test_tilts_without_valid_pixels_have_no_residual():
    valid = np.ones(small_series().shape, bool)
    valid[3, :, :5] = False
    series = small_series().copy_with(valid=valid)
    volume = reconstruct(SIRT(max_iterations=2), series).volume
    found = residual(volume, series)
    np.testing.assert_array_equal(np.isnan(found.difference), ~valid)
    np.testing.assert_allclose(found.r_factors, residuals(volume, series))


@pytest.mark.parametrize("kind", ["non-negative", "complex"])
def test_the_residual_of_an_image_has_the_recorded_r_factor(kind):
    pattern = small_pattern() if kind == "non-negative" else clean_pattern("complex", (24, 30))
    pattern = pattern.hold_out(0.05)
    result = reconstruct(HIO(max_iterations=20), pattern, seed=1)
    found = residual(result.array, pattern)
    assert found.r_factor == pytest.approx(result.r_factor, rel=1e-3)
    assert np.isnan(found.difference[~pattern.known]).all()
    total = pattern.magnitudes[pattern.known & ~pattern.held_out].sum()
    assert found.at[0] == 0
    assert np.nansum(found.r_factors) > 0
    assert np.abs(found.difference[pattern.known & ~pattern.held_out]).sum() / total == pytest.approx(found.r_factor)


def test_a_perfect_result_leaves_nothing():
    pattern = clean_pattern("real", (20, 24))
    found = residual(truth("real", (20, 24)), pattern)
    assert found.r_factor < 1e-6
    assert np.nanmax(found.r_factors) < 1e-5


def test_a_residual_refuses_another_shape():
    with pytest.raises(InputError, match="shape"):
        residual(np.zeros((3, 4)), small_pattern())
    with pytest.raises(InputError, match="volume"):
        residual(np.zeros((3, 4)), small_series())


def test_correlation_of_volumes_is_that_of_tomography():
    a, b = RNG.random((2, 8, 10, 12))
    for between in ("all", "measured", "missing wedge"):
        found = correlate(a, b, between=between, tilts=small_series(), pixel_size=2.0)
        expected = fourier_shell_correlation(a, b, between=between, tilts=small_series())
        np.testing.assert_array_equal(found.correlation, expected.correlation)
        assert found.pixel_size == 2.0


@pytest.mark.parametrize("shape", [(24, 30), (9, 12, 10)])
def test_correlation_of_complex_arrays_is_that_of_their_parts(shape):
    a, b = (RNG.random((2, *shape)) for _ in range(2))
    a[1] = b[1] = 0
    real = correlate(a[0], b[0])
    found = correlate(a[0].astype(complex), b[0].astype(complex))
    np.testing.assert_allclose(found.correlation, real.correlation, atol=1e-6)
    np.testing.assert_allclose(found.count, real.count)
    np.testing.assert_allclose(correlate(a[0] + 1j * b[0], 1j * (a[0] + 1j * b[0])).correlation, 0, atol=1e-10)


def test_alignment_takes_out_what_a_pattern_leaves_open():
    image = truth("complex", (24, 30))
    other = np.exp(0.7j) * np.roll(np.flip(image, (0, 1)).conj(), (3, -2), (0, 1))
    assert difference(image, other).relative > 0.5
    assert difference(image, aligned(other, image)).relative < 1e-6
    assert correlate(image, aligned(other, image)).correlation.min() > 0.999


def test_difference_states_rms_and_correlation():
    a = RNG.random((6, 7))
    b = 2 * a + 1
    b[2, 3] = np.nan
    found = difference(a, b)
    some = np.isfinite(b)
    assert found.rms == pytest.approx(np.sqrt(np.mean((a - b)[some] ** 2)), rel=1e-6)
    assert found.correlation == pytest.approx(1)
    assert np.isnan(found.values[2, 3])
    np.testing.assert_allclose(found.values[some], (a - b)[some], rtol=1e-6)
    assert difference(a, a).rms == 0
    assert difference(a, -a).correlation == pytest.approx(-1)
    with pytest.raises(InputError, match="same shape"):
        difference(a, a[1:])


def test_halves_are_those_of_the_half_set_correlation():
    algorithm, seen = SIRT(max_iterations=3), []
    one, other = halves(algorithm, small_series(), lambda half, progress: seen.append((half, progress.iteration)))
    expected = half_set_correlation(algorithm, small_series(), between="all")
    np.testing.assert_array_equal(correlate(one, other).correlation, expected.correlation)
    assert [half for half, _ in seen] == sorted(half for half, _ in seen)
    assert {(0, 3), (1, 3)} <= set(seen)


def test_a_profile_interpolates_linearly():
    image = np.arange(12.0).reshape(3, 4)
    np.testing.assert_allclose(profile(image, (0, 0), (2, 3), 4), [0, 11 / 3, 22 / 3, 11])
    assert np.isnan(profile(image, (0, -2), (0, 3), 6)[:2]).all()


def test_the_section_is_that_of_the_transform_of_the_volume():
    volume = RNG.random((8, 9, 10))
    whole = np.abs(np.fft.fftshift(np.fft.fftn(volume))) ** 2
    for across, expected in (("y", whole[:, 4]), ("x", whole[:, :, 5]), ("z", whole[4])):
        found = central_section(volume, across)
        np.testing.assert_allclose(found.power, expected, rtol=1e-4, atol=1e-3)
    assert found.rows[4] == found.columns[5] == 0
    np.testing.assert_allclose(
        central_section(volume[0]).power, np.abs(np.fft.fftshift(np.fft.fft2(volume[0]))) ** 2, rtol=1e-4
    )
    with pytest.raises(InputError):
        central_section(np.zeros(3))


def test_the_wedge_of_a_single_axis_lies_around_the_beam():
    assert missing_sectors(np.arange(-60, 61, 3.0)) == [pytest.approx((60, 120), abs=0.15)]
    assert missing_sectors(np.arange(-90, 90, 3.0)) == []
    assert missing_sectors(np.arange(-60, 61, 3.0), "z") == []


@pytest.mark.parametrize("angles", [np.arange(-60, 61, 3.0), np.arange(-30, 76, 3.0)], ids=["even", "one-sided"])
def test_the_section_is_dark_in_the_missing_sector(angles):
    series = tilt_series(vesicle((24, 20, 24)), angles, noise=0.1)
    section = central_section(reconstruct(FBP(), series).volume)
    ((start, end),) = missing_sectors(series)
    angle = np.rad2deg(np.arctan2(section.rows[:, None], section.columns)) % 180
    inside = (angle > start + 2) & (angle < end - 2)
    near = (angle > start - 15) & (angle < end + 15) & ~inside
    radius = np.hypot(section.rows[:, None], section.columns)
    ring = (radius > 0.1) & (radius < 0.4)
    assert section.power[inside & ring].mean() < 0.2 * section.power[near & ring].mean()

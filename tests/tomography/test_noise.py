"""The noise level is that which was added, whatever lies beneath."""

import numpy as np
import pytest

from proxiscope.io import read
from proxiscope.simulate import tilt_series, vesicle
from proxiscope.tomography.noise import PIXELS, noise_level


def noisy(clean, level, seed=0):
    return clean + np.random.default_rng(seed).normal(0, level, clean.shape)


@pytest.fixture(scope="module")
def clean():
    return tilt_series(vesicle((64, 64, 64)), np.arange(-70, 70.1, 3.5)).projections


@pytest.fixture(scope="module")
def thesis(shared_data):
    """Projections of the vesicle of the thesis, simulated there without noise."""
    return read(shared_data("dissertation_vesicle/vesicle_projections.mat")).data.astype(np.float32)


@pytest.mark.parametrize("level", [0.15, 0.265, 1, 5])
def test_the_noise_of_the_vesicle_of_the_thesis(thesis, level):
    assert noise_level(noisy(thesis, level)) == pytest.approx(level, rel=0.05)


def test_without_noise_it_is_small(thesis, clean):
    assert noise_level(thesis) < 0.01 * thesis.std()
    assert noise_level(clean) < 0.04 * clean.std()


@pytest.mark.parametrize("level", [0.3, 1, 5])
def test_the_noise_of_our_vesicle(clean, level):
    assert noise_level(noisy(clean, level)) == pytest.approx(level, rel=0.06)


def test_clipped_backgrounds(shared_data):
    projections = read(shared_data("genfire_workshop_fept/projections_FePt_noisy.mat")).data
    assert (projections == 0).mean() > 0.2
    assert noise_level(projections) == pytest.approx(5e-6, rel=0.1)


def test_real_data_with_noise_added(shared_data):
    projections = read(shared_data("etspy_haadf_needle/HAADF.mrc")).data[::8].astype(np.float32)
    level = 0.03 * projections.std()
    assert noise_level(noisy(projections, level)) == pytest.approx(level, rel=0.03)


def test_masked_pixels_do_not_count(clean):
    values = noisy(clean, 1)
    valid = np.random.default_rng(1).random(values.shape) > 0.1
    for fill in (0, 1e6, np.nan):
        assert noise_level(np.where(valid, values, fill), valid) == pytest.approx(1, rel=0.07)


def test_padding_and_spoilt_tilts_do_not_count(clean):
    values = noisy(clean, 1)
    values[:, :12] = values[:, :, -9:] = 7
    values[5] = np.random.default_rng(2).normal(0, 100, values[5].shape)
    values[9] = 0
    assert noise_level(values) == pytest.approx(1, rel=0.08)


def test_of_large_projections_a_part_is_enough():
    values = noisy(np.full((2, 1500, 1700), 5.0), 2)
    assert values[0].size > 8 * PIXELS
    assert noise_level(values) == pytest.approx(2, rel=0.02)
    smooth = np.sin(np.arange(1700) / 20) * np.cos(np.arange(1500) / 30)[:, None]
    assert noise_level(values + 50 * smooth) == pytest.approx(2, rel=0.02)


@pytest.mark.parametrize("shape", [(40, 1, 64), (40, 2, 64), (40, 64, 2), (40, 5, 5), (3, 33, 47)])
def test_narrow_projections(shape):
    assert noise_level(noisy(np.full(shape, 3.0), 0.5)) == pytest.approx(0.5, rel=0.2)


@pytest.mark.parametrize("shape", [(1, 1, 2), (1, 3, 3), (2, 4, 4)])
def test_too_few_pixels_tell_nothing(shape):
    assert np.isnan(noise_level(np.ones(shape, np.float32)))
    assert np.isnan(noise_level(noisy(np.ones(shape), 1)))


@pytest.mark.parametrize("value", [0, 1, -5])
def test_where_nothing_changes_nothing_is_told(value):
    assert np.isnan(noise_level(np.full((4, 32, 32), value, np.float32)))


@pytest.mark.parametrize("factor", [1e-30, 1e-6, 1e6])
def test_it_scales_with_the_data(clean, factor):
    values = noisy(clean, 1)
    assert noise_level(factor * values) == pytest.approx(factor * noise_level(values), rel=1e-3)


def test_any_dtype_is_taken():
    values = np.random.default_rng(0).normal(100, 5, (3, 64, 64))
    for dtype in ("u1", "i2", "f4", "f8"):
        assert noise_level(values.astype(dtype)) == pytest.approx(5, rel=0.15)

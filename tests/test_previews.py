"""Small versions of a problem."""

from dataclasses import replace

import numpy as np
import pytest

from proxiscope.core import algorithms
from proxiscope.phase import GPSF, HIO
from proxiscope.previews import coarse, low_resolution, preview_of, section
from proxiscope.reconstruction import reconstruct
from proxiscope.simulate import diffraction_pattern, sample_double_tilt, sample_pattern, vesicle
from proxiscope.tomography import RESIRE, merge
from tests.problems import small_series


@pytest.mark.parametrize("name", ["fbp", "wbp", "sirt", "resire"])
def test_a_section_is_that_of_the_whole_volume(name):
    series = small_series()
    algorithm = algorithms("tomography")[name]()
    if hasattr(algorithm, "max_iterations"):
        algorithm = replace(algorithm, max_iterations=7)
    whole = reconstruct(algorithm, series).volume
    for row in (0, series.shape[1] // 2):
        own, problem, said = preview_of(algorithm, series, row)
        assert str(row) in said
        found = reconstruct(own, problem).volume
        assert found.shape == (whole.shape[0], 1, whole.shape[2])
        np.testing.assert_allclose(found[:, 0], whole[:, row], atol=2e-5 * np.abs(whole).max())


def test_a_section_keeps_the_support_of_its_row():
    series = small_series()
    support = np.zeros((series.shape[2], series.shape[1], series.shape[2]), bool)
    support[4:-4, 3:, 4:-4] = True
    within = series.copy_with(support=support)
    np.testing.assert_array_equal(section(within, 5).support, support[:, 5:6])
    assert section(within, 0).support is None  # nothing of it is in this row


def test_several_axes_are_binned():
    series = merge(*sample_double_tilt())
    small = coarse(series, 32)
    assert max(small.shape[1:]) <= 32
    assert len(small.angles) == len(series.angles)
    factor = series.shape[2] // small.shape[2]
    assert small.pixel_size == pytest.approx(series.pixel_size * factor)
    assert small.projections.mean() == pytest.approx(series.projections.mean(), rel=0.02)
    _, problem, said = preview_of(RESIRE(), series)
    assert "binned" in said
    assert max(problem.shape[1:]) <= 48


def test_a_small_pattern_shows_the_same_object_in_larger_pixels():
    """Its reconstruction is the binned one of the whole."""
    truth = vesicle((100, 100), seed=1)
    pattern = diffraction_pattern(truth, (256, 256), flux=1e9)
    small = low_resolution(pattern)
    assert small.shape == (128, 128)
    assert small.oversampling_ratio == pytest.approx(pattern.oversampling_ratio, rel=0.03)
    result = reconstruct(GPSF(max_iterations=400), small, seed=1)
    framed = np.zeros(pattern.shape)
    framed[78:178, 78:178] = truth
    binned = framed.reshape(128, 2, 128, 2).sum((1, 3))
    images = [result.image, result.image[::-1, ::-1]]
    spectra = [np.abs(np.fft.fft2(image)) for image in (images[0], binned)]
    assert np.corrcoef(spectra[0].ravel(), spectra[1].ravel())[0, 1] > 0.98


def test_a_pattern_that_is_small_already_stays():
    pattern = low_resolution(sample_pattern())
    assert low_resolution(pattern) is pattern


def test_what_a_pattern_lacks_stays_unknown():
    pattern = sample_pattern()
    middle = tuple(n // 2 for n in pattern.shape)
    known = pattern.known.copy()
    known[middle] = False
    small = low_resolution(pattern.copy_with(known=known))
    assert not small.known[tuple(n // 2 for n in small.shape)]
    assert reconstruct(HIO(max_iterations=5), small).image.shape == small.shape

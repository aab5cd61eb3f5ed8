"""Supports to begin with, and doubts about what was declared."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxiscope import DiffractionPattern, InputError
from proxiscope.phase import support
from proxiscope.simulate import diffraction_pattern, vesicle

shapes = st.lists(st.integers(12, 40), min_size=2, max_size=3).map(tuple)
deterministic = settings(max_examples=40, deadline=None, derandomize=True)


def extent(mask):
    """Widths of the mask along the axes."""
    return [int(np.ptp(found)) + 1 for found in np.nonzero(mask)]


@deterministic
@given(shapes, st.floats(2.5, 9))
def test_shapes_have_the_oversampling_ratio_asked_for(shape, ratio):
    for make in (support.rectangle, support.ellipse):
        assert np.prod(shape) / make(shape, ratio).sum() == pytest.approx(ratio, rel=0.5)


@pytest.mark.parametrize("make", [support.rectangle, support.ellipse])
def test_large_shapes_have_it_closely(make):
    assert 200 * 300 / make((200, 300), 5.0).sum() == pytest.approx(5, rel=0.02)


@pytest.mark.parametrize("ratio", [1.0, 0.5, 1e6, np.nan])
def test_a_ratio_that_makes_no_support_is_refused(ratio):
    with pytest.raises(InputError, match="oversampling_ratio"):
        support.rectangle((20, 20), ratio)


@pytest.mark.parametrize("flux", [1e6, 1e9])
@pytest.mark.parametrize(("size", "frame"), [((40, 25), (96, 100)), ((17, 20), (64, 64)), ((12, 10, 9), (32, 28, 30))])
def test_the_autocorrelation_gives_the_box_of_the_object(size, frame, flux):
    image = vesicle(size)
    pattern = diffraction_pattern(image, frame, flux=flux)
    for found, true in zip(extent(support.from_autocorrelation(pattern)), extent(image), strict=True):
        assert 0 <= found - true <= 3


def test_a_triangle_fits_into_its_box():
    image = np.tril(np.ones((20, 20)))
    found = support.from_autocorrelation(diffraction_pattern(image, (64, 64), flux=1e8))
    assert extent(found) == [22, 22]


def test_pixels_measured_on_one_side_only_count_for_the_other():
    pattern = diffraction_pattern(vesicle((17, 20)), (64, 64), flux=1e8)
    known = np.ones(pattern.shape, bool)
    known[28:36, 34:38] = False
    half = DiffractionPattern(pattern.magnitudes, pattern.support, known)
    np.testing.assert_array_equal(support.from_autocorrelation(half), support.from_autocorrelation(pattern))


def test_a_pattern_of_noise_has_no_autocorrelation_to_go_by():
    pattern = DiffractionPattern(np.random.default_rng(0).exponential(1, (32, 32)) ** 2)
    with pytest.raises(InputError, match="rectangle or an ellipse"):
        support.from_autocorrelation(pattern)


def test_kinds_by_name():
    pattern = diffraction_pattern(vesicle((17, 20)), (64, 64))
    np.testing.assert_array_equal(support.initial("ellipse", pattern, 5), support.ellipse((64, 64), 5))
    with pytest.raises(InputError, match="autocorrelation"):
        support.initial("circle", pattern)


@pytest.fixture(scope="module")
def clean():
    return diffraction_pattern(vesicle((40, 36)), (128, 128), flux=1e8)


def warned(make, *arguments, **options):
    """The warnings of a call, as text."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make(*arguments, **options)
    return " ".join(str(w.message) for w in caught)


def test_magnitudes_as_they_should_be_raise_no_doubt(clean):
    assert not warned(DiffractionPattern, clean.magnitudes, clean.support)
    assert not warned(DiffractionPattern.from_intensities, clean.magnitudes**2, support=clean.support)


def test_intensities_given_as_magnitudes_are_doubted(clean):
    assert "--intensities" in warned(DiffractionPattern, clean.magnitudes**2, clean.support)


def test_magnitudes_given_as_intensities_are_doubted(clean):
    text = warned(DiffractionPattern.from_intensities, clean.magnitudes, support=clean.support)
    assert "do not declare them as intensities" in text


def test_counts_given_as_magnitudes_are_doubted(clean):
    counts = np.random.default_rng(0).poisson(clean.magnitudes**2).astype(np.int32)
    assert "counts of photons" in warned(DiffractionPattern, counts, clean.support)
    assert not warned(DiffractionPattern.from_intensities, counts, support=clean.support)


def test_a_pattern_with_holes_is_judged_by_its_counts_only(clean):
    known = np.ones(clean.shape, bool)
    known[60:68, 60:68] = False
    assert not warned(DiffractionPattern, clean.magnitudes**2, clean.support, known)


def test_a_pattern_with_zero_frequency_in_the_corner_is_doubted(clean):
    assert "numpy.fft.fftshift" in warned(DiffractionPattern, np.fft.ifftshift(clean.magnitudes))

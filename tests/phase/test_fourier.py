"""Half spectra against full transforms, for odd and even sizes and in two and three dimensions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxiscope.phase.base import HalfPattern, random_spectrum
from proxiscope.phase.problem import DiffractionPattern
from proxiscope.physics.fourier import half, half_shape, irfft, opposite_half, radius_squared, rfft, self_paired

shapes = st.lists(st.integers(1, 9), min_size=2, max_size=3).map(tuple)
deterministic = settings(max_examples=60, deadline=None, derandomize=True)


def random_image(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def frequencies(shape):
    """The integer frequencies of each axis on the half spectrum: [axis] -> array of the half spectrum's shape."""
    full = np.meshgrid(*(np.fft.fftfreq(n, 1 / n).round().astype(int) for n in shape), indexing="ij")
    return [f[..., : shape[-1] // 2 + 1] for f in full]


@deterministic
@given(shapes)
def test_rfft_is_the_half_of_the_full_transform_and_irfft_its_inverse(shape):
    image = random_image(shape)
    spectrum = rfft(image)
    assert spectrum.dtype == np.complex64
    assert spectrum.shape == half_shape(shape)
    full = np.fft.fftn(image.astype(float))
    np.testing.assert_allclose(spectrum, full[..., : shape[-1] // 2 + 1], atol=1e-4)
    back = irfft(spectrum, shape)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, image, atol=1e-5)


@deterministic
@given(shapes)
def test_the_halves_of_a_centred_pattern_are_the_values_at_plus_and_minus_k(shape):
    centred = random_image(shape)
    centre = [n // 2 for n in shape]
    at = frequencies(shape)
    plus = tuple((c + f) % n for c, f, n in zip(centre, at, shape, strict=True))
    minus = tuple((c - f) % n for c, f, n in zip(centre, at, shape, strict=True))
    np.testing.assert_array_equal(half(centred), centred[plus])
    np.testing.assert_array_equal(opposite_half(centred), centred[minus])
    assert half(centred).flags.c_contiguous
    assert opposite_half(centred).flags.c_contiguous


@deterministic
@given(shapes)
def test_the_pattern_of_a_real_image_is_the_same_in_both_halves(shape):
    image = random_image(shape)
    centred = np.abs(np.fft.fftshift(np.fft.fftn(image.astype(float))))
    np.testing.assert_allclose(half(centred), opposite_half(centred), atol=1e-9)
    np.testing.assert_allclose(half(centred), np.abs(rfft(image)), atol=1e-4)


@deterministic
@given(shapes)
def test_the_halves_hold_every_pixel_once_but_for_the_self_paired_columns(shape):
    """Hence a sum over the pattern is that over both halves, with the self-paired columns of one."""
    centred = random_image(shape).astype(float)
    once = half(centred).sum() + opposite_half(centred)[..., ~self_paired(shape)].sum()
    assert once == pytest.approx(centred.sum(), abs=1e-9)


@pytest.mark.parametrize(
    ("shape", "columns"), [((4, 6), [0, 3]), ((4, 7), [0]), ((5, 1), [0]), ((5, 2), [0, 1]), ((3, 3, 8), [0, 4])]
)
def test_self_paired_columns_are_zero_frequency_and_that_of_nyquist(shape, columns):
    assert np.flatnonzero(self_paired(shape)).tolist() == columns
    assert self_paired(shape).shape == half_shape(shape)[-1:]


@pytest.mark.parametrize("shape", [(4, 6), (5, 3), (3, 4, 5)])
def test_the_radius_is_that_about_the_centre_pixel(shape):
    squared = radius_squared(shape)
    assert squared.shape == shape
    assert squared[tuple(n // 2 for n in shape)] == 0
    assert squared[(0,) * len(shape)] == sum((n // 2) ** 2 for n in shape)
    assert squared[(-1,) * len(shape)] == sum((n - 1 - n // 2) ** 2 for n in shape)


def random_pattern(shape, seed):
    rng = np.random.default_rng(seed)
    support = np.zeros(shape, bool)
    support[(0,) * len(shape)] = True
    known = rng.random(shape) < 0.7
    known.flat[0] = True
    return DiffractionPattern(rng.random(shape) + 0.5, support, known)


@deterministic
@given(st.lists(st.integers(2, 9), min_size=2, max_size=3).map(tuple), st.integers(0, 99))
def test_the_r_factor_on_the_half_spectrum_is_that_of_the_full_pattern(shape, seed):
    pattern = random_pattern(shape, seed)
    image = random_image(shape, seed)
    calculated = np.abs(np.fft.fftshift(np.fft.fftn(image.astype(float))))
    expected = np.abs(calculated - pattern.magnitudes)[pattern.known].sum() / pattern.magnitudes[pattern.known].sum()
    assert HalfPattern(pattern).r_factor(image) == pytest.approx(expected, rel=1e-5)


@deterministic
@given(st.lists(st.integers(2, 9), min_size=2, max_size=3).map(tuple), st.integers(0, 99))
def test_the_magnitudes_to_impose_are_the_mean_of_what_was_measured_at_plus_and_minus_k(shape, seed):
    pattern = random_pattern(shape, seed)
    found = HalfPattern(pattern).magnitudes
    at, centre = frequencies(shape), [n // 2 for n in shape]
    for index in np.ndindex(found.shape):
        k = [f[index] for f in at]
        pixels = [tuple((c + sign * f) % n for c, f, n in zip(centre, k, shape, strict=True)) for sign in (1, -1)]
        measured = [pattern.magnitudes[p] for p in pixels if pattern.known[p]]
        assert found[index] == pytest.approx(np.mean(measured) if measured else -1, rel=1e-6)


def test_a_random_start_has_the_measured_magnitudes_and_belongs_to_a_real_image():
    pattern = HalfPattern(random_pattern((8, 7), 3))
    spectrum = random_spectrum(pattern, np.random.default_rng(0))
    np.testing.assert_allclose(np.abs(spectrum), np.maximum(pattern.magnitudes, 0), rtol=1e-5)
    np.testing.assert_allclose(rfft(irfft(spectrum.copy(), (8, 7))), spectrum, atol=1e-5)
    other = random_spectrum(pattern, np.random.default_rng(1))
    assert not np.allclose(spectrum, other)

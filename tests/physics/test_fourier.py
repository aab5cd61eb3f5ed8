"""Transforms and half spectra against numpy.fft, for odd and even sizes and in two and three dimensions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxiscope.core.threads import parallel, set_num_threads
from proxiscope.physics.fourier import (
    BLOCKED,
    BLOCKS,
    FourierTransform,
    blocks,
    frequencies,
    gaussian,
    half,
    half_shape,
    opposite,
    self_paired,
)

shapes = st.lists(st.integers(1, 9), min_size=2, max_size=3).map(tuple)
precisions = st.sampled_from([np.float32, np.float64])
deterministic = settings(max_examples=60, deadline=None, derandomize=True)
LARGE = [(1024, 600), (600, 901), (80, 96, 90), (1, 800, 700)]


@pytest.fixture
def threads():
    """``threads(count)`` sets their number until the test ends."""
    yield set_num_threads
    set_num_threads(0)


def random_array(shape, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(shape)
    if np.issubdtype(dtype, np.complexfloating):
        values = values + 1j * rng.standard_normal(shape)
    return values.astype(dtype)


def complex_of(dtype):
    return np.result_type(dtype, np.complex64)


def accuracy(dtype):
    """Absolute error that sums of up to 9^3 numbers of order one may have."""
    return 1e-4 if dtype == np.float32 else 1e-12


def whole(spectrum, shape):
    """The spectrum that a half one stands for: that at -k is the conjugate of that at k."""
    full, columns = np.empty(shape, spectrum.dtype), spectrum.shape[-1]
    mirrored = np.conj(spectrum[np.ix_(*(-np.arange(n) % n for n in shape[:-1]))])
    full[..., :columns] = spectrum
    full[..., columns:] = mirrored[..., shape[-1] - np.arange(columns, shape[-1])]
    return full


@deterministic
@given(shapes, precisions)
def test_the_transform_of_a_real_array_is_the_half_of_the_full_one(shape, dtype):
    transform, image = FourierTransform(shape), random_array(shape, dtype)
    spectrum = transform.forward(image, transform.spectrum(dtype))
    assert spectrum.dtype == complex_of(dtype)
    assert spectrum.shape == transform.spectrum_shape == half_shape(shape)
    expected = np.fft.fftn(image.astype(float))[..., : shape[-1] // 2 + 1]
    np.testing.assert_allclose(spectrum, expected, atol=accuracy(dtype))


@deterministic
@given(shapes, precisions)
def test_the_transform_of_a_complex_array_is_the_full_one(shape, dtype):
    transform, image = FourierTransform(shape, real=False), random_array(shape, complex_of(dtype))
    spectrum = transform.forward(image, transform.spectrum(dtype))
    assert spectrum.dtype == complex_of(dtype)
    assert spectrum.shape == transform.spectrum_shape == shape
    np.testing.assert_allclose(spectrum, np.fft.fftn(image.astype(complex)), atol=accuracy(dtype))


@deterministic
@given(shapes, precisions, st.booleans())
def test_the_inverse_undoes_the_transform(shape, dtype, real):
    transform = FourierTransform(shape, real)
    image = random_array(shape, dtype if real else complex_of(dtype))
    spectrum = transform.forward(image, transform.spectrum(dtype))
    back = transform.inverse(spectrum, transform.image(dtype))
    assert back.dtype == image.dtype
    np.testing.assert_allclose(back, image, atol=accuracy(dtype) / 10)


@deterministic
@given(shapes, precisions)
def test_a_half_spectrum_of_no_real_array_gives_the_real_part(shape, dtype):
    transform = FourierTransform(shape)
    spectrum = random_array(transform.spectrum_shape, complex_of(dtype))
    expected = np.fft.ifftn(whole(spectrum.astype(complex), shape)).real
    found = transform.inverse(spectrum.copy(), transform.image(dtype))
    np.testing.assert_allclose(found, expected, atol=accuracy(dtype))


@pytest.mark.parametrize("real", [True, False])
def test_what_is_transformed_stays_and_the_result_lies_in_the_array_that_was_given(real):
    transform = FourierTransform((6, 7), real)
    image = random_array((6, 7), np.float32 if real else np.complex64)
    before, spectrum, back = image.copy(), transform.spectrum(), transform.image()
    assert transform.forward(image, spectrum) is spectrum
    assert transform.inverse(spectrum, back) is back
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("shape", [(6, 7), (1024, 600)], ids=str)
@pytest.mark.parametrize("real", [True, False])
def test_any_memory_layout_is_taken(shape, real):
    transform = FourierTransform(shape, real)
    image = random_array(shape, np.float32 if real else np.complex64)
    expected = transform.forward(image, transform.spectrum())
    for same in (np.asfortranarray(image), np.repeat(image, 2, axis=1)[:, ::2]):
        np.testing.assert_array_equal(transform.forward(same, transform.spectrum()), expected)


@pytest.mark.parametrize("shape", LARGE, ids=str)
@pytest.mark.parametrize("real", [True, False])
def test_large_transforms_are_the_same_bit_for_bit_with_any_number_of_threads(threads, shape, real):
    assert np.prod(shape) >= BLOCKED
    transform = FourierTransform(shape, real)
    image = random_array(shape, np.float32 if real else np.complex64)

    def both_ways():
        spectrum = transform.forward(image, transform.spectrum())
        return spectrum.copy(), transform.inverse(spectrum, transform.image())

    threads(1)
    spectrum, back = both_ways()
    expected = np.fft.rfftn(image) if real else np.fft.fftn(image)
    np.testing.assert_allclose(spectrum, expected, atol=1e-6 * np.abs(expected).max())
    np.testing.assert_allclose(back, image, atol=1e-5)
    found = []
    for count in (2, 3):
        threads(count)
        found.append(both_ways())
    parallel(lambda: found.append(both_ways()), [()] * 2)
    assert len(found) == 4
    for other_spectrum, other_back in found:
        np.testing.assert_array_equal(other_spectrum, spectrum)
        np.testing.assert_array_equal(other_back, back)


@deterministic
@given(st.integers(1, 10**5))
def test_blocks_cover_every_index_once(length):
    parts = blocks(length)
    assert [i for part in parts for i in range(part.start, part.stop)] == list(range(length))
    assert len(parts) <= BLOCKS
    assert all(part.start % 16 == 0 for part in parts)
    assert len({part.stop - part.start for part in parts[:-1]}) <= 1


def at_frequencies(shape):
    """The integer frequencies of each axis on the half spectrum: [axis] -> array of the half spectrum's shape."""
    full = np.meshgrid(*(np.fft.fftfreq(n, 1 / n).round().astype(int) for n in shape), indexing="ij")
    return [f[..., : shape[-1] // 2 + 1] for f in full]


@deterministic
@given(shapes)
def test_the_halves_of_a_centred_pattern_are_the_values_at_plus_and_minus_k(shape):
    centred = random_array(shape)
    centre = [n // 2 for n in shape]
    at = at_frequencies(shape)
    plus = tuple((c + f) % n for c, f, n in zip(centre, at, shape, strict=True))
    minus = tuple((c - f) % n for c, f, n in zip(centre, at, shape, strict=True))
    np.testing.assert_array_equal(half(centred), centred[plus])
    np.testing.assert_array_equal(half(opposite(centred)), centred[minus])
    assert half(centred).flags.c_contiguous


@deterministic
@given(shapes)
def test_inverting_twice_changes_nothing_and_zero_frequency_stays(shape):
    centred, centre = random_array(shape), tuple(n // 2 for n in shape)
    np.testing.assert_array_equal(opposite(opposite(centred)), centred)
    assert opposite(centred)[centre] == centred[centre]


@deterministic
@given(shapes)
def test_the_pattern_of_a_real_image_is_its_own_inversion(shape):
    centred = np.abs(np.fft.fftshift(np.fft.fftn(random_array(shape, float))))
    np.testing.assert_allclose(opposite(centred), centred, atol=1e-9)


@deterministic
@given(shapes)
def test_the_halves_hold_every_pixel_once_but_for_the_self_paired_columns(shape):
    """Hence a sum over the pattern is that over both halves, with the self-paired columns of one."""
    centred = random_array(shape, float)
    once = half(centred).sum() + half(opposite(centred))[..., ~self_paired(shape)].sum()
    assert once == pytest.approx(centred.sum(), abs=1e-9)


@pytest.mark.parametrize(
    ("shape", "columns"), [((4, 6), [0, 3]), ((4, 7), [0]), ((5, 1), [0]), ((5, 2), [0, 1]), ((3, 3, 8), [0, 4])]
)
def test_self_paired_columns_are_zero_frequency_and_that_of_nyquist(shape, columns):
    assert np.flatnonzero(self_paired(shape)).tolist() == columns
    assert self_paired(shape).shape == half_shape(shape)[-1:]


@pytest.mark.parametrize("shape", [(4, 6), (5, 3), (3, 4, 5)], ids=str)
def test_frequencies_are_those_of_the_entries_of_the_spectrum(shape):
    """A wave of so many cycles per pixel along an axis gives a spectrum with one entry there."""
    for real in (True, False):
        transform = FourierTransform(shape, real)
        assert [len(f) for f in frequencies(shape, real)] == list(transform.spectrum_shape)
        for axis, entries in enumerate(frequencies(shape, real)):
            position = np.arange(shape[axis]).reshape([-1 if a == axis else 1 for a in range(len(shape))])
            for i, f in enumerate(entries):
                wave = np.exp(2j * np.pi * f * position) * np.ones(shape)
                image = (wave.real.astype(np.float32) if real else wave).astype(transform.image().dtype)
                spectrum = transform.forward(image, transform.spectrum())
                entry = tuple(i if a == axis else 0 for a in range(len(shape)))
                assert np.abs(spectrum)[entry] == pytest.approx(np.abs(spectrum).max(), rel=1e-5)


@pytest.mark.parametrize("shape", [(4, 6), (5, 1), (1, 7), (3, 4, 5)], ids=str)
@pytest.mark.parametrize("width", [0.05, 0.7, 30])
def test_a_gaussian_comes_as_factors_of_rows_and_columns(shape, width):
    coordinates = [np.linspace(-1, 1, n) for n in shape]
    rows, columns = gaussian(coordinates, width)
    assert rows.dtype == columns.dtype == np.float32
    squared = sum(c**2 for c in np.meshgrid(*coordinates, indexing="ij"))
    expected = np.exp(-squared / (2 * width**2)).reshape(-1, shape[-1])
    np.testing.assert_allclose(rows[:, None] * columns, expected, rtol=1e-5, atol=1e-30)


@deterministic
@given(shapes)
def test_a_half_spectrum_is_made_that_of_a_real_array(shape):
    """Which is the transform of its own inverse, whose imaginary part is dropped."""
    spectrum = random_array(half_shape(shape), np.complex128)
    expected = np.fft.rfftn(np.fft.irfftn(spectrum, shape, axes=range(len(shape))))
    found = spectrum.astype(np.complex64)
    FourierTransform(shape).symmetrize(found)
    np.testing.assert_allclose(found, expected, atol=1e-5)

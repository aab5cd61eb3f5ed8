"""What was measured, on the spectrum, against the whole pattern in plain NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxiscope.phase import DiffractionPattern
from proxiscope.phase.base import Work, first_spectrum
from proxiscope.phase.measured import Measured
from proxiscope.physics.fourier import half_shape

shapes = st.lists(st.integers(2, 9), min_size=2, max_size=3).map(tuple)
objects = st.sampled_from(["non-negative", "real", "complex", "complex-positive"])
deterministic = settings(max_examples=60, deadline=None, derandomize=True)


def random_pattern(shape, kind="real", *, held_out=0.0, seed=0):
    """An asymmetric pattern, 70 % of it known and a share of that held out."""
    rng = np.random.default_rng(seed)
    support, known, out = np.zeros(shape, bool), rng.random(shape) < 0.7, rng.random(shape) < held_out
    support.flat[:2] = True
    known.flat[:2], out.flat[:2] = True, (bool(held_out), False)
    return DiffractionPattern(rng.random(shape) + 0.5, support, known, object=kind, held_out=out)


def random_image(pattern, seed=0):
    rng = np.random.default_rng(seed)
    image = rng.standard_normal(pattern.shape)
    return image.astype(np.float32) if pattern.real else (image + 1j * rng.random(pattern.shape)).astype(np.complex64)


def spectrum_of(image, measured):
    return measured.transform.forward(image, measured.transform.spectrum())


def plain_r_factor(image, pattern, which):
    calculated = np.abs(np.fft.fftshift(np.fft.fftn(image.astype(complex))))
    return np.abs(calculated - pattern.magnitudes)[which].sum() / pattern.magnitudes[which].sum()


@deterministic
@given(shapes, objects, st.integers(0, 99))
def test_the_r_factor_is_that_of_the_whole_pattern(shape, kind, seed):
    pattern = random_pattern(shape, kind, seed=seed)
    image, measured = random_image(pattern, seed), Measured(pattern)
    r_factor, free = measured.r_factors(spectrum_of(image, measured))
    assert r_factor == pytest.approx(plain_r_factor(image, pattern, pattern.known), rel=1e-5)
    assert np.isnan(free)
    assert not measured.has_free


@deterministic
@given(shapes, objects, st.integers(0, 99))
def test_pixels_held_out_count_in_the_free_r_factor_alone(shape, kind, seed):
    pattern = random_pattern(shape, kind, held_out=0.2, seed=seed)
    image, measured = random_image(pattern, seed), Measured(pattern)
    r_factor, free = measured.r_factors(spectrum_of(image, measured))
    assert r_factor == pytest.approx(plain_r_factor(image, pattern, pattern.known & ~pattern.held_out), rel=1e-5)
    assert free == pytest.approx(plain_r_factor(image, pattern, pattern.held_out), rel=1e-5)
    assert measured.has_free


@deterministic
@given(shapes, st.sampled_from(["complex", "complex-positive"]), st.integers(0, 99))
def test_the_magnitudes_of_a_complex_object_are_those_that_were_measured(shape, kind, seed):
    pattern = random_pattern(shape, kind, held_out=0.2, seed=seed)
    used = pattern.known & ~pattern.held_out
    expected = np.fft.ifftshift(np.where(used, pattern.magnitudes, -1))
    np.testing.assert_array_equal(Measured(pattern).magnitudes, expected)


@deterministic
@given(shapes, st.sampled_from([0.0, 0.2]), st.integers(0, 99))
def test_the_magnitudes_of_a_real_object_are_the_mean_of_what_was_measured_at_plus_and_minus_k(shape, share, seed):
    pattern = random_pattern(shape, held_out=share, seed=seed)
    found, used = Measured(pattern).magnitudes, pattern.known.copy()
    if share:
        used &= ~pattern.held_out
    assert found.shape == half_shape(shape)
    assert found.dtype == np.float32
    centre = [n // 2 for n in shape]
    for index in np.ndindex(found.shape):
        pixels = [tuple((c + sign * i) % n for c, i, n in zip(centre, index, shape, strict=True)) for sign in (1, -1)]
        measured = [pattern.magnitudes[p] for p in pixels if used[p]]
        assert found[index] == pytest.approx(np.mean(measured) if measured else -1, rel=1e-6)


@deterministic
@given(shapes, objects, st.integers(0, 99))
def test_imposing_keeps_the_phases_and_what_was_not_measured(shape, kind, seed):
    measured = Measured(random_pattern(shape, kind, held_out=0.2, seed=seed))
    rng = np.random.default_rng(seed)
    before = (rng.random(measured.magnitudes.shape) + 1j * rng.standard_normal(measured.magnitudes.shape)).astype("c8")
    after = measured.impose(before.copy())
    used = measured.magnitudes >= 0
    np.testing.assert_allclose(np.abs(after[used]), measured.magnitudes[used], rtol=1e-5)
    np.testing.assert_allclose(np.angle(after[used]), np.angle(before[used]), atol=1e-5)
    np.testing.assert_array_equal(after[~used], before[~used])


@deterministic
@given(shapes, objects)
def test_a_random_start_has_the_measured_magnitudes(shape, kind):
    pattern = random_pattern(shape, kind, held_out=0.2)
    work = Work(pattern)
    start = first_spectrum(work, pattern, 0)
    assert start.dtype == np.complex64
    np.testing.assert_allclose(np.abs(start), np.maximum(work.measured.magnitudes, 0), rtol=1e-5)
    np.testing.assert_array_equal(first_spectrum(work, pattern, 0), start)
    assert not np.allclose(first_spectrum(work, pattern, 1), start)


def test_a_random_start_of_a_real_object_belongs_to_a_real_image():
    pattern = random_pattern((8, 7))
    work = Work(pattern)
    start = first_spectrum(work, pattern, 0)
    image = work.transform.inverse(start.copy(), work.transform.image())
    np.testing.assert_allclose(spectrum_of(image, work.measured), start, atol=1e-5)


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_start_from_an_image_has_its_phases_and_its_values_where_nothing_is_known(kind, order):
    pattern = random_pattern((8, 7), kind, held_out=0.2)
    image = random_image(pattern)
    started = pattern.starting_from(np.asarray(image, order=order))
    work = Work(started)
    start, own = first_spectrum(work, started, 0), spectrum_of(image, work.measured)
    used = work.measured.magnitudes >= 0
    assert (~used).any()
    np.testing.assert_allclose(
        start, np.where(used, work.measured.magnitudes * np.exp(1j * np.angle(own)), own), rtol=1e-4
    )
    np.testing.assert_array_equal(started.start, image)

"""R-factor and real-space error against their formulas, and what the latter must not depend on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxiscope.core import InputError
from proxiscope.phase import DiffractionPattern
from proxiscope.phase.metrics import align, free_r_factor, r_factor, r_real
from proxiscope.simulate import vesicle

deterministic = settings(max_examples=40, deadline=None, derandomize=True)
shapes = st.lists(st.integers(4, 9), min_size=2, max_size=3).map(tuple)


def pattern_of(image, known=None):
    support = np.zeros(np.shape(image), bool)
    support.flat[:2] = True
    return DiffractionPattern(np.abs(np.fft.fftshift(np.fft.fftn(image))), support, known)


@pytest.mark.parametrize("shape", [(5, 4), (4, 5), (6, 6)])
def test_the_r_factor_is_its_formula(shape):
    rng = np.random.default_rng(0)
    image, known = rng.standard_normal(shape), rng.random(shape) < 0.6
    pattern = DiffractionPattern(rng.random(shape), np.eye(*shape), known)
    misfit = total = 0.0
    for v in range(shape[0]):
        for w in range(shape[1]):
            if known[v, w]:
                k = (v - shape[0] // 2, w - shape[1] // 2)  # zero frequency at n//2
                f = sum(
                    image[y, x] * np.exp(-2j * np.pi * (k[0] * y / shape[0] + k[1] * x / shape[1]))
                    for y in range(shape[0])
                    for x in range(shape[1])
                )
                misfit += abs(abs(f) - pattern.magnitudes[v, w])
                total += pattern.magnitudes[v, w]
    assert r_factor(image, pattern) == pytest.approx(misfit / total, rel=1e-6)


def test_pixels_held_out_have_an_r_factor_of_their_own():
    rng = np.random.default_rng(0)
    image, pattern = rng.random((6, 5)), DiffractionPattern(rng.random((6, 5)), np.eye(6, 5))
    with pytest.raises(InputError, match="no pixels are held out"):
        free_r_factor(image, pattern)
    held_out = np.zeros((6, 5), bool)
    held_out[1, 2] = held_out[4, 4] = True
    pattern = pattern.copy_with(held_out=held_out)
    misfit = np.abs(np.abs(np.fft.fftshift(np.fft.fftn(image))) - pattern.magnitudes)
    for found, pixels in ((free_r_factor, held_out), (r_factor, ~held_out)):
        assert found(image, pattern) == pytest.approx(misfit[pixels].sum() / pattern.magnitudes[pixels].sum(), rel=1e-5)


def test_the_r_factor_is_0_for_the_object_and_1_for_nothing_and_for_twice_the_object():
    image = vesicle((20, 18))
    pattern = pattern_of(image)
    assert r_factor(image, pattern) < 1e-6
    assert r_factor(0 * image, pattern) == 1
    assert r_factor(2 * image, pattern) == pytest.approx(1, rel=1e-6)


def test_the_r_factor_does_not_see_a_shift_an_inversion_or_unknown_pixels():
    rng = np.random.default_rng(1)
    image, other = rng.random((9, 8)), rng.random((9, 8))
    pattern = pattern_of(other)
    expected = r_factor(image, pattern)
    assert r_factor(np.roll(image, (3, -2), (0, 1)), pattern) == pytest.approx(expected)
    assert r_factor(image[::-1, ::-1], pattern) == pytest.approx(expected)
    spoilt = pattern.magnitudes.copy()
    spoilt[2, 3] = np.nan
    known = np.ones((9, 8), bool)
    known[2, 3] = False
    assert r_factor(image, DiffractionPattern(spoilt, pattern.support)) == pytest.approx(
        r_factor(image, DiffractionPattern(pattern.magnitudes, pattern.support, known))
    )
    assert r_factor(image, DiffractionPattern(spoilt, pattern.support)) != pytest.approx(expected)


@deterministic
@given(shapes, st.integers(0, 10**6), st.booleans())
def test_align_undoes_any_shift_and_inversion(shape, seed, inverted):
    rng = np.random.default_rng(seed)
    reference = rng.random(shape)
    image = np.roll(reference, rng.integers(0, 9, len(shape)), range(len(shape)))
    image = np.flip(image) if inverted else image
    np.testing.assert_array_equal(align(image, reference), reference)
    assert r_real(image, reference) == 0


def test_align_finds_the_place_of_a_noisy_image_and_changes_nothing_else():
    reference = vesicle((40, 36)).astype(float)
    noisy = reference + 0.2 * np.random.default_rng(0).standard_normal(reference.shape)
    moved = np.roll(noisy[::-1, ::-1], (7, 11), (0, 1))
    np.testing.assert_array_equal(align(moved, reference), noisy)


def test_the_real_space_error_is_its_formula_once_aligned():
    truth = vesicle((30, 34)).astype(float)
    image = truth + 0.1 * np.random.default_rng(0).standard_normal(truth.shape)
    expected = np.abs(image - truth).sum() / truth.sum()
    assert r_real(image, truth) == pytest.approx(expected)
    moved = np.roll(image, (5, -4), (0, 1))
    assert r_real(moved, truth) == pytest.approx(expected)
    assert r_real(moved[::-1, ::-1], truth) == pytest.approx(expected)
    assert r_real(np.float32(moved), np.float32(truth)) == pytest.approx(expected, rel=1e-4)


def test_the_real_space_error_sees_scale_and_shape():
    truth = vesicle((30, 34))
    assert r_real(0 * truth, truth) == pytest.approx(1)
    assert r_real(1.5 * truth, truth) == pytest.approx(0.5)
    assert r_real(truth[:, ::-1], truth) > 0.2  # a mirror image is another object


@pytest.mark.parametrize("shape", [(1, 34), (34, 30), (30,), (1, 30, 34)])
def test_images_of_another_shape_are_refused_and_not_stretched(shape):
    truth = vesicle((30, 34))
    with pytest.raises(InputError, match=r"image: its shape is .* Give one of shape \(30, 34\)"):
        r_real(np.ones(shape), truth)
    with pytest.raises(InputError, match="image: its shape is"):
        r_factor(np.ones(shape), pattern_of(truth))

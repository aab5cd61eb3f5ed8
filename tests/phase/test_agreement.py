"""How well solutions agree."""

import numpy as np
import pytest

from proxiscope import DiffractionPattern, InputError
from proxiscope.phase import agreement
from proxiscope.simulate import vesicle

SHAPE = (48, 40)


def framed(image):
    frame = np.zeros(SHAPE, image.dtype)
    frame[15:33, 13:27] = image
    return frame


@pytest.fixture(scope="module")
def truth():
    return framed(vesicle((18, 14)))


@pytest.fixture(scope="module")
def pattern(truth):
    return DiffractionPattern(np.abs(np.fft.fftshift(np.fft.fft2(truth))), framed(np.ones((18, 14), bool)))


def test_equal_solutions_have_one_mode_no_variance_and_a_transfer_of_one(truth, pattern):
    moved = np.roll(np.flip(truth), (2, 3), (0, 1))
    found = agreement.compare(np.stack([truth, moved, truth]), pattern)
    np.testing.assert_allclose(found["variance"], 0, atol=1e-12)
    assert found["mode_weights"][0] == pytest.approx(1)
    np.testing.assert_allclose(np.abs(found["modes"][0]), truth, atol=1e-5)
    np.testing.assert_allclose(found["prtf"][np.isfinite(found["prtf"])], 1, atol=1e-5)


def test_modes_are_orthogonal_and_share_the_power(truth):
    rng = np.random.default_rng(0)
    images = np.stack([truth * np.exp(1j * rng.normal(0, 0.3, SHAPE)) for _ in range(4)]).astype(np.complex64)
    modes, weights = agreement.modes(images)
    flat = modes.reshape(4, -1)
    gram = flat.conj() @ flat.T
    np.testing.assert_allclose(gram - np.diag(np.diag(gram)), 0, atol=1e-3)
    power = np.mean(np.sum(np.abs(images) ** 2, axis=(1, 2)))
    np.testing.assert_allclose(np.diag(gram).real / power, weights, atol=1e-4)
    assert (np.diff(weights) <= 0).all()
    assert modes.dtype == np.complex64


def test_the_transfer_falls_where_phases_disagree(truth, pattern):
    """Random phases beyond a frequency of 0.25: of two solutions the mean there is 2/pi, of many it vanishes."""
    rng = np.random.default_rng(1)
    radius = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, SHAPE), indexing="ij"))

    def solution():
        noise = np.fft.fft2(rng.standard_normal(SHAPE))
        spectrum = np.fft.fft2(truth)
        return np.fft.ifft2(np.where(radius > 0.25, np.abs(spectrum) * noise / np.abs(noise), spectrum)).real

    frequency, prtf = agreement.transfer_function(np.stack([solution() for _ in range(60)]), pattern)
    coarse, fine = prtf[(frequency < 0.2) & np.isfinite(prtf)], prtf[frequency > 0.3]
    np.testing.assert_allclose(coarse, 1, atol=1e-3)
    assert fine.max() < 0.3
    assert agreement.resolution(frequency, prtf, pixel_size=10) == pytest.approx(10 / (2 * 0.25), rel=0.1)


def test_a_curve_that_never_falls_resolves_a_pixel():
    assert agreement.resolution(np.array([0.1, 0.4]), np.array([1.0, 0.9]), 5.0) == 5.0


def test_one_solution_says_nothing(truth, pattern):
    with pytest.raises(InputError, match="two or more"):
        agreement.transfer_function(truth[None], pattern)

"""The thesis' comparison of phase-retrieval algorithms (section 2.4): a vesicle at 6 % noise.

Bands come from an independent implementation run over 96 starts: (minimum, median) of R_F are 8.4, 9.9 % for
HIO and 5.92, 6.05 % for GPS-F, whose starts end below R_real = 5 % in 55 of 96 cases and HIO's never. ER ends
at 9.2, 11.5 %. The pattern with its noise does not fix the object better than to R_real = 1.35 %.
"""

import numpy as np
import pytest
import scipy.io

from proxiscope import reconstruct
from proxiscope.phase import ER, GPSF, HIO, DiffractionPattern
from proxiscope.phase.metrics import r_factor, r_real
from proxiscope.simulate import noisy_magnitudes, r_noise

pytestmark = pytest.mark.slow
FRAME, NOISE = 192, 0.06


@pytest.fixture(scope="module")
def truth(shared_data):
    model = scipy.io.loadmat(shared_data("dissertation_vesicle/vesicle_2D.mat"))["model_2d"]
    frame = np.zeros((FRAME, FRAME))
    corner = FRAME // 2 - len(model) // 2
    frame[corner : corner + len(model), corner : corner + len(model)] = model
    return frame


@pytest.fixture(scope="module")
def magnitudes(truth):
    return np.abs(np.fft.fftshift(np.fft.fft2(truth)))


def noisy(magnitudes, flux):
    return noisy_magnitudes(magnitudes, flux, readout=2, rng=np.random.default_rng(0))


@pytest.fixture(scope="module")
def flux(magnitudes):
    """The flux at which the pattern has 6 % noise, by bisection."""
    low, high = 1e6, 1e8
    for _ in range(20):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if r_noise(noisy(magnitudes, middle), magnitudes) > NOISE else (low, middle)
    return middle


@pytest.fixture(scope="module")
def pattern(truth, magnitudes, flux):
    rows, columns = np.nonzero(truth)
    support = np.zeros(truth.shape, bool)
    support[rows.min() - 1 : rows.max() + 2, columns.min() - 1 : columns.max() + 2] = True
    return DiffractionPattern(noisy(magnitudes, flux), support)


@pytest.fixture(scope="module")
def figures(pattern, truth):
    """Final (R_F, R_real) in percent of 8 starts of each algorithm, 12 of GPS-F, which is judged by a share."""

    def final(algorithm, seed):
        result = reconstruct(algorithm, pattern, seed=seed)
        return 100 * result.r_factor, 100 * r_real(result.image, truth)

    starts = {ER(): 8, HIO(): 8, GPSF(): 12}
    return {a.name: np.array([final(a, seed) for seed in range(n)]).T for a, n in starts.items()}


def test_the_experiment_is_that_of_the_thesis(pattern, magnitudes, truth, flux):
    assert r_noise(pattern.magnitudes, magnitudes) == pytest.approx(NOISE, rel=0.01)
    assert flux == pytest.approx(1.12e7, rel=0.02)
    assert np.ptp(np.argwhere(pattern.support), axis=0).tolist() == [51, 26]
    assert r_factor(truth, pattern) == pytest.approx(NOISE, abs=0.002)


def test_error_reduction_ends_in_a_minimum_of_its_own(figures):
    r_f, r_real = figures["er"]
    assert r_f.min() > 8.7
    assert 10 < np.median(r_f) < 13
    assert r_real.min() > 30


def test_hio_does_not_settle(figures):
    r_f, r_real = figures["hio"]
    assert r_f.min() > 8
    assert 9 < np.median(r_f) < 11.5
    assert r_real.min() > 5


def test_gps_finds_the_object(figures):
    r_f, r_real = figures["gps-f"]
    assert r_f.min() == pytest.approx(5.92, abs=0.15)
    assert np.median(r_f) < 7.2
    assert (r_real < 5).sum() >= 4
    assert 1.2 < r_real.min() < 2.5  # below 1.35 the noise says nothing of the object


def test_gps_is_better_than_hio_and_that_better_than_error_reduction(figures):
    ranking = ("gps-f", "hio", "er")
    for judge in (
        lambda name: figures[name][0].min(),
        lambda name: np.median(figures[name][0]),
        lambda name: figures[name][1].min(),
    ):
        judged = [judge(name) for name in ranking]
        assert judged == sorted(judged)


def test_a_low_r_factor_goes_with_a_low_error_of_gps(figures):
    """So that of many starts the one of lowest R-factor is a good choice."""
    r_f, r_real = figures["gps-f"]
    assert r_real[r_f.argmin()] < 5
    assert r_f[r_real < 5].max() < r_f[r_real > 20].min()

"""The thesis' comparison of phase-retrieval algorithms (section 2.4): a vesicle at 6 % noise in a frame of 192.

Bands come from an independent implementation run over 96 starts in frames of 192 and 256: minimum and median of R_F
are 8.4 and 9.9 % for HIO, 5.93 and 7.04 for OSS, 5.92 and 6.05 for GPS with the thesis' relaxation; starts below an
R_real of 5 % are 0, 41, 62 and 57 % for HIO, OSS, GPS-R and GPS-F. Of 32 starts a share of 60 % varies by 9 points
(one standard deviation), and from noise to noise too: bands are two and a half of them wide.
"""

from functools import cache

import numpy as np
import pytest
import scipy.io

from proxiscope import iterate, reconstruct
from proxiscope.phase import ER, ERHIO, GPSF, GPSR, HIO, OSS, RAAR, BestQuality, DiffractionPattern, Ensemble, PoissonML
from proxiscope.phase.agreement import aligned
from proxiscope.phase.metrics import free_r_factor, r_factor, r_real
from proxiscope.simulate import missing_centre, noisy_magnitudes, r_noise

pytestmark = pytest.mark.slow
FRAME, NOISE, FLUX = 192, 0.06, 1.12e7
THESIS = ((0.0, 0.01), (0.4, 0.1))
"""The relaxation sigma of the thesis: 0.01, from iteration 400 on 0.1."""


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


@pytest.fixture(scope="module")
def measure(truth, magnitudes):
    """Makes the pattern: with the support wider than the vesicle's box by a margin, and the noise of a seed."""

    def pattern(*, margin=1, noise=0, known=None):
        rows, columns = np.nonzero(truth)
        support = np.zeros(truth.shape, bool)
        support[rows.min() - margin : rows.max() + margin + 1, columns.min() - margin : columns.max() + margin + 1] = (
            True
        )
        b = noisy_magnitudes(magnitudes, FLUX, readout=2, rng=np.random.default_rng(noise))
        return DiffractionPattern(b, support, known)

    return pattern


def starts_of(algorithm, pattern, truth, starts):
    """R_F and R_real of all starts, in percent, and the final state."""
    for last in iterate(Ensemble(algorithm=algorithm, starts=starts), pattern):  # noqa: B007
        pass
    r_reals = np.array([r_real(image, truth) for image in last.state.images])
    return 100 * last.state.r_factors, 100 * r_reals, last.state


@pytest.fixture(scope="module")
def figures(measure, truth):
    """(R_F, R_real, state) of 32 starts by name, run when first asked for."""
    named = {
        "er": ER(), "er-hio": ERHIO(), "raar": RAAR(), "hio": HIO(), "oss": OSS(), "gps-r": GPSR(sigma=THESIS),
        "gps-f": GPSF(sigma=THESIS), "gps-r tuned": GPSR(), "gps-f tuned": GPSF(),
        "robust": GPSR(restart=False, max_iterations=2000),
    }  # fmt: skip
    return cache(lambda name: starts_of(named[name], measure(), truth, 32))


def test_the_experiment_is_that_of_the_thesis(measure, magnitudes, truth):
    pattern = measure()
    assert r_noise(pattern.magnitudes, magnitudes) == pytest.approx(NOISE, rel=0.015)
    assert np.ptp(np.argwhere(pattern.support), axis=0).tolist() == [51, 26]
    assert r_factor(truth, pattern) == pytest.approx(NOISE, abs=0.002)


def test_error_reduction_ends_in_a_minimum_of_its_own(figures):
    r_f, r_real, _ = figures("er")
    assert r_f.min() > 8.7
    assert 10 < np.median(r_f) < 13
    assert r_real.min() > 30


def test_hio_does_not_settle(figures):
    r_f, r_real, _ = figures("hio")
    assert 8 < r_f.min() < 9.5
    assert 9 < np.median(r_f) < 11
    assert r_real.min() > 8
    assert 12 < np.median(r_real) < 24


def test_cycles_and_raar_come_between_hio_and_gps(figures):
    for name in ("er-hio", "raar"):
        r_f, r_real, _ = figures(name)
        assert 5.8 < r_f.min() < 7
        assert 6.5 < np.median(r_f) < 8.5
        assert np.median(r_real) > 15


@pytest.mark.parametrize(("name", "share"), [("oss", (0.19, 0.8)), ("gps-r", (0.4, 0.85)), ("gps-f", (0.35, 0.8))])
def test_smoothing_finds_the_object_in_about_half_of_the_starts(figures, name, share):
    r_f, r_real, _ = figures(name)
    assert r_f.min() == pytest.approx(5.92, abs=0.08)
    assert np.median(r_f) < 7.1
    assert 1.2 < r_real.min() < 2
    assert share[0] < np.mean(r_real < 5) < share[1]


@pytest.mark.parametrize("name", ["gps-r tuned", "gps-f tuned"])
def test_a_relaxation_that_grows_late_helps_more_starts(figures, name):
    r_f, r_real, _ = figures(name)
    assert r_f.min() == pytest.approx(5.9, abs=0.06)
    assert np.mean(r_real < 5) > 0.6
    assert np.median(r_real) < 4


def test_gps_without_returns_finds_the_object_in_nine_of_ten_starts(figures):
    r_f, r_real, _ = figures("robust")
    assert np.mean(r_real < 5) >= 0.9
    assert np.median(r_f) < 5.95


def test_the_ranking_is_that_of_the_thesis(figures):
    """GPS before OSS before HIO: in R_F, in its spread, and in how seldom a start fails."""
    ranking = ("gps-r tuned", "oss", "hio")
    assert sorted(ranking, key=lambda name: np.mean(figures(name)[0])) == list(ranking)
    assert sorted(ranking, key=lambda name: np.mean(figures(name)[1] > 5)) == list(ranking)
    assert figures("gps-r")[0].std() < figures("oss")[0].std()


def test_a_low_r_factor_goes_with_a_low_error(figures):
    """So that of many starts the one of lowest R-factor is a good choice."""
    for name in ("gps-r", "gps-f", "oss"):
        r_f, r_real, _ = figures(name)
        assert r_real[r_f.argmin()] < 5
        assert r_f[r_real < 5].max() < r_f[r_real > 20].min()


def test_the_best_five_starts_of_gps_agree_better_than_those_of_hio(figures):
    """Figure 2.4; about OSS see docs/reproduction/index.md."""

    def variance(name):
        r_f, _, state = figures(name)
        images = aligned(state.images[np.argsort(r_f)[:5]])
        return images.var(axis=0).sum() / (images.mean(axis=0) ** 2).sum()

    assert variance("gps-r") < 0.1 * variance("hio")
    assert variance("gps-f") < 0.1 * variance("hio")


def test_best_quality_ends_at_the_floor_of_the_noise(measure, truth):
    """The floor: likelihood started from the truth ends at 1.32 to 1.52 %, and the thesis' 0.7 % lies below it."""
    errors = [100 * r_real(reconstruct(BestQuality(), measure(noise=seed)).image, truth) for seed in range(10)]
    assert np.sum(np.array(errors) <= 1.6) >= 9, errors


def test_no_method_can_reach_the_printed_error_at_this_noise(measure, truth):
    pattern = measure().starting_from(truth)
    assert 1.2 < 100 * r_real(reconstruct(PoissonML(), pattern).image, truth) < 1.6


def test_a_missing_centre_is_recovered(measure, truth):
    known = missing_centre((FRAME, FRAME), 5)
    assert (~known).sum() == 25
    _, r_real, _ = starts_of(GPSR(), measure(known=known), truth, 16)
    assert (r_real < 5).sum() >= 14


def test_a_centre_missing_over_three_speckles_is_recovered_more_seldom(measure, truth):
    known = missing_centre((FRAME, FRAME), 13)
    _, r_real, _ = starts_of(GPSR(), measure(known=known), truth, 16)
    assert (r_real < 5).sum() >= 8


def test_a_support_five_pixels_too_large_is_tolerated(measure, truth):
    _, r_real, _ = starts_of(GPSF(widest=3.5, restart=False, max_iterations=3000), measure(margin=6), truth, 16)
    assert (r_real < 5).sum() >= 12


def test_the_free_r_factor_reveals_over_fitting(measure, truth):
    """In a support of 44 % of the frame the noise is fitted: R_F falls, the free one rises with the error."""
    pattern = measure().hold_out(0.05)
    start = reconstruct(GPSR(restart=False), pattern, seed=3).image
    loose = np.zeros((FRAME, FRAME), bool)
    loose[32:160, 32:160] = True
    right, wrong = (reconstruct(PoissonML(), p.starting_from(start)).image for p in (pattern, pattern.within(loose)))
    assert r_factor(wrong, pattern) < 0.95 * r_factor(right, pattern)
    assert free_r_factor(wrong, pattern) > 1.04 * free_r_factor(right, pattern)
    assert r_real(wrong, truth) > 1.5 * r_real(right, truth)

"""Stopping against the smallest error of any iteration, the noise estimated: the figures of docs/how-to/stopping.md."""

import warnings

import mrcfile
import numpy as np
import pytest

from proxiscope import Discrepancy, HeldOut, Plateau, iterate, reconstruct
from proxiscope.simulate import tilt_series, vesicle
from proxiscope.tomography import SIRT, AcceleratedRESIRE

pytestmark = pytest.mark.slow

ANGLES = np.arange(-70, 70.1, 3.5)
FISTA = AcceleratedRESIRE(max_iterations=150)


@pytest.fixture(scope="module")
def dissertation(shared_data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the file has no machine stamp
        stored = mrcfile.read(shared_data("dissertation_vesicle/vesicle.mrc"))
    return np.ascontiguousarray(stored.transpose(2, 1, 0))  # stored with z fastest


@pytest.fixture(scope="module")
def sample():
    return vesicle((64, 64, 64), seed=3)


def error(volume, truth):
    return np.abs(volume - truth).sum() / truth.sum()


def errors(algorithm, series, truth):
    """Of every iteration."""
    return np.array([error(progress.estimate(), truth) for progress in iterate(algorithm, series)])


def excess(algorithm, series, truth, stop, smallest):
    """How much larger than the smallest the error of the stopped run is, and how many iterations it took."""
    result = reconstruct(algorithm, series, stop=stop)
    assert "Stopped at" in result.provenance["stopped"]
    return error(result.volume, truth) / smallest - 1, result.provenance["iterations"]


@pytest.mark.parametrize(
    ("name", "noise", "discrepancy", "held_out"),
    [  # measured 2.0, 0.0, 0.5 and 0.6 %; 5.5, 2.0, 7.9 and 9.1 %
        ("dissertation", 0.265, 0.05, 0.08),
        ("sample", 0.1, 0.03, 0.05),
        ("sample", 0.4, 0.03, 0.11),
        ("sample", 1.5, 0.04, 0.13),
    ],
)
def test_accelerated_resire_ends_near_its_smallest_error(request, name, noise, discrepancy, held_out):
    truth = request.getfixturevalue(name)
    series = tilt_series(truth, ANGLES, noise=noise)
    found = errors(FISTA, series, truth)
    more, iterations = excess(FISTA, series, truth, Discrepancy(), found.min())
    assert more < discrepancy
    assert iterations < 100
    assert excess(FISTA, series.hold_out(10), truth, HeldOut(), found.min())[0] < held_out
    if noise > 0.3:  # strong enough to be fitted within 150 iterations
        assert found[-1] > 1.5 * found.min()


def test_sirt_ends_near_its_smallest_error(sample):
    series = tilt_series(sample, ANGLES, noise=0.4)
    found = errors(SIRT(max_iterations=200), series, sample)
    assert excess(SIRT(), series, sample, Discrepancy(), found.min())[0] < 0.03  # measured 0.5 %
    assert excess(SIRT(), series.hold_out(10), sample, HeldOut(), found.min())[0] < 0.08  # 4.6 %


def test_a_plateau_comes_too_late_in_strong_noise(sample):
    """As the documentation warns."""
    series = tilt_series(sample, ANGLES, noise=1.5)
    found = errors(FISTA, series, sample)
    assert excess(FISTA, series, sample, Plateau(), found.min())[0] > 0.4  # measured 73 %

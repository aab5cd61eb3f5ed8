"""Gradient descent on the magnitudes: its formula, its kin, and that it descends."""

from itertools import pairwise

import numpy as np
import pytest

from proxiscope.core import Record, iterate
from proxiscope.core.threads import set_num_threads
from proxiscope.phase import ER, GradientDescent
from proxiscope.phase.base import Work, first_spectrum
from proxiscope.physics.smoothing import laplacian_smoothing
from tests.problems import clean_pattern, small_pattern

KINDS = ["non-negative", "real", "complex", "complex-positive"]
SHAPES = [(32, 36), (14, 16, 12)]
SMOOTHINGS = ["none", "indices", "image"]
every_kind = pytest.mark.parametrize("kind", KINDS)
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=["2-D", "3-D"])


def run(algorithm, pattern, seed=0):
    """Image and figures."""
    record = Record(algorithm)
    for progress in iterate(algorithm, pattern, seed=seed):
        record.add(progress)
    return progress.state.input, record.metrics()


def with_magnitudes(image, pattern):
    """P_M of a complete pattern, in double precision."""
    spectrum = np.fft.fftn(image)
    measured = np.fft.ifftshift(pattern.magnitudes)
    projected = np.fft.ifftn(measured * np.exp(1j * np.angle(spectrum)))
    return projected.real if pattern.real else projected


def constrained(image, pattern):
    """P_S."""
    kept = np.where(pattern.support, image, 0)
    if pattern.non_negative:
        kept = np.maximum(kept, 0) if pattern.real else np.maximum(kept.real, 0) + 1j * kept.imag
    return kept


@every_kind
@every_shape
@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_it_descends_along_the_smoothed_gradient_inside_the_support(kind, shape, smoothing):
    pattern = clean_pattern(kind, shape)
    work = Work(pattern)
    u = work.transform.inverse(first_spectrum(work, pattern, 3), work.transform.image())
    g = u = u.astype(float if pattern.real else complex)
    for _ in range(8):
        gradient = np.where(pattern.support, g - u, 0)
        if smoothing != "none":
            gradient = laplacian_smoothing(gradient, 2, 2, axes=range(len(shape)) if smoothing == "image" else None)
        g = constrained(g - 1.3 * gradient, pattern)
        u = with_magnitudes(g, pattern)
    algorithm = GradientDescent(step_size=1.3, smoothing=smoothing, sigma=2.0, order=2, max_iterations=8)
    found, _ = run(algorithm, pattern, seed=3)
    np.testing.assert_allclose(found, g, atol=1e-4 * np.abs(g).max())


@every_kind
def test_a_plain_step_of_one_is_error_reduction(kind):
    pattern = clean_pattern(kind, (32, 36))
    plain = GradientDescent(step_size=1.0, smoothing="none", max_iterations=20)
    found, expected = run(plain, pattern)[0], run(ER(max_iterations=20), pattern)[0]
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


@every_kind
@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_the_misfit_never_rises_with_a_plain_step(kind, smoothing):
    """|| |F g| - b ||, of which g - P_M(g) is the gradient."""
    pattern = clean_pattern(kind, (32, 36))
    algorithm = GradientDescent(step_size=1.0, smoothing=smoothing, max_iterations=40)
    misfits = [np.linalg.norm(p.state.input - p.state.image) for p in iterate(algorithm, pattern)]
    assert all(after < before for before, after in pairwise(misfits))
    assert misfits[-1] < 0.8 * misfits[0]


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_the_number_of_threads_changes_nothing(smoothing):
    results = []
    try:
        for count in (1, 2, 3):
            set_num_threads(count)
            results.append(run(GradientDescent(smoothing=smoothing, max_iterations=10), small_pattern())[0])
    finally:
        set_num_threads(0)
    assert all(np.array_equal(result, results[0]) for result in results)

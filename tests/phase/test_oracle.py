"""ER, HIO, OSS, GPS-R and GPS-F against a plain complex128 implementation from the same start.

The reference keeps the whole transform in unshifted order. Both transform images as they lie, so that the same
arrays can be given to both; only the pattern is shifted. HIO and GPS are chaotic: single precision and the
reference part after some tens of iterations, as two runs of the reference do whose starts differ by rounding.
So the first iterations are compared closely, and later ones with that growth of a rounding error. The reference
measures the widths of filters on the spectrum in pixels, so that OSS and GPS-R are compared in square frames, where
they are widths of the frame; and it starts the stages of OSS with one update more, so that only the first is compared.
"""

import importlib.util

import numpy as np
import pytest

from proxiscope.core import iterate
from proxiscope.phase import ER, GPSF, GPSR, HIO, OSS, DiffractionPattern
from proxiscope.phase.base import Work, first_spectrum
from proxiscope.phase.metrics import r_factor
from proxiscope.simulate import diffraction_pattern, vesicle

SEED, ITERATIONS, STAGES = 4, 40, 5
SCHEDULE = ((0.0, 0.01), (0.4, 0.1))
ALGORITHMS = {
    "er": ER(max_iterations=ITERATIONS, check_every=1),
    "hio": HIO(max_iterations=ITERATIONS, check_every=1, beta=0.8),
    "oss": OSS(max_iterations=ITERATIONS, check_every=1, beta=0.8, stages=STAGES),
    "gps-r": GPSR(max_iterations=ITERATIONS, check_every=1, stages=STAGES, sigma=SCHEDULE),
    "gps-f": GPSF(max_iterations=ITERATIONS, check_every=1, stages=STAGES, sigma=SCHEDULE),
}
FRAMES = [(48, 40), (49, 41), (47, 42)]
SQUARE = [(48, 48), (47, 47)]
every_algorithm = pytest.mark.parametrize("name", ALGORITHMS)
every_frame = pytest.mark.parametrize("shape", FRAMES, ids=str)


def each_in_its_frames(*names):
    """Test the algorithms in the frames where the reference's filters are ours."""
    frames = {name: SQUARE if name in ("oss", "gps-r") else FRAMES for name in names}
    return pytest.mark.parametrize(("name", "shape"), [(n, s) for n in names for s in frames[n]], ids=str)


@pytest.fixture(scope="module")
def reference(shared_data):
    """The module with the plain implementation, which lies beside the test data."""
    path = shared_data(".").parent / "reference" / "ref_pr.py"
    if not path.exists():
        pytest.skip("the reference implementation is not here")
    spec = importlib.util.spec_from_file_location("ref_pr", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def problem(shape, *, symmetric=True, beamstop=0.0):
    """A noisy pattern; `symmetric`: with the mean of b(k) and b(-k), as a real object has it."""
    pattern = diffraction_pattern(vesicle((18, 14)), shape, flux=1e6, beamstop=beamstop)
    b = np.fft.ifftshift(pattern.magnitudes)
    if symmetric:
        b = (b + np.roll(np.flip(b), (1, 1), (0, 1))) / 2
    return DiffractionPattern(np.fft.fftshift(b), pattern.support, pattern.known)


def ours(name, pattern):
    """R-factors and images over the iterations."""
    progress = [(p.metrics["r_factor"], p.estimate()) for p in iterate(ALGORITHMS[name], pattern, seed=SEED)]
    return np.array([r for r, _ in progress]), [image for _, image in progress]


def start(pattern, disturbance=0.0):
    """The full transform of our start, disturbed by a relative error if asked."""
    z = first_spectrum(Work(pattern), pattern, SEED).astype(complex)
    image = np.fft.irfft2(z, s=pattern.shape)
    noise = np.random.default_rng(1).standard_normal(pattern.shape)
    return np.fft.fft2(image + disturbance * image.std() * noise)


def theirs(reference, name, pattern, iterations=ITERATIONS, disturbance=0.0):
    """R-factors over the iterations, and the best image; in whole stages, or part of the first."""
    b, known = (np.fft.ifftshift(a) for a in (pattern.magnitudes.astype(float), pattern.known))
    trace = []
    options = {"known": known, "trace": trace}
    stages = STAGES * iterations // ITERATIONS or 1
    alphas = np.linspace(2, 0.2, STAGES)[:stages] * max(pattern.shape)
    if name.startswith("gps"):
        sigmas = [(round(begin * ITERATIONS), sigma) for begin, sigma in SCHEDULE]
        run, options = reference.gps, options | {"kind": name[-1].upper(), "alphas": alphas, "sigmas": sigmas}
        options |= {"alpha_scale_F": 1}
    else:  # these judge the object before each iteration, we after it
        run, iterations = reference.er if name == "er" else reference.hio, iterations + 1
        options |= {} if name == "er" else {"beta": 0.8}
        options |= {"alphas": alphas} if name == "oss" else {}
    image, _ = run(b, pattern.support, start(pattern, disturbance), iters=iterations, **options)
    return np.array(trace if name.startswith("gps") else trace[1:]), image


@each_in_its_frames(*ALGORITHMS)
@pytest.mark.parametrize("beamstop", [0.0, 2.0])
def test_the_first_iterations_are_those_of_the_reference(reference, name, shape, beamstop):
    pattern = problem(shape, beamstop=beamstop)
    (found, _), (expected, _) = ours(name, pattern), theirs(reference, name, pattern, iterations=7)
    np.testing.assert_allclose(found[:7], expected[:7], rtol=2e-4)


@each_in_its_frames("er", "hio", "gps-r", "gps-f")
@pytest.mark.parametrize("beamstop", [0.0, 2.0])
def test_later_iterations_part_no_faster_than_a_rounding_error_grows(reference, name, shape, beamstop):
    pattern = problem(shape, beamstop=beamstop)
    (found, _), (expected, _) = ours(name, pattern), theirs(reference, name, pattern)
    disturbed, _ = theirs(reference, name, pattern, disturbance=1e-6)
    growth = np.maximum.accumulate(np.abs(disturbed / expected - 1))
    assert (np.abs(found / expected - 1) <= 50 * growth + 1e-6).all()
    assert np.abs(found / expected - 1)[:10].max() < 0.01


@every_frame
def test_error_reduction_stays_with_the_reference(reference, shape):
    pattern = problem(shape, symmetric=False, beamstop=2.0)
    found, images = ours("er", pattern)
    expected, best = theirs(reference, "er", pattern)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(images[found.argmin()], best, atol=1e-4 * best.max())


@each_in_its_frames(*ALGORITHMS)
def test_after_a_few_iterations_the_image_is_that_of_the_reference(reference, name, shape):
    pattern = problem(shape)
    found, images = ours(name, pattern)
    _, best = theirs(reference, name, pattern, iterations=6)
    np.testing.assert_allclose(images[found[:6].argmin()], best, atol=1e-3 * best.max())


def test_of_an_asymmetric_pattern_hio_uses_the_mean_of_both_halves_as_the_reference_does(reference):
    pattern = problem((48, 40), symmetric=False)
    (found, _), (expected, _) = ours("hio", pattern), theirs(reference, "hio", pattern)
    np.testing.assert_allclose(found[:7], expected[:7], rtol=2e-4)


def half_known(pattern):
    """The pattern with one of each pair of pixels at k and -k not measured."""
    index = np.arange(pattern.magnitudes.size).reshape(pattern.shape)
    unshifted = np.fft.ifftshift(index)
    partner = np.fft.fftshift(np.roll(np.flip(unshifted), (1, 1), (0, 1)))
    return DiffractionPattern(pattern.magnitudes, pattern.support, pattern.known & (index <= partner))


@every_algorithm
@every_frame
def test_a_pixel_measured_at_k_alone_counts_for_minus_k_too(name, shape):
    """A real object has the same magnitude at both, so that half a symmetric pattern says as much as all of it."""
    pattern = problem(shape)
    half = half_known(pattern)
    assert 0.5 <= half.known.mean() < 0.51
    whole_r, whole = ours(name, pattern)
    half_r, images = ours(name, half)
    np.testing.assert_array_equal(images[9], whole[9])
    assert half_r[9] == pytest.approx(r_factor(images[9], half), rel=1e-4)
    assert half_r[9] == pytest.approx(whole_r[9], rel=0.05)


def test_the_reference_uses_half_of_what_a_pixel_measured_at_k_alone_says(reference):
    """Why trajectories with such masks are not compared: it leaves F(-k) free and then averages both."""
    pattern = problem((48, 40))
    half = half_known(pattern)
    all_known, _ = theirs(reference, "er", pattern)
    half_known_r, _ = theirs(reference, "er", half)
    assert half_known_r[-1] > 1.1 * ours("er", half)[0][-1]
    assert all_known[-1] == pytest.approx(ours("er", pattern)[0][-1], rel=1e-5)


@every_algorithm
def test_a_volume_of_one_slice_is_phased_as_the_image_that_it_is(name):
    pattern = problem((48, 40), beamstop=2.0)
    volume = DiffractionPattern(pattern.magnitudes[None], pattern.support[None], pattern.known[None])
    _, expected = ours(name, pattern)
    _, found = ours(name, volume)
    np.testing.assert_allclose(found[9][0], expected[9], atol=1e-3 * expected[9].max())


@every_algorithm
def test_a_volume_is_phased(name):
    pattern = diffraction_pattern(vesicle((9, 8, 7)), (20, 19, 16), flux=1e7)
    found, _ = ours(name, pattern)
    assert found[-1] < 0.6 * found[0]

"""Simulated data: the noise is what the formulas say, the geometry what the docstrings say, seeds decide all."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from proxiscope import reconstruct
from proxiscope.core import InputError
from proxiscope.phase import ERHIO
from proxiscope.phase.metrics import align, r_factor
from proxiscope.simulate import (
    crystal,
    diffraction_pattern,
    missing_centre,
    noisy_magnitudes,
    r_noise,
    sample_bragg,
    sample_pattern,
    sample_tilt_series,
    tilt_series,
    vesicle,
)


@pytest.fixture(scope="module")
def magnitudes():
    frame = np.zeros((64, 56))
    frame[20:40, 18:36] = vesicle((20, 18))
    return np.abs(np.fft.fftshift(np.fft.fft2(frame)))


@pytest.mark.parametrize(("flux", "readout"), [(1e6, 0.0), (1e6, 2.0), (1e8, 30.0)])
def test_counts_have_the_mean_and_variance_of_photons_and_readout(magnitudes, flux, readout):
    rng = np.random.default_rng(0)
    scale = flux / (magnitudes**2).sum()
    expected = scale * magnitudes**2
    bright = expected > max(20, 6 * readout)  # where clipping at zero plays no part
    counts = np.stack([scale * noisy_magnitudes(magnitudes, flux, readout, rng)[bright] ** 2 for _ in range(400)])
    deviation = (counts.mean(axis=0) - expected[bright]) / np.sqrt((expected[bright] + readout**2) / 400)
    assert np.abs(deviation.mean()) < 5 / np.sqrt(bright.sum())
    assert deviation.std() == pytest.approx(1, abs=0.15)
    variance = counts.var(axis=0, ddof=1) / (expected[bright] + readout**2)
    assert variance.mean() == pytest.approx(1, abs=0.03)


def test_the_flux_is_the_number_of_photons_in_the_pattern(magnitudes):
    for flux in (1e5, 1e7):
        noisy = noisy_magnitudes(magnitudes, flux, 0, np.random.default_rng(0))
        photons = flux * (noisy**2).sum() / (magnitudes**2).sum()
        assert photons == pytest.approx(flux, abs=5 * np.sqrt(flux))


def test_without_readout_noise_counts_are_whole_photons(magnitudes):
    noisy = noisy_magnitudes(magnitudes, 1e5, 0, np.random.default_rng(0))
    counts = noisy**2 * 1e5 / (magnitudes**2).sum()
    np.testing.assert_allclose(counts, counts.round(), atol=1e-6 * counts.max())


def test_magnitudes_are_never_negative_nor_nan(magnitudes):
    noisy = noisy_magnitudes(magnitudes, 100, 50, np.random.default_rng(0))
    assert (noisy >= 0).all()
    assert (noisy == 0).any()


def test_r_noise_is_its_formula():
    assert r_noise([1.0, 2.0, 4.0], [2.0, 2.0, 2.0]) == pytest.approx(3 / 6)
    assert r_noise([2.0, 3.0], [2.0, 3.0]) == 0


def test_noise_falls_with_flux_as_its_square_root(magnitudes):
    def noise(flux):
        return r_noise(noisy_magnitudes(magnitudes, flux, 0, np.random.default_rng(0)), magnitudes)

    figures = [noise(flux) for flux in (1e5, 1e6, 1e7, 1e8, 1e9)]
    assert all(a > 2 * b for a, b in pairwise(figures))
    assert figures[-2] / figures[-1] == pytest.approx(np.sqrt(10), rel=0.1)


def test_noise_rises_with_the_readout_noise(magnitudes):
    figures = [
        r_noise(noisy_magnitudes(magnitudes, 1e6, readout, np.random.default_rng(0)), magnitudes)
        for readout in (0, 2, 10)
    ]
    assert figures == sorted(figures)


@pytest.mark.parametrize("shape", [(48, 40), (47, 41)])
def test_the_pattern_is_that_of_the_image_in_the_middle_of_the_frame(shape):
    image = vesicle((18, 14)).astype(float)
    pattern = diffraction_pattern(image, shape, flux=1e12, readout=0)
    frame = np.zeros(shape)
    corner = [n // 2 - m // 2 for n, m in zip(shape, image.shape, strict=True)]
    frame[corner[0] : corner[0] + 18, corner[1] : corner[1] + 14] = image
    assert pattern.shape == shape
    assert np.unravel_index(pattern.magnitudes.argmax(), shape) == (shape[0] // 2, shape[1] // 2)
    assert pattern.magnitudes.max() == pytest.approx(image.sum(), rel=1e-4)
    assert r_factor(frame, pattern) < 1e-3
    assert pattern.support[frame > 0].all()
    assert pattern.known.all()


def test_a_volume_has_a_pattern_too():
    pattern = diffraction_pattern(vesicle((8, 9, 10)), (20, 20, 24))
    assert pattern.shape == (20, 20, 24)
    assert pattern.magnitudes[10, 10, 12] == pattern.magnitudes.max()


@pytest.mark.parametrize("margin", [0, 1, 3])
def test_the_support_is_the_box_around_the_image_and_a_margin(margin):
    image = np.zeros((10, 12))
    image[2:6, 3:4] = 1  # 4 x 1 in the middle of nothing
    support = diffraction_pattern(image, (30, 32), margin=margin).support
    rows, columns = np.nonzero(support)
    top, left = 15 - 5 + 2, 16 - 6 + 3
    assert (rows.min(), rows.max()) == (top - margin, top + 3 + margin)
    assert (columns.min(), columns.max()) == (left - margin, left + margin)
    assert support.sum() == (4 + 2 * margin) * (1 + 2 * margin)


@pytest.mark.filterwarnings("ignore:support")
def test_the_support_ends_at_the_edge_of_the_frame():
    image = np.zeros((10, 20))
    image[:, :3] = 1
    support = diffraction_pattern(image, (10, 20), margin=2).support
    assert support[:, :5].all()
    assert not support[:, 5:].any()


def test_a_beamstop_hides_what_is_nearer_to_zero_frequency_than_its_radius():
    for radius, hidden in ((0, 0), (1, 1), (1.5, 9), (2.5, 21)):
        pattern = diffraction_pattern(vesicle((18, 14)), (40, 41), beamstop=radius)
        assert (~pattern.known).sum() == hidden
        y, x = np.nonzero(~pattern.known)
        assert ((y - 20) ** 2 + (x - 20) ** 2 < radius**2).all()
        assert not pattern.magnitudes[~pattern.known].any()


@pytest.mark.parametrize(("shape", "size", "hidden"), [((40, 41), 5, 25), ((40, 41), 1, 1), ((20, 21, 22), 3, 27)])
def test_a_missing_centre_is_a_square_or_cube_around_zero_frequency(shape, size, hidden):
    known = missing_centre(shape, size)
    assert (~known).sum() == hidden
    for axis, n in enumerate(np.nonzero(~known)):
        assert (n.min() + n.max()) / 2 == shape[axis] // 2
    image = vesicle((8, 9, 10)[-len(shape) :])
    pattern = diffraction_pattern(image, shape, known=known)
    np.testing.assert_array_equal(pattern.known, known)
    both = diffraction_pattern(image, shape, known=known, beamstop=size + 1)
    assert (both.known <= known).all()
    assert (~both.known).sum() > hidden


def test_pixels_above_saturation_are_not_measured():
    image, shape, options = vesicle((18, 14)), (40, 41), {"flux": 1e6, "readout": 2.0, "seed": 4}
    all_of_it = diffraction_pattern(image, shape, **options)
    frame = np.zeros(shape)
    frame[11:29, 13:27] = image
    photons = all_of_it.magnitudes**2 * 1e6 / (np.abs(np.fft.fftn(frame)) ** 2).sum()
    pattern = diffraction_pattern(image, shape, saturation=1e4, **options)
    assert 0 < (~pattern.known).sum() < 100
    np.testing.assert_array_equal(pattern.known, photons <= 1e4)
    np.testing.assert_array_equal(pattern.magnitudes, np.where(pattern.known, all_of_it.magnitudes, 0))


@pytest.mark.parametrize("shape", [(48, 40), (47, 41)])
def test_the_pattern_of_a_complex_image(shape):
    image = crystal((18, 14))
    pattern = diffraction_pattern(image, shape, flux=1e12, readout=0)
    assert pattern.object == "complex"
    frame = np.zeros(shape, complex)
    frame[tuple(slice(n // 2 - m // 2, n // 2 - m // 2 + m) for n, m in zip(shape, (18, 14), strict=True))] = image
    assert r_factor(frame, pattern) < 1e-3
    assert pattern.support[np.abs(frame) > 0].all()
    rows = np.nonzero(frame)[0]
    assert np.nonzero(pattern.support)[0].min() == rows.min() - 1


def test_the_kind_of_object_is_that_of_the_image_unless_it_is_said():
    image, shape = crystal((18, 14)), (48, 40)
    assert diffraction_pattern(np.abs(image), shape).object == "non-negative"
    for kind in ("real", "complex", "complex-positive"):
        assert diffraction_pattern(np.abs(image), shape, object=kind).object == kind
    assert diffraction_pattern(image, shape, object="complex-positive").object == "complex-positive"
    with pytest.raises(InputError, match="object: real with a complex image"):
        diffraction_pattern(image, shape, object="real")


@pytest.mark.parametrize("shape", [(17, 40), (40, 13), (40,), (40, 40, 40)])
def test_an_image_that_does_not_fit_is_refused(shape):
    with pytest.raises(InputError, match=r"shape: a frame of .* for an image of \(18, 14\)\. Give a larger"):
        diffraction_pattern(vesicle((18, 14)), shape)


def test_pixel_size_and_source_are_noted():
    pattern = diffraction_pattern(vesicle((18, 14)), (40, 40), pixel_size=3)
    series = tilt_series(vesicle((8, 8, 8)), [0, 10], pixel_size=2)
    assert (pattern.pixel_size, pattern.source) == (3, "simulated")
    assert (series.pixel_size, series.source) == (2, "simulated")


@pytest.mark.parametrize("shape", [(40, 30), (31, 64), (24, 20, 22)])
@pytest.mark.parametrize("seed", range(5))
def test_the_phantom_is_a_density_with_empty_edges_and_fills_its_frame(shape, seed):
    phantom = vesicle(shape, seed=seed)
    assert phantom.shape == shape
    assert phantom.dtype == np.float32
    assert phantom.min() == 0
    assert 0.6 < phantom.max() <= 1
    for axis, n in enumerate(shape):
        occupied = np.flatnonzero(phantom.any(axis=tuple(a for a in range(len(shape)) if a != axis)))
        assert occupied[0] > 0
        assert np.ptp(occupied) > 0.7 * n


def test_the_phantom_is_not_its_own_inversion_and_its_seed_moves_what_is_inside():
    phantom = vesicle((41, 41))
    assert np.abs(phantom - phantom[::-1, ::-1]).sum() > 0.3 * phantom.sum()
    assert not np.array_equal(vesicle((41, 41), seed=1), phantom)
    np.testing.assert_array_equal(vesicle((41, 41)), phantom)


@pytest.mark.parametrize("shape", [(40, 36), (31, 64), (24, 28, 26)])
@pytest.mark.parametrize("seed", range(4))
class TestCrystal:
    def test_is_a_facetted_body_with_a_phase_of_the_stated_range(self, shape, seed):
        for strain in (1.5, 0.5):
            image = crystal(shape, strain=strain, seed=seed)
            inside, phase = np.abs(image) > 0, np.angle(image)
            assert image.dtype == np.complex64
            assert np.abs(image).max() == pytest.approx(1)
            assert (phase[inside].min(), phase[inside].max()) == pytest.approx((-strain, strain), abs=1e-4)
            for axis in range(len(shape)):
                both = inside & np.roll(inside, 1, axis)
                assert np.abs(phase - np.roll(phase, 1, axis))[both].max() < 0.5
        for axis, n in enumerate(shape):
            occupied = np.nonzero(inside)[axis]
            assert occupied.min() > 0
            assert 0.6 * n < np.ptp(occupied) + 1 < 0.9 * n

    def test_is_not_its_own_inversion_wherever_that_is_placed(self, shape, seed):
        for image in (crystal(shape, seed=seed), crystal(shape, strain=0, seed=seed)):
            spectrum = np.fft.fftn(image)
            overlap = np.abs(np.fft.ifftn(spectrum**2)).max()  # with the conjugated inversion, at all shifts
            assert overlap < 0.96 * (np.abs(image) ** 2).sum()

    def test_its_pattern_is_centred(self, shape, seed):
        size = np.abs(np.fft.fftshift(np.fft.fftn(crystal(shape, seed=seed))))
        assert np.unravel_index(size.argmax(), shape) == tuple(n // 2 for n in shape)


@pytest.mark.parametrize("seed", range(4))
def test_a_crystal_is_convex_with_straight_edges(seed):
    image = np.abs(crystal((120, 120), seed=seed)) > 0.5
    hull = ConvexHull(np.argwhere(image))
    assert hull.volume == pytest.approx(image.sum(), rel=0.05)
    edge = image & ~np.roll(image, 1, axis=0)
    assert np.bincount(np.nonzero(edge)[0]).max() > 25  # a circle of this size has half as many in a row


def test_the_seed_of_a_crystal_moves_its_faces_and_its_phase():
    one, other = crystal((40, 40)), crystal((40, 40), seed=1)
    np.testing.assert_array_equal(one, crystal((40, 40)))
    assert ((one == 0) != (other == 0)).any()
    both = (one != 0) & (other != 0)
    assert np.abs(np.angle(one) - np.angle(other))[both].max() > 0.3


def test_the_noise_of_a_tilt_series_is_gaussian_of_the_stated_width():
    volume, angles = vesicle((24, 20, 24)), np.arange(-60, 61, 6.0)
    clean = tilt_series(volume, angles)
    difference = (tilt_series(volume, angles, noise=0.3).projections - clean.projections).ravel()
    n = difference.size
    assert difference.mean() == pytest.approx(0, abs=5 * 0.3 / np.sqrt(n))
    assert difference.std() == pytest.approx(0.3, rel=5 / np.sqrt(2 * n))
    assert (np.abs(difference) < 0.3).mean() == pytest.approx(0.6827, abs=5 * 0.47 / np.sqrt(n))


def test_a_tilt_series_has_one_projection_a_tilt_and_sums_along_the_beam():
    volume = vesicle((24, 20, 26))
    series = tilt_series(volume, [-20, 0, 35])
    assert series.shape == (3, 20, 26)
    np.testing.assert_array_equal(series.angles, [-20, 0, 35])
    np.testing.assert_allclose(series.projections[1], volume.sum(axis=0), atol=1e-3)


def test_seeds_decide_the_noise():
    def pattern(seed):
        return diffraction_pattern(vesicle((18, 14)), (40, 40), seed=seed).magnitudes

    def series(seed):
        return tilt_series(vesicle((8, 8, 8)), [0, 10], noise=0.1, seed=seed).projections

    for make in (pattern, series):
        np.testing.assert_array_equal(make(0), make(0))
        assert not np.array_equal(make(0), make(1))


def test_the_samples_are_what_their_docstrings_say():
    pattern, series = sample_pattern(), sample_tilt_series()
    assert f"{pattern.shape[0]} x {pattern.shape[1]} diffraction" in sample_pattern.__doc__
    assert f"{pattern.pixel_size:g} nm" in sample_pattern.__doc__
    assert pattern.oversampling_ratio > 4
    assert not pattern.known.all()
    assert f"{series.shape[0]} noisy" in sample_tilt_series.__doc__
    assert f"({series.angles[0]:g} to {series.angles[-1]:g} degrees)" in sample_tilt_series.__doc__
    assert f"{series.shape[1]} x {series.shape[2]} pixels of {series.pixel_size:g} nm" in sample_tilt_series.__doc__


def test_the_sample_of_bragg_diffraction_is_solved_with_shrink_wrap():
    pattern = sample_bragg()
    assert "x".join(map(str, pattern.shape)) in sample_bragg.__doc__.replace(" ", "")
    assert f"{pattern.pixel_size:g} nm" in sample_bragg.__doc__
    assert pattern.object == "complex"
    assert np.unravel_index(pattern.magnitudes.argmax(), pattern.shape) == (32, 32, 32)
    truth = np.zeros(pattern.shape, np.complex64)
    truth[19:45, 18:46, 17:47] = crystal((26, 28, 30), seed=1)
    result = reconstruct(ERHIO(max_iterations=200, shrink_every=20), pattern)
    found = align(result.volume, truth)
    correlation = np.vdot(truth, found) / (np.linalg.norm(truth) * np.linalg.norm(found))
    assert correlation.real > 0.9

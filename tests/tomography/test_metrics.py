"""Residuals of the tilts, R-factors, and the error against a truth."""

import numpy as np
import pytest

from proxiscope.core import InputError
from proxiscope.physics.projectors import projector
from proxiscope.simulate import vesicle
from proxiscope.tomography import TiltSeries
from proxiscope.tomography.metrics import free_r_factor, r_factor, real_space_error, residuals

SHAPE = (14, 10, 12)
ANGLES = np.arange(-60, 61, 15.0)
GENERAL = np.array([(90.0 * (i % 2), a, 3.0) for i, a in enumerate(ANGLES)])
KINDS = {False: "real-space", True: "fourier-slice"}

every_projector = pytest.mark.parametrize("exact", [False, True], ids=KINDS.values())
every_geometry = pytest.mark.parametrize("rotations", [ANGLES, GENERAL], ids=["single axis", "general"])


def project(volume, rotations, exact, detector=(10, 16), shifts=None):
    """Projections by the projector that `exact` names."""
    triples = np.stack([0 * rotations, rotations, 0 * rotations], axis=1) if rotations.ndim == 1 else rotations
    a = projector(KINDS[exact], triples, detector, np.shape(volume), shifts)
    return a.unpack_projections(a.forward(a.pack_volume(volume)))


def series_of(projections, rotations, **options):
    """A series with angles or Euler triples."""
    name = "angles" if rotations.ndim == 1 else "rotations"
    return TiltSeries(projections, **{name: rotations}, **options)


def noisy(shape, seed=0):
    return np.random.default_rng(seed).random(shape)


@every_projector
@every_geometry
def test_each_tilt_has_its_own_misfit_and_their_mean_is_the_r_factor(exact, rotations):
    volume = vesicle(SHAPE)
    projected = project(volume, rotations, exact)
    measured = projected + 0.1 * noisy(projected.shape)
    valid = noisy(measured.shape, 1) > 0.2
    series = series_of(measured, rotations, valid=valid)
    each = [np.abs(p[v] - m[v]).sum() / np.abs(m[v]).sum() for p, m, v in zip(projected, measured, valid, strict=True)]
    np.testing.assert_allclose(residuals(volume, series, exact=exact), each, rtol=1e-4)
    assert r_factor(volume, series, exact=exact) == pytest.approx(np.mean(each), rel=1e-4)


@every_projector
@every_geometry
def test_nothing_is_left_of_its_own_projections(exact, rotations):
    volume = vesicle(SHAPE)
    shifts = noisy((len(ANGLES), 2)) * 3 if rotations.ndim == 2 else None
    series = series_of(project(volume, rotations, exact, shifts=shifts), rotations, shifts=shifts)
    np.testing.assert_allclose(residuals(volume, series, exact=exact), 0, atol=1e-4)
    np.testing.assert_allclose(residuals(0 * volume, series, exact=exact), 1, atol=1e-6)


@every_geometry
def test_the_projectors_judge_each_other(rotations):
    volume = vesicle((24, 20, 24))
    series = series_of(project(volume, rotations, exact=True, detector=(20, 24)), rotations)
    assert r_factor(volume, series, exact=True) < 1e-4
    assert 0.005 < r_factor(volume, series) < 0.1


def test_a_bad_tilt_stands_out():
    volume = vesicle((24, 20, 24))
    projections = project(volume, ANGLES, exact=False, detector=(20, 24))
    projections[3] = np.roll(projections[3], 2, axis=1)
    found = residuals(volume, TiltSeries(projections, ANGLES))
    assert found.argmax() == 3
    assert found[3] > 5 * np.delete(found, 3).max()


@pytest.mark.filterwarnings("ignore:projections. nothing was measured")
def test_tilts_without_data_count_for_nothing():
    volume = vesicle(SHAPE)
    projections = project(volume, ANGLES, exact=False) + noisy((len(ANGLES), 10, 16))
    full = residuals(volume, TiltSeries(projections, ANGLES))
    projections[4] = np.nan
    found = residuals(volume, TiltSeries(projections, ANGLES))
    assert np.isnan(found[4])
    np.testing.assert_array_equal(np.delete(found, 4), np.delete(full, 4))
    assert r_factor(volume, TiltSeries(projections, ANGLES)) == pytest.approx(np.delete(full, 4).mean())


def test_tilts_that_are_held_out_have_an_r_factor_of_their_own():
    volume = vesicle(SHAPE)
    held_out = np.arange(len(ANGLES)) % 3 == 1
    projections = project(volume, ANGLES, exact=False) + noisy((len(ANGLES), 10, 16))
    series = TiltSeries(projections, ANGLES, held_out=held_out)
    found = residuals(volume, series)
    assert r_factor(volume, series) == pytest.approx(found[~held_out].mean())
    assert free_r_factor(volume, series) == pytest.approx(found[held_out].mean())
    with pytest.raises(InputError, match="held_out: no tilts are held out"):
        free_r_factor(volume, TiltSeries(projections, ANGLES))


def test_of_a_film_only_whole_rays_count():
    """A slab that goes on beyond the volume: rays through the volume's sides have crossed more of it."""
    angles = np.array([-45.0, 0, 45])
    wide = np.zeros((24, 6, 80))
    wide[8:16] = 1
    measured = project(wide, angles, exact=False, detector=(6, 40))
    volume, series = np.ascontiguousarray(wide[4:20, :, 20:60]), TiltSeries(measured, angles)
    assert residuals(volume, series)[0] > 0.1
    np.testing.assert_allclose(residuals(volume, series, film=True), 0, atol=1e-5)
    assert r_factor(volume, series, film=True) < 1e-5


@pytest.mark.parametrize("volume", [np.ones((4, 4)), np.ones((2, 4, 10, 12))])
def test_a_volume_of_other_dimensions(volume):
    series = TiltSeries(np.ones((3, 10, 12)), [0.0, 1, 2])
    with pytest.raises(InputError, match=r"volume: an array of shape .* \(z, y, x\)"):
        residuals(volume, series)


def test_the_error_against_a_truth():
    truth = np.array([[[1.0, -2], [3, 0]]])
    assert real_space_error(truth, truth) == 0
    assert real_space_error(0 * truth, truth) == 1
    assert real_space_error(truth + np.array([[0.3, 0], [0, -0.3]]), truth) == pytest.approx(0.1)
    with pytest.raises(InputError, match=r"truth: its shape is \(1, 2, 2\)"):
        real_space_error(np.ones((1, 2, 3)), truth)
    with pytest.raises(InputError, match="truth: zero everywhere"):
        real_space_error(truth, 0 * truth)

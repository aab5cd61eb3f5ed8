"""The steps of an alignment, one by one, on a vesicle whose shifts are known."""

import numpy as np
import pytest

from proxiscope.core.errors import InputError
from proxiscope.tomography import TiltSeries
from proxiscope.tomography.alignment import (
    apply_shifts,
    axis_angle,
    centre_of_mass,
    common_line,
    cross_correlation,
    isolated,
    projection_matching,
    residual_shifts,
    rms_shift,
    tilt_axis_by_correlation,
    tilt_axis_by_mass,
    tilt_axis_by_misfit,
    with_axis_at,
)
from proxiscope.tomography.alignment.registration import Spectra, displacements


def off(series, shifts, axis=0.0):
    """Root mean square errors (along, across) in pixels, for an axis near y."""
    return np.sqrt((residual_shifts(series.shifts, shifts, series.angles, axis) ** 2).mean(axis=0))


def test_displacements_are_found_to_a_thousandth_of_a_pixel(misaligned):
    series, shifts = misaligned(angles=np.zeros(6), spread=3)
    spectra = Spectra.of(series.projections)
    pairs = np.array([(i, j) for i in range(6) for j in range(6)])
    found, correlation = displacements(spectra, spectra, pairs)
    np.testing.assert_allclose(found, shifts[pairs[:, 1]] - shifts[pairs[:, 0]], atol=2e-3)
    assert correlation.min() > 0.9999


def test_cross_correlation_finds_the_shifts_along_the_axis(misaligned):
    series, shifts = misaligned(spread=4)
    along, across = off(cross_correlation(series), shifts)
    assert along < 0.2
    assert across < 2  # what a turning object does across the axis looks like a shift


def test_an_image_that_shows_something_else_does_not_spoil_the_others(misaligned):
    series, shifts = misaligned()
    images = series.projections.copy()
    images[20] = np.random.default_rng(0).normal(0, images.std(), images[20].shape)
    others = np.arange(len(images)) != 20
    found = cross_correlation(series.copy_with(projections=images))
    assert off(found.subset(others), shifts[others])[0] < 0.25


def test_the_centre_of_mass_comes_onto_the_axis(misaligned):
    series, shifts = misaligned(offset=5)
    found = centre_of_mass(series, along=True)
    assert rms_shift(found.shifts, shifts, series.angles) < 0.03
    moved = apply_shifts(found)
    grid = np.arange(moved.shape[1]) - moved.shape[1] // 2
    mass = moved.projections.sum(axis=(1, 2))
    assert np.abs(moved.projections.sum(axis=1) @ grid / mass).max() < 0.05
    assert np.abs(moved.projections.sum(axis=2) @ grid / mass).max() < 0.05


def test_or_stays_in_its_place(misaligned):
    series, shifts = misaligned(offset=5)
    found = centre_of_mass(series, along=True, keep_place=True)
    assert rms_shift(found.shifts, shifts, series.angles) < 0.03
    assert abs((found.shifts - shifts)[:, 0].mean() + shifts[:, 0].mean()) < 0.05


def test_a_background_does_not_draw_the_centre_of_mass(misaligned):
    series, shifts = misaligned(noise=0.01)
    raised = series.copy_with(projections=series.projections + 2 * series.projections.max())
    assert rms_shift(centre_of_mass(raised, along=True).shifts, shifts, series.angles) < 0.1


def test_common_lines_give_the_shifts_along_the_axis(misaligned):
    series, shifts = misaligned(noise=0.01)
    found = common_line(cross_correlation(series))
    assert off(found, shifts)[0] < 0.05


def test_projection_matching(misaligned):
    series, shifts = misaligned()
    start = series.copy_with(shifts=shifts + np.random.default_rng(5).normal(0, 1, shifts.shape))
    rounds = []
    found = projection_matching(start, watch=lambda s, r: rounds.append(r))
    assert rms_shift(found.shifts, shifts, series.angles) < 0.02
    assert rounds[-1] < 0.6 * rounds[0]


def test_the_axis_by_misfit(misaligned):
    series, shifts = misaligned(axis=3)
    found = tilt_axis_by_misfit(series.copy_with(shifts=shifts))
    assert axis_angle(found) == pytest.approx(3, abs=0.2)
    far = tilt_axis_by_misfit(with_axis_at(series.copy_with(shifts=shifts), -9))
    assert axis_angle(far) == pytest.approx(3, abs=0.2)


def test_the_offset_by_misfit(misaligned):
    series, _ = misaligned(offset=3, spread=0)
    found = tilt_axis_by_misfit(series, angle_step=None, offset_step=2)
    np.testing.assert_allclose(found.shifts[:, 1], 3, atol=0.1)
    np.testing.assert_array_equal(found.shifts[:, 0], 0)


def test_the_axis_by_the_masses_of_rows(misaligned):
    series, shifts = misaligned(axis=3)
    found = tilt_axis_by_mass(series.copy_with(shifts=shifts))
    assert axis_angle(found) == pytest.approx(3, abs=0.5)  # a short object: the needle has it to 0.1 degrees


def test_the_axis_of_a_film_by_correlation(misaligned_film):
    series, shifts = misaligned_film
    found = tilt_axis_by_correlation(series.copy_with(shifts=shifts))
    assert axis_angle(found) == pytest.approx(3, abs=1)


def test_a_film_is_not_isolated_and_noise_makes_no_film(misaligned, misaligned_film):
    assert not isolated(misaligned_film[0])
    assert isolated(misaligned(noise=0.1)[0])


def test_films_are_stretched(misaligned_film):
    series, shifts = misaligned_film
    errors = [off(cross_correlation(series, stretch=stretch), shifts, 3)[1] for stretch in (False, True)]
    assert errors[1] < 0.15
    assert errors[0] > 3 * errors[1]


@pytest.mark.parametrize(
    "step", [cross_correlation, centre_of_mass, common_line, projection_matching, tilt_axis_by_misfit]
)
def test_dead_tilts_and_masks_are_borne(misaligned, step):
    series, _ = misaligned(size=24, angles=np.arange(-60, 61, 10.0))
    images = series.projections.copy()
    images[3] = 0
    images[5, :6] = np.nan
    spoiled = TiltSeries(images, series.angles, announce=False)
    found = step(spoiled)
    assert np.isfinite(found.shifts).all()
    assert np.isfinite(apply_shifts(found).projections).all()


def test_small_images_and_few_tilts(misaligned):
    with pytest.raises(InputError, match="8 along each side"):
        cross_correlation(TiltSeries(np.ones((3, 5, 5)), [0, 1, 2], announce=False))
    one = misaligned(size=24, angles=[0.0])[0]
    np.testing.assert_array_equal(cross_correlation(one).shifts, 0)


@pytest.mark.parametrize(
    "step",
    [cross_correlation, centre_of_mass, common_line, projection_matching, tilt_axis_by_misfit, tilt_axis_by_mass],
)
def test_every_step_tells_how_far_it_is_and_can_be_cancelled(misaligned, step):
    series, _ = misaligned(size=24, angles=np.arange(-60, 61, 10.0))
    seen = []
    step(series, tick=seen.append)
    assert seen == sorted(seen)
    assert 0 <= seen[0] <= seen[-1] <= 1

    class Cancelled(Exception):
        pass

    def cancel(fraction):
        raise Cancelled

    with pytest.raises(Cancelled):
        step(series, tick=cancel)

"""The axis of a series and its frame."""

import numpy as np
import pytest

from proxiscope.core.errors import InputError
from proxiscope.simulate import tilt_series
from proxiscope.tomography import TiltSeries
from proxiscope.tomography.alignment import axis_angle, tilt_angles, with_axis_at
from proxiscope.tomography.alignment.axis import to_axis, to_images
from proxiscope.tomography.orientation import about_axis_at, turned_in_plane

ANGLES = np.arange(-60, 61, 10.0)


@pytest.fixture
def series():
    return TiltSeries(np.ones((len(ANGLES), 16, 16)), ANGLES, announce=False)


@pytest.mark.parametrize("degrees", [0, 0.01, 3, -7.5, 40])
def test_an_axis_that_was_set_is_found_with_the_angles_about_it(series, degrees):
    placed = with_axis_at(series, degrees)
    assert axis_angle(placed) == pytest.approx(degrees, abs=1e-6)
    np.testing.assert_allclose(tilt_angles(placed), ANGLES, atol=1e-6)
    np.testing.assert_allclose(placed.rotations, about_axis_at(series.rotations, degrees), atol=1e-9)
    back = with_axis_at(placed, 0)
    np.testing.assert_allclose(back.rotations, series.rotations, atol=1e-6)
    assert back.single_axis


def test_a_series_turned_in_plane_keeps_its_turn(series):
    second = series.copy_with(rotations=turned_in_plane(series.rotations, 90))
    assert axis_angle(second) == pytest.approx(0, abs=1e-9)
    placed = with_axis_at(second, 4)
    assert axis_angle(placed) == pytest.approx(4, abs=1e-6)
    np.testing.assert_allclose(with_axis_at(placed, 0).rotations, second.rotations, atol=1e-6)


def test_several_axes_are_refused(series):
    rotations = series.rotations + np.random.default_rng(0).normal(0, 2, (len(ANGLES), 3))
    with pytest.raises(InputError, match="not about one axis"):
        axis_angle(series.copy_with(rotations=rotations))


def test_frames_are_turned_into_each_other():
    np.testing.assert_allclose(to_images([1, 0], 90), [0, -1], atol=1e-12)  # along the axis: y, which is then at -x
    vectors = np.random.default_rng(0).normal(size=(5, 2))
    np.testing.assert_allclose(to_axis(to_images(vectors, 17), 17), vectors)


def test_a_point_on_the_axis_moves_along_no_image():
    """The axis of `about_axis_at` and that of `to_images` are the same line."""
    along = to_images([6, 0], 10)  # (dy, dx) of a point of the axis
    volume = np.zeros((33, 33, 33), np.float32)
    y, x = np.rint(along).astype(int) + 16
    volume[16, y, x] = 1
    rotations = about_axis_at(np.stack([0 * ANGLES, ANGLES, 0 * ANGLES], axis=1), 10)
    images = tilt_series(volume, rotations, projector="real-space").projections
    grid = np.arange(33) - 16
    mass = images.sum(axis=(1, 2))
    places = np.stack([images.sum(axis=2) @ grid / mass, images.sum(axis=1) @ grid / mass], axis=1)
    assert np.abs(places - places[len(ANGLES) // 2]).max() < 0.15

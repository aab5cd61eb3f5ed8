"""Order, choice and totals of the tilts."""

import numpy as np
import pytest

from proxiscope.core import InputError
from proxiscope.preparation import step
from proxiscope.tomography.orientation import about_axis_at

from .common import tomography


def series(angles):
    values = np.arange(len(angles), dtype=float)[:, None, None] + np.ones((len(angles), 4, 4))
    return tomography(values, angles, shifts=np.arange(2.0 * len(angles)).reshape(-1, 2))


def test_they_are_sorted_with_all_that_is_theirs():
    done = step("sort-tilts")(series([0, 2, -2, 4]))
    np.testing.assert_array_equal(done.rotations[:, 1], [-2, 0, 2, 4])
    np.testing.assert_array_equal(done.values[:, 0, 0], [3, 1, 2, 4])
    np.testing.assert_array_equal(done.shifts[:, 0], [4, 0, 2, 6])


@pytest.mark.parametrize("degrees", [5, -80])
def test_they_are_sorted_about_an_inclined_axis_too(degrees):
    images = series([0, 2, -2, 4])
    images = images.copy_with(rotations=about_axis_at(images.rotations, degrees))
    np.testing.assert_array_equal(step("sort-tilts")(images).values[:, 0, 0], [3, 1, 2, 4])


def test_series_about_several_axes_follow_one_another():
    images = series([2, -2, 3, -3])
    images = images.copy_with(rotations=np.add(images.rotations, [[90, 0, 0], [0, 0, 0], [90, 0, 0], [0, 0, 0]]))
    np.testing.assert_array_equal(step("sort-tilts")(images).rotations[:, 1], [-3, -2, 2, 3])


def test_without_angles_there_is_no_order():
    with pytest.raises(InputError, match="angles"):
        step("sort-tilts")(tomography(np.ones((2, 4, 4))))


def test_some_are_left_out():
    done = step("exclude-tilts", {"tilts": (0, 2)})(series([0, 2, -2, 4]))
    np.testing.assert_array_equal(done.rotations[:, 1], [2, 4])
    np.testing.assert_array_equal(done.values[:, 0, 0], [2, 4])


@pytest.mark.parametrize("tilts", [(4,), (0, 1, 2, 3)])
def test_those_that_cannot_be_left_out(tilts):
    with pytest.raises(InputError, match="tilts"):
        step("exclude-tilts", {"tilts": tilts})(series([0, 2, -2, 4]))


class TestNormalise:
    def test_totals_become_equal(self):
        rng = np.random.default_rng(0)
        values = rng.random((5, 10, 10)) * np.array([1, 2, 3, 4, 5.0])[:, None, None]
        done = step("normalise")(tomography(values))
        sums = done.values.sum(axis=(1, 2))
        np.testing.assert_allclose(sums, np.median(values.sum(axis=(1, 2))), rtol=1e-5)

    def test_the_common_field_of_view_may_be_compared(self):
        """A disc that is drawn in by the shifts, beside a bright thing that only some images show."""
        rng = np.random.default_rng(0)
        scene = rng.random((40, 60)) + 1
        scene[:, 50:] = 100
        shifts = [[0, 0], [2, -8], [-3, 5]]
        views = np.stack([scene[5 - dy : 35 - dy, 10 - dx : 50 - dx] for dy, dx in shifts])
        gains = np.array([1, 0.5, 2])
        images = tomography(views * gains[:, None, None], [0, 1, 2], shifts=shifts)
        done = step("normalise", {"compare": "common"})(images)
        means = [done.values[k][views[k] < 50].mean() / views[k][views[k] < 50].mean() for k in range(3)]
        np.testing.assert_allclose(means, means[0], rtol=1e-4)

    def test_an_image_without_light_is_refused(self):
        values = np.ones((3, 4, 4))
        values[1] = -1
        with pytest.raises(InputError, match="image 1"):
            step("normalise")(tomography(values))

    def test_images_with_nothing_in_common_are_refused(self):
        images = tomography(np.ones((2, 4, 4)), [0, 1], shifts=[[0, 0], [9, 0]])
        with pytest.raises(InputError, match="common"):
            step("normalise", {"compare": "common"})(images)

"""Cropping."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxiscope.core import InputError
from proxiscope.preparation import step

from .common import phase, tomography


def indices(*shape):
    return np.arange(np.prod(shape), dtype=float).reshape(shape)


@settings(max_examples=60, deadline=None)
@given(n=st.tuples(st.integers(4, 40), st.integers(4, 40)), data=st.data())
def test_a_size_keeps_pixel_n_half_the_centre(n, data):
    size = tuple(data.draw(st.integers(1, m)) for m in n)
    images = phase(indices(*n))
    done = step("crop", {"size": size, "fast": False})(images)
    assert done.shape == size
    assert done.values[size[0] // 2, size[1] // 2] == images.values[n[0] // 2, n[1] // 2]


def test_a_region_is_what_was_drawn():
    done = step("crop", {"region": (2, 7, 1, 9), "fast": False})(phase(indices(10, 12)))
    np.testing.assert_array_equal(done.values, indices(10, 12)[2:7, 1:9])


def test_sizes_are_fast_by_default():
    assert step("crop")(phase(np.ones((67, 101)))).shape == (64, 100)
    assert step("crop")(tomography(np.ones((7, 67, 101)))).shape == (7, 64, 100)  # tilts stay
    assert step("crop", {"size": (13, 64, 64)})(phase(np.ones((20, 67, 101)))).shape == (12, 64, 64)


def test_the_rotation_centre_stays():
    images = tomography(indices(2, 20, 21), [0, 1], shifts=[[0.5, 0], [0, -2]])
    done = step("crop", {"region": (3, 14, 2, 20), "fast": False})(images)
    for before, after in zip(images.shifts, done.shifts, strict=True):
        np.testing.assert_allclose(after + np.array([11 // 2 + 3, 18 // 2 + 2]), before + np.array([10, 10]))
    about_centre = step("crop", {"size": (10, 10), "fast": False})(images)
    np.testing.assert_array_equal(about_centre.shifts, images.shifts)


def test_tilts_that_are_cut_off_take_their_angles_along():
    images = tomography(indices(5, 8, 8), [0, 1, 2, 3, 4])
    done = step("crop", {"region": (1, 4, 0, 8, 0, 8)})(images)
    np.testing.assert_array_equal(done.rotations[:, 1], [1, 2, 3])


def test_no_tilt_goes_for_a_fast_transform():
    done = step("crop", {"region": (1, 44, 0, 8, 0, 8)})(tomography(np.ones((45, 8, 8)), np.arange(45.0)))
    np.testing.assert_array_equal(done.rotations[:, 1], np.arange(1, 44))


def test_a_cropped_pattern_gives_coarser_pixels():
    done = step("crop", {"size": (50, 32, 32)})(phase(np.ones((50, 64, 64)), pixel_size=3.0))
    assert done.pixel_size == 6.0
    odd = step("crop", {"size": (32, 16)})(phase(np.ones((64, 64)), pixel_size=3.0))
    assert odd.pixel_size is None
    assert "square" in " ".join(odd.remarks)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"region": (0, 5)}, "region"),
        ({"region": (5, 5, 0, 8)}, "region"),
        ({"region": (0, 11, 0, 8)}, "region"),
        ({"size": (5, 5, 5)}, "size"),
    ],
)
def test_what_does_not_fit_is_refused(parameters, field):
    with pytest.raises(InputError) as caught:
        step("crop", parameters)(phase(indices(10, 12)))
    assert caught.value.field == field

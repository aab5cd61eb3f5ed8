"""What a tilt series takes, refuses and warns of."""

from dataclasses import FrozenInstanceError

import numpy as np
import psutil
import pytest

from proxiscope.core import InputError, NotEnoughMemoryError
from proxiscope.tomography import TiltSeries

pytestmark = pytest.mark.filterwarnings("error")
SHAPE = (4, 3, 5)
ANGLES = [-40.0, -10.0, 15.0, 50.0]


def projections():
    return np.arange(1, 61, dtype=float).reshape(SHAPE)


def changed(value, at=(1, 2, 3)):
    values = projections()
    values[at] = value
    return values


@pytest.mark.parametrize(
    ("arguments", "field", "says"),
    [
        ({"projections": np.ones((4, 5))}, "projections", "shape (4, 5). Give one with the axes (tilt, y, x)"),
        ({"projections": np.ones((1, 4, 3, 5))}, "projections", "shape (1, 4, 3, 5)"),
        ({"projections": np.ones((4, 0, 5))}, "projections", "empty array"),
        ({"projections": np.ones((4, 3, 1))}, "projections", "at least two pixels along x"),
        ({"projections": projections() + 1j}, "projections", "type complex128. Give real numbers"),
        ({"projections": np.full(SHAPE, np.nan)}, "projections", "all are NaN or masked"),
        ({"projections": np.zeros(SHAPE)}, "projections", "all measured pixels are zero"),
        ({"projections": changed(np.inf)}, "projections", "infinite values. Mark those pixels"),
        ({"projections": changed(-np.inf)}, "projections", "infinite values"),
        ({"projections": changed(1e39)}, "projections", "infinite values"),
        ({"valid": np.zeros(SHAPE)}, "projections", "all are NaN or masked"),
        ({"valid": np.full(SHAPE, np.nan)}, "projections", "all are NaN or masked"),
        ({"valid": np.ones(SHAPE[:0:-1])}, "valid", "its shape is (5, 3), that of the data (4, 3, 5)"),
        ({"angles": None}, "angles or rotations", "neither was given. Give tilt angles in degrees"),
        ({"rotations": np.ones((4, 3))}, "angles and rotations", "both were given, and differ"),
        ({"angles": [0.0, 1.0]}, "angles", "2 values for 4 projections (array shape (4, 3, 5))"),
        ({"angles": np.arange(5.0)}, "angles", "5 values for 4 projections"),
        ({"angles": 3.0}, "angles", "Give an array of shape (4,)"),
        ({"angles": np.zeros((4, 3))}, "angles", "an array of shape (4, 3) for 4 projections"),
        ({"angles": [0, 1, np.nan, 3]}, "angles", "values that are not finite. Give one number in degrees"),
        ({"angles": [0, 1, np.inf, 3]}, "angles", "values that are not finite"),
        ({"angles": ["a", "b", "c", "d"]}, "angles", "values that are not numbers. Give degrees"),
        ({"angles": [[0], [1, 2], [3], [4]]}, "angles", "values that are not numbers"),
        ({"angles": None, "rotations": np.zeros((4, 2))}, "rotations", "Give an array of shape (4, 3)"),
        ({"angles": None, "rotations": np.zeros((3, 4))}, "rotations", "Give an array of shape (4, 3)"),
        ({"angles": None, "rotations": ANGLES}, "rotations", "4 values for 4 projections"),
        ({"angles": None, "rotations": np.full((4, 3), np.nan)}, "rotations", "values that are not finite"),
        ({"pixel_size": -2}, "pixel_size", "got -2. Give a positive number of nm"),
        ({"pixel_size": "?"}, "pixel_size", "got '?'"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_by_name(arguments, field, says):
    with pytest.raises(InputError) as caught:
        TiltSeries(**{"projections": projections(), "angles": ANGLES, **arguments})
    assert caught.value.field == field
    assert says in str(caught.value)


def test_the_axes_in_the_wrong_order_are_pointed_out():
    with pytest.raises(InputError, match=r"4 values for 3 projections .* give np.moveaxis\(projections, 2, 0\)"):
        TiltSeries(projections().transpose(1, 2, 0), ANGLES)


@pytest.mark.parametrize("dtype", ["bool", "u1", "i2", ">i2", "u4", "i8", "f2", "f4", ">f4", "f8"])
def test_any_real_dtype_and_layout_is_taken_and_kept_as_float32(dtype):
    values = projections().astype(dtype)
    for same in (values, np.asfortranarray(values), np.repeat(values, 2, axis=2)[..., ::2]):
        series = TiltSeries(same, np.array(ANGLES, np.float32))
        assert series.projections.dtype == np.float32
        assert series.projections.flags.c_contiguous
        np.testing.assert_array_equal(series.projections, values.astype(float))
        np.testing.assert_array_equal(series.angles, ANGLES)


def test_negative_values_are_data():
    assert TiltSeries(changed(-5), ANGLES).projections[1, 2, 3] == -5


def test_nan_and_masked_pixels_are_not_valid_and_hold_zero():
    valid = np.ones(SHAPE)
    valid[0, 0, 0] = 0
    valid[0, 0, 1] = np.nan
    values = changed(np.nan)
    values[0, 0, 0] = np.inf
    series = TiltSeries(values, ANGLES, valid=valid)
    assert np.argwhere(~series.valid).tolist() == [[0, 0, 0], [0, 0, 1], [1, 2, 3]]
    assert (series.projections[~series.valid] == 0).all()
    np.testing.assert_array_equal(series.projections[series.valid], projections()[series.valid])


@pytest.mark.parametrize("how", ["zero", "nan", "masked"])
def test_an_empty_tilt_is_warned_of_where_it_was_given(how):
    values, valid = projections(), np.ones(SHAPE)
    if how == "masked":
        valid[[1, 3]] = 0
    else:
        values[[1, 3]] = np.nan if how == "nan" else 0
    with pytest.warns(UserWarning, match=r"nothing was measured in tilt 1, 3 \(counted from 0\)") as found:
        series = TiltSeries(values, ANGLES, valid=valid)
    assert len(found) == 1
    assert found[0].filename == __file__
    assert series.shape == SHAPE


def test_angles_become_rotations_about_y():
    series = TiltSeries(projections(), ANGLES)
    np.testing.assert_array_equal(series.rotations, [(0, a, 0) for a in ANGLES])
    assert series.angles.dtype == series.rotations.dtype == np.float64
    assert series.single_axis


def test_rotations_about_y_alone_are_a_single_axis_series():
    rotations = np.array([(0, a, 0) for a in ANGLES])
    series = TiltSeries(projections(), rotations=rotations)
    assert series.single_axis
    np.testing.assert_array_equal(series.angles, ANGLES)
    for column in (0, 2):
        turned = rotations.copy()
        turned[2, column] = 0.5
        assert not TiltSeries(projections(), rotations=turned).single_axis


def test_it_cannot_be_reassigned():
    with pytest.raises(FrozenInstanceError):
        TiltSeries(projections(), ANGLES).angles = ANGLES


def test_calibration_and_source_are_kept():
    series = TiltSeries(projections(), ANGLES, pixel_size=np.float32(0.5), source="here")
    assert (series.pixel_size, series.source, series.shape) == (0.5, "here", SHAPE)
    assert type(series.pixel_size) is float


def test_data_that_do_not_fit_into_memory_are_refused_before_they_are_converted(monkeypatch):
    class Little:
        available = 100

    monkeypatch.setattr(psutil, "virtual_memory", lambda: Little)
    with pytest.raises(NotEnoughMemoryError, match="projections: float32 data take"):
        TiltSeries(projections(), ANGLES)

"""Series made of other series: merged, cut, held out, filled and changed."""

import warnings

import numpy as np
import pytest

from proxiscope.core import InputError
from proxiscope.tomography import TiltSeries, merge
from proxiscope.tomography.orientation import about_axis_at
from proxiscope.tomography.problem import filled

pytestmark = pytest.mark.filterwarnings("error")
SHAPE = (6, 3, 5)
ANGLES = [-40.0, -10.0, 15.0, 30.0, 50.0, 60.0]


def projections():
    return np.arange(1, 91, dtype=float).reshape(SHAPE)


def full(**changes):
    """A series with every field set."""
    options = {
        "rotations": np.stack([np.arange(6.0), ANGLES, -np.arange(6.0)], axis=1),
        "valid": projections() % 7 != 0,
        "support": np.ones((4, 3, 5), bool),
        "shifts": np.arange(12.0).reshape(6, 2),
        "held_out": np.arange(6) == 2,
        "pixel_size": 0.5,
        "source": "here",
    }
    return TiltSeries(projections(), **options | changes)


def assert_same(a, b, *but):
    for name in set(TiltSeries.__dataclass_fields__) - {"_", *but}:
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


@pytest.mark.parametrize(
    ("arguments", "field", "says"),
    [
        ({"shifts": np.zeros((6, 3))}, "shifts", "Give (dy, dx) in pixels for each of 6 projections"),
        ({"shifts": np.zeros((5, 2))}, "shifts", "an array of shape (5, 2)"),
        ({"shifts": np.full((6, 2), np.nan)}, "shifts", "Give (dy, dx)"),
        ({"shifts": [["a", "b"]] * 6}, "shifts", "values that are not numbers. Give pixels"),
        ({"support": np.ones((3, 5))}, "support", "Give a mask with the axes (z, y, x)"),
        ({"support": np.zeros((4, 3, 5))}, "support", "it is empty"),
        ({"held_out": np.zeros(5, bool)}, "held_out", "its shape is (5,)"),
        ({"held_out": np.ones(6, bool)}, "held_out", "no projection is left"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(arguments, field, says):
    with pytest.raises(InputError) as caught:
        full(**arguments)
    assert caught.value.field == field
    assert says in str(caught.value)


def test_by_default_nothing_is_shifted_bound_or_held_out():
    series = TiltSeries(projections(), ANGLES)
    np.testing.assert_array_equal(series.shifts, np.zeros((6, 2)))
    assert series.support is None
    assert series.held_out is None
    assert series.used.all()
    assert series.single_axis
    assert not TiltSeries(projections(), ANGLES, shifts=np.full((6, 2), 0.1)).single_axis


def test_tilts_are_used_that_have_data_and_are_not_held_out():
    values = projections()
    values[4] = 0
    with pytest.warns(UserWarning, match="tilt 4"):
        series = TiltSeries(values, ANGLES, held_out=np.arange(6) == 1)
    assert series.used.tolist() == [True, False, True, True, False, True]


def test_a_copy_has_all_that_is_not_changed():
    series = full()
    assert_same(series.copy_with(), series)
    other = series.copy_with(pixel_size=2, source="there", support=None)
    assert (other.pixel_size, other.source, other.support) == (2, "there", None)
    assert_same(other, series, "pixel_size", "source", "support")


def test_new_angles_replace_the_rotations_and_the_other_way_round():
    turned = full().copy_with(angles=np.zeros(6))
    np.testing.assert_array_equal(turned.rotations, np.zeros((6, 3)))
    turned = full().copy_with(rotations=np.ones((6, 3)))
    np.testing.assert_array_equal(turned.angles, np.ones(6))
    assert_same(turned, full(), "angles", "rotations")


def test_a_copy_does_not_warn_again():
    values = projections()
    values[4] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        series = TiltSeries(values, ANGLES)
    assert series.copy_with(source="copy").source == "copy"
    assert series.subset([3, 4]).shape == (2, 3, 5)


@pytest.mark.parametrize("tilts", [[4, 0, 2], np.array([True, False, True, False, True, False]), slice(1, 5)], ids=str)
def test_a_subset_has_the_tilts_asked_for(tilts):
    series, some = full(), full().subset(tilts)
    for name in ("projections", "valid", "rotations", "angles", "shifts", "held_out"):
        np.testing.assert_array_equal(getattr(some, name), getattr(series, name)[tilts])
    assert some.pixel_size == series.pixel_size
    np.testing.assert_array_equal(some.support, series.support)


def test_merging_the_parts_gives_the_whole():
    series = full()
    assert_same(merge(series.subset(slice(0, 2)), series.subset([2, 3]), series.subset(slice(4, 6))), series)


def test_merged_series_may_hold_out_tilts_or_not_and_name_their_sources_once():
    one, two = full(), full(held_out=None, source="there")
    with pytest.warns(UserWarning, match="the merged series share some"):
        both, unseen = merge(one, two, one), merge(two, two)
    assert both.source == "here + there"
    assert both.held_out.tolist() == [*one.held_out, *[False] * 6, *one.held_out]
    assert unseen.held_out is None


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (TiltSeries(np.ones((2, 4, 5)), [0, 1]), r"projections of \(3, 5\) and \(4, 5\)"),
        (TiltSeries(np.ones((2, 3, 5)), [0, 1], pixel_size=0.6), "pixels of 0.5 and 0.6 nm"),
    ],
)
def test_series_that_do_not_fit_are_not_merged(other, says):
    with pytest.raises(InputError, match=says):
        merge(full(), other)


@pytest.mark.parametrize(("every", "count"), [(2, 20), (5, 8), (10, 4), (30, 1)])
def test_every_nth_tilt_in_the_order_of_angles_is_held_out_but_not_the_outermost(every, count):
    angles = np.random.default_rng(0).permutation(np.linspace(-70, 70, 41))
    series = TiltSeries(np.ones((41, 2, 3)), angles).hold_out(every)
    chosen = np.sort(angles[series.held_out])
    assert len(chosen) == count
    assert chosen.min() > -70
    assert chosen.max() < 70
    np.testing.assert_allclose(np.diff(chosen), 3.5 * every)


def test_the_order_is_that_about_the_axis_wherever_it_lies():
    angles = np.random.default_rng(0).permutation(np.linspace(-70, 70, 41))
    series = TiltSeries(np.ones((41, 2, 3)), angles)
    inclined = series.copy_with(rotations=about_axis_at(series.rotations, 8.0))
    np.testing.assert_array_equal(inclined.hold_out(5).held_out, series.hold_out(5).held_out)


@pytest.mark.parametrize("every", [0, 1, -3, 100])
def test_holding_out_all_or_nothing_is_refused(every):
    with pytest.raises(InputError, match="every"):
        full().hold_out(every)


def test_each_unusable_pixel_is_filled_from_the_nearest_usable_one():
    values = projections()
    values[2] = np.nan
    valid = np.ones(SHAPE, bool)
    valid[0, 1, 1:4] = valid[1, :, :2] = False
    with pytest.warns(UserWarning, match="tilt 2"):
        series = TiltSeries(values, ANGLES, valid=valid)
    whole = filled(series)
    np.testing.assert_array_equal(whole.projections[series.valid], series.projections[series.valid])
    assert whole.projections[0, 1].tolist()[1] in (2, 6, 12)  # above, left or below
    np.testing.assert_array_equal(whole.projections[1, :, :2], np.repeat(values[1, :, 2:3], 2, axis=1))
    assert not whole.projections[2].any()  # nothing to fill from: still left out
    assert whole.used.tolist() == series.used.tolist()
    assert whole.valid.all()
    plain = TiltSeries(projections(), ANGLES)
    assert filled(plain) is plain

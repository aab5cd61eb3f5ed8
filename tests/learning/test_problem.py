"""Points and labels: what is kept as it is, and what is refused."""

import numpy as np
import pytest

from proxiscope.core import InputError
from proxiscope.learning import LabelledSet, PointSet

POINTS, CLASSES = np.arange(6.0).reshape(3, 2), [0, 2, 1]


@pytest.mark.parametrize(
    ("given", "kept"),
    [("f8", "f8"), (">f8", "f8"), ("f4", "f4"), (">f4", "f4"), ("f2", "f4"), ("u2", "f4"), ("?", "f4")],
)
def test_points_are_double_where_they_are_given_so_else_single(given, kept):
    problem = PointSet(np.asfortranarray(POINTS).astype(given), start=POINTS[:2])
    for array in (problem.points, problem.start):
        assert array.dtype == kept
        assert array.flags.c_contiguous
    np.testing.assert_array_equal(problem.points, POINTS.astype(given))
    assert LabelledSet(POINTS.astype(given), CLASSES, POINTS, CLASSES).points.dtype == np.float32


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (POINTS + 1j, "values of type complex128"),
        (np.full((3, 2), "1"), "values of type <U1"),
        (POINTS[0], r"an array of shape \(2,\)"),
        (POINTS[:0], r"an array of shape \(0, 2\)"),
        ([[0, 1], [np.nan, np.inf], [0, -np.inf]], "2 points that are not finite, the first at 1"),
    ],
)
def test_what_are_no_points_is_refused(values, found):
    with pytest.raises(InputError, match=f"^points: {found}"):
        PointSet(values)
    with pytest.raises(InputError, match=f"^test_points: {found}"):
        LabelledSet(POINTS, CLASSES, values, CLASSES)


def test_what_single_precision_cannot_hold_is_not_finite():
    assert PointSet(1e300 * POINTS).points.max() == 5e300
    with pytest.raises(InputError, match=r"^points: 3 points that are not finite"):
        LabelledSet(1e300 * POINTS, CLASSES, POINTS, CLASSES)
    with pytest.raises(InputError, match=r"^start: 2 points that are not finite"):
        PointSet(POINTS.astype(np.float32), start=1e300 * POINTS[1:])


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ([0, 1], r"an array of shape \(2,\). Give one class for each of 3"),
        ([0.0, 1.0, 2.0], "values of type float64"),
        (["a", "b", "c"], "values of type <U1"),
        ([0, -1, 1], "a class -1"),
        (np.array([0, 1, 2**63], np.uint64), "a class -"),
    ],
)
def test_what_are_no_classes_is_refused(labels, found):
    with pytest.raises(InputError, match=f"^labels: {found}"):
        LabelledSet(POINTS, labels, POINTS, CLASSES)


def test_the_number_of_classes_counts_those_to_be_tested_with():
    assert LabelledSet(POINTS, [0, 1, 0], POINTS, CLASSES).classes == 3

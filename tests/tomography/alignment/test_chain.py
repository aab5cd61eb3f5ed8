"""The whole alignment, where the truth is known."""

import numpy as np
import pytest

from proxiscope.reconstruction import reconstruct
from proxiscope.tomography import AcceleratedRESIRE
from proxiscope.tomography.alignment import align, apply_shifts, axis_angle, rms_shift, with_axis_at


@pytest.mark.parametrize(
    ("given", "largest_shift", "largest_angle"),
    [  # errors allowed: of the shifts in pixels, root mean square, and of the axis in degrees
        ({}, 0.02, 0.15),
        ({"axis": 3, "offset": 4}, 0.02, 0.15),
        pytest.param({"axis": -5, "offset": -6, "spread": 4}, 0.03, 0.2, marks=pytest.mark.slow),
        pytest.param({"axis": 3, "offset": 4, "noise": 0.05}, 0.06, 0.5, marks=pytest.mark.slow),
        pytest.param({"axis": 3, "offset": 4, "angles": np.arange(-50, 51, 2.5)}, 0.05, 0.4, marks=pytest.mark.slow),
        pytest.param(
            {"axis": 3, "offset": 4, "noise": 0.05, "angles": np.arange(-50, 51, 2.5)}, 0.08, 1, marks=pytest.mark.slow
        ),
        # over five seeds of the noise the axis of so round an object is 0 to 1.35 degrees off, shifts .056 to .069 px
        pytest.param({"axis": 3, "offset": 4, "noise": 0.1}, 0.12, 2, marks=pytest.mark.slow),
    ],
    ids=["shifts", "axis", "far", "noise", "wedge", "wedge-noise", "much-noise"],
)
def test_a_vesicle(misaligned, given, largest_shift, largest_angle):
    series, shifts = misaligned(**given)
    found = align(series)
    axis = given.get("axis", 0)
    error = rms_shift(found.shifts, shifts, series.angles, axis)
    print(f"{given}: {error:.3f} px, {axis_angle(found) - axis:+.2f} degrees")
    assert error < largest_shift
    assert axis_angle(found) == pytest.approx(axis, abs=largest_angle)


def test_reconstructions_become_as_good_as_with_the_true_shifts(misaligned):
    series, shifts = misaligned(axis=3, offset=4)
    method = AcceleratedRESIRE(max_iterations=30)
    known = apply_shifts(with_axis_at(series.copy_with(shifts=shifts), 3))
    aim, before, after = (reconstruct(method, s).r_factor for s in (known, series, apply_shifts(align(series))))
    assert after < 1.01 * aim
    assert before > 3 * aim


def test_a_film(misaligned_film):
    series, shifts = misaligned_film
    found = align(series)
    error = rms_shift(found.shifts, shifts, series.angles, 3)
    print(f"{error:.3f} px, {axis_angle(found) - 3:+.2f} degrees")
    assert error < 0.15
    assert axis_angle(found) == pytest.approx(3, abs=1)


def test_an_aligned_series_stays_as_it_is(misaligned):
    series, shifts = misaligned(spread=0)
    found = align(series, refine_axis=False)
    assert axis_angle(found) == 0
    assert rms_shift(found.shifts, shifts, series.angles) < 0.02


def test_the_whole_tells_how_far_it_is(misaligned):
    series, _ = misaligned(size=24, angles=np.arange(-60, 61, 6.0))
    seen, rounds = [], []
    align(series, tick=seen.append, watch=lambda s, r: rounds.append((s.shifts, r)))
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert all(0 < r < 1 for _, r in rounds)

"""Shifts by hand and from files, and the steps of an alignment."""

import numpy as np
import pytest

from proxiscope.core import InputError
from proxiscope.io.preparing import read_beside
from proxiscope.io.xf import write_xf
from proxiscope.preparation import History, Images, Tools, step
from proxiscope.simulate import tilt_series, vesicle
from proxiscope.tomography.alignment import apply_shifts, axis_angle, rms_shift
from proxiscope.tomography.orientation import about_axis_at

from .common import tomography

ANGLES = np.arange(-60, 61, 6.0)
SHIFTS = np.random.default_rng(4).normal(0, 2, (len(ANGLES), 2))
ALIGNMENT = ["align-cross-correlation", "align-centre-of-mass", "align-common-line", "find-tilt-axis"]

FILES = Tools(read=read_beside)


@pytest.fixture(scope="module")
def displaced():
    return Images.of(tilt_series(vesicle((32, 32, 32)), ANGLES, shifts=SHIFTS, shape=(48, 48))).copy_with(shifts=None)


class TestSetShifts:
    images = tomography(np.ones((3, 8, 9)), [-1, 0, 1])

    def test_rows_are_taken_as_they_are(self):
        rows = ((0.5, -1.0), (2.0, 0.0), (1.0, 1.0))
        np.testing.assert_array_equal(step("set-shifts", {"shifts": rows})(self.images).shifts, rows)
        one = step("set-shifts", {"shifts": ((1.0, 2.0),)})(self.images)
        np.testing.assert_array_equal(one.shifts, [[1, 2]] * 3)

    def test_a_text_file_of_rows(self, tmp_path):
        path = tmp_path / "shifts.txt"
        path.write_text("# dy dx\n0.5, -1\n2 0\n\n1 1\n")
        done = step("set-shifts", {"file": str(path)})(self.images, FILES)
        np.testing.assert_array_equal(done.shifts, [[0.5, -1], [2, 0], [1, 1]])

    def test_a_file_of_transforms_does_what_it_says(self, tmp_path):
        """A point of the raw image at p goes to A p + d; the axis of the aligned ones passes through their middle."""
        rng = np.random.default_rng(0)
        angle = np.deg2rad(12.0)
        c, s = np.cos(angle), np.sin(angle)
        moves = rng.normal(0, 2, (3, 2))
        path = tmp_path / "series.xf"
        path.write_text("".join(f"{c} {-s} {s} {c} {dx} {dy}\n" for dx, dy in moves))
        done = step("set-shifts", {"file": str(path)})(self.images, FILES)
        ny, nx = self.images.shape[1:]
        for (dy, dx), move in zip(done.shifts, moves, strict=True):
            raw = np.array([nx // 2 + dx + 0.5 - nx / 2, ny // 2 + dy + 0.5 - ny / 2])  # in edges of pixels
            np.testing.assert_allclose(np.array([[c, -s], [s, c]]) @ raw + move, 0, atol=1e-9)
        aligned = apply_shifts(done.tilt_series(announce=False))
        assert not aligned.rotations[:, [0, 2]].round(6).any()
        assert "-12.00 degrees" in done.remarks[-1]

    @pytest.mark.parametrize("angle", [12.0, 0.0])
    def test_transforms_stand_in_place_of_an_axis_found_before(self, tmp_path, angle):
        write_xf(tmp_path / "a.xf", np.zeros((3, 2)), (8, 9), angle)
        before = self.images.copy_with(rotations=about_axis_at(self.images.rotations, 5.0))
        done = step("set-shifts", {"file": str(tmp_path / "a.xf")})(before, FILES)
        assert axis_angle(done.tilt_series(announce=False)) == pytest.approx(-angle, abs=1e-4)

    @pytest.mark.parametrize(
        "parameters", [{}, {"shifts": ((1.0, 2.0),), "file": "a.txt"}, {"shifts": ((1.0, 2.0),) * 2}]
    )
    def test_what_does_not_fit_is_refused(self, parameters):
        with pytest.raises(InputError, match="shifts"):
            step("set-shifts", parameters)(self.images)

    @pytest.mark.parametrize("text", ["a b\n", "1 2\n3\n", "1 2 3\n" * 3, "0 0 0 0 1 1\n" * 3, ""])
    def test_a_bad_file_is_refused(self, tmp_path, text):
        path = tmp_path / "a.xf"
        path.write_text(text)
        with pytest.raises(InputError, match=r"file|a\.xf"):
            step("set-shifts", {"file": str(path)})(self.images, FILES)
        with pytest.raises(InputError, match=r"missing\.txt"):
            step("set-shifts", {"file": str(tmp_path / "missing.txt")})(self.images, FILES)


@pytest.mark.parametrize("name", ALIGNMENT)
def test_an_alignment_leaves_the_images_and_tells_how_far_it_is(displaced, name):
    told = []
    done = step(name, {"method": "mass"} if name == "find-tilt-axis" else None)(displaced, Tools(tick=told.append))
    assert done.values is displaced.values
    assert done.valid is displaced.valid
    assert told
    assert told == sorted(told)
    assert "px" in " ".join(done.remarks)


@pytest.mark.slow
def test_the_whole_alignment_finds_the_shifts(displaced):
    done = step("align")(displaced)
    assert rms_shift(SHIFTS, 0 * SHIFTS, ANGLES) > 2
    assert rms_shift(done.shifts, SHIFTS, ANGLES) < 0.3
    fine = step("align-projections", {"rounds": 3})(done)
    assert rms_shift(fine.shifts, SHIFTS, ANGLES) < 0.3
    assert fine.values is displaced.values


def test_images_are_moved_once(displaced):
    rows = tuple(map(tuple, SHIFTS))
    history = History(displaced)
    history.apply(step("set-shifts", {"shifts": rows}))
    done = history.apply(step("apply-shifts"))
    assert done.shifts is None
    assert not done.valid.all()
    still = tilt_series(vesicle((32, 32, 32)), ANGLES, shape=(48, 48)).projections
    assert np.abs(done.values - still)[done.valid].mean() < 0.01 * still.max()
    assert history.undo().values is displaced.values

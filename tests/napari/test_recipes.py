"""What the panels put on record can be made again from the file."""

import numpy as np
import pytest
from tests.problems import small_pattern, small_series

from proxiscope.io import save, write_array
from proxiscope.io.rebuild import problem_of

pytestmark = pytest.mark.gui

PLUGIN = "napari-proxiscope"


@pytest.fixture
def series_file(tmp_path):
    """The small series as MRC with its angles beside it, in no order."""
    order = np.random.default_rng(0).permutation(21)
    write_array(tmp_path / "series.mrc", small_series().projections[order], pixel_size=2.0)
    (tmp_path / "series.rawtlt").write_text("\n".join(f"{a}" for a in small_series().angles[order]))
    return tmp_path / "series.mrc"


def same(one, other, names):
    for name in names:
        mine, others = getattr(one, name), getattr(other, name)
        assert (mine is None) == (others is None), name
        np.testing.assert_array_equal(mine, others, err_msg=name)
    assert one.pixel_size == other.pixel_size
    return True


def same_series(one, other):
    return same(one, other, ("projections", "rotations", "shifts", "valid", "support", "held_out"))


def made_by(panel):
    return panel.problem_maker(panel.input.value)()


def test_a_series_from_a_file(viewer, open_panel, series_file):
    viewer.open(series_file, plugin=PLUGIN)
    panel = open_panel("Tomography")
    problem = made_by(panel)
    assert problem.recipe["path"] == str(series_file)
    assert same_series(problem_of(problem.recipe), problem)
    panel.hold_out.value = 5
    panel.reverse.value = True
    problem = made_by(panel)
    assert problem.held_out.any()
    assert same_series(problem_of(problem.recipe), problem)


def test_a_series_with_blocked_pixels_and_other_angles(viewer, open_panel, series_file):
    (layer,) = viewer.open(series_file, plugin=PLUGIN)
    blocked = np.zeros(layer.data.shape, np.uint8)
    blocked[3, 4:6, 5] = 1
    viewer.add_labels(blocked, name="series.mrc blocked")
    panel = open_panel("Tomography")
    panel.tilt_axis.value, panel.axis_angle.value = "angle", 4.0
    panel.angles.value = "evenly spaced"
    panel.first_angle.value, panel.angle_step.value = -50, 5
    problem = made_by(panel)
    assert not problem.valid.all()
    assert problem.recipe is not None


def test_a_series_whose_axis_lies_along_x(viewer, open_panel, shared_data):
    viewer.open(shared_data("etspy_haadf_needle/HAADF.mrc"), plugin=PLUGIN)
    panel = open_panel("Tomography")
    problem = made_by(panel)
    assert problem.recipe["options"]["tilt_axis"] == "x"
    assert same_series(problem_of(problem.recipe), problem)
    panel.tilt_axis.value = "angle"
    panel.axis_angle.value = 2.0
    assert made_by(panel).recipe is None


def test_data_that_were_changed_have_none(viewer, open_panel, series_file):
    (layer,) = viewer.open(series_file, plugin=PLUGIN)
    layer.data = np.array(layer.data) + 1
    assert made_by(open_panel("Tomography")).recipe is None


def test_steps_are_on_record(viewer, open_panel, tmp_path, wait_until):
    write_array(tmp_path / "series.mrc", small_series().projections, pixel_size=2.0)
    (tmp_path / "series.rawtlt").write_text("\n".join(f"{a}" for a in small_series().angles))
    viewer.open(tmp_path / "series.mrc", plugin=PLUGIN)
    panel, tomography = open_panel("Prepare data"), open_panel("Tomography")
    for name in ("hot-pixels", "bin"):
        panel.chooser.combo.value = name
        panel.apply()
        wait_until(lambda: not panel.working)
    problem = made_by(tomography)
    assert problem.shape == (21, 10, 12)
    assert [one["name"] for one in problem.recipe["options"]["steps"]] == ["hot-pixels", "bin"]
    assert problem.recipe["options"]["angles"]["values"] == small_series().angles.tolist()
    assert problem.pixel_size == 4.0
    assert same_series(problem_of(problem.recipe), problem)


@pytest.mark.parametrize("support", ["box", "ellipse", "autocorrelation"])
def test_a_pattern_from_a_file(viewer, open_panel, tmp_path, support):
    path = tmp_path / "pattern.npz"
    write_array(path, small_pattern().magnitudes, kind="pattern", quantity="magnitudes", valid=small_pattern().known)
    viewer.open(path, plugin=PLUGIN)
    panel = open_panel("Phase retrieval")
    panel.support.value, panel.held_out.value = support, 5.0
    problem = made_by(panel)
    again = problem_of(problem.recipe)
    assert same(again, problem, ("magnitudes", "known", "support", "held_out"))
    assert again.object == problem.object


def test_a_file_with_a_support_of_its_own(viewer, open_panel, tmp_path):
    save(tmp_path / "pattern.h5", small_pattern())
    viewer.open(tmp_path / "pattern.h5", plugin=PLUGIN)
    panel = open_panel("Phase retrieval")
    assert panel.support.value is viewer.layers["pattern.h5 support"]
    problem = made_by(panel)
    assert same(problem_of(problem.recipe), problem, ("magnitudes", "known", "support", "held_out"))
    panel.support.value = "box"  # `load` would take the file's own
    assert made_by(panel).recipe is None

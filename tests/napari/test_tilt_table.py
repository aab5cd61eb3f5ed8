"""The table of tilts in the panel *Prepare data*."""

import numpy as np
import pytest
from qtpy.QtCore import Qt
from tests.problems import small_series

from proxiscope.io import read_angles
from proxiscope.io.xf import read_xf, write_xf
from proxiscope.napari.layers import note, series_layer
from proxiscope.tomography.orientation import about_axis_at

pytestmark = pytest.mark.gui

SHIFTS = np.random.default_rng(0).normal(0, 2, (21, 2))


@pytest.fixture
def panel(viewer, open_panel):
    """The panel with a series that has shifts."""
    series = small_series().copy_with(shifts=SHIFTS, pixel_size=2.0)
    data, options, _ = series_layer(series, "series")
    viewer.add_image(data, **options)
    return open_panel("Prepare data")


@pytest.fixture
def apply(panel, qtbot, wait_until):
    """Press Apply table."""

    def press():
        qtbot.mouseClick(panel.tilts.buttons.buttons["apply"], Qt.MouseButton.LeftButton)
        wait_until(lambda: not panel.working)

    return press


def cell(panel, row, column):
    return panel.tilts.table.item(row, column)


def test_it_shows_angles_shifts_and_use(panel):
    assert panel.tilts.table.rowCount() == 21
    assert cell(panel, 0, 0).text() == "-60"
    assert float(cell(panel, 3, 1).text()) == pytest.approx(SHIFTS[3, 0], abs=1e-3)
    assert float(cell(panel, 3, 2).text()) == pytest.approx(SHIFTS[3, 1], abs=1e-3)
    assert not panel.tilts.buttons.buttons["apply"].isEnabled()


def test_shifts_that_are_edited_become_a_step(viewer, panel, apply):
    cell(panel, 3, 1).setText("1,25")
    cell(panel, 4, 2).setText("nonsense")
    assert float(cell(panel, 4, 2).text()) == pytest.approx(SHIFTS[4, 1], abs=1e-3)
    cell(panel, 7, 3).setCheckState(Qt.CheckState.Unchecked)
    assert panel.tilts.buttons.buttons["apply"].isEnabled()
    viewer.dims.set_current_step(0, 9)  # what was edited stays
    apply()
    made = viewer.layers["series prepared"]
    expected = SHIFTS.copy()
    expected[3, 0] = 1.25
    np.testing.assert_array_equal(note(made, "shifts"), np.delete(expected, 7, axis=0))
    np.testing.assert_array_equal(made.data, np.delete(small_series().projections, 7, axis=0))
    assert [s["name"] for s in note(made, "steps")] == ["set-shifts", "exclude-tilts"]
    assert panel.tilts.table.rowCount() == 20
    assert not panel.tilts.table.unused
    assert "Leave tilts out" in panel.plan.list.texts()[1]


def test_rows_and_slider_go_together(viewer, panel):
    panel.tilts.table.setCurrentCell(5, 0)
    assert viewer.dims.current_step[0] == 5
    viewer.dims.set_current_step(0, 12)
    assert panel.tilts.table.currentRow() == 12


@pytest.mark.parametrize("suffix", [".txt", ".csv", ".xf"])
def test_shifts_are_saved_and_loaded(panel, tmp_path, suffix, errors):
    path = str(tmp_path / f"shifts{suffix}")
    panel.tilts.save(path)
    if suffix == ".xf":
        np.testing.assert_allclose(read_xf(path, (20, 24))[0], SHIFTS, atol=1e-3)
    else:
        np.testing.assert_allclose(read_angles(path)[:, 3:], SHIFTS, rtol=1e-8)
    panel.tilts.table.show_shifts(np.zeros((21, 2)))
    panel.tilts.load(path)
    np.testing.assert_allclose(panel.tilts.table.shifts, SHIFTS, atol=1e-3)
    assert not errors


def test_transforms_that_turn_are_applied_as_a_step(viewer, panel, tmp_path, wait_until):
    write_xf(tmp_path / "turned.xf", SHIFTS + 1, (20, 24), -3.0)
    panel.tilts.load(str(tmp_path / "turned.xf"))
    wait_until(lambda: not panel.working)
    made = viewer.layers["series prepared"]
    np.testing.assert_allclose(note(made, "shifts"), SHIFTS + 1, atol=2e-3)
    assert float(cell(panel, 1, 0).text()) == pytest.approx(-54, abs=1e-3)  # as recorded, not theta of the triple
    np.testing.assert_allclose(note(made, "rotations"), about_axis_at(small_series().rotations, 3.0), atol=1e-3)
    panel.tilts.save(str(tmp_path / "again.xf"))
    for one, other in zip(
        read_xf(tmp_path / "again.xf", (20, 24)), read_xf(tmp_path / "turned.xf", (20, 24)), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=2e-3)


def test_files_that_do_not_fit_are_said(panel, tmp_path, errors):
    (tmp_path / "angles.txt").write_text("1\n2\n")
    panel.tilts.load(str(tmp_path / "angles.txt"))
    assert "angles only" in errors[-1]
    (tmp_path / "short.txt").write_text("0 1 0 2 3\n0 2 0 2 3\n")
    panel.tilts.load(str(tmp_path / "short.txt"))
    assert "2 for 21 tilts" in errors[-1]
    (tmp_path / "bad.xf").write_text("1 0 0\n")
    panel.tilts.load(str(tmp_path / "bad.xf"))
    assert "A11 A12 A21 A22 DX DY" in errors[-1]

"""The panel *Prepare data* while it works: errors, cancel, and layers or windows that go away meanwhile."""

import threading

import numpy as np
import pytest
from qtpy.QtCore import Qt
from tests.napari.preparing import add_series, choose, names
from tests.problems import small_series

from proxiscope.napari.layers import series_layer
from proxiscope.preparation import step

pytestmark = pytest.mark.gui


@pytest.fixture
def series(viewer):
    """The small tilt series with one hot pixel, as a layer."""
    return add_series(viewer)


@pytest.fixture
def panel(series, open_panel):
    """The panel with that series chosen."""
    return open_panel("Prepare data")


def test_an_error_is_shown_and_changes_nothing(viewer, panel, press, errors):
    choose(panel, "exclude-tilts", tilts=(100,))
    press(panel, "apply")
    assert "tilt 100" in errors[-1]
    assert panel.controls.status.text() == errors[-1]
    assert names(viewer) == ["series"]
    assert panel.plan.list.texts() == []
    panel.chooser.form.widgets["tilts"].value = "some"
    press(panel, "apply")
    assert "got 'some'" in errors[-1]
    panel.chooser.form.widgets["tilts"].value = "3"
    press(panel, "apply")
    assert len(viewer.layers["series prepared"].data) == 20


def test_cancel_leaves_everything_as_it_was(viewer, panel, series, press, slow, qtbot, wait_until):
    panel._show()
    panel.chooser.offer("tomography")
    choose(panel, "slow")
    press(panel, "apply", wait=False)
    wait_until(slow.is_set)
    assert not panel.step_buttons.buttons["apply"].isEnabled()
    qtbot.mouseClick(panel.controls.buttons["pause"], Qt.MouseButton.LeftButton)
    wait_until(lambda: "Paused" in panel.controls.status.text())
    held = panel.job.fraction
    qtbot.wait(100)
    assert panel.job.fraction == held
    qtbot.mouseClick(panel.controls.buttons["resume"], Qt.MouseButton.LeftButton)
    wait_until(lambda: panel.job.fraction > held)
    qtbot.mouseClick(panel.controls.buttons["cancel"], Qt.MouseButton.LeftButton)
    wait_until(lambda: not panel.working)
    assert panel.controls.status.text() == "Cancelled."
    assert names(viewer) == ["series"]
    assert series.visible
    assert panel.step_buttons.buttons["apply"].isEnabled()


def test_a_chain_stops_where_it_fails_and_keeps_what_was_done(viewer, panel, press, errors):
    panel.plan.add(step("hot-pixels"), step("exclude-tilts", {"tilts": (50,)}), step("bin"))
    press(panel, "run")
    assert "tilt 50" in errors[-1]
    assert [s.name for s in panel.current.steps] == ["hot-pixels"]
    assert [s.name for s in panel.plan.planned] == ["exclude-tilts", "bin"]
    panel.plan.list.setCurrentRow(1)
    assert panel.chooser.step_class.name == "exclude-tilts"
    panel.chooser.form.widgets["tilts"].value = "1, 2"
    assert panel.plan.planned[0].tilts == (1, 2)
    press(panel, "run")
    assert [s.name for s in panel.current.steps] == ["hot-pixels", "exclude-tilts", "bin"]
    assert panel.plan.planned == []
    assert viewer.layers["series prepared"].data.shape == (19, 10, 12)


def test_deleting_the_layers_during_work_does_no_harm(viewer, panel, press, slow, qtbot, wait_until):
    panel.chooser.offer("tomography")
    choose(panel, "slow")
    press(panel, "apply", wait=False)
    wait_until(slow.is_set)
    viewer.layers.clear()
    wait_until(lambda: not panel.working)  # nobody waits for it: it is cancelled
    assert panel.controls.status.text() == "Cancelled."
    assert len(viewer.layers) == 0
    assert panel.input.value is None
    assert not panel.step_buttons.buttons["apply"].isEnabled()


def test_the_prepared_layer_lives_on_without_its_source(viewer, panel, series, press):
    choose(panel, "hot-pixels")
    press(panel, "apply")
    viewer.layers.remove(series)
    made = viewer.layers["series prepared"]
    assert panel.input.value is made
    choose(panel, "bin")
    press(panel, "apply")
    assert viewer.layers["series prepared"].data.shape == (21, 10, 12)
    viewer.layers.remove("series prepared")
    assert panel.sessions == []


def test_a_prepared_layer_that_was_deleted_comes_back(viewer, panel, press):
    choose(panel, "hot-pixels")
    press(panel, "apply")
    viewer.layers.remove("series prepared")
    press(panel, "apply")
    assert names(viewer) == ["series", "series prepared"]
    assert len(panel.current.steps) == 2


@pytest.mark.parametrize("close", ["panel", "viewer"])
def test_closing_during_work_ends_the_thread(viewer, panel, press, slow, wait_until, close):
    panel.chooser.offer("tomography")
    choose(panel, "slow")
    press(panel, "apply", wait=False)
    wait_until(slow.is_set)
    job = panel.job
    if close == "panel":
        viewer.window.remove_dock_widget(panel)
    else:
        viewer.close()
    wait_until(lambda: job.status.ended)
    assert job.wait(5)


def test_two_series_are_prepared_side_by_side(viewer, panel, series, press):
    choose(panel, "hot-pixels")
    press(panel, "apply")
    data, options, _ = series_layer(small_series(), "other")
    other = viewer.add_image(data, **options)
    panel.input.value = other
    assert panel.plan.list.texts() == []
    choose(panel, "bin")
    press(panel, "apply")
    panel.input.value = series
    assert [s.name for s in panel.current.steps] == ["hot-pixels"]
    assert len(panel.plan.list.texts()) == 1
    assert {"series prepared", "other prepared"} <= set(names(viewer))


def test_data_on_disk_are_read_in_the_thread_only(viewer, open_panel, press, tmp_path):
    np.save(tmp_path / "stack.npy", np.asarray(small_series().projections))
    reads = []

    class Watched(np.memmap):
        def __array__(self, *args, **kwargs):
            reads.append(threading.current_thread().name)
            return super().__array__(*args, **kwargs)

    data = np.load(tmp_path / "stack.npy", mmap_mode="r").view(Watched)
    viewer.add_image(data, name="stack", contrast_limits=(0, 10))
    panel = open_panel("Prepare data")
    del reads[:]
    choose(panel, "hot-pixels")
    press(panel, "apply")
    assert names(viewer) == ["stack", "stack prepared"]

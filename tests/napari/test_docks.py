"""How the panels lie in the window, and what of them is in view."""

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QScrollArea
from tests.napari.preparing import add_series

from proxiscope.napari.panels.dock import dock_of
from proxiscope.preparation import step

pytestmark = pytest.mark.gui


@pytest.fixture
def shown(make_napari_viewer):
    """A viewer that is on the screen, as high as a laptop's."""
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1280, 720)
    return viewer


def add(viewer, name):
    return viewer.window.add_plugin_dock_widget("napari-proxiscope", name)[1]


def test_panels_are_tabs_of_one_place_each_as_high_as_the_window(shown, wait_until):
    panels = [add(shown, name) for name in ("Prepare data", "Tomography", "Phase retrieval")]
    window, docks = shown.window._qt_window, [dock_of(panel) for panel in panels]
    wait_until(lambda: len(window.tabifiedDockWidgets(docks[0])) == 2)
    wait_until(lambda: panels[2].isVisible() and panels[2].height() > 500)
    docks[0].raise_()
    wait_until(lambda: panels[0].isVisible() and panels[0].height() > 500)
    shown.window.remove_dock_widget(panels[0])
    assert len(window.tabifiedDockWidgets(docks[1])) == 1


def test_a_panel_that_floats_stays_where_it_is(shown, wait_until, qtbot):
    first = add(shown, "Prepare data")
    dock_of(first).setFloating(True)
    second = add(shown, "Tomography")
    qtbot.wait(100)
    assert shown.window._qt_window.tabifiedDockWidgets(dock_of(second)) == []


def test_the_list_grows_with_its_steps(shown, wait_until):
    add_series(shown)
    panel = add(shown, "Prepare data")
    wait_until(panel.isVisible)
    low = panel.plan.list.height()
    panel.plan.add(*[step("bin")] * 12)
    wait_until(lambda: low < panel.plan.list.height())
    assert not panel.plan.list.verticalScrollBar().isVisible()
    panel.plan.drop()
    wait_until(lambda: panel.plan.list.height() == low)


def test_what_is_unfolded_comes_into_view(shown, wait_until):
    add_series(shown)
    panel = add(shown, "Prepare data")
    wait_until(panel.tilt_section.isVisible)
    bar = panel.findChild(QScrollArea).verticalScrollBar()
    assert bar.value() == 0
    panel.tilt_section.toggleButton().click()
    wait_until(lambda: bar.value() > 0 and bar.value() == bar.maximum())


def test_a_panel_leaves_a_window_that_is_closed_at_once(viewer, open_panel):
    """The window itself goes when Qt finds time."""
    window, panel = viewer.window._qt_window, open_panel("Phase retrieval")
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    window.show()
    window.close()
    assert panel.left

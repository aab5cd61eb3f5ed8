"""Patterns on a logarithmic scale."""

import dask.array as da
import numpy as np
import pytest
from napari.components import ViewerModel

from proxiscope.napari.layers import note
from proxiscope.napari.log_view import log_view, logarithm, toggle_log

pytestmark = pytest.mark.gui

COUNTS = np.array([[0, 1, 10], [100, np.nan, -5]])


def test_the_logarithm_of_counts():
    logs, limits = logarithm(COUNTS)
    np.testing.assert_array_equal(logs, [[np.nan, 0, 1], [2, np.nan, np.nan]])
    assert logs.dtype == np.float32
    assert 0 <= limits[0] < limits[1] == 2
    assert logarithm(np.zeros((2, 3), np.uint16))[1] == (0, 1)
    np.testing.assert_allclose(logarithm(np.array([[1, 1000]], np.uint32))[0], [[0, 3]], rtol=1e-6)
    assert logarithm(np.array([[1e-30, 1e4]]))[1] == (-3, 4)


def test_there_and_back_and_what_becomes_of_either(wait_until):
    viewer = ViewerModel()
    layer = viewer.add_image(COUNTS, name="pattern", colormap="inferno")
    other = viewer.add_image(COUNTS, name="other")
    viewer.layers.selection.active = layer
    view = toggle_log(viewer, layer)
    shown = view.shown
    assert shown.name == "pattern (log10)"
    assert list(viewer.layers) == [layer, shown, other]
    assert note(shown, "kind") == "preview"
    assert (layer.visible, shown.visible) == (False, True)
    assert shown.colormap.name == "inferno"
    assert viewer.layers.selection.active is shown
    assert layer.data is COUNTS
    assert log_view(viewer, shown) is view
    layer.name = "counts"
    assert shown.name == "counts (log10)"
    layer.data = np.full((2, 3), 1000.0)
    np.testing.assert_allclose(shown.data, 3)
    assert toggle_log(viewer, shown) is None
    assert list(viewer.layers) == [layer, other]
    assert layer.visible
    assert viewer.layers.selection.active is layer

    toggle_log(viewer, layer)
    layer.visible = True  # the eye of the original
    wait_until(lambda: log_view(viewer, layer) is None)
    assert list(viewer.layers) == [layer, other]
    assert layer.visible

    viewer.layers.remove(toggle_log(viewer, layer).shown)
    wait_until(lambda: layer.visible)
    assert log_view(viewer, layer) is None

    shown = toggle_log(viewer, layer).shown
    viewer.layers.remove(layer)
    wait_until(lambda: shown not in viewer.layers)
    assert list(viewer.layers) == [other]

    frames = viewer.add_image(da.full((3, 40, 50), 100.0, chunks=(1, 40, 50)), contrast_limits=(0, 100))
    view = toggle_log(viewer, frames)  # not in memory: in a thread
    assert view.shown is None
    wait_until(lambda: view.shown is not None)
    np.testing.assert_allclose(view.shown.data, 2)
    toggle_log(viewer, frames)
    view = toggle_log(viewer, frames)
    viewer.layers.remove(frames)  # before it is done
    wait_until(lambda: not view.live)
    assert list(viewer.layers) == [other]

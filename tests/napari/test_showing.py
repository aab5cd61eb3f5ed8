"""Where prepared data are shown."""

import numpy as np
import pytest
from napari.components import ViewerModel
from tests.problems import small_series

from proxiscope.napari.layers import series_layer
from proxiscope.napari.session import Raw, Session
from proxiscope.napari.showing import show_prepared, show_source
from proxiscope.preparation import step


@pytest.fixture
def viewer():
    return ViewerModel()


def test_the_view_goes_to_prepared_data_only_where_they_are_elsewhere(viewer):
    data, options, _ = series_layer(small_series(), "series")
    source = viewer.add_image(data, **options)
    series = small_series()
    session = Session(Raw("series", data, "tomography", series.rotations), source)

    def apply(name, **parameters):
        outcome = session.apply([step(name, parameters)], lambda _fraction: None)
        session.settle()
        show_prepared(viewer, session, outcome.prepared)

    def view():
        return viewer.scene.camera.zoom, *viewer.scene.camera.center[-2:]

    viewer.scene.camera.zoom *= 3
    close = view()
    apply("hot-pixels")
    assert view() == close
    rows, columns = data.shape[-2:]
    apply("crop", region=(0, rows // 2, 0, columns // 2))
    middle = session.output.extent.world[:, -2:].mean(axis=0)
    np.testing.assert_allclose(view()[1:], middle)
    assert not np.allclose(middle, close[1:])
    shown = view()
    apply("background")
    assert view() == shown
    show_source(viewer, session)
    np.testing.assert_allclose(view()[1:], source.extent.world[:, -2:].mean(axis=0))

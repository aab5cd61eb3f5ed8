"""The line of the panels that says which algorithm goes with the data."""

import numpy as np
import pytest
from qtpy.QtCore import Qt
from tests.napari.conftest import PLUGIN

from proxiscope.advice import advise
from proxiscope.napari.angle_source import EVEN
from proxiscope.napari.layers import series_layer
from proxiscope.simulate import sample_film, sample_tilt_series
from proxiscope.tomography import TVRESIRE

pytestmark = pytest.mark.gui


@pytest.fixture
def press_choose(qtbot):
    """Follow what a panel advises."""

    def press(panel):
        assert not panel.advice.choose.isHidden()
        qtbot.mouseClick(panel.advice.choose, Qt.MouseButton.LeftButton)

    return press


@pytest.mark.parametrize("name", ["Tomography", "Phase retrieval"])
def test_without_data_there_is_no_advice(name, open_panel):
    assert open_panel(name).advice.isHidden()


def test_it_is_said_and_chosen_only_when_asked(viewer, open_panel, press_choose):
    panel = open_panel("Tomography")
    viewer.open_sample(PLUGIN, "tilt-series")
    advice = advise(sample_tilt_series())
    assert not panel.advice.isHidden()
    assert panel.advice.advice == advice
    assert panel.advice.label.text() == f"For these data: {advice.title}."
    assert advice.found in panel.advice.toolTip()
    assert panel.algorithm.value == "resire"
    press_choose(panel)
    assert panel.algorithm.value == advice.algorithm
    assert panel.advice.choose.isHidden()
    panel.algorithm.value = "sirt"
    assert not panel.advice.choose.isHidden()
    viewer.layers.clear()
    assert panel.advice.isHidden()


def test_a_film_is_recognised_and_its_depth_stays_to_be_given(viewer, open_panel, press_choose):
    panel = open_panel("Tomography")
    viewer.open_sample(PLUGIN, "film")
    press_choose(panel)
    assert panel.form.algorithm() == TVRESIRE(**advise(sample_film()).parameters)
    assert panel.advice.choose.isHidden()
    panel.form.widgets["film"].value = False
    assert not panel.advice.choose.isHidden()


def test_data_without_angles_get_no_advice_until_these_are_known(viewer, open_panel):
    panel = open_panel("Tomography")
    viewer.add_image(np.random.default_rng(0).random((9, 16, 16)), name="bare")
    assert panel.advice.isHidden()
    panel.angles.value = EVEN
    assert panel.advice.advice.found.startswith("9 tilts")


def test_the_kind_of_object_and_the_middle_decide(viewer, open_panel, press_choose):
    panel = open_panel("Phase retrieval")
    viewer.open_sample(PLUGIN, "pattern")
    assert "shrink_every" not in panel.advice.advice.parameters
    assert panel.advice.choose.isHidden()  # it is what the panel begins with
    panel.object.value = "complex"
    press_choose(panel)
    assert panel.chosen_algorithm().shrink_every == panel.advice.advice.parameters["shrink_every"]
    panel.object.value = "non-negative"
    layer = panel.input.value
    mask = np.ones(layer.data.shape, int)
    mask[92:109, 92:109] = 0
    viewer.add_labels(mask, name="mask")
    panel.mask.value = viewer.layers["mask"]
    assert "17 pixels missing in the middle" in panel.advice.advice.found
    assert panel.advice.advice.parameters


def test_what_lies_on_disk_is_not_read(viewer, open_panel):
    dask = pytest.importorskip("dask.array")
    data, options, _ = series_layer(sample_tilt_series(), "lazy")

    def refuse(block):
        raise AssertionError("it was read")

    lazy = dask.map_blocks(refuse, dask.from_array(data, chunks=(1, 96, 96)), dtype=data.dtype, meta=data[:0])
    panel = open_panel("Tomography")

    class Layer:
        metadata = options["metadata"]
        ndim = 3

    Layer.data = lazy
    assert not panel.facts(Layer).film

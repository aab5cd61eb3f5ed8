"""The samples: each opens in a viewer, is recognised by the panels, and Run works at once."""

import time
from dataclasses import replace

import pytest
from tests.napari.conftest import PLUGIN

from proxiscope.napari.layers import note
from proxiscope.reconstruction import reconstruct

pytestmark = pytest.mark.gui

READY = {  # the R-factor that the default method is below after a quick run
    "Phase retrieval": {"pattern": 0.08, "phase-object": 0.07, "missing-centre": 0.05, "bragg": 0.2},
    "Tomography": {
        "tilt-series": 0.1,
        "few-tilts": 0.1,
        "double-tilt": 0.12,
        "blocked-series": 0.1,
        "film": 0.1,
        "needle": 0.07,
    },
}
RAW = {"raw-series": "tomography", "exposures": "phase"}
QUICK = {"Phase retrieval": {"max_iterations": 100}, "Tomography": {"max_iterations": 30}}
KNOWN = {"film": {"film": True, "depth": 24}}
"""What the name of the layer says."""


def opened(viewer, key):
    """The main layer of a sample, alone in the viewer; it takes no longer than a user is glad to wait."""
    viewer.layers.clear()
    begin = time.perf_counter()
    viewer.open_sample(PLUGIN, key)
    assert time.perf_counter() - begin < 4  # two on a machine that does nothing else
    return next(layer for layer in viewer.layers if note(layer, "kind") and not note(layer, "in_plane"))


@pytest.mark.parametrize("name", READY)
def test_those_that_are_ready_are_recognised_and_run(viewer, open_panel, errors, name):
    panel = open_panel(name)
    for key, bound in READY[name].items():
        layer = opened(viewer, key)
        assert panel.input.value is layer
        assert layer.data.shape[-1] <= 200
        problem = panel.problem_maker(layer)()
        assert problem.pixel_size
        algorithm = replace(panel.chosen_algorithm(), **QUICK[name], **KNOWN.get(key, {}))

        assert reconstruct(algorithm, problem).r_factor < bound, key
    assert not errors


def test_those_that_are_raw_are_for_preparation(viewer, open_panel):
    panel = open_panel("Prepare data")
    for key, family in RAW.items():
        layer = opened(viewer, key)
        assert panel.input.value is layer
        assert panel.choice.family == family


def test_all_are_tested(viewer):
    from npe2 import PluginManager

    keys = {sample.key for sample in PluginManager.instance().get_manifest(PLUGIN).contributions.sample_data}
    assert keys == {*READY["Phase retrieval"], *READY["Tomography"], *RAW}

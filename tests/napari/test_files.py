"""Files through napari: readers, writers and sample data, as the manifest declares them."""

import numpy as np
import pytest
from napari.components import ViewerModel
from npe2 import PluginManager, PluginManifest
from npe2.manifest.utils import import_python_name
from tests.problems import small_series

from proxiscope.core import InputError
from proxiscope.io import read, write_array
from proxiscope.napari.layers import note, raw_layer
from proxiscope.napari.reader import get_reader
from proxiscope.reconstruction import reconstruct
from proxiscope.tomography import SIRT

PLUGIN = "napari-proxiscope"


@pytest.fixture
def manifest():
    """Our manifest as installed, registered with the plugin manager, which tests start empty."""
    manager = PluginManager.instance()
    if PLUGIN not in manager:
        manager.register(PluginManifest.from_distribution(PLUGIN))
    return manager.get_manifest(PLUGIN)


@pytest.fixture
def model(manifest):
    """A viewer without a window."""
    return ViewerModel()


@pytest.fixture
def mrc(tmp_path):
    """A small tilt series as MRC with its angles beside it."""
    series = small_series()
    write_array(tmp_path / "series.mrc", series.projections, pixel_size=2.5)
    (tmp_path / "series.rawtlt").write_text("\n".join(f"{a:.2f}" for a in series.angles))
    return tmp_path / "series.mrc"


def test_a_tilt_series_opens_with_its_angles_and_scale(model, mrc):
    (layer,) = model.open(mrc, plugin=PLUGIN)
    np.testing.assert_array_equal(layer.data, small_series().projections)
    np.testing.assert_allclose(note(layer, "rotations")[:, 1], small_series().angles)
    assert tuple(layer.scale) == pytest.approx((2.5, 2.5, 2.5))
    assert [str(unit) for unit in layer.units] == ["nanometer"] * 3
    assert tuple(layer.axis_labels) == ("tilt", "y", "x")
    assert note(layer, "source") == str(mrc)


def test_a_series_with_its_axis_along_x_is_turned_and_says_so(shared_data):
    path = shared_data("etspy_haadf_needle/HAADF_Aligned.hspy")
    data, options, _ = raw_layer(read(path))
    stored = read(path).data
    np.testing.assert_array_equal(data[5, :, 7], stored[5, 7, ::-1])
    notes = options["metadata"]["proxiscope"]
    assert any("turned" in sentence for sentence in notes["notes"])
    assert notes["pixel_size"] == pytest.approx(3.36)
    assert notes["rotations"].shape == (77, 3)


def test_an_image_opens_as_a_pattern(model, tmp_path):
    np.save(tmp_path / "pattern.npy", np.arange(64.0).reshape(8, 8))
    (layer,) = model.open(tmp_path / "pattern.npy", plugin=PLUGIN)
    assert note(layer, "kind") == "pattern"
    assert layer.data.shape == (8, 8)


@pytest.mark.parametrize("name", ["empty.mrc", "text.mrc", "pickled.npy"])
def test_a_file_that_cannot_be_read_is_named_and_leaves_the_layers(model, tmp_path, name):
    model.add_image(np.ones((4, 4)))
    path = tmp_path / name
    if name == "pickled.npy":
        np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    else:
        path.write_text("" if name == "empty.mrc" else "not an MRC file, but text " * 100)
    with pytest.raises(Exception, match=name) as caught:
        model.open(path, plugin=PLUGIN)
    root = caught.value
    while root.__cause__ is not None and not isinstance(root, InputError):
        root = root.__cause__
    assert isinstance(root, InputError)
    assert len(model.layers) == 1


def test_files_of_others_are_left_to_others():
    assert get_reader("notes.docx") is None
    assert get_reader(["a.mrc", "b.mrc"]) is None


@pytest.mark.parametrize("suffix", [".mrc", ".h5", ".npz"])
def test_a_result_layer_saves_with_its_scale(model, tmp_path, suffix):
    result = reconstruct(SIRT(max_iterations=2), small_series())
    notes = {"pixel_size": 1.5, "provenance": dict(result.provenance), "metrics": dict(result.metrics)}
    layer = model.add_image(result.volume, metadata={"proxiscope": notes})
    path = tmp_path / f"volume{suffix}"
    assert layer.save(str(path), plugin=PLUGIN) == [str(path)]
    again = read(path)
    np.testing.assert_array_equal(again.data, result.volume)
    assert again.pixel_size == pytest.approx(1.5)


def test_sample_data_come_as_layers(model):
    pattern, support = model.open_sample(PLUGIN, "pattern")
    (series,) = model.open_sample(PLUGIN, "tilt-series")
    assert pattern.data.shape == support.data.shape == (200, 200)
    assert np.isnan(pattern.data).any()
    assert series.data.shape == (47, 96, 96)
    assert note(series, "rotations").shape == (47, 3)


def test_every_command_of_the_manifest_can_be_imported(manifest):
    commands = manifest.contributions.commands
    assert len(commands) >= 6
    for command in commands:
        assert callable(import_python_name(command.python_name))


@pytest.mark.parametrize("suffix", [".mrc", ".h5", ".npz"])
def test_a_tilt_series_keeps_its_angles_when_it_is_saved(model, tmp_path, suffix):
    (series,) = model.open_sample(PLUGIN, "tilt-series")
    path = tmp_path / f"series{suffix}"
    series.save(str(path), plugin=PLUGIN)
    (again,) = model.open(path, plugin=PLUGIN)
    np.testing.assert_allclose(note(again, "rotations"), note(series, "rotations"))
    np.testing.assert_array_equal(again.data, series.data)
    assert tuple(again.scale) == pytest.approx(tuple(series.scale))

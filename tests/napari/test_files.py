"""Files through napari: readers, writers and sample data, as the manifest declares them."""

from pathlib import Path

import numpy as np
import psutil
import pytest
from napari.components import ViewerModel
from npe2 import PluginManager, PluginManifest
from npe2.manifest.utils import import_python_name
from tests.problems import small_series

from proxiscope.core import InputError
from proxiscope.io import COMPLEX_SUFFIXES, READ_SUFFIXES, WRITE_SUFFIXES, RawData, read, save, write_array
from proxiscope.io.lazy import is_lazy
from proxiscope.io.raw import Declared
from proxiscope.napari.layers import image_layer, note, result_metadata
from proxiscope.napari.opening import raw_layer, raw_layers
from proxiscope.napari.reader import get_reader
from proxiscope.napari.session import Raw, Session, prepared
from proxiscope.napari.showing import prepared_layer
from proxiscope.phase import RAAR
from proxiscope.preparation import Images, apply_steps, step
from proxiscope.reconstruction import reconstruct
from proxiscope.simulate import crystal, diffraction_pattern, sample_pattern
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


def test_files_of_others_are_left_to_others(tmp_path):
    assert get_reader("notes.docx") is None
    assert get_reader(["a.mrc", "b.mrc"]) is None
    assert get_reader([]) is None
    assert get_reader(str(tmp_path)) is None


def test_the_manifest_names_all_that_is_read_and_written(manifest):
    (reader,) = manifest.contributions.readers
    assert reader.filename_patterns == [f"*{suffix}" for suffix in READ_SUFFIXES]
    assert reader.accepts_directories
    (writer,) = manifest.contributions.writers
    assert sorted(writer.filename_extensions) == sorted(WRITE_SUFFIXES)


@pytest.mark.parametrize("suffix", WRITE_SUFFIXES)
def test_a_result_layer_is_saved_and_opened_again(model, tmp_path, suffix):
    result = reconstruct(SIRT(max_iterations=2), small_series().copy_with(pixel_size=1.5))
    layer = model.add_image(result.volume, metadata=result_metadata(result))
    path = tmp_path / f"volume{suffix}"
    assert layer.save(str(path), plugin=PLUGIN) == [str(path)]
    (again,) = model.open(path, plugin=PLUGIN)
    np.testing.assert_array_equal(again.data, result.volume)
    assert tuple(again.scale) == pytest.approx((1.5,) * 3)
    assert note(again, "kind") == "result"
    assert note(again, "provenance")["parameters"] == result.provenance["parameters"]
    np.testing.assert_allclose(note(again, "metrics")["r_factor"], result.metrics["r_factor"])
    assert tuple(again.contrast_limits) == pytest.approx((result.volume.min(), result.volume.max()))


@pytest.mark.parametrize("suffix", WRITE_SUFFIXES)
def test_a_complex_result_opens_as_modulus_and_phase(model, tmp_path, suffix):
    pattern = diffraction_pattern(crystal((16, 12), seed=1), (32, 28), flux=1e6, object="complex")
    result = reconstruct(RAAR(max_iterations=5), pattern)
    notes = result_metadata(result)
    layer = model.add_image(np.abs(result.array), metadata=notes)
    path = tmp_path / f"image{suffix}"
    layer.save(str(path), plugin=PLUGIN)
    layers = {x.name: x for x in model.open(path, plugin=PLUGIN)}
    if suffix not in COMPLEX_SUFFIXES:
        (only,) = layers.values()
        np.testing.assert_allclose(only.data, np.abs(result.array), rtol=1e-6)
        return
    assert set(layers) == {f"{path.name} modulus", f"{path.name} phase"}
    np.testing.assert_array_equal(note(layers[f"{path.name} modulus"], "complex"), result.array)
    np.testing.assert_array_equal(layers[f"{path.name} modulus"].data, np.abs(result.array))
    assert layers[f"{path.name} phase"].colormap.name == "hsv"
    assert note(layers[f"{path.name} phase"], "kind") == "companion"


def test_a_pattern_keeps_what_it_is(model, tmp_path):
    pattern, support = model.open_sample(PLUGIN, "pattern")
    pattern.save(str(tmp_path / "pattern.h5"), plugin=PLUGIN)
    again = model.open(tmp_path / "pattern.h5", plugin=PLUGIN)[0]
    np.testing.assert_array_equal(again.data, pattern.data)
    for name in ("kind", "quantity", "object"):
        assert note(again, name) == note(pattern, name) is not None
    save(tmp_path / "problem.h5", sample_pattern())
    layers = {x.name: x for x in model.open(tmp_path / "problem.h5", plugin=PLUGIN)}
    np.testing.assert_array_equal(layers["problem.h5"].data, pattern.data)
    np.testing.assert_array_equal(layers["problem.h5 support"].data, support.data)


def test_a_prepared_series_keeps_its_steps_and_what_is_not_usable(model, tmp_path):
    series = small_series()
    images = apply_steps(Images.of(series), [step("hot-pixels", {"treatment": "mask", "threshold": 5.0})])
    session = Session(
        Raw("series", series.projections, "tomography", series.rotations), model.add_image(np.ones((2, 2)))
    )
    data, options, _ = prepared_layer(session, prepared(images))
    options["metadata"]["proxiscope"]["steps"] = list(images.steps)
    layer = model.add_image(data, **options)
    layer.save(str(tmp_path / "prepared.npz"), plugin=PLUGIN)
    (again,) = model.open(tmp_path / "prepared.npz", plugin=PLUGIN)
    np.testing.assert_array_equal(again.data, data)
    assert note(again, "kind") == "tilt-series"
    assert note(again, "provenance")["steps"][0]["name"] == "hot-pixels"


@pytest.mark.parametrize("as_list", [False, True])
def test_a_folder_of_images_opens_as_a_stack(model, tmp_path, as_list):
    import tifffile

    images = np.arange(3 * 8 * 9, dtype=np.uint16).reshape(3, 8, 9)
    paths = [tmp_path / f"image_{i}.tif" for i in range(3)]
    for path, image in zip(paths, images, strict=True):
        tifffile.imwrite(path, image)
    source = list(map(str, paths)) if as_list else tmp_path
    (layer,) = model.open(source, plugin=PLUGIN, stack=as_list)
    np.testing.assert_array_equal(layer.data, images)
    assert note(layer, "kind") == "stack"
    assert note(layer, "rotations") is None


def test_a_large_stack_on_disk_is_not_read(model, tmp_path):
    shape = (400, 1024, 1024)
    data = np.lib.format.open_memmap(tmp_path / "large.npy", "w+", np.uint16, shape)  # a file with holes
    data[200, 500:600, 500:600] = 1000
    data.flush()
    before = psutil.Process().memory_info().rss
    (layer,) = model.open(tmp_path / "large.npy", plugin=PLUGIN)
    assert is_lazy(layer.data)
    assert psutil.Process().memory_info().rss - before < 200e6
    assert layer.contrast_limits[1] >= 1


def test_lazy_data_are_opened_by_a_few_images(model):
    da = pytest.importorskip("dask.array")
    read_images = []

    def block(block_info):
        read_images.append(block_info[None]["array-location"][0][0])
        return np.full((1, 64, 64), read_images[-1], np.float32)

    lazy = da.map_blocks(
        block, chunks=((1,) * 200, (64,), (64,)), dtype=np.float32, meta=np.zeros((0, 0, 0), np.float32)
    )
    raw = RawData(lazy, np.linspace(-60, 60, 200), None, None, "x", (), Path("lazy.zarr"))
    for data, options, _ in raw_layers(raw):
        layer = model.add_image(data, **options)
    assert len(set(read_images)) <= 8
    assert tuple(layer.contrast_limits) == (0, 199)
    assert layer.data.shape == lazy.shape


@pytest.mark.parametrize("kind", ["pattern", "tilt-series"])
def test_masks_become_nan_or_labels_by_size(monkeypatch, kind):
    from proxiscope.napari import opening

    valid = np.ones((3, 8, 8), bool)
    valid[1, 2, 3] = False
    angles = None if kind == "pattern" else np.array([-1.0, 0, 1])
    declared = Declared(kind=kind, quantity="intensities" if kind == "pattern" else None, valid=valid)
    raw = RawData(np.ones((3, 8, 8)), angles, None, None, "y", (), Path("masked.h5"), declared=declared)
    ((data, options, _),) = raw_layers(raw)
    assert np.argwhere(np.isnan(data)).tolist() == [[1, 2, 3]]
    assert options["metadata"]["proxiscope"].get("quantity") == declared.quantity
    monkeypatch.setattr(opening, "SMALL", 10)
    (data, options, _), (labels, more, what) = raw_layers(raw)
    assert data is raw.data
    assert what == "labels"
    if kind == "pattern":
        assert more["name"] == "masked.h5 mask"
        np.testing.assert_array_equal(labels, valid)
    else:
        assert more["name"] == "masked.h5 blocked"
        np.testing.assert_array_equal(labels, ~valid)


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


@pytest.mark.parametrize("suffix", [suffix for suffix in WRITE_SUFFIXES if suffix != ".cxi"])  # for patterns
def test_a_tilt_series_keeps_its_angles_when_it_is_saved(model, tmp_path, suffix):
    (series,) = model.open_sample(PLUGIN, "tilt-series")
    path = tmp_path / f"series{suffix}"
    series.save(str(path), plugin=PLUGIN)
    (again,) = model.open(path, plugin=PLUGIN)
    np.testing.assert_allclose(note(again, "rotations"), note(series, "rotations"))
    np.testing.assert_array_equal(again.data, series.data)
    assert tuple(again.scale) == pytest.approx(tuple(series.scale))


def test_what_a_format_cannot_hold_is_said(model, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr("napari.utils.notifications.show_error", shown.append)
    (series,) = model.open_sample(PLUGIN, "tilt-series")
    with pytest.warns(UserWarning, match="did not return"):
        assert series.save(str(tmp_path / "series.cxi"), plugin=PLUGIN) == []
    assert "no place for a tilt series" in shown[0]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("width", [3, 4])
def test_a_narrow_volume_is_no_picture_in_colours(viewer, width):
    data, options, _ = image_layer(np.zeros((40, 50, width), np.float32), "narrow", 2.0)
    assert viewer.add_image(data, **options).ndim == 3

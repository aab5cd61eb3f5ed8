"""OME-Zarr as we write it: valid by the standard, open in other programs, a pyramid that lies where the image does."""

import json

import numpy as np
import pytest
import yaozarrs
import zarr
from tests.problems import small_series

import proxiscope as px
from proxiscope.io import read, write_array

VOLUME = np.random.default_rng(0).random((131, 140, 300), dtype=np.float32)


@pytest.fixture(scope="module")
def volume(tmp_path_factory):
    """A volume with odd sizes and pixels of 2.5 nm, as a result."""
    path = tmp_path_factory.mktemp("zarr") / "volume.zarr"
    record = {"algorithm": "sirt", "seed": 3}
    write_array(path, VOLUME, kind="result", pixel_size=2.5, metadata=record, metrics={"r_factor": [0.5, np.nan]})
    return path


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """A tilt series of 2 nm pixels."""
    path = tmp_path_factory.mktemp("zarr") / "series.zarr"
    px.save(path, small_series().copy_with(pixel_size=2.0))
    return path


def multiscale(path):
    return json.loads((path / "zarr.json").read_text())["attributes"]["ome"]["multiscales"][0]


@pytest.mark.parametrize("name", ["volume", "series"])
def test_it_is_valid(request, name):
    path = request.getfixturevalue(name)
    found = yaozarrs.validate_zarr_store(str(path))
    assert found is not None
    image = yaozarrs.validate_ome_uri(path)
    assert image.attributes.ome.version == "0.5"
    assert json.loads((path / "zarr.json").read_text())["zarr_format"] == 3


def test_an_axis_of_length_one_keeps_its_scale(tmp_path):
    write_array(tmp_path / "a.zarr", VOLUME[:1, :, :300].repeat(2, axis=1), pixel_size=2.0)
    placed = [d["coordinateTransformations"] for d in multiscale(tmp_path / "a.zarr")["datasets"]]
    assert [one[0]["scale"] for one in placed] == [[2, 2, 2], [2, 4, 4], [2, 8, 8]]
    assert [one[1]["translation"] for one in placed[1:]] == [[0, 1, 1], [0, 3, 3]]


def test_the_pyramid_halves_and_stays_in_place(volume):
    group = zarr.open_group(volume, mode="r")
    shapes = [group[d["path"]].shape for d in multiscale(volume)["datasets"]]
    assert shapes == [(131, 140, 300), (65, 70, 150), (32, 35, 75)]
    np.testing.assert_array_equal(group["0"][...], VOLUME)
    expected = VOLUME[:130].reshape(65, 2, 70, 2, 150, 2).mean(axis=(1, 3, 5))
    np.testing.assert_allclose(group["1"][...], expected, rtol=1e-6)
    for level, dataset in enumerate(multiscale(volume)["datasets"]):
        scale, *moved = dataset["coordinateTransformations"]
        assert scale == {"type": "scale", "scale": [2.5 * 2**level] * 3}
        first = 2.5 * (2**level - 1) / 2  # centre of the first coarse voxel among the fine ones
        assert moved == ([{"type": "translation", "translation": [first] * 3}] if level else [])


def test_axes_have_units(volume, series):
    assert multiscale(volume)["axes"] == [{"name": n, "type": "space", "unit": "nanometer"} for n in "zyx"]
    assert [axis["name"] for axis in multiscale(series)["axes"]] == ["tilt", "y", "x"]
    (full,) = multiscale(series)["datasets"]
    assert full["coordinateTransformations"] == [{"type": "scale", "scale": [1, 2, 2]}]


def test_the_tilts_do_not_shrink(tmp_path):
    write_array(tmp_path / "a.zarr", np.zeros((5, 200, 200), np.float32), kind="tilt-series", angles=np.arange(5.0))
    assert zarr.open_group(tmp_path / "a.zarr", mode="r")["1"].shape == (5, 100, 100)


def test_the_record_is_in_the_attributes_of_the_group(volume, series):
    record = dict(zarr.open_group(volume, mode="r").attrs)["proxiscope"]
    assert record["provenance"] == {"algorithm": "sirt", "seed": 3}
    assert record["kind"] == "result"
    record = dict(zarr.open_group(series, mode="r").attrs)["proxiscope"]
    assert record["arrays"]["angles"]["values"] == small_series().angles.tolist()
    json.loads((volume / "zarr.json").read_text(), parse_constant=pytest.fail)  # no NaN, which is no JSON


def test_it_is_read_back_at_full_resolution(volume):
    raw = read(volume)
    np.testing.assert_array_equal(raw.data, VOLUME)
    assert (raw.pixel_size, raw.declared.kind) == (2.5, "result")
    np.testing.assert_array_equal(raw.declared.metrics["r_factor"], [0.5, np.nan])


@pytest.mark.parametrize("name", ["volume", "series"])
def test_napari_opens_it_by_itself(request, name):
    builtins = pytest.importorskip("napari_builtins.io")
    path = request.getfixturevalue(name)
    levels, shape = builtins._read.read_zarr_dataset(str(path))
    expected = VOLUME if name == "volume" else small_series().projections
    assert shape == expected.shape
    assert [level.ndim for level in levels] == [3] * len(multiscale(path)["datasets"])
    np.testing.assert_array_equal(np.asarray(levels[0]), expected)


@pytest.mark.parametrize("name", ["volume", "series"])
def test_napari_ome_zarr_opens_it_with_its_scale(request, name):
    plugin = pytest.importorskip("napari_ome_zarr._reader")
    path = request.getfixturevalue(name)
    reader = plugin.napari_get_reader(str(path))
    assert reader is not None
    data, options, *kind = next(iter(reader(str(path))))
    levels = data if isinstance(data, list) else [data]
    expected = VOLUME if name == "volume" else small_series().projections
    np.testing.assert_array_equal(np.asarray(levels[0]), expected)
    assert kind == ["image"]
    assert tuple(options["scale"])[-2:] == ((2.5, 2.5) if name == "volume" else (2, 2))


def test_2d_and_flat_images(tmp_path):
    for shape in ((300, 200), (1, 400, 3)):
        image = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
        write_array(tmp_path / "a.zarr", image, kind="result")
        yaozarrs.validate_zarr_store(str(tmp_path / "a.zarr"))
        np.testing.assert_array_equal(read(tmp_path / "a.zarr").data, image)

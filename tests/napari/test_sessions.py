"""A session reopens to the same."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer
from tests.problems import small_pattern, small_series

import proxiscope as px
from proxiscope.core import InputError
from proxiscope.io import write_array
from proxiscope.napari import dialogs, sample_data, session_layers, sessions
from proxiscope.napari.layers import KEY, note, result_metadata
from proxiscope.napari.reader import get_reader, read_layers
from proxiscope.napari.recipes import origin_of
from proxiscope.napari.session_file import MARK, is_session
from proxiscope.napari.sessions import open_session, save_session
from proxiscope.phase import HIO

pytestmark = pytest.mark.gui

PLUGIN = "napari-proxiscope"


def add(viewer, *made):
    for data, options, kind in made:
        viewer.add_layer(Layer.create(data, options, kind))


@pytest.fixture
def bench(tmp_path):
    """Layers of all sorts, the first from a file, with looks of their own."""
    viewer = ViewerModel()
    write_array(tmp_path / "series.mrc", small_series().projections, pixel_size=2.0, angles=small_series().angles)
    add(viewer, *read_layers(str(tmp_path / "series.mrc")), *sample_data.diffraction_pattern())
    result = px.reconstruct(HIO(max_iterations=3), small_pattern())
    viewer.add_image(result.image, name="HIO", metadata=result_metadata(result, lambda: None), visible=False)
    crystal = np.exp(1j * np.arange(24.0)).reshape(4, 6).astype(np.complex64)
    viewer.add_image(np.abs(crystal), name="complex", metadata={KEY: {"kind": "result", "complex": crystal}})
    viewer.add_shapes([np.eye(4, 2), 9 * np.eye(3, 2)], shape_type=["polygon", "path"], name="roi", edge_color="red")
    viewer.add_points(np.arange(8.0).reshape(4, 2), name="points", size=3)
    series, pattern = viewer.layers["series.mrc"], viewer.layers["vesicle pattern"]
    series.colormap, series.gamma, series.opacity = "viridis", 0.7, 0.5
    series.contrast_limits = (0.1, 0.9)
    pattern.colormap = {"colors": [[0, 0, 0, 1], [1, 0.3, 0, 1]], "name": "of mine", "controls": [0, 1]}
    viewer.layers.selection.active = series
    viewer.dims.set_point(0, 8)
    return viewer


def assert_same(one, other):
    """Of two layers, all that napari holds of them and all that we do."""
    assert one._type_string == other._type_string
    before, after = one._get_state(), other._get_state()
    for name in before.keys() - {"data", "metadata", "features", "feature_defaults", "text"}:
        assert repr(before[name]) == repr(after[name]), name
    for a, b in zip(one.data, other.data, strict=True) if isinstance(one.data, list) else [(one.data, other.data)]:
        np.testing.assert_array_equal(a, b)
    mine, others = one.metadata.get(KEY, {}), other.metadata.get(KEY, {})
    assert mine.keys() - {"make_problem"} == others.keys()
    for name in others.keys() - {"origin"}:
        np.testing.assert_equal(others[name], mine[name] if name != "notes" else list(mine[name]), name)
    assert (origin_of(one) is None) == (origin_of(other) is None)


@pytest.mark.parametrize("from_file", [0, 10**9])
def test_all_layers_come_back_in_their_order(bench, tmp_path, monkeypatch, from_file):
    monkeypatch.setattr(session_layers, "FROM_FILE", from_file)
    assert save_session(bench, tmp_path / "session.h5") == []
    again = ViewerModel()
    assert open_session(again, tmp_path / "session.h5") == []
    assert [layer.name for layer in again.layers] == [layer.name for layer in bench.layers]
    for one, other in zip(bench.layers, again.layers, strict=True):
        assert_same(one, other)
    assert again.layers.selection.active.name == "series.mrc"
    assert again.dims.point == bench.dims.point
    with h5py.File(tmp_path / "session.h5") as file:
        assert ("file" in json.loads(file["document"][()])["layers"][0]) == (from_file == 0)


def test_what_is_done_with_the_layers_is_on_record_as_before(bench, tmp_path):
    save_session(bench, tmp_path / "session.h5")
    again = ViewerModel()
    open_session(again, tmp_path / "session.h5")
    assert note(again.layers["HIO"], "provenance") == note(bench.layers["HIO"], "provenance")
    origin = origin_of(again.layers["series.mrc"])
    assert origin.path == str(tmp_path / "series.mrc")


def test_files_that_moved_changed_or_are_gone(bench, tmp_path, monkeypatch):
    monkeypatch.setattr(session_layers, "FROM_FILE", 0)
    path = tmp_path / "series.mrc"
    save_session(bench, tmp_path / "session.h5")
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for file in tmp_path.glob("*.*"):
        file.rename(moved / file.name)
    again = ViewerModel()
    assert open_session(again, moved / "session.h5") == []  # beside the session
    np.testing.assert_array_equal(again.layers["series.mrc"].data, bench.layers["series.mrc"].data)
    data = bytearray((moved / path.name).read_bytes())
    data[-9] ^= 1
    (moved / path.name).write_bytes(data)
    again = ViewerModel()
    (remark,) = open_session(again, moved / "session.h5")
    assert f"series.mrc: {moved / path.name} has changed since the session was saved" in remark
    (moved / path.name).unlink()
    again = ViewerModel()
    (remark,) = open_session(again, moved / "session.h5")
    assert f"series.mrc: its file is neither at {path} nor beside the session" in remark
    assert [layer.name for layer in again.layers] == [layer.name for layer in bench.layers][1:]


def test_layers_that_are_not_kept_are_named(tmp_path):
    viewer = ViewerModel()
    viewer.add_vectors(np.zeros((2, 2, 2)), name="arrows")
    viewer.add_image(np.zeros((4, 4)), name="image")
    assert save_session(viewer, tmp_path / "a.h5") == ["arrows was left out: layers of the kind Vectors are not kept."]
    again = ViewerModel()
    open_session(again, tmp_path / "a.h5")
    assert [layer.name for layer in again.layers] == ["image"]


def test_a_session_that_is_dropped_on_the_window_opens(bench, tmp_path):
    save_session(bench, tmp_path / "session.h5")
    assert is_session(tmp_path / "session.h5")
    layers = get_reader(str(tmp_path / "session.h5"))(str(tmp_path / "session.h5"))
    assert [options["name"] for _, options, _ in layers] == [layer.name for layer in bench.layers]


def test_a_failure_leaves_the_session_before(bench, tmp_path, monkeypatch):
    path = tmp_path / "session.h5"
    save_session(bench, path)
    before = path.read_bytes()

    def full(*_args, **_options):
        raise OSError("no space left")

    monkeypatch.setattr(h5py.Group, "create_dataset", full)
    with pytest.raises(InputError, match="no space left"):
        save_session(bench, path)
    assert path.read_bytes() == before
    assert {file.name for file in tmp_path.iterdir()} == {"session.h5", "series.mrc", "series.rawtlt"}


def document_with(path, change):
    """The session with its document changed."""
    with h5py.File(path, "r+") as file:
        document = json.loads(file["document"][()])
        change(document)
        del file["document"]
        file["document"] = json.dumps(document)


BAD = {
    "kind": lambda d: d["layers"][0].update(type="__import__('os')"),
    "state": lambda d: d["layers"][0].update(state=3),
    "look": lambda d: d["layers"][0]["state"].update(blending="evil"),
    "array": lambda d: d["layers"][0].update(data={"$array": 1000}),
    "no array": lambda d: d["layers"][0].update(data="text"),
    "device": lambda d: d["layers"][0].update(file={"path": "/dev/zero", "sha256": ""}),
    "sample": lambda d: d["layers"][0].update(file={"path": "sample:none"}),
    "file": lambda d: d["layers"][0].update(file=3),
    "origin": lambda d: d["layers"][0]["notes"].update({"$origin": {"path": 3, "evil": 4, "steps": 5}}),
    "layer": lambda d: d["layers"].__setitem__(0, 3),
    "view": lambda d: d.update(view={"order": 3}),
}


@pytest.mark.parametrize("name", BAD)
def test_a_session_that_makes_no_sense_opens_as_far_as_it_does(bench, tmp_path, name):
    path = tmp_path / "session.h5"
    save_session(bench, path)
    document_with(path, BAD[name])
    again = ViewerModel()
    if name == "array":
        with pytest.raises(InputError, match="array 1000 is missing"):
            open_session(again, path)
        return
    remarks = open_session(again, path)
    assert len(again.layers) >= len(bench.layers) - 1
    assert len(remarks) == len(bench.layers) - len(again.layers)


def test_what_is_no_session_is_refused(tmp_path):
    px.save(tmp_path / "pattern.h5", small_pattern())
    (tmp_path / "text.h5").write_text("no HDF5")
    with h5py.File(tmp_path / "newer.h5", "w") as file:
        file.attrs[MARK] = 99
    for name in ("pattern.h5", "text.h5", "newer.h5", "none.h5"):
        with pytest.raises(InputError):
            open_session(ViewerModel(), tmp_path / name)
    assert not is_session(tmp_path / "pattern.h5")
    assert not is_session(tmp_path / "text.h5")


def test_in_the_window_with_its_panels(viewer, open_panel, tmp_path, monkeypatch, wait_until):
    path = str(tmp_path / "session.h5")
    monkeypatch.setattr(dialogs, "to_save", lambda *_: path)
    monkeypatch.setattr(dialogs, "to_open", lambda *_: path)
    viewer.open_sample(PLUGIN, "pattern")
    panel = open_panel("Phase retrieval")
    panel.algorithm.value = "hio"
    panel.form.widgets["max_iterations"].value = 77
    sessions.save_session_dialog(viewer)
    wait_until(Path(path).exists)
    viewer.layers.clear()
    panel.form.widgets["max_iterations"].value = 5
    sessions.open_session_dialog(viewer)
    wait_until(lambda: "vesicle pattern" in viewer.layers and panel.form.widgets["max_iterations"].value == 77)
    assert panel.input.value is viewer.layers["vesicle pattern"]

"""A session reopens to the same."""

import json
import threading
from pathlib import Path

import h5py
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer
from tests.problems import small_pattern, small_series

import proxiscope as px
from proxiscope.core import InputError, Plateau
from proxiscope.io import write_array
from proxiscope.napari import background, dialogs, sample_data, session_layers, sessions
from proxiscope.napari.layers import KEY, note, result_metadata
from proxiscope.napari.panels import open_panel as open_panel_of
from proxiscope.napari.reader import get_reader, read_layers
from proxiscope.napari.recipes import origin_of
from proxiscope.napari.session_file import MARK, is_session
from proxiscope.napari.sessions import open_session, save_session
from proxiscope.phase import HIO, Ensemble
from proxiscope.preparation import step

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
    assert {name for name, value in mine.items() if value is not None} - {"make_problem"} == others.keys()
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


WRONG_NOTES = {
    "kind": 3, "quantity": "apples", "object": [1], "pixel_size": "w", "in_plane": "x", "refined": "yes", "turned": 1,
    "rotations": "q", "shifts": [[0, 0]], "complex": [1, 2], "metrics": {"r_factor": "low"}, "products": 5,
    "provenance": {"input": 5}, "recipe": [1], "steps": [3], "remarks": "text", "notes": 5, "source": 7,
    "prepared_from": {}, "log_of": 1, "$origin": {"path": 3, "evil": 4, "steps": 5},
}  # fmt: skip


def test_notes_that_make_no_sense_are_left_out_and_named(bench, tmp_path):
    path = tmp_path / "session.h5"
    save_session(bench, path)
    document_with(path, lambda d: d["layers"][0]["notes"].update(WRONG_NOTES))
    again = ViewerModel()
    (remark,) = open_session(again, path)
    assert remark.startswith("series.mrc: what the session says of its ")
    assert remark.endswith(" makes no sense, and was left out.")
    for name in (name.lstrip("$") for name in WRONG_NOTES):
        assert name in remark.replace(",", "").split()
        assert note(again.layers["series.mrc"], name) is None


def test_arrays_of_another_size_and_what_nobody_knows_are_left_out(bench, tmp_path):
    path, series = tmp_path / "session.h5", bench.layers["series.mrc"]
    more = {"rotations": np.zeros((4, 3)), "shifts": np.full((21, 2), np.nan), "complex": np.ones(3, complex)}
    series.metadata[KEY] |= more | {"products": {"rotations": np.zeros(3)}, "pixel_size": -1.0}
    series.metadata[KEY] |= {"evil": 1, "make_problem": "x", "object": None}
    save_session(bench, path)
    again = ViewerModel()
    (remark,) = open_session(again, path)
    for name in (*more, "products", "pixel_size"):
        assert name in remark
        assert name not in again.layers["series.mrc"].metadata[KEY]
    assert not {"evil", "make_problem", "object"} & again.layers["series.mrc"].metadata[KEY].keys()


@pytest.mark.parametrize("layers", [5, {"a": 1}, "text", None])
def test_a_list_of_layers_that_is_none_is_refused(bench, tmp_path, layers):
    path = tmp_path / "session.h5"
    save_session(bench, path)
    document_with(path, lambda d: d.update(layers=layers))
    with pytest.raises(InputError, match="its list of layers is damaged"):
        open_session(ViewerModel(), path)


def test_a_layer_that_something_else_cannot_live_with_is_taken_away(bench, tmp_path):
    save_session(bench, tmp_path / "session.h5")
    again = ViewerModel()

    def refuse(event):
        if event.value.name == "points":
            raise RuntimeError("no points here")

    again.layers.events.inserted.connect(refuse)
    (remark,) = open_session(again, tmp_path / "session.h5")
    assert "Not opened: points" in remark
    assert [layer.name for layer in again.layers] == [layer.name for layer in bench.layers if layer.name != "points"]


def test_what_is_painted_while_a_session_is_written_is_not_in_it(tmp_path):
    viewer = ViewerModel()
    labels, image = viewer.add_labels(np.zeros((8, 8), int)), viewer.add_image(np.zeros((8, 8)))
    shapes = viewer.add_shapes([np.eye(4, 2)], shape_type="polygon", name="drawn")
    document, remarks = sessions._taken(viewer)
    labels.data[2:4] = 7
    image.data[:] = 7
    shapes.data = [7 * np.eye(4, 2)]
    sessions._write(tmp_path / "session.h5", document, remarks)
    again = ViewerModel()
    open_session(again, tmp_path / "session.h5")
    assert not again.layers[labels.name].data.any()
    assert not again.layers[image.name].data.any()
    np.testing.assert_array_equal(again.layers["drawn"].data[0], np.eye(4, 2))


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


@pytest.fixture
def dialogs_answer(tmp_path, monkeypatch):
    """The path that all dialogs give."""
    path = str(tmp_path / "session.h5")
    monkeypatch.setattr(dialogs, "to_save", lambda *_: path)
    monkeypatch.setattr(dialogs, "to_open", lambda *_: path)
    return path


def test_in_the_window_with_its_panels(viewer, open_panel, dialogs_answer, wait_until):
    viewer.open_sample(PLUGIN, "pattern")
    viewer.open_sample(PLUGIN, "few-tilts")
    panel, preparing = open_panel("Phase retrieval"), open_panel_of(viewer, "Prepare data")
    panel.algorithm.value = "hio"
    panel.form.widgets["max_iterations"].value = 77
    panel.many.widgets["starts"].value = 6
    panel.stopping.choice.value = "plateau"
    panel.stopping.forms["plateau"].widgets["patience"].value = 33
    preparing.input.value = viewer.layers["vesicle pattern"]
    preparing.choice.quantity.combo.value = "intensities"
    preparing.choice.angles.file.value = "tilts.tlt"
    preparing.plan.add(step("bin", {"factor": 2}), step("hot-pixels", {"threshold": 9.0}))
    before = panel.settings(), preparing.settings()
    sessions.save_session_dialog(viewer)
    wait_until(Path(dialogs_answer).exists)
    viewer.layers.clear()
    panel.form.widgets["max_iterations"].value = 5
    panel.many.widgets["starts"].value = 1
    panel.algorithm.value = "raar"
    panel.stopping.forms["plateau"].widgets["patience"].value = 44
    panel.stopping.choice.value = ""
    preparing.plan.add(step("background"))
    preparing.choice.angles.file.value = "others.tlt"
    sessions.open_session_dialog(viewer)
    wait_until(lambda: "few tilts" in viewer.layers and panel.form.widgets["max_iterations"].value == 77)
    assert (panel.settings(), preparing.settings()) == before
    assert panel.input.value is viewer.layers["vesicle pattern"]
    assert panel.chosen_algorithm() == Ensemble(algorithm=HIO(max_iterations=77), starts=6)
    assert panel.stopping.criteria() == (Plateau(patience=33),)
    assert preparing.input.value is viewer.layers["vesicle pattern"]
    assert preparing.plan.planned == [step("bin", {"factor": 2}), step("hot-pixels", {"threshold": 9.0})]
    assert sorted(type(dock).__name__ for dock in viewer.window.dock_widgets.values() if hasattr(dock, "settings")) == [
        "PhasePanel", "PreparationPanel",
    ]  # fmt: skip


def test_of_prepared_data_the_session_goes_on_with_the_prepared_layer(viewer, open_panel, press, tmp_path):
    viewer.open_sample(PLUGIN, "few-tilts")
    panel = open_panel("Prepare data")
    panel.chooser.show_step(step("bin", {"factor": 2}))
    press(panel, "apply")
    panel.plan.add(step("background"))
    save_session(viewer, tmp_path / "session.h5")
    viewer.layers.clear()
    panel.plan.drop()
    assert open_session(viewer, tmp_path / "session.h5") == []
    assert panel.input.value is viewer.layers["few tilts prepared"]
    assert panel.plan.planned == [step("background")]
    for planned in ([{"name": "none"}], 5, [5], [{"name": "bin", "factor": "x"}]):
        with pytest.raises(InputError):
            panel.apply_settings({"planned": planned})
        assert panel.plan.planned == [step("background")]


def test_a_window_that_was_closed_meanwhile_is_left_alone(make_napari_viewer, dialogs_answer, monkeypatch, wait_until):
    viewer, _other = make_napari_viewer(), make_napari_viewer()  # with the last one napari ends all work
    viewer.add_image(np.zeros((4, 4)))
    save_session(viewer, dialogs_answer)
    read, shown, asked, go_on = sessions._read, [], [], threading.Event()

    def slowly(path):
        assert go_on.wait(10)
        return read(path)

    def is_open(viewer):
        asked.append(background.is_open(viewer))
        return asked[-1]

    monkeypatch.setattr(sessions, "_read", slowly)
    monkeypatch.setattr(sessions, "is_open", is_open)
    monkeypatch.setattr(sessions, "_show", lambda *_: shown.append(1))
    assert background.is_open(viewer)
    sessions.open_session_dialog(viewer)
    viewer.close()
    go_on.set()
    wait_until(lambda: asked)
    assert asked == [False]
    assert not shown

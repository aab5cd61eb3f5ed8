"""What the user asks a result for: code that runs and gives the same, its record, files and figures."""

import shlex
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication, QFileDialog

import proxiscope as px
from proxiscope.cli import main
from proxiscope.core import InputError
from proxiscope.io import read
from proxiscope.napari import dialogs, reproducing
from proxiscope.napari.figure_dialog import FigureDialog
from proxiscope.napari.layers import KEY, note
from proxiscope.napari.record_view import RecordView, as_html
from proxiscope.scripts import command_line

pytestmark = [pytest.mark.gui, pytest.mark.filterwarnings("ignore")]

PLUGIN = "napari-proxiscope"


@pytest.fixture
def copied(wait_until):
    """The text that a function puts on the clipboard."""

    def text_of(copy, viewer):
        QApplication.clipboard().setText("")
        copy(viewer)
        wait_until(lambda: QApplication.clipboard().text() != "")
        return QApplication.clipboard().text()

    return text_of


@pytest.fixture
def run(wait_until):
    """Run a panel to its end; the layer of the result, selected."""

    def do(panel):
        panel.start()
        wait_until(lambda: not panel.running)
        layer = panel.viewer.layers.selection.active
        assert note(layer, "kind") == "result"
        return layer

    return do


@pytest.fixture
def chosen(tmp_path, monkeypatch):
    """``chosen("a.h5")``: the user will choose that name in the next dialog."""

    def choose(name):
        path = str(tmp_path / name)
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (path, "(*.h5)"))
        return path

    return choose


def by_python(code):
    names = {}
    exec(compile(code, "script", "exec"), names)
    return names["result"].array


def by_command(line):
    program, *arguments = shlex.split(line)
    assert program == "proxiscope"
    assert main([*arguments, "--quiet"]) == 0
    return read(arguments[-1]).data


def test_a_result_of_a_sample_is_made_again(viewer, open_panel, copied, run, chosen, tmp_path, monkeypatch, wait_until):
    monkeypatch.chdir(tmp_path)
    viewer.open_sample(PLUGIN, "pattern")
    panel = open_panel("Phase retrieval")
    panel.algorithm.value = "hio"
    panel.form.widgets["max_iterations"].value = 12
    panel.held_out.value = 5.0
    layer = run(panel)
    code, line = copied(reproducing.copy_as_python, viewer), copied(reproducing.copy_as_command, viewer)
    assert '"sample:pattern"' in code
    np.testing.assert_array_equal(by_python(code), layer.data)
    np.testing.assert_array_equal(by_command(line), layer.data)

    reproducing.show_record(viewer)
    (view,) = viewer.window._qt_window.findChildren(RecordView)
    text = view.text.toPlainText()
    assert "Hybrid input-output (HIO)" in text
    assert "0.05 of the measured pixels" in text
    assert view.buttons.buttons["copy_as_python"].isEnabled()
    path = chosen("saved.h5")
    view.buttons.buttons["save_result"].click()
    wait_until(Path(path).exists)
    saved = read(path)
    np.testing.assert_array_equal(saved.data, layer.data)
    assert saved.declared.provenance == note(layer, "provenance")
    assert px.rerun(path).identical
    assert dialogs._folder("save") == str(tmp_path)

    reproducing.export_figure(viewer)
    (dialog,) = viewer.window._qt_window.findChildren(FigureDialog)
    wait_until(lambda: not dialog.preview.pixmap().isNull())
    assert dialog.kind.itemText(1) == "Convergence"
    dialog.kind.setCurrentText("Convergence, logarithmic")
    path = chosen("figure.svg")
    dialog.save()
    wait_until(Path(path).exists)
    assert "R-factor" in Path(path).read_text(encoding="utf-8")
    wait_until(lambda: not viewer.window._qt_window.findChildren(FigureDialog))


def test_a_support_that_was_drawn_is_in_the_code(viewer, open_panel, copied, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    viewer.open_sample(PLUGIN, "pattern")
    panel = open_panel("Phase retrieval")
    panel.algorithm.value = "er"
    panel.form.widgets["max_iterations"].value = 5
    support = viewer.layers["vesicle pattern support"]
    rows, columns = np.indices((200, 200)) - 100
    support.data = (np.hypot(rows, 2 * columns) < 90).astype(np.uint8)
    layer = run(panel)
    np.testing.assert_array_equal(by_python(copied(reproducing.copy_as_python, viewer)), layer.data)
    with pytest.raises(InputError, match="no file cannot be said in options"):
        command_line(note(layer, "provenance"))


def test_an_input_that_no_file_holds_is_written_first(
    viewer, open_panel, copied, run, chosen, tmp_path, monkeypatch, wait_until
):
    monkeypatch.chdir(tmp_path)
    viewer.open_sample(PLUGIN, "pattern")
    layer = viewer.layers["vesicle pattern"]
    layer.data = layer.data + np.float32(1)
    panel = open_panel("Phase retrieval")
    panel.algorithm.value = "er"
    panel.form.widgets["max_iterations"].value = 5
    result = run(panel)
    monkeypatch.setattr(dialogs, "agreed", lambda *_: False)
    reproducing.copy_as_python(viewer)
    monkeypatch.setattr(dialogs, "agreed", lambda *_: True)
    path = chosen("input.h5")
    code = copied(reproducing.copy_as_python, viewer)
    assert path in code
    np.testing.assert_array_equal(by_python(code), result.data)
    np.testing.assert_array_equal(by_command(copied(reproducing.copy_as_command, viewer)), result.data)

    told = []
    monkeypatch.setattr("proxiscope.napari.background.show_error", told.append)
    other = run(panel)
    layer.data += 1  # in place, as by a brush
    chosen("other.h5")
    reproducing.copy_as_python(viewer, other)
    wait_until(lambda: told)
    assert "its input has been changed since the run" in told[0]
    assert not Path("other.h5").exists()


def test_of_a_file_that_was_opened_the_record_has_what_it_said(viewer):
    layer = viewer.add_image(np.zeros((4, 4)), name="opened", metadata={KEY: {"notes": ["Angles from a.tlt."]}})
    reproducing.show_record(viewer, layer)
    (view,) = viewer.window._qt_window.findChildren(RecordView)
    assert "Angles from a.tlt." in view.text.toPlainText()
    view.close()


def test_what_is_asked_of_other_layers_is_refused(viewer):
    viewer.add_image(np.zeros((4, 4)), name="plain")
    viewer.add_labels(np.zeros((4, 4), int), name="labels")
    for name in ("copy_as_python", "copy_as_command", "show_record"):
        with pytest.raises(InputError, match="labels"):
            getattr(reproducing, name)(viewer)
    for name in ("save_result", "export_figure"):
        with pytest.raises(InputError, match="no image"):
            getattr(reproducing, name)(viewer)
    viewer.layers.clear()
    with pytest.raises(InputError, match="none is selected"):
        reproducing.show_record(viewer)


def test_a_slice_is_drawn_as_it_is_shown(viewer):
    from proxiscope.napari.layer_figures import IMAGE, Wishes, figure_of, shown

    data = np.random.default_rng(0).random((5, 6, 7)).astype(np.float32)
    layer = viewer.add_image(data, scale=(2, 2, 2), units=("nm",) * 3, axis_labels=("z", "y", "x"), name="volume")
    layer.contrast_limits, layer.gamma = (0.2, 0.7), 0.5
    viewer.dims.set_point(0, 6)
    found = shown(viewer, layer)
    np.testing.assert_array_equal(found.data, data[3])
    assert (found.limits, found.gamma, found.pixel_size, found.axes) == ((0.2, 0.7), 0.5, 2.0, ("y", "x"))
    assert found.at == "z = 6 nm"
    viewer.dims.order = (1, 2, 0)
    viewer.dims.set_point(1, 8)
    found = shown(viewer, layer)
    np.testing.assert_array_equal(found.data, data[:, 4].T)
    assert (found.axes, found.at) == (("x", "z"), "y = 8 nm")
    assert figure_of(found, IMAGE, Wishes()).axes[0].get_ylabel() == "x (nm)"
    viewer.dims.ndisplay = 3
    with pytest.raises(InputError, match="3-D"):
        shown(viewer, layer)


def test_what_a_record_says_is_no_markup():
    assert as_html([("<b>", [("<i>", "<img src=x> & more")])]).count("&lt;") == 3


def test_names_of_files():
    assert dialogs.file_name("RESIRE of a/b: c?") == "RESIRE of a-b- c-"
    assert dialogs.file_name("HIO of pattern.tar.gz") == "HIO of pattern"
    assert dialogs.file_name("..") == "untitled"

"""What a layer is asked for: its record, code that makes it again, a file, a figure.

Each function takes the viewer, and the layer if it is not the selected one.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info, show_warning
from qtpy.QtGui import QGuiApplication

from ..core import InputError
from . import dialogs
from .background import in_background
from .keeper import result_saved
from .layers import KEY, note
from .writer import record_of, write_layer

if TYPE_CHECKING:
    import napari

WRITE_FIRST = (
    "No file holds the input of this result as it was used: it was made in napari, or a part of it was drawn. Write it "
    "to a file first? The code then loads that file."
)


def copy_as_python(viewer: "napari.Viewer", layer: Any = None) -> None:
    """Put a Python script that makes a result again on the clipboard."""
    from ..scripts import python_code

    _copy(viewer, _result(viewer, layer), python_code, "Python code")


def copy_as_command(viewer: "napari.Viewer", layer: Any = None) -> None:
    """Put the command line that makes a result again on the clipboard."""
    from ..scripts import command_line

    _copy(viewer, _result(viewer, layer), command_line, "The command line")


def show_record(viewer: "napari.Viewer", layer: Any = None) -> None:
    """Show how a layer came about."""
    from .record_view import RecordView

    layer = _active(viewer, layer)
    if not record_of(layer.metadata.get(KEY, {})) and not note(layer, "notes"):
        raise InputError(layer.name, "carries no record", "Select a result, or data that proxiscope opened or prepared")
    RecordView(viewer, layer).show()


def save_result(viewer: "napari.Viewer", layer: Any = None) -> None:
    """Ask for a file, and write a layer with all that it carries."""
    layer = _image(viewer, layer)
    path = dialogs.to_save(window_of(viewer), dialogs.RESULTS, layer.name)
    if not path:
        return
    data, notes = layer.data, dict(layer.metadata.get(KEY, {}))

    def written(left_out: tuple[str, ...]) -> None:
        result_saved(notes)
        show_info(f"Saved: {path}")
        for sentence in left_out:
            show_warning(sentence)

    in_background(lambda: write_layer(path, data, notes), written)


def export_figure(viewer: "napari.Viewer", layer: Any = None) -> None:
    """Show a figure of a layer as it is shown, to be saved with scale bar and colour bar."""
    from .figure_dialog import FigureDialog

    FigureDialog(viewer, _image(viewer, layer)).show()


def window_of(viewer: "napari.Viewer") -> Any:
    """What dialogs stand in front of."""
    return viewer.window._qt_window


# ---- how they do it


def _active(viewer: "napari.Viewer", layer: Any) -> Any:
    layer = layer or viewer.layers.selection.active
    if layer is None:
        raise InputError("layer", "none is selected", "Select one in the layer list")
    return layer


def _image(viewer: "napari.Viewer", layer: Any) -> Any:
    from napari.layers import Image

    layer = _active(viewer, layer)
    if not isinstance(layer, Image) or layer.multiscale or layer.rgb:
        raise InputError(layer.name, "is no image or volume of grey values in a single size", "Select one")
    return layer


def _result(viewer: "napari.Viewer", layer: Any) -> Any:
    layer = _active(viewer, layer)
    if "algorithm" not in (note(layer, "provenance") or {}):
        raise InputError(layer.name, "is no result of a reconstruction", "Select a result in the layer list")
    return layer


def _copy(viewer: "napari.Viewer", layer: Any, make: Callable[[dict, str], str], what: str) -> None:
    """Put code on the clipboard; first have the input written, where no file holds it."""
    from ..scripts.inputs import recipe_in

    provenance, output = dict(note(layer, "provenance")), f"{dialogs.file_name(layer.name)} again.h5"

    def copy(provenance: dict[str, Any]) -> None:
        in_background(lambda: make(provenance, output), copied)

    def copied(code: str) -> None:
        QGuiApplication.clipboard().setText(code)
        show_info(f"{what} is on the clipboard.")

    try:
        recipe_in(provenance)
    except InputError as error:
        _write_input(viewer, layer, error, copy)
    else:
        copy(provenance)


def _write_input(viewer: "napari.Viewer", layer: Any, error: InputError, then: Callable[[dict], None]) -> None:
    """Offer to write the input of a result to a file, put that on its record, and go on with the record."""
    make_problem, provenance = note(layer, "make_problem"), dict(note(layer, "provenance"))
    if make_problem is None:
        raise error
    window = window_of(viewer)
    if not dialogs.agreed(window, "Input of the result", WRITE_FIRST, "Write the input ..."):
        return
    path = dialogs.to_save(window, dialogs.INPUTS, f"{layer.name} input")
    if not path:
        return

    def write() -> dict[str, Any]:
        from ..reconstruction import describe
        from ..scripts import save_input

        problem = make_problem()
        if describe(problem)["sha256"] != provenance["input"]["sha256"]:
            raise InputError(
                layer_name, "its input has been changed since the run", "Run again, and copy before changing the layers"
            )
        return save_input(problem, path)

    def written(described: dict[str, Any]) -> None:
        now = provenance | {"input": described}
        layer.metadata = layer.metadata | {KEY: layer.metadata.get(KEY, {}) | {"provenance": now}}
        show_info(f"Written: {path}")
        then(now)

    layer_name = layer.name
    in_background(write, written)

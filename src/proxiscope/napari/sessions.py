"""Sessions: the layers of a viewer, how they are shown, and what the panels say, in one file and back."""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Layer
from napari.utils.notifications import show_info, show_warning

from .._version import __version__
from ..core import InputError
from . import dialogs
from .background import in_background, is_open
from .keeper import result_saved
from .layers import LayerData
from .panels import open_panel
from .session_file import read_document, write_document
from .session_layers import Finder, made, taken, written

if TYPE_CHECKING:
    import napari


def save_session(viewer: "napari.Viewer", path: str | os.PathLike) -> list[str]:
    """Write the layers of a viewer, their order and looks, and what the panels say.

    Large images that came from files and were not changed stay there: path and hash are kept. All others are copied.

    Parameters
    ----------
    viewer : napari.viewer.Viewer or napari.components.ViewerModel
    path : path-like
        An HDF5 file, made or replaced.

    Returns
    -------
    list of str
        What was left out, in sentences.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    return _write(path, *_taken(viewer))


def open_session(viewer: "napari.Viewer", path: str | os.PathLike) -> list[str]:
    """Add the layers of a session to a viewer, and show them and the panels as they were.

    Returns
    -------
    list of str
        What could not be had again, such as layers whose file is missing or has changed, in sentences.

    Raises
    ------
    InputError
        If the file is no session, or is damaged.
    """
    document, found, remarks = _read(path)
    return remarks + _show(viewer, document, found)


def session_layers(path: str | os.PathLike) -> list[LayerData]:
    """The layers of a session, for napari's reader hook."""
    _, found, remarks = _read(path)
    for sentence in remarks:
        show_warning(sentence)
    return [layer for layer, _ in found]


def save_session_dialog(viewer: "napari.Viewer") -> None:
    """Ask for a file, and write the session."""
    if not viewer.layers:
        raise InputError("session", "there is no layer to save", "Open or simulate data first")
    path = dialogs.to_save(viewer.window._qt_window, dialogs.SESSIONS, "session")
    if path:
        document, left_out = _taken(viewer)
        in_background(lambda: _write(path, document, left_out), lambda said: _say(f"Saved: {path}", said))


def open_session_dialog(viewer: "napari.Viewer") -> None:
    """Ask for a file, and open the session that it holds."""
    path = dialogs.to_open(viewer.window._qt_window, dialogs.SESSIONS)
    if path:
        in_background(
            lambda: _read(path),
            lambda read: _say(f"Opened: {path}", read[2] + _show(viewer, read[0], read[1])),
            wanted=lambda: is_open(viewer),
        )


def _say(done: str, remarks: list[str]) -> None:
    show_info(done)
    for sentence in remarks:
        show_warning(sentence)


# ---- to the file


def _taken(viewer: Any) -> tuple[dict[str, Any], list[str]]:
    """What is kept of a viewer, and what is not; for the thread of the window."""
    layers, left_out = [], []
    for layer in viewer.layers:
        found = taken(layer)
        if found is None:
            kind = type(layer).__name__
            left_out.append(f"{layer.name} was left out: layers of the kind {kind} are not kept.")
        else:
            layers.append(found)
    active, camera = viewer.layers.selection.active, viewer.scene.camera
    view = {
        "ndisplay": viewer.dims.ndisplay,
        "order": list(viewer.dims.order),
        "point": [float(x) for x in viewer.dims.point],
        "selected": None if active is None else active.name,
        "center": [float(x) for x in camera.center],
        "zoom": float(camera.zoom),
        "angles": [float(x) for x in camera.angles],
    }
    panels = {title: panel.settings() for title, panel in _panels(viewer).items()}
    return {"layers": layers, "view": view, "panels": panels}, left_out


def _write(path: str | os.PathLike, document: dict[str, Any], remarks: list[str]) -> list[str]:
    """For a worker thread."""
    layers = [found for found in (written(layer, remarks) for layer in document["layers"]) if found is not None]
    told = {"software": f"proxiscope {__version__}", "saved": time.strftime("%Y-%m-%dT%H:%M:%S%z")}
    write_document(path, told | document | {"layers": layers})
    for layer in layers:
        result_saved(layer["notes"])
    return remarks


# ---- from the file


Found = list[tuple[LayerData, tuple[float, ...] | None]]


def _read(path: str | os.PathLike) -> tuple[dict[str, Any], Found, list[str]]:
    """The document of a session, its layers, and what could not be had; for a worker thread."""
    document, found, remarks = read_document(path), [], []
    layers, find = document.get("layers", []), Finder(Path(path))
    if not isinstance(layers, list):
        raise InputError(Path(path).name, "its list of layers is damaged", "Use another copy")
    for i, layer in enumerate(layers):
        try:
            found.append(made(layer, find, remarks))
        except InputError as error:
            remarks.append(f"Not opened: {error}")
        except (AttributeError, KeyError, TypeError, ValueError) as error:  # a file may say anything
            remarks.append(f"Not opened: layer {i} makes no sense ({type(error).__name__}: {error}).")
    return document, found, remarks


def _show(viewer: Any, document: dict[str, Any], found: Found) -> list[str]:
    """Add the layers, and show all as it was; in the thread of the window."""
    remarks, was_empty = [], not viewer.layers
    for (data, options, kind), limits in found:
        layer = None
        try:
            layer = Layer.create(data, options, kind)
            if limits is not None:
                shown = layer.contrast_limits
                layer.contrast_limits_range = limits
                layer.contrast_limits = shown
            viewer.add_layer(layer)
        except Exception as error:  # whatever napari makes of what a file says
            remarks.append(f"Not opened: {options.get('name')} ({type(error).__name__}: {error!s:.200}).")
            if layer in viewer.layers:  # and something that follows the layers cannot live with it
                with suppress(Exception):
                    viewer.layers.remove(layer)
    if was_empty:
        _restore_view(viewer, document.get("view"))
    return remarks + _restore_panels(viewer, document.get("panels"))


def _restore_view(viewer: Any, view: Any) -> None:
    try:
        if len(view["order"]) == viewer.dims.ndim:
            viewer.dims.order = tuple(view["order"])
            for axis, value in enumerate(view["point"]):
                viewer.dims.set_point(axis, value)
        viewer.dims.ndisplay = view["ndisplay"]
        camera = viewer.scene.camera
        camera.center, camera.zoom, camera.angles = tuple(view["center"]), view["zoom"], tuple(view["angles"])
        if view["selected"] in viewer.layers:
            viewer.layers.selection.active = viewer.layers[view["selected"]]
    except (LookupError, TypeError, ValueError):  # the layers are there all the same
        pass


def _panels(viewer: Any) -> dict[str, Any]:
    """The panels that can say what they show, by their titles."""
    window = getattr(viewer, "window", None)
    docked = {} if window is None else dict(window.dock_widgets)
    able = {title: panel for title, panel in docked.items() if callable(getattr(panel, "settings", None))}
    return {title.split(" (")[0]: panel for title, panel in able.items() if hasattr(panel, "apply_settings")}


def _restore_panels(viewer: Any, settings: Any) -> list[str]:
    remarks: list[str] = []
    if getattr(viewer, "window", None) is None or not isinstance(settings, dict):
        return remarks
    for title, values in settings.items():
        try:
            open_panel(viewer, title).apply_settings(values)
        except Exception as error:  # of a panel that is another by now
            remarks.append(f"The panel {title} is not as it was: {error}")
    return remarks

"""Commands of the palette, the menus and the keyboard, on the viewer in front.

They are thin, and import what they need when they are called: to register them costs nothing.
"""

from typing import Any

from napari.utils.notifications import show_error, show_info

import napari

NO_PANEL = "Open Prepare data, Phase retrieval or Tomography first: Plugins > proxiscope."
NOTHING_RUNS = "Nothing is running."


def reconstruct_file() -> None:
    """Ask for a file, open it, and open the panel that reconstructs from it."""

    def reconstruct(viewer: Any) -> None:
        from .data_files import open_data
        from .layers import note
        from .panels import open_panel

        opened = open_data(viewer, viewer.window._qt_window)
        if opened:
            is_pattern = any(note(layer, "kind") == "pattern" for layer in opened)
            panel = open_panel(viewer, "Phase retrieval" if is_pattern else "Tomography")
            panel.input.value = next((layer for layer in opened if panel.accepts(layer)), panel.input.value)

    _do(reconstruct)


# ---- the panel in front


def run() -> None:
    """Start the reconstruction, or apply the step, that the visible panel shows."""
    _press("start", "apply")


def preview() -> None:
    """Preview what the visible panel shows."""
    _press("show_preview", "preview")


def pause_or_resume() -> None:
    """Hold what is running, or let it go on."""
    panel = _at_work()
    worker = _worker(panel)
    _tell("resume" if worker is not None and worker.status.name == "PAUSED" else "pause", panel)


def stop_and_keep() -> None:
    """End the run and keep its result."""
    _tell("stop", _at_work())


def cancel() -> None:
    """End what is running and drop its result."""
    _tell("cancel", _at_work())


# ---- the active layer


def log_view() -> None:
    """Show the pattern on a logarithmic scale, or as it was."""

    def show(viewer: Any) -> None:
        from .log_view import toggle_log

        layer = _pattern(viewer)
        if layer is None:
            show_info("Select a diffraction pattern in the layer list first.")
        else:
            toggle_log(viewer, layer)

    _do(show)


def copy_as_python() -> None:
    """Copy Python code that makes the selected result again."""
    _reproduce("copy_as_python")


def copy_as_command() -> None:
    """Copy the command line that makes the selected result again."""
    _reproduce("copy_as_command")


def show_record() -> None:
    """Show how the selected layer came about."""
    _reproduce("show_record")


def save_result() -> None:
    """Save the selected result with its record."""
    _reproduce("save_result")


def export_figure() -> None:
    """Draw the selected layer with axes, colour bar and scale bar into a file."""
    _reproduce("export_figure")


# ---- the panel Inspect


def difference() -> None:
    """Show the difference of the two selected images."""
    _inspect(lambda panel, pair: panel.look_at(*pair, page="Difference"))


def side_by_side() -> None:
    """Show the two selected images beside each other, or all as before."""

    def switch(panel: Any, pair: tuple[Any, Any]) -> None:
        if not panel.beside.isChecked():
            panel.look_at(*pair)
        panel.beside.click()

    _inspect(switch)


# ---- the panel Learning demos


def segment() -> None:
    """Open the demo that clusters what the active layer holds into labels."""

    def open_it(viewer: Any) -> None:
        from .panels import open_panel

        panel, active = open_panel(viewer, "Learning demos"), viewer.layers.selection.active
        panel.demo.value = "segmentation"
        if active in panel.input.choices:  # also where this demo was chosen before
            panel.input.value = active

    _do(open_it)


# ---- sessions


def save_session() -> None:
    """Save the layers, and how they came about, to be opened again."""

    def save(viewer: Any) -> None:
        from .sessions import save_session_dialog

        save_session_dialog(viewer)

    _do(save)


def open_session() -> None:
    """Open a session that was saved."""

    def open_it(viewer: Any) -> None:
        from .sessions import open_session_dialog

        open_session_dialog(viewer)

    _do(open_it)


# ---- checkpoints


def resume_checkpoint() -> None:
    """Ask for a checkpoint, of a window or of a command line, and go on with its run."""

    def resume(viewer: Any) -> None:
        from .resuming import resume_dialog

        resume_dialog(viewer)

    _do(resume)


def show_checkpoints() -> None:
    """Show the folder of checkpoints in the file manager."""

    def show(viewer: Any) -> None:
        from .resuming import show_folder

        show_folder()

    _do(show)


# ---- how they do it


def _do(work: Any) -> None:
    """Call `work` with the viewer in front, and show what is wrong as a notification."""
    from ..core import ProxiscopeError

    viewer = napari.current_viewer()
    if viewer is None:
        show_error("There is no napari window. Open one first.")
        return
    try:
        work(viewer)
    except ProxiscopeError as error:
        show_error(str(error))


def _reproduce(name: str) -> None:
    def act(viewer: Any) -> None:
        from . import reproducing

        if viewer.layers.selection.active is None:
            show_info("Select one layer in the layer list first.")
        else:
            getattr(reproducing, name)(viewer)

    _do(act)


def _inspect(show: Any) -> None:
    """Call `show` with the panel Inspect and two images: those selected, the upper first, or those chosen in it."""

    def act(viewer: Any) -> None:
        from .inspect.pair import accepts
        from .panels import open_panel

        panel = open_panel(viewer, "Inspect")
        selected = [layer for layer in reversed(viewer.layers) if layer in viewer.layers.selection]
        pair = tuple(filter(accepts, selected))
        if len(pair) != 2:
            pair = panel.layer, panel.other
        if None in pair:
            show_info("Select two images in the layer list first, or choose what to compare with in Inspect.")
        else:
            show(panel, pair)

    _do(act)


def _panels() -> list[Any]:
    """The panels of the plugin that are open in the viewer in front, the visible ones first."""
    viewer = napari.current_viewer()
    docked = [] if viewer is None else viewer.window.dock_widgets.values()
    ours = [widget for widget in docked if type(widget).__module__.startswith("proxiscope.")]
    return sorted(ours, key=lambda panel: not _in_view(panel))


def _in_view(panel: Any) -> bool:
    """Whether something of a panel can be seen; Qt calls those visible that lie behind another tab."""
    return not panel.visibleRegion().isEmpty()


def _press(*names: str) -> None:
    """Call the first of these methods that a visible panel has."""
    for panel in filter(_in_view, _panels()):
        for method in (getattr(panel, name, None) for name in names):
            if callable(method):
                method()
                return
    show_info(NO_PANEL)


def _at_work() -> Any:
    """The panel in which something runs, a visible one if there are several."""
    return next((panel for panel in _panels() if _worker(panel) is not None), None)


def _worker(panel: Any) -> Any:
    """What runs in a panel: a reconstruction or a step of preparation."""
    if getattr(panel, "running", False):
        return panel.run
    return panel.job if getattr(panel, "working", False) else None


def _tell(name: str, panel: Any) -> None:
    """Pause, resume, stop or cancel what runs in a panel."""
    method = getattr(panel, name, None) or getattr(_worker(panel), name, None)
    if panel is None:
        show_info(NOTHING_RUNS)
    elif method is None:
        show_info("A step of preparation leaves nothing to keep before it is done. Cancel it, or wait.")
    else:
        method()


def _pattern(viewer: Any) -> Any:
    """The active layer if it is a diffraction pattern, or shows the logarithm of one; else the topmost pattern."""
    from .layers import note

    active = viewer.layers.selection.active
    if active is not None and (note(active, "kind") == "pattern" or note(active, "log_of")):
        return active
    return next((layer for layer in reversed(viewer.layers) if note(layer, "kind") == "pattern"), None)

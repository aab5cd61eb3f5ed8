"""What a reconstruction panel does about runs that were interrupted."""

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from napari.utils.notifications import show_info
from qtpy.QtCore import QObject, QTimer

from ..checkpoints import SavedRun, load_run
from ..core import InputError
from ..core.algorithm import due
from ..keeping import tidy
from . import interrupted
from .activity import Activity
from .background import in_background, is_open
from .interrupted import Interrupted
from .interrupted_bar import InterruptedBar
from .iterates import Kept, curves_of
from .keeper import family_of, is_over, keeper_of, new_keeper, told_of
from .layers import LayerData, pattern_layers, series_layer
from .live import short_name
from .run import Run
from .settings import checkpoint_every

PANELS = {"phase": "Phase retrieval", "tomography": "Tomography"}
"""Titles of the panels by the families of algorithms."""

AGAIN = 3000
"""Milliseconds after which a panel looks once more: a run that was just closed may still have been writing."""


class Loaded(NamedTuple):
    """A run out of a checkpoint, with its problem, and the layers that show that where none is open."""

    saved: SavedRun
    problem: Any
    layers: list[LayerData]


class Resuming(QObject):
    """Offers the interrupted runs of a panel's family, and goes on with them.

    Parameters
    ----------
    panel : ReconstructionPanel
    """

    def __init__(self, panel: Any):
        super().__init__(panel)
        self.panel, self.bar = panel, InterruptedBar()
        self._loading: dict[Path, Activity] = {}
        self.bar.resume_wanted.connect(lambda run: self.resume(run.path, failed=bool(run.failed)))
        self.bar.discard_wanted.connect(self.discard)
        self._again = QTimer(self, singleShot=True, interval=AGAIN)
        self._again.timeout.connect(self.look)

    def begin(self) -> None:
        """Look now, and a little later; and have removed what nobody can go on with."""
        in_background(interrupted.sweep, _nothing)
        self.look()
        self._again.start()

    def leave(self) -> None:
        """Look no more, and leave what was about to be resumed to others."""
        self._again.stop()
        for path, activity in self._loading.items():
            activity.close()
            interrupted.let_go(path)

    def look(self) -> None:
        """Offer what there is; files are read in a thread."""
        paths = interrupted.interrupted(self.panel.family)
        if paths or self.bar.runs:
            in_background(partial(_told, paths), self.bar.show_runs, wanted=self._wanted)

    def discard(self, run: Interrupted) -> None:
        """Remove a checkpoint: of many GB, in a thread; no other window offers it meanwhile."""
        with self.panel._reporting():
            own = interrupted.adopt(run.path, self.panel.family)
            self.bar.drop(run.path)
            in_background(partial(_remove, own, run.path), _nothing)

    def resume(self, path: Path, failed: bool = False) -> None:
        """Go on with the run of a checkpoint; one that had failed is paused at first, so that it can be changed."""
        panel = self.panel
        try:
            own = interrupted.adopt(path, panel.family)
        except InputError as error:
            panel._report(error)
            return
        self.bar.drop(path)
        self._loading[own] = Activity(panel.window(), f"Resuming {path.name}", 0)
        panel.controls.status.setText("Reading the checkpoint and its data ...")

        def shown(loaded: Loaded) -> None:
            self._loading.pop(own).close()
            self._go_on(loaded, failed)

        def refused(error: Exception) -> None:
            self._loading.pop(own).close()
            interrupted.let_go(own, interrupted.failure(path))
            panel._report(error)
            self.look()

        in_background(partial(_load, own, path), shown, refused, wanted=self._wanted)
        self._loading[own].update(0)  # which lets Qt work

    def keep(self, run: Run, name: str, source: Any, saved: SavedRun | None = None) -> None:
        """Have a run write checkpoints; one that is taken up goes on with those that it has."""
        every, told = checkpoint_every(), (name, source.name)
        with self.panel._reporting():
            if saved is not None:
                run.checkpoints = keeper_of(saved, every, *told)
            elif any(every.values()):
                run.checkpoints = new_keeper(self.panel.family, every, *told)

    def _wanted(self) -> bool:
        return not self.panel.left and is_open(self.panel.viewer)

    def _go_on(self, loaded: Loaded, failed: bool) -> None:
        panel, saved, problem = self.panel, loaded.saved, loaded.problem
        source = self._source(loaded)
        with suppress(ValueError):  # of what the panel does not offer
            panel.show_algorithm(due(saved.algorithm, saved.changes, saved.iteration))
            panel.seed.value = saved.seed
        run = Run(
            saved.algorithm, lambda: problem, seed=saved.seed, stop=saved.stop, changes=saved.changes,
            begin=begin_of(saved), resumed=(*saved.resumed, saved.iteration), over=is_over(saved),
        )  # fmt: skip
        if not is_over(saved):
            with panel._reporting():
                run.run_on = panel.run_on()
        if failed:
            run.pause()
        panel._begin(run, title_of(saved), source, saved)

    def _source(self, loaded: Loaded) -> Any:
        """The layer that the run reconstructs from, opened again if it is not there."""
        panel, name = self.panel, source_name(loaded.saved)
        for layer in panel.viewer.layers:
            if layer.name == name and panel.accepts(layer) and tuple(layer.data.shape) == tuple(loaded.problem.shape):
                return layer
        added = [panel.viewer._add_layer_from_data(*data) for data in loaded.layers]
        layer = next(layer for found in added for layer in found if panel.accepts(layer))
        panel.input.value = layer
        return layer


def resume_dialog(viewer: Any) -> None:
    """Ask for a checkpoint, and go on with its run in the panel of its family."""
    from . import dialogs
    from .panels import open_panel

    path = dialogs.to_open(viewer.window._qt_window, dialogs.CHECKPOINTS, interrupted.folder())
    if not path:
        return

    def open_it(title: str) -> None:
        panel = open_panel(viewer, title)
        panel.resuming.resume(Path(path))

    in_background(lambda: _panel_of(Path(path)), open_it, wanted=lambda: is_open(viewer))


def show_folder() -> None:
    """Show the folder of checkpoints in the file manager."""
    from qtpy.QtCore import QUrl
    from qtpy.QtGui import QDesktopServices

    where = interrupted.folder()
    if not where.is_dir():
        where.mkdir(parents=True)
    if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(where))):
        show_info(f"The checkpoints are in {where}.")


def _panel_of(path: Path) -> str:
    """The title of the panel that a checkpoint belongs to."""
    family = family_of(path)
    if family not in PANELS:
        raise InputError(path.name, f"a run of the family {family}", "Resume it by proxiscope.resume")
    return PANELS[family]


def _told(paths: list[Path]) -> list[Interrupted]:
    return [told for told in map(told_of, paths) if told is not None]


def _remove(own: Path, former: Path) -> None:
    """Remove a checkpoint that was taken over, and what was left half written under its former name."""
    try:
        interrupted.remove(own)
        tidy(former)
    finally:
        interrupted.let_go(own)


def _nothing(_done: None) -> None:
    """To be done when it is done."""


def _load(path: Path, former: Path) -> Loaded:
    """For the worker thread: a checkpoint that had another name."""
    if former != path:
        tidy(former)
    saved = load_run(path)
    problem = saved.problem()
    if saved.algorithm.family == "tomography":
        layers = [series_layer(problem, source_name(saved))]
    else:
        layers = pattern_layers(problem, source_name(saved))
    return Loaded(saved, problem, layers)


def begin_of(saved: SavedRun) -> Kept:
    """Where the run of a checkpoint goes on."""
    curves = curves_of(saved.record)
    r_factors = curves.get("r_factor", ())
    return Kept(
        iteration=saved.iteration, r_factor=r_factors[-1][1] if r_factors else float("nan"), state=saved.state,
        record=saved.record, curves=curves, seconds=saved.seconds, result=None, frame=None,
    )  # fmt: skip


def title_of(saved: SavedRun) -> str:
    """Of the run in the list."""
    return str(saved.settings.get("name") or short_name(type(saved.algorithm)))


def source_name(saved: SavedRun) -> str:
    """The name of the layer that a run reconstructs from."""
    return str(saved.settings.get("layer") or Path(str(saved.input.get("source") or "data")).name)

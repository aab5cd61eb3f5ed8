"""The part of a reconstruction panel that runs and watches."""

from contextlib import suppress
from typing import Any

from napari.utils.notifications import show_warning

import napari

from ...checkpoints import SavedRun
from ...core import Algorithm, InputError
from ..controls import RunControls
from ..live import Live, differences, forget_old
from ..previewing import PreviewRun, PreviewStream
from ..resuming import Resuming
from ..run import Run, Status
from ..stopping import StopSection
from ..stream import Stream
from ..theme import RUN_COLOURS
from . import open_panel
from .dock import Dock

_METHODS = {"run": "start_once"}


class RunningPanel(Dock):
    """Runs beside each other, of which one is shown; a subclass chooses what they run.

    Parameters
    ----------
    viewer : napari.viewer.Viewer

    Attributes
    ----------
    lives : list of Live
        The runs of the list, the oldest first.
    current : Live or None
        The one whose progress is shown, and that the buttons act on.
    """

    stopping: StopSection
    """The choice of criteria."""
    resuming: Resuming
    """The checkpoints of runs."""

    def __init__(self, viewer: "napari.viewer.Viewer"):
        super().__init__(viewer)
        self.lives: list[Live] = []
        self.current: Live | None = None
        self.controls = RunControls()

    def _connect_controls(self) -> None:
        self.controls.pressed.connect(lambda name: getattr(self, _METHODS.get(name, name))())
        self.controls.results.pressed.connect(self._use_result)
        runs = self.controls.list
        runs.selected.connect(self.select)
        runs.kept_selected.connect(self.show_kept)
        runs.restart_wanted.connect(self.restart)
        runs.remove_wanted.connect(self.remove)
        runs.renamed.connect(self._rename)
        runs.shown_changed.connect(self._draw)

    def _listen(self) -> None:
        super()._listen()
        self.viewer.layers.events.removed.connect(self._forget)

    # ---- what a subclass says

    def chosen_algorithm(self) -> Algorithm:
        """The algorithm with the values shown; raises InputError for text that does not parse."""
        raise NotImplementedError

    def run_on(self) -> str:
        """Where a run is to be computed, as `proxiscope.cluster.connect` takes it; raises InputError."""
        return ""

    # ---- running

    @property
    def run(self) -> Run | None:
        """The run whose progress is shown."""
        return None if self.current is None else self.current.run

    @property
    def running(self) -> bool:
        """Whether that run is under way, or has ended and is not shown yet."""
        return self.current is not None and self.current.active

    def restart(self, live: Live, index: int | None) -> None:
        """Go on from an iterate that was kept, or from the last one, with the algorithm that is shown."""
        kept = live.run.final if index is None else live.stream.kept[index][0]
        with self._reporting():
            if kept is None:
                found = "nothing to go on from" if live.run.status.ended else "still under way"
                raise InputError(live.name, found, "Keep an iterate while it runs, or stop and keep it")
            run = live.run_from(kept, self.chosen_algorithm(), self.stopping.criteria())
            run.run_on = self.run_on()
            self._begin(run, f"{live.name} from {kept.iteration}", live.source)

    def _begin(self, run: Run, name: str, source: Any, saved: SavedRun | None = None) -> None:
        """Start a run that will be the current one; it takes the place of a preview.

        One that was `saved` goes on with the checkpoints that it has.
        """
        for live in [live for live in self.lives if isinstance(live.run, PreviewRun)]:
            live.leave()
            live.stream.remove_layer()
            self._drop(live)
        taken = [live.colour for live in self.lives]
        colour = min(RUN_COLOURS, key=taken.count)
        preview, name = isinstance(run, PreviewRun), self._free_name(name)
        if run.keeps:
            self.resuming.keep(run, name, source, saved)
        live = Live(self, run, PreviewStream if preview else Stream, name, source, colour, self._follow)
        if not self.lives:  # the curves appear
            self.splitter.setSizes([self.splitter.height() // 2] * 2)
        self.lives.append(live)
        self.current = live
        live.begin()
        self.controls.list.select(live)

    def _free_name(self, name: str) -> str:
        """The name with a number where another run has it already."""
        taken, number, found = {live.name for live in self.lives}, 2, name
        while found in taken:
            found, number = f"{name} {number}", number + 1
        return found

    def pause(self) -> None:
        """Hold the run."""
        if self.current is not None:
            self.current.do(self.run.pause)

    def resume(self) -> None:
        """Go on after a pause, with the parameters that are shown."""
        if not self.running:
            return
        with self._reporting():
            changed = self._changed()
            if changed is not None:
                self.run.amend(changed)
            self.current.do(self.run.resume)

    def stop(self) -> None:
        """End the run and keep what it has."""
        if self.current is not None:
            self.current.do(self.run.stop)

    def cancel(self) -> None:
        """End the run and drop what it has."""
        if self.current is not None:
            self.current.do(self.run.cancel)

    def keep(self) -> None:
        """Keep the iterate in progress, to go back to."""
        if self.current is not None:
            self.current.do(self.run.keep)

    def _changed(self) -> Algorithm | None:
        """What a paused run is to go on with, if that is not what it did so far; raises InputError."""
        if self.run is None or self.run.status is not Status.PAUSED or isinstance(self.run, PreviewRun):
            return None
        chosen = self.chosen_algorithm()
        return None if chosen == self.run.present else chosen

    def _offer_changes(self, _value: Any = None) -> None:
        """Say what resuming would change."""
        changed = None
        with suppress(InputError):  # of text that is not complete yet
            changed = self._changed()
        self.controls.show_resume("" if changed is None else differences(self.run.present, changed))

    # ---- the list of runs

    def select(self, live: Live | None) -> None:
        """Show the progress of a run of the list, and its layer; the form stays, since it may be for the next."""
        if live is None:
            return
        self.current = live
        self._look_at(live.stream.layer)
        self._show_run(live, live.run.status)

    def show_kept(self, live: Live, index: int) -> None:
        """Go to the layer of a kept iterate."""
        self.select(live)
        self._look_at(live.stream.kept[index][1])

    def _look_at(self, layer: Any) -> None:
        """Show one layer of all that the runs made."""
        layers = self.viewer.layers
        if layer is None or layer not in layers:
            return
        made = [x for live in self.lives for x in (live.stream.layer, *(kept for _, kept in live.stream.kept))]
        for other in made:
            if other in layers:
                other.visible = other is layer
        layers.selection.active = layer

    def remove(self, live: Live, index: int | None = None) -> None:
        """Take a run, or one of its kept iterates, off the list; a run under way is cancelled. Layers stay."""
        if index is not None:
            del live.stream.kept[index]
        else:
            live.leave()
            self._drop(live)
        self._show_run(self.current, None if self.current is None else self.current.run.status)

    def _forget(self, event: Any) -> None:
        """Who removes the layer of a result does not want it."""
        for live in self.lives:
            if live.stream.layer is event.value and not live.active:
                live.release()

    def _drop(self, live: Live) -> None:
        """Take a run off the list."""
        self.lives.remove(live)
        live.deleteLater()
        if self.current is live:
            self.current = self.lives[-1] if self.lives else None

    def _rename(self, live: Live, name: str) -> None:
        live.rename(name)
        self._draw()

    def _draw(self, live: Live | None = None, drawn: bool = True) -> None:
        if live is not None:
            live.drawn = drawn
        self.controls.show_curves([x.curves() for x in self.lives if x.drawn], [x.row() for x in self.lives])

    # ---- following

    def _follow(self, live: Live, status: Status) -> None:
        """Show how far a run is; called by its stream whenever there is time to paint."""
        live.activity.update(live.run.iteration)  # which lets Qt work: it may be off the list by now, or all be closed
        if self.left or live not in self.lives:
            return
        if status is not Status.PREPARING and not live.warned:
            live.warned = True
            for text in live.run.warnings:
                show_warning(text)
        unsaved = live.run.unsaved
        if unsaved and not live.unsaved:  # once is enough: it tries again
            live.unsaved = True
            show_warning(unsaved)
        refused, live.run.refused = live.run.refused, None
        if status.ended:
            self._finish(live)
        current = self.current
        self._show_run(current, status if current is live else None if current is None else current.run.status)
        if refused is not None:
            self._report(refused)
        elif live.run.error is not None and status.ended:
            self._report(live.run.error, live.failure)

    def _show_run(self, live: Live | None, status: Status | None) -> None:
        self.controls.show_run(None if live is None else live.run, status)
        self._draw()
        self._offer_changes()

    def _finish(self, live: Live) -> None:
        run, stream = live.run, live.stream
        live.activity.close()
        if run.result is not None:
            stream.show_result()
        elif run.status is Status.CANCELLED:
            stream.remove_layer()
        else:
            stream.mark_failed()
        if run.status is Status.FAILED:
            self.resuming.look()
            if not run.iteration:  # it never began: what was wrong is told
                self._drop(live)
        forget_old(self.lives)

    # ---- results

    def _use_result(self, name: str) -> None:
        """Do something with the result of the current run."""
        from .. import reproducing

        if name == "more":  # whose menu says what
            return
        stream = self.current.stream
        with self._reporting():
            if stream.layer not in self.viewer.layers:  # it was deleted
                stream.show_result()
            layer = stream.layer
            self.viewer.layers.selection.active = layer
            if name == "inspect":
                open_panel(self.viewer, "Inspect").look_at(layer)
                return
            actions = {
                "record": reproducing.show_record,
                "save": reproducing.save_result,
                "figure": reproducing.export_figure,
                "python": reproducing.copy_as_python,
                "command": reproducing.copy_as_command,
            }
            actions[name](self.viewer)

    def leave(self) -> None:
        """Interrupt the runs that are under way, and listen to the viewer no more."""
        super().leave()
        self.viewer.layers.events.removed.disconnect(self._forget)
        for live in self.lives:
            with suppress(RuntimeError):  # the window may be on its way out
                live.leave(interrupt=True)

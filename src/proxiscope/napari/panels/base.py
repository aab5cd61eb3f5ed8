"""What the reconstruction panels share: choose, run, watch."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar

from magicgui.widgets import ComboBox, SpinBox
from magicgui.widgets.bases import ValueWidget
from napari.utils.notifications import show_warning
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSplitter, QVBoxLayout, QWidget

import napari

from ...core import Algorithm, InputError, algorithms
from ...core.estimates import Size
from ..algorithm_chooser import AlgorithmChooser
from ..buttons import Buttons
from ..choices import choose_layers
from ..controls import RunControls, wrapped_label
from ..cost import CostLabel
from ..form import ParameterForm, Rows, Section
from ..live import Live, differences, forget_old, short_name
from ..previewing import PreviewRun, PreviewStream
from ..run import Run, Status
from ..stopping import StopSection
from ..stream import Stream
from ..theme import RUN_COLOURS
from . import open_panel
from .dock import Dock, group, in_scroll, scrolling

LOWEST_FORM = 200
"""Pixels, in which some rows can still be seen."""

_METHODS = {"run": "start"}


class ReconstructionPanel(Dock):
    """Choose a layer, an algorithm and its parameters; run it and watch it converge.

    A subclass adds the rows that make a problem of the chosen layer (`input_widgets`, `problem_maker`).

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

    family: ClassVar[str]
    first_algorithm: ClassVar[str]
    input_label: ClassVar[str]
    no_input: ClassVar[str]
    further_title: ClassVar[str]

    def __init__(self, viewer: "napari.viewer.Viewer"):
        super().__init__(viewer)
        self.lives: list[Live] = []
        self.current: Live | None = None
        self._watched: Any = None
        self._build()
        self._connect()
        self.refresh_layers()
        self._choose_algorithm()

    # ---- what a subclass says

    def input_widgets(self) -> list[ValueWidget]:
        """The widgets that say how to make a problem of the chosen layer."""
        raise NotImplementedError

    def further_widgets(self) -> list[ValueWidget]:
        """What most data do without; the section that folds it away has the title `further_title`."""
        raise NotImplementedError

    def accepts(self, layer: Any) -> bool:
        """Whether `layer` can be the input."""
        raise NotImplementedError

    def prefers(self, layer: Any) -> bool:
        """Whether `layer`, when it appears, is chosen by itself."""
        return True

    def describe(self, layer: Any) -> str:
        """What was recognised in `layer`, in a line or two."""
        raise NotImplementedError

    def size(self, layer: Any) -> Size:
        """What the problem will be as large as, told without making it; raises InputError."""
        raise NotImplementedError

    def problem_maker(self, layer: Any) -> Callable[[], Any]:
        """A function that makes the problem; it runs in the worker thread and must not touch Qt or layers."""
        raise NotImplementedError

    # ---- building

    def _build(self) -> None:
        self.input = ComboBox(
            label=self.input_label, choices=[], nullable=True, tooltip="The layer to reconstruct from."
        )
        self.rows = Rows([self.input, *self.input_widgets()])
        self.further = Section(self.further_title, self.further_widgets())
        self.recognised = wrapped_label()
        self.input_buttons = Buttons(self.input_actions())
        self.chooser = AlgorithmChooser(self.family, self.first_algorithm)
        self.algorithm = self.chooser.combo
        self.seed = SpinBox(label="Seed", min=0, max=2**31 - 1, tooltip="Seed of the random start.")
        self.form: ParameterForm | None = None
        self._form_rows: QWidget | None = None
        self.stopping, self.cost = StopSection(), CostLabel()
        self._method = group("2  Method", self.chooser, self.stopping, self.cost)

        self.controls = RunControls()
        scroll = scrolling(group("1  Data", self.input_buttons, self.rows, self.further, self.recognised), self._method)
        self.splitter = QSplitter(Qt.Orientation.Vertical, childrenCollapsible=False)
        scroll.setMinimumHeight(LOWEST_FORM)
        for widget in (scroll, self.controls):
            self.splitter.addWidget(widget)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(4, 4, 4, 4)
        outer.addWidget(in_scroll(self.splitter))  # so that it asks for no height, as when docks lie below each other

    def input_actions(self) -> list[tuple[str, str, str]]:
        """Buttons that go with the data: name, text, tooltip."""
        return [
            ("open", "Open ...", "Open a file; what it holds becomes the input."),
            ("prepare", "Prepare ...", "Align, crop, bin, mend and mask the data, in a panel of its own."),
        ]

    def _connect(self) -> None:
        self.input.changed.connect(self._show_recognised)
        self.input.changed.connect(self._watch)
        self.algorithm.changed.connect(self._choose_algorithm)
        self.seed.changed.connect(self._offer_changes)
        self.controls.pressed.connect(lambda name: getattr(self, _METHODS.get(name, name))())
        self.controls.results.pressed.connect(self._use_result)
        self.input_buttons.pressed.connect(lambda name: getattr(self, f"{name}_input")())
        runs = self.controls.list
        runs.selected.connect(self.select)
        runs.kept_selected.connect(self.show_kept)
        runs.restart_wanted.connect(self.restart)
        runs.remove_wanted.connect(self.remove)
        runs.renamed.connect(self._rename)
        runs.shown_changed.connect(self._draw)
        self._listen()

    # ---- choosing

    def refresh_layers(self, event: Any = None) -> None:
        """Offer the layers that there are; keep the choice while its layer lives."""
        accepted = [layer for layer in self.viewer.layers if self.accepts(layer)]
        choose_layers(self.input, accepted, self.prefers, required=True)
        self._show_recognised()

    def _show_recognised(self, _value: Any = None) -> None:
        layer = self.input.value
        self.recognised.setText(self.no_input if layer is None else self.describe(layer))
        for widget in (self.rows, self.further):
            widget.setVisible(layer is not None)
        if self.form is not None:
            self._show_cost()

    def _watch(self, layer: Any) -> None:
        """Follow what becomes of the chosen layer: it may be prepared further."""
        if self._watched is not None:
            self._watched.events.metadata.disconnect(self._notice)
        self._watched = layer
        if layer is not None:
            layer.events.metadata.connect(self._notice)

    def _notice(self, event: Any) -> None:
        self._show_recognised()

    def open_input(self) -> None:
        """Ask for a file, and open it."""
        from ..dialogs import to_open_data

        path = to_open_data(self)
        if path:
            with self._reporting():
                self.viewer.open(path, plugin="napari-proxiscope")

    def prepare_input(self) -> None:
        """Open the panel that prepares data, on the chosen layer."""
        panel = open_panel(self.viewer, "Prepare data")
        if self.input.value is not None and panel.accepts(self.input.value):
            panel.input.value = self.input.value

    def _choose_algorithm(self, _value: Any = None) -> None:
        cls = algorithms(self.family)[self.algorithm.value]
        if self._form_rows is not None:
            self.seed.native.setParent(None)  # outlives the rows of one algorithm
            self._form_rows.setParent(None)  # at once, not when Qt finds time to delete them
            self._form_rows.deleteLater()
        before, self.form = self.form, ParameterForm(cls)
        if before is not None:
            self.form.take_over(before)
        first, *groups = self.form.grouped().items()
        random_start = [self.seed] if cls.random_start else []
        self._form_rows = QWidget()
        layout = QVBoxLayout(self._form_rows)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(Rows([*first[1], *random_start]))
        for section in [Section(title, widgets) for title, widgets in groups] + self.more_sections(cls):
            layout.addWidget(section)
        self._method.layout().insertWidget(self._method.layout().indexOf(self.stopping), self._form_rows)
        self.stopping.offer(cls)
        self.chooser.follow(self.form)
        for do in (self._offer_changes, self._show_cost):
            self.form.changed.connect(do)
            do()

    def more_sections(self, cls: type[Algorithm]) -> list[Section]:
        """Sections below the parameters of an algorithm."""
        return []

    def chosen_algorithm(self) -> Algorithm:
        """The algorithm with the values shown; raises InputError for text that does not parse."""
        return self.form.algorithm()

    # ---- running

    @property
    def run(self) -> Run | None:
        """The run whose progress is shown."""
        return None if self.current is None else self.current.run

    @property
    def running(self) -> bool:
        """Whether that run is under way, or has ended and is not shown yet."""
        return self.current is not None and self.current.active

    def start(self) -> None:
        """Run the chosen algorithm on the chosen layer."""
        with self._reporting():
            layer, options = self._input(), {"seed": self.seed.value, "stop": self.stopping.criteria()}
            run = Run(self.chosen_algorithm(), self.problem_maker(layer), **options)
            self._begin(run, short_name(self.chooser.algorithm_class), layer)

    def preview(self) -> None:
        """Show in under a second what a run would give."""
        with self._reporting():
            layer = self._input()
            run = PreviewRun(self.previewed_algorithm(), self.problem_maker(layer), seed=self.seed.value)
            run.row = self.preview_row(layer)
            self._begin(run, "Preview", layer)

    def previewed_algorithm(self) -> Algorithm:
        """What a preview runs."""
        return self.form.algorithm()

    def preview_row(self, layer: Any) -> int:
        """Which section of a single-axis tilt series a preview shows."""
        return 0

    def restart(self, live: Live, index: int | None) -> None:
        """Go on from an iterate that was kept, or from the last one, with the algorithm that is shown."""
        kept = live.run.final if index is None else live.run.kept[index]
        with self._reporting():
            if kept is None:
                found = "nothing to go on from" if live.run.status.ended else "still under way"
                raise InputError(live.name, found, "Keep an iterate while it runs, or stop and keep it")
            old = live.run
            options = {"seed": old.seed, "stop": self.stopping.criteria(), "begin": kept}
            changes = live.changes_from(kept, self.chosen_algorithm())
            run = Run(old.algorithm, old.make_problem, changes=changes, **options)
            self._begin(run, f"{live.name} from {kept.iteration}", live.source)

    def _input(self) -> Any:
        layer = self.input.value
        if layer is None:
            raise InputError(self.input_label, "nothing is chosen", self.no_input)
        return layer

    def _begin(self, run: Run, name: str, source: Any) -> None:
        """Start a run that will be the current one; it takes the place of a preview."""
        for live in [live for live in self.lives if isinstance(live.run, PreviewRun)]:
            self.remove(live)
            live.stream.remove_layer()
        taken = [live.colour for live in self.lives]
        colour = min(RUN_COLOURS, key=taken.count)
        stream = PreviewStream if isinstance(run, PreviewRun) else Stream
        live = Live(self, run, stream, self._free_name(name), source, colour, self._follow)
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

    def _show_cost(self, _value: Any = None) -> None:
        """Say what a run would take."""
        layer = self.input.value
        with suppress(InputError):  # of data or text that are not complete yet
            self.cost.show_cost(None if layer is None else self.chosen_algorithm(), layer and self.size(layer))

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
        if live.stream.layer is not None and live.stream.layer in self.viewer.layers:
            self.viewer.layers.selection.active = live.stream.layer
        self._show_run(live, live.run.status)

    def show_kept(self, live: Live, index: int) -> None:
        """Go to the layer of a kept iterate."""
        self.select(live)
        layer = live.stream.kept_layers[index]
        if layer in self.viewer.layers:
            layer.visible = True
            self.viewer.layers.selection.active = layer

    def remove(self, live: Live, index: int | None = None) -> None:
        """Take a run, or one of its kept iterates, off the list; a run under way is cancelled. Layers stay."""
        if index is not None:
            del live.run.kept[index], live.stream.kept_layers[index]
        else:
            if live.active:
                live.leave()
                live.stream.remove_layer()
            self.lives.remove(live)
            live.deleteLater()
            if self.current is live:
                self.current = self.lives[-1] if self.lives else None
        self._show_run(self.current, None if self.current is None else self.current.run.status)

    def _rename(self, live: Live, name: str) -> None:
        live.name = name
        self._draw()

    def _draw(self, live: Live | None = None, drawn: bool = True) -> None:
        if live is not None:
            live.drawn = drawn
        self.controls.show_curves([x.curves() for x in self.lives if x.drawn], [x.row() for x in self.lives])

    # ---- following

    def _follow(self, live: Live, status: Status) -> None:
        """Show how far a run is; called by its stream whenever there is time to paint."""
        live.activity.update(live.run.iteration)  # which lets Qt work: meanwhile the end may have been shown
        if not (live.active or status.ended):
            return
        if status is not Status.PREPARING and not live.warned:
            live.warned = True
            for text in live.run.warnings:
                show_warning(text)
        refused, live.run.refused = live.run.refused, None
        if status.ended:
            self._finish(live)
        self._show_run(self.current, self.current.run.status if self.current is not live else status)
        if refused is not None:
            self._report(refused)
        elif live.run.error is not None and status.ended:
            self._report(live.run.error)

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
        forget_old(self.lives)

    # ---- results

    def _use_result(self, name: str) -> None:
        """Do something with the result of the current run."""
        from .. import reproducing

        layer = self.current.stream.layer
        with self._reporting():
            if layer is None or layer not in self.viewer.layers:
                raise InputError(self.current.name, "its layer is gone", "Run it again")
            self.viewer.layers.selection.active = layer
            if name == "more":  # whose menu says what
                return
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

    # ---- sessions

    def settings(self) -> dict[str, Any]:
        """What is chosen, in plain values that JSON can hold; layers by their names."""
        from ..choosing import chosen_values

        return chosen_values(self)

    def apply_settings(self, settings: dict[str, Any]) -> None:
        """Choose what `settings` says, as far as it still can be chosen."""
        from ..choosing import choose_values

        choose_values(self, settings)

    def leave(self) -> None:
        """Cancel the runs that are under way, and listen to the viewer no more."""
        super().leave()
        self._watch(None)
        for live in self.lives:
            live.leave()

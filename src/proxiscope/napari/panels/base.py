"""What the reconstruction panels share: choose, run, watch."""

import math
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar

from magicgui.widgets import ComboBox
from magicgui.widgets.bases import ValueWidget
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSplitter, QVBoxLayout, QWidget

import napari

from ...advice import Advice, Facts, advise
from ...core import Algorithm, InputError, algorithms
from ...core.estimates import Size
from ...core.memory import Proposal
from ...io.lazy import is_lazy
from ...preparation import as_step
from ..advice_line import AdviceLine
from ..algorithm_chooser import AlgorithmChooser
from ..buttons import Buttons
from ..choices import choose_layers
from ..controls import wrapped_label
from ..cost import CostLabel, Planned
from ..devices import mark_missing
from ..fields import WholeNumber
from ..form import ParameterForm, Rows, Section
from ..layers import note
from ..live import short_name
from ..previewing import PreviewRun
from ..proposals import ProposalButtons
from ..resuming import Resuming
from ..run import Run
from ..stopping import StopSection
from . import open_panel
from .dock import group, in_scroll, scrolling
from .running import RunningPanel

LOWEST_FORM = 200
"""Pixels, in which some rows can still be seen."""

COMPUTING = "Computing"
"""Title of the group of parameters that tell how, not what, is computed."""

TWICE = 0.3
"""Seconds in which a second press is part of a double click."""


class ReconstructionPanel(RunningPanel):
    """Choose a layer, an algorithm and its parameters; run it and watch it converge.

    A subclass adds the rows that make a problem of the chosen layer (`input_widgets`, `problem_maker`).

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    family: ClassVar[str]
    first_algorithm: ClassVar[str]
    input_label: ClassVar[str]
    no_input: ClassVar[str]
    further_title: ClassVar[str]

    def __init__(self, viewer: "napari.viewer.Viewer"):
        super().__init__(viewer)
        self._watched: Any = None
        self._pressed = 0.0
        self.resuming = Resuming(self)
        self._build()
        self._connect()
        self.refresh_layers()
        self._choose_algorithm()
        self.resuming.begin()

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

    def problem_maker(self, layer: Any, recorded: bool = True) -> Callable[[], Any]:
        """A function that makes the problem; it runs in the worker thread and must not touch Qt or layers.

        With `recorded` the problem has its recipe, for which files are hashed. Called again, it makes the same.
        """
        raise NotImplementedError

    def size(self, layer: Any) -> Size:
        """What the problem will be as large as, told without making it; raises InputError."""
        raise NotImplementedError

    def facts(self, layer: Any) -> Facts:
        """What decides which algorithm to take, recognised within milliseconds; raises InputError."""
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
        self.advice = AdviceLine()
        self.chooser.add_below_list(self.advice)
        tip = "Seed of what is random: the start, or the order of the tilts."
        self.seed = WholeNumber(label="Seed", min=0, max=2**31 - 1, tooltip=tip)
        self.form: ParameterForm | None = None
        self._form_rows: QWidget | None = None
        self.stopping, self.cost = StopSection(), CostLabel()
        self.proposals = ProposalButtons()
        method = (self.chooser, *self.sections(), self.stopping, self.cost)
        self._method = group("2  Method", *method)

        scroll = scrolling(group("1  Data", self.input_buttons, self.rows, self.further, self.recognised), self._method)
        self.splitter = QSplitter(Qt.Orientation.Vertical, childrenCollapsible=False)
        scroll.setMinimumHeight(LOWEST_FORM)
        self.controls.add_below_status(self.proposals)
        for widget in (scroll, self.controls):
            self.splitter.addWidget(widget)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(4, 4, 4, 4)
        outer.addWidget(self.resuming.bar)
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
        self.cost.fits.connect(self.proposals.show_proposals)
        self.proposals.chosen.connect(self.use_proposal)
        self.advice.chosen.connect(self.use_advice)
        self._connect_controls()
        self.input_buttons.pressed.connect(lambda name: getattr(self, f"{name}_input")())
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
        self.recognised.setToolTip("\n".join(note(layer, "notes") or ()) if layer is not None else "")
        for widget in (self.rows, self.further):
            widget.setVisible(layer is not None)
        if self.form is not None:
            self._show_cost()
        self._show_advice(layer)

    def _show_advice(self, layer: Any) -> None:
        """Say which algorithm goes with the data; nothing without data, or of data that are not complete yet."""
        advice = None
        with suppress(InputError):
            advice = None if layer is None else advise(self.facts(layer))
        self.advice.show_advice(advice)
        self._compare_advice()

    def _compare_advice(self) -> None:
        """Offer to choose what is advised unless it is what the panel shows."""
        if self.form is not None:
            self.advice.compare(self.form)

    def use_advice(self, advice: Advice) -> None:
        """Choose what is advised."""
        self.algorithm.value = advice.algorithm
        for name, value in advice.parameters.items():
            self.form.widgets[name].value = value

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
        from ..data_files import open_data

        with self._reporting():
            open_data(self.viewer, self)

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
        if "device" in self.form.widgets:
            mark_missing(self.form.widgets["device"])
        first, *groups = self.form.grouped().items()
        random_start = [self.seed] if cls.random_start else []
        self._form_rows = QWidget()
        layout = QVBoxLayout(self._form_rows)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(Rows([*first[1], *random_start]))
        sections = [Section(title, widgets) for title, widgets in groups if title != COMPUTING]
        computing = [Section(title, widgets) for title, widgets in groups if title == COMPUTING]
        for section in (*sections, *self.more_sections(cls), *computing):  # what hardly anybody changes comes last
            layout.addWidget(section)
        self._method.layout().insertWidget(self._method.layout().indexOf(self.chooser) + 1, self._form_rows)
        self.stopping.offer(cls)
        self.chooser.follow(self.form)
        for do in (self._offer_changes, self._show_cost, self._compare_advice):
            self.form.changed.connect(do)
            do()

    def sections(self) -> list[Section]:
        """Sections below all that belongs to the algorithm."""
        return []

    def more_sections(self, cls: type[Algorithm]) -> list[Section]:
        """Sections below the parameters of an algorithm."""
        return []

    def chosen_algorithm(self) -> Algorithm:
        """The algorithm with the values shown; raises InputError for text that does not parse."""
        return self.form.algorithm()

    def show_algorithm(self, algorithm: Algorithm) -> None:
        """Show an algorithm with its parameters, so that `chosen_algorithm` gives it."""
        self.algorithm.value = algorithm.name
        self.form.show_algorithm(algorithm)

    # ---- running

    def start(self) -> None:
        """Run the chosen algorithm on the chosen layer."""
        with self._reporting():
            layer, options = self._input(), {"seed": self.seed.value, "stop": self.stopping.criteria()}
            run = Run(self.chosen_algorithm(), self.problem_maker(layer), **options)
            run.run_on = self.run_on()
            self._begin(run, short_name(self.chooser.algorithm_class), layer)

    def start_once(self) -> None:
        """The same, for a button: the second half of a double click starts nothing."""
        before = self.current
        if time.monotonic() - self._pressed > TWICE:
            self.start()
        if self.current is not before:
            self._pressed = time.monotonic()

    def preview(self) -> None:
        """Show in under a second what a run would give."""
        with self._reporting():
            layer = self._input()
            make_problem = self.problem_maker(layer, recorded=False)
            run = PreviewRun(self.form.algorithm(), make_problem, seed=self.seed.value)
            run.row = self.preview_row(layer)
            self._begin(run, "Preview", layer)

    def preview_row(self, layer: Any) -> int:
        """Which section of a single-axis tilt series a preview shows."""
        return 0

    def _input(self) -> Any:
        layer = self.input.value
        if layer is None:
            raise InputError(self.input_label, "nothing is chosen", self.no_input)
        return layer

    def _show_cost(self, _value: Any = None) -> None:
        """Say what a run would take."""
        layer = self.input.value
        with suppress(InputError):  # of data or text that are not complete yet
            self.cost.show_cost(None if layer is None else self.planned(layer))

    def planned(self, layer: Any) -> Planned:
        """What a run on `layer` is to be; raises InputError."""
        reading = 4 * math.prod(layer.data.shape) if is_lazy(layer.data) else 0
        return Planned(self.chosen_algorithm(), self.size(layer), reading=reading)

    def use_proposal(self, proposal: Proposal) -> None:
        """Set the panel so that a run fits into memory."""
        if proposal.binning > 1:
            self.prepare_input()
            step = as_step({"name": "bin", "factor": proposal.binning})
            open_panel(self.viewer, "Prepare data").plan.add(step)
        if proposal.algorithm is not None:
            self.show_algorithm(proposal.algorithm)
        then = "Apply the list of Prepare data, then run what it makes" if proposal.binning > 1 else "Press Run"
        self.controls.status.setText(f"Set so that it fits. {then}.")

    def _report(self, error: Exception, of: str = "") -> None:
        """Also offer what fits where memory did not suffice."""
        super()._report(error, of)
        if getattr(error, "proposals", ()):
            self.proposals.show_proposals(error.proposals)

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
        self.cost.leave()
        self.resuming.leave()

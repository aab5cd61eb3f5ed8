"""What the reconstruction panels share: choose, run, watch."""

from collections.abc import Callable
from typing import Any, ClassVar

from magicgui.widgets import ComboBox, SpinBox
from magicgui.widgets.bases import ValueWidget
from napari.utils.notifications import show_warning
from qtpy.QtWidgets import QVBoxLayout, QWidget

import napari

from ...core import Algorithm, InputError, algorithms
from ..activity import Activity
from ..choices import choose_layers
from ..controls import RunControls, wrapped_label
from ..form import ParameterForm, Rows, Section
from ..run import Run, Status
from ..stopping import StopSection
from ..stream import Stream
from .dock import Dock, first_sentences, group, scrolling


class ReconstructionPanel(Dock):
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

    def __init__(self, viewer: "napari.viewer.Viewer"):
        super().__init__(viewer)
        self.run: Run | None = None
        self._stream: Stream | None = None
        self._activity: Activity | None = None
        self._watched: Any = None
        self._build()
        self._connect()
        self.refresh_layers()
        self._choose_algorithm()

    # ---- what a subclass says

    def input_widgets(self) -> list[ValueWidget]:
        """The widgets that say how to make a problem of the chosen layer."""
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

    def problem_maker(self, layer: Any) -> Callable[[], Any]:
        """A function that makes the problem; it runs in the worker thread and must not touch Qt or layers."""
        raise NotImplementedError

    # ---- building

    def _build(self) -> None:
        self.input = ComboBox(
            label=self.input_label, choices=[], nullable=True, tooltip="The layer to reconstruct from."
        )
        self.rows = Rows([self.input, *self.input_widgets()])
        self.recognised = wrapped_label()
        self.algorithm = ComboBox(
            label="Algorithm",
            choices=[(cls.title, name) for name, cls in algorithms(self.family).items()],
            value=self.first_algorithm,
        )
        self.about = wrapped_label()
        self.seed = SpinBox(label="Seed", min=0, max=2**31 - 1, tooltip="Seed of the random start.")
        self.form: ParameterForm | None = None
        self._form_rows: QWidget | None = None
        self.stopping = StopSection()
        self._method = group("Method", Rows([self.algorithm]), self.about, self.stopping)

        self.controls = RunControls()

        scroll = scrolling(group("Data", self.rows, self.recognised), self._method)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(4, 4, 4, 4)
        outer.addWidget(scroll, stretch=3)
        outer.addWidget(self.controls, stretch=2)

    def _connect(self) -> None:
        self.input.changed.connect(self._show_recognised)
        self.input.changed.connect(self._watch)
        self.algorithm.changed.connect(self._choose_algorithm)
        actions = {
            "run": self.start, "pause": self.pause, "resume": self.resume, "stop": self.stop, "cancel": self.cancel,
        }  # fmt: skip
        self.controls.pressed.connect(lambda name: actions[name]())
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

    def _watch(self, layer: Any) -> None:
        """Follow what becomes of the chosen layer: it may be prepared further."""
        if self._watched is not None:
            self._watched.events.metadata.disconnect(self._notice)
        self._watched = layer
        if layer is not None:
            layer.events.metadata.connect(self._notice)

    def _notice(self, event: Any) -> None:
        self._show_recognised()

    def _choose_algorithm(self, _value: Any = None) -> None:
        cls = algorithms(self.family)[self.algorithm.value]
        self.about.setText(first_sentences(cls))
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

    def more_sections(self, cls: type[Algorithm]) -> list[Section]:
        """Sections below the parameters of an algorithm."""
        return []

    def chosen_algorithm(self) -> Algorithm:
        """The algorithm with the values shown; raises InputError for text that does not parse."""
        return self.form.algorithm()

    # ---- running

    @property
    def running(self) -> bool:
        """Whether a run is under way, or has ended and is not shown yet."""
        return self._stream is not None and self._stream.active

    def start(self) -> None:
        """Run the chosen algorithm on the chosen layer."""
        if self.running:
            return
        try:
            layer = self.input.value
            if layer is None:
                raise InputError(self.input_label, "nothing is chosen", self.no_input)
            make_problem, algorithm = self.problem_maker(layer), self.chosen_algorithm()
            stop = self.stopping.criteria()
        except InputError as error:
            self._report(error)
            return
        self.run = Run(algorithm, make_problem, seed=self.seed.value, stop=stop)
        self._warned = False
        self._layer_name = f"{self.algorithm.value.upper()} of {layer.name}"
        self._activity = Activity(self.window(), self._layer_name, algorithm.iterations)
        if self._stream is not None:
            self._stream.deleteLater()
        self._stream = Stream(self.viewer, self.run, self._layer_name, layer, self._follow, parent=self)
        self.run.start()
        self._stream.look()

    def pause(self) -> None:
        """Hold the run."""
        if self.running:
            self.run.pause()
            self._stream.look()

    def resume(self) -> None:
        """Go on after a pause."""
        if self.running:
            self.run.resume()
            self._stream.look()

    def stop(self) -> None:
        """End the run and keep what it has."""
        if self.running:
            self.run.stop()
            self._stream.look()

    def cancel(self) -> None:
        """End the run and drop what it has."""
        if self.running:
            self.run.cancel()
            self._stream.look()

    def _follow(self, status: Status) -> None:
        """Show how far the run is; called by the stream whenever there is time to paint."""
        self.controls.show_run(self.run, status)
        self._activity.update(self.run.iteration)
        if status is not Status.PREPARING and not self._warned:
            self._warned = True
            for text in self.run.warnings:
                show_warning(text)
        if status.ended:
            self._finish()

    def _finish(self) -> None:
        run, stream = self.run, self._stream
        self._activity.close()
        if run.result is not None:
            stream.show_result()
        elif run.status is Status.CANCELLED:
            stream.remove_layer()
        else:
            stream.mark_failed()
        if run.error is not None:
            self._report(run.error)

    def leave(self) -> None:
        """Cancel a run that is under way, and listen to the viewer no more."""
        super().leave()
        self._watch(None)
        if self.running:
            self._stream.stop()
            self.run.cancel()
        if self._activity is not None:
            self._activity.close()

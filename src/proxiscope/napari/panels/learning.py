"""The panel *Learning demos*."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from magicgui.widgets import ComboBox
from napari.layers import Image, Points
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSplitter, QVBoxLayout, QWidget

import napari

from ...core import InputError, build, to_dict
from ...demos import Demo, Frame
from ..choices import choose_layers
from ..choosing import NOT_CHOSEN, choose_all, values_of, widgets_of
from ..fields import WholeNumber, field
from ..form import ParameterForm, Rows, Section
from ..learning.chooser import DemoChooser
from ..learning.controls import DemoControls
from ..learning.frame_layers import FrameLayers, is_demo
from ..learning.run import DemoRun
from ..learning.stage import Stage
from ..sliders import sliding
from ..worker import Status
from .dock import Dock, group, in_scroll, scrolling

SAMPLE = ""
"""Stands for the data that a demo brings."""

LASTS = 3
"""Seconds in which a run can be watched."""

LOWEST_FORM = 200
"""Pixels, in which some rows can still be seen."""


class LearningPanel(Dock):
    """Choose a demonstration of the learning studies, and watch it.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: "napari.viewer.Viewer"):
        super().__init__(viewer)
        self.run: DemoRun | None = None
        self.form: ParameterForm | None = None
        self._form_rows: QWidget | None = None
        self._title, self._source, self._frame = "", None, None
        self._quiet = False
        self.shown = FrameLayers(self.viewer)
        self._build()
        self._connect()
        self.refresh_layers()
        self._choose_demo()

    @property
    def demo_class(self) -> type[Demo]:
        """The demonstration that is chosen."""
        return self.chooser.demo_class

    @property
    def running(self) -> bool:
        """Whether one is under way."""
        return self.stage.running

    # ---- building

    def _build(self) -> None:
        self.chooser, self.controls, self.stage = DemoChooser(), DemoControls(), Stage(self)
        self.demo = self.chooser.combo
        self.input = ComboBox(label="Data", choices=[], tooltip="The layer to work on, or data that the demo brings.")
        self.seed = WholeNumber(label="Seed", min=0, max=2**31 - 1, tooltip="Another seed, another draw.")
        self.lasts = WholeNumber(
            label="Watch for (s)", min=0, max=600, value=LASTS,
            tooltip="A run that would take less time is slowed down.",
        )  # fmt: skip
        self.lasts.native.setSpecialValueText("as quick as it is")
        self.data_rows, self.run_rows = Rows([self.input]), Rows([self.seed, self.lasts])
        self._parameters = group("2  Parameters", self.data_rows, self.run_rows)
        scroll = scrolling(group("1  Demo", self.chooser), self._parameters)
        scroll.setMinimumHeight(LOWEST_FORM)
        self.splitter = QSplitter(Qt.Orientation.Vertical, childrenCollapsible=False)
        for widget in (scroll, self.controls):
            self.splitter.addWidget(widget)
        self.splitter.setSizes([600, 400])
        outer = QVBoxLayout(self)
        outer.setContentsMargins(4, 4, 4, 4)
        outer.addWidget(in_scroll(self.splitter))

    def _connect(self) -> None:
        self.chooser.changed.connect(self._choose_demo)
        self.controls.pressed.connect(lambda name: {"run": self.start}.get(name, getattr(self, name))())
        self.stage.begun.connect(self._begin)
        self.stage.framed.connect(self._show)
        self.stage.moved.connect(lambda: self.controls.show_run(self.run, self._title))
        self.stage.ended.connect(self._end)
        self._listen()

    # ---- choosing

    def refresh_layers(self, event: Any = None) -> None:
        """Offer the layers that there are; keep the choice while its layer lives."""
        accepted = [layer for layer in self.viewer.layers if accepts(layer)]
        choose_layers(self.input, accepted, lambda layer: True, fixed=[("the demo's own sample", SAMPLE)])

    def _choose_demo(self, _value: Any = None) -> None:
        cls = self.demo_class
        if self._form_rows is not None:
            self._form_rows.setParent(None)  # at once, not when Qt finds time to delete them
            self._form_rows.deleteLater()
        self.form = ParameterForm(cls, sliding if cls.immediate else field)
        first, *groups = self.form.grouped().items()
        self._form_rows = QWidget()
        layout = QVBoxLayout(self._form_rows)
        layout.setContentsMargins(0, 0, 0, 0)
        for rows in (Rows(first[1]), *(Section(title, widgets) for title, widgets in groups)):
            layout.addWidget(rows)
        self._parameters.layout().insertWidget(1, self._form_rows)
        active = self.viewer.layers.selection.active
        if cls.takes_layer and not self._quiet and active in self.input.choices:
            self.input.value = active
        self.data_rows.setVisible(cls.takes_layer)
        self.run_rows.setVisible(not cls.immediate)
        self.form.changed.connect(self._changed)

    def _changed(self, _value: Any = None) -> None:
        """Run a demonstration that is quick enough anew."""
        if self.demo_class.immediate and not self._quiet:
            with suppress(InputError):  # of text that is being typed
                self.form.algorithm()
                self.start()

    # ---- running

    def start(self) -> None:
        """Run the demonstration that is chosen, in place of one that is under way."""
        with self._reporting():
            demo, seed = self.form.algorithm(), self.seed.value
            lasts = 0 if demo.immediate else self.lasts.value
            source = (self.input.value or None) if demo.takes_layer else None
            frames = frames_of(demo, source, seed)
            self.stage.start(lambda: DemoRun(demo.name, frames, lasts), (demo, source))

    def pause(self) -> None:
        """Hold, and look."""
        self.stage.tell("pause")

    def resume(self) -> None:
        """Go on where it was paused."""
        self.stage.tell("resume")

    def stop(self) -> None:
        """End here; what is shown stays."""
        self.stage.tell("stop")

    def cancel(self) -> None:
        """End here, and take away what is shown."""
        self.stage.tell("cancel")

    def _begin(self, about: tuple[Demo, Any]) -> None:
        demo, source = about
        self.run = self.stage.run
        if (demo.title, source) != (self._title, self._source):
            self._title, self._source = demo.title, source
            self.controls.show_frame(None)
        self.shown.begin(demo.title, source)

    def _show(self, frame: Frame) -> None:
        self._frame = frame
        with self._reporting():
            self.shown.show(frame)
            self.controls.show_frame(frame)

    def _end(self, status: Status) -> None:
        if status is Status.DONE and self._frame is not None:
            self.shown.keep_only(self._frame)
        elif status is Status.CANCELLED:
            self.shown.remove()
            self.controls.show_frame(None)
        elif status is Status.FAILED:
            self._report(self.run.error)

    def _report(self, error: Exception) -> None:
        super()._report(error)
        self.controls.status.show()

    # ---- sessions

    def settings(self) -> dict[str, Any]:
        """What is chosen, in plain values that JSON can hold; the layer by its name."""
        values = values_of(widgets_of(self))
        with suppress(InputError):  # text that does not parse is not worth keeping
            values["parameters"] = to_dict(self.form.algorithm())
        return values

    def apply_settings(self, settings: Mapping[str, Any]) -> None:
        """Choose what `settings` says, as far as it still can be chosen; nothing runs."""
        self._quiet = True
        choose_all(widgets_of(self), settings)
        with suppress(*NOT_CHOSEN):
            self.form.show_algorithm(build(self.form.cls, settings["parameters"]))
        self._quiet = False

    def leave(self) -> None:
        """End what is under way, and listen to the viewer no more."""
        super().leave()
        self.stage.leave()
        self.shown.show_others()


def accepts(layer: Any) -> bool:
    """Whether a demonstration can work on a layer: real images, but for those that demonstrations have made."""
    return isinstance(layer, Image) and not is_demo(layer)


def frames_of(demo: Demo, source: Any, seed: int) -> Callable[[], Iterator[Frame]]:
    """A function that runs a demonstration on the data of a layer, or its own; for the worker thread."""
    data = None if source is None else source.data[0] if source.multiscale else source.data

    def frames() -> Iterator[Frame]:
        Points(np.zeros((1, 2)))  # for the first one napari imports a lot: better here than in the window's thread
        return demo.run(None if data is None else np.asarray(data), seed=seed)

    return frames

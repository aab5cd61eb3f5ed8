"""What the pages of the panel share."""

from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from ..controls import wrapped_label
from ..layers import KEY, array_of
from ..task import Task

SETTLED = 600
"""Milliseconds without news after which a page computes again."""


class Bench(Protocol):
    """What a page sees of its panel."""

    viewer: Any
    layer: Any
    other: Any

    def report(self, error: Exception) -> None:
        """Show what went wrong."""


class Source(NamedTuple):
    """The data of a layer with its notes, for a worker thread."""

    name: str
    data: Any
    notes: dict[str, Any]

    def array(self) -> NDArray:
        """The values; of a complex result the complex ones."""
        return np.asarray(array_of(self.data, self.notes))


def source(layer: Any) -> Source:
    """What a worker thread needs of a layer."""
    return Source(layer.name, layer.data, dict(layer.metadata.get(KEY, {})))


def elastic(picture: QWidget, lowest: int) -> None:
    """Give a picture the room that there is, `lowest` pixels at least, whatever it would ask for itself."""
    picture.setMinimumHeight(lowest)
    picture.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)


class Page(QWidget):
    """One way to look at the chosen layers.

    A subclass builds its widgets in `build`, says in `missing` what it needs, and shows it in `show_layers`.

    Parameters
    ----------
    bench : Bench
    """

    title: ClassVar[str]
    about: ClassVar[str]
    follows: ClassVar[bool] = False
    """Whether it is quick enough to follow data that change all the time; others wait until these have settled."""

    def __init__(self, bench: Bench):
        super().__init__()
        self.bench, self._shown = bench, False
        self.task = Task(f"inspect-{type(self).__name__.lower()}", self)
        self.task.done.connect(self.show_result)
        self.task.failed.connect(bench.report)
        self._settle = QTimer(self, singleShot=True, interval=SETTLED)
        self._settle.timeout.connect(self._update)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.sentence = wrapped_label()
        self.sentence.setText(self.about)
        self.empty = QLabel(wordWrap=True, alignment=Qt.AlignmentFlag.AlignCenter)
        self.empty.setMinimumHeight(120)
        self.body = QWidget()
        self.rows = QVBoxLayout(self.body)
        self.rows.setContentsMargins(0, 0, 0, 0)
        for widget in (self.sentence, self.empty, self.body):
            layout.addWidget(widget, stretch=int(widget is not self.sentence))
        self.build()

    # ---- what a subclass says

    def build(self) -> None:
        """Put widgets into `rows`."""
        raise NotImplementedError

    def missing(self) -> str:
        """What is needed before there is anything to see, in a sentence; empty when it is there."""
        return "" if self.bench.layer is not None else "Open an image or a volume, or reconstruct one."

    def show_layers(self) -> None:
        """Show the layers of the bench, which are all that is needed."""
        raise NotImplementedError

    def show_result(self, result: Any) -> None:
        """Show what the task has computed; the page may be hidden meanwhile."""

    def clear(self) -> None:
        """Listen to no layer; called before others are shown, and when the page is hidden."""

    def layers_changed(self) -> None:
        """Layers came or went, while the page is shown or not."""

    # ---- for the panel

    def open(self) -> None:
        """Be shown, now and whenever other layers are chosen."""
        self._shown = True
        self._update()

    def close_page(self) -> None:
        """Be hidden: follow nothing."""
        self._shown = False
        self._settle.stop()
        self.clear()

    def leave(self) -> None:
        """End what is under way."""
        self.close_page()
        self.task.stop()

    def data_changed(self) -> None:
        """The data of a chosen layer have changed; called no more than a few times a second."""
        if self._shown:
            self._update() if self.follows else self._settle.start()

    def _update(self) -> None:
        text = self.missing()
        self.empty.setText(text)
        self.empty.setVisible(bool(text))
        self.body.setVisible(not text)
        self.clear()
        if text:
            self.task.cancel()
        else:
            self.show_layers()

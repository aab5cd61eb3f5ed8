"""The bar that offers runs that were interrupted."""

from collections.abc import Sequence
from functools import partial
from html import escape
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from .controls import wrapped_label
from .interrupted import Interrupted, when

MOST = 3
"""Runs that are shown at a time; as one is dealt with, the next takes its place."""

_FRAME = "#interrupted { border: 1px solid #e69f00; border-radius: 3px; }"  # orange that the colour-blind see


class InterruptedBar(QFrame):
    """A row for each run: what it is, and whether to go on with it. Gone while there is none.

    Signals
    -------
    resume_wanted(object), discard_wanted(object)
        The `Interrupted`.
    """

    resume_wanted = Signal(object)
    discard_wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__(objectName="interrupted")
        self.setStyleSheet(_FRAME)
        self.runs: list[Interrupted] = []
        self._dropped: set[Path] = set()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 4, 4, 4)
        layout.setSpacing(2)
        self._rows = layout
        self.hide()

    def show_runs(self, runs: Sequence[Interrupted]) -> None:
        """Offer these, the first few of them at once, but for those that were dropped while they were looked for."""
        self.runs = [run for run in runs if run.path not in self._dropped]
        while self._rows.count():
            row = self._rows.takeAt(0).widget()
            row.setParent(None)
            row.deleteLater()
        for run in self.runs[:MOST]:
            self._rows.addWidget(self._row(run))
        more = len(self.runs) - MOST
        if more > 0:
            self._rows.addWidget(QLabel(f"and {more} more"))
        self.setVisible(bool(self.runs))

    def drop(self, path: Path) -> None:
        """Offer one no more."""
        self._dropped.add(path)
        self.show_runs(self.runs)

    def _row(self, run: Interrupted) -> QWidget:
        row = QWidget()
        layout, label = QHBoxLayout(row), wrapped_label()
        layout.setContentsMargins(0, 0, 0, 0)
        label.setTextFormat(Qt.TextFormat.RichText)
        label.setText(_said(run))
        label.setToolTip(str(run.path))
        layout.addWidget(label, stretch=1)
        resume = ("Resume", "Go on from there, bit for bit as if it had not been interrupted.")
        if run.over:
            resume = ("Open", "Show the result in a layer, to be saved.")
        buttons = ((*resume, self.resume_wanted), ("Discard", "Remove the checkpoint.", self.discard_wanted))
        for text, tip, signal in buttons:
            button = QPushButton(text, toolTip=tip)
            button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            button.clicked.connect(partial(_emit, signal, run))
            layout.addWidget(button)
        return row


def _emit(signal: Signal, run: Interrupted, _checked: bool = False) -> None:
    signal.emit(run)


def _said(run: Interrupted) -> str:
    if run.over:
        return f"Finished, not saved: <b>{escape(run.name)}</b>, {run.iteration} iterations, {when(run.time)}"
    what = "Failed" if run.failed else "Interrupted"
    text = f"{what}: <b>{escape(run.name)}</b>, iteration {run.iteration} of {run.total}, {when(run.time)}"
    return f"{text}. Resume goes back there and waits, so that parameters can be changed." if run.failed else text

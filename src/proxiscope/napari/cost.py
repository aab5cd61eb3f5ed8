"""What a run would take."""

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QLabel, QSizePolicy

from ..core import Algorithm, InputError
from ..core.estimates import Size, estimate_memory, estimate_seconds, in_words, memory_in_words
from ..core.memory import available
from .worker import Job

SOON, LOOK = 150, 30
"""Milliseconds after the last change at which it is estimated, and between two looks whether it is."""


class CostLabel(QLabel):
    """Estimated time and memory, found in a thread: some algorithms count long for it."""

    def __init__(self) -> None:
        super().__init__(wordWrap=True)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.setToolTip("Estimated from the size of the data, and from earlier runs.")
        self._asked: tuple[Algorithm, Size] | None = None
        self._asking = self._asked
        self.job: Job | None = None
        self._soon = QTimer(self, singleShot=True, interval=SOON)
        self._soon.timeout.connect(self._begin)
        self._look = QTimer(self, interval=LOOK)
        self._look.timeout.connect(self._show)

    def show_cost(self, algorithm: Algorithm | None, size: Size | None) -> None:
        """Show what `algorithm` takes for a problem of that size; nothing without them."""
        if algorithm is None or size is None:
            self._asked = None
            self.setText("")
            return
        self._asked = algorithm, size
        self.setText("This run: estimating ...")
        self._soon.start()

    def leave(self) -> None:
        """Estimate no more."""
        self._asked = None
        self._soon.stop()
        self._look.stop()

    def _begin(self) -> None:
        if self._asked is None or self._look.isActive():  # which begins again by itself
            return
        asked = self._asking = self._asked
        self.job = Job("estimate", lambda tick: _cost(*asked))
        self.job.start()
        self._look.start()

    def _show(self) -> None:
        if not self.job.status.ended:
            return
        self._look.stop()
        if self._asked is self._asking:
            self.setText(self.job.result or "")
        else:
            self._begin()


def _cost(algorithm: Algorithm, size: Size) -> str:
    seconds = in_words(estimate_seconds(algorithm, size))
    try:
        need = estimate_memory(algorithm, size)
    except (AttributeError, InputError, NotImplementedError):
        return f"This run: {seconds}."
    too_much = f" More than the {memory_in_words(available())} that are free!" if need > available() else ""
    return f"This run: {seconds}, {memory_in_words(need)} of memory.{too_much}"

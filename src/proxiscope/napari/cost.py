"""What a run would take."""

from typing import NamedTuple

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QLabel, QSizePolicy

from ..core import Algorithm, InputError
from ..core.estimates import Size, estimate_memory, estimate_seconds, in_words, memory_in_words
from ..core.memory import Proposal, available
from .proposals import fitting, outline_of, stays_on_disk
from .worker import Job

SOON, LOOK = 150, 30
"""Milliseconds after the last change at which it is estimated, and between two looks whether it is."""


class Planned(NamedTuple):
    """A run that may be begun.

    Attributes
    ----------
    algorithm : Algorithm
    size : Size
        Of its problem.
    on_disk : bool
        Whether the problem can stay on disk.
    from_disk : bool
        Whether it is to.
    reading : int
        Bytes of its data that are not in memory yet.
    """

    algorithm: Algorithm
    size: Size
    on_disk: bool = False
    from_disk: bool = False
    reading: int = 0


class CostLabel(QLabel):
    """Estimated time and memory, found in a thread: some algorithms count long for it.

    Signals
    -------
    fits(object)
        What fits where the memory does not suffice, a tuple of `Proposal`; empty where it does.
    """

    fits = Signal(object)

    def __init__(self) -> None:
        super().__init__(wordWrap=True)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.setToolTip("Estimated from the size of the data, and from earlier runs.")
        self._asked: Planned | None = None
        self._asking: Planned | None = None
        self.job: Job | None = None
        self._soon = QTimer(self, singleShot=True, interval=SOON)
        self._soon.timeout.connect(self._begin)
        self._look = QTimer(self, interval=LOOK)
        self._look.timeout.connect(self._show)

    def show_cost(self, planned: Planned | None) -> None:
        """Show what a run takes; nothing without one."""
        self._asked = planned
        if planned is None:
            self.setText("")
            self.fits.emit(())
            return
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
        self.job = Job("estimate", lambda tick: _cost(asked))
        self.job.start()
        self._look.start()

    def _show(self) -> None:
        if not self.job.status.ended:
            return
        self._look.stop()
        if self._asked is self._asking:
            text, proposals = self.job.result or ("", ())
            self.setText(text)
            self.fits.emit(proposals)
        else:
            self._begin()


def _cost(run: Planned) -> tuple[str, tuple[Proposal, ...]]:
    """What is said of a run, and what fits in its place."""
    seconds, have = in_words(estimate_seconds(run.algorithm, run.size)), available()
    if run.from_disk:
        return f"This run: {seconds}, in slabs that fit into the {memory_in_words(have)} that are free.", ()
    try:
        need = estimate_memory(run.algorithm, outline_of(run.size)) + run.reading
    except (AttributeError, InputError, NotImplementedError):
        return f"This run: {seconds}.", ()
    said = f"This run: {seconds}, {memory_in_words(need)} of memory."
    if need <= have:
        return said, ()
    in_memory = fitting(run.algorithm, run.size, max(0, have - run.reading))
    from_disk = [p for p in fitting(run.algorithm, run.size, have, run.on_disk) if stays_on_disk(p)]
    found = (*in_memory, *from_disk)
    return f"{said} More than the {memory_in_words(have)} that are free!{' What fits:' if found else ''}", found

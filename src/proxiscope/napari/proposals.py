"""What fits into memory in place of a run that does not: found before it begins, and offered as buttons."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from copy import copy
from functools import partial
from typing import Any

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from ..core import Algorithm
from ..core.estimates import PatternSize, Size, memory_in_words
from ..core.memory import Proposal


class ProposalButtons(QWidget):
    """A button for each proposal. Gone while there is none.

    Signals
    -------
    chosen(object)
        A `Proposal`.
    """

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.buttons: list[QPushButton] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self.hide()

    def show_proposals(self, proposals: Sequence[Proposal]) -> None:
        """Offer these, in place of those before."""
        for button in self.buttons:
            button.setParent(None)
            button.deleteLater()
        self.buttons = []
        for proposal in proposals:
            button = QPushButton(title(proposal), toolTip=f"Set the panel so that it fits: {proposal.text}.")
            button.clicked.connect(partial(self._choose, proposal))
            self._column.addWidget(button)
            self.buttons.append(button)
        self.setVisible(bool(proposals))

    def _choose(self, proposal: Proposal, _checked: bool = False) -> None:
        self.chosen.emit(proposal)


def title(proposal: Proposal) -> str:
    """A few words for a button."""
    algorithm = proposal.algorithm
    if proposal.binning > 1:
        what = f"Bin by {proposal.binning}"
    elif stays_on_disk(proposal):
        what = "From disk into a .zarr"
    elif hasattr(algorithm, "slices"):
        what = f"Slabs of {algorithm.slices} px"
    else:
        what = f"{algorithm.batch} starts at a time"
    return f"{what} ({memory_in_words(proposal.need)})"


def stays_on_disk(proposal: Proposal) -> bool:
    """Whether the data are to be read slab by slab."""
    return proposal.algorithm is None and proposal.binning == 1


def fitting(algorithm: Algorithm, size: Size, have: int, on_disk: bool = False) -> tuple[Proposal, ...]:
    """What takes no more than `have` bytes for a problem of that size, which there need not be yet.

    Of a pattern only its support, which is made with it, tells whether it can be binned: the run does that.
    """
    problem = outline_of(size, on_disk)
    return tuple(_until_unknown(algorithm.proposals(problem, have)))


def outline_of(size: Size, on_disk: bool = False) -> Any:
    """A problem without values, which takes no memory, to ask algorithms about."""
    if isinstance(size, PatternSize):
        return size
    from ..tomography import TiltSeries
    from ..tomography.proposals import outline

    count, ny, nx = size.shape
    tilts = {"rotations": size.rotations, "shifts": size.shifts, "announce": False}
    series = copy(TiltSeries(np.ones((count, 2, 2), np.float32), **tilts))
    support = None if size.support_shape is None else np.broadcast_to(True, size.support_shape)
    series.__dict__.update(support=support, used=size.used, recipe={"path": "", "then": ()} if on_disk else None)
    full = outline(series, (ny, nx))
    if size.masked:
        full.__dict__["valid"] = np.broadcast_to(np.bool_(False), size.shape)
    return full


def _until_unknown(proposals: Any) -> Iterator[Proposal]:
    with suppress(AttributeError, TypeError):  # where the size does not tell enough
        yield from proposals

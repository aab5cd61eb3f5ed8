"""The list of steps: those that were applied, with what they found, and those that are planned."""

from collections.abc import Sequence

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem, QSizePolicy

from ..core import parameters
from ..preparation import Step
from .session import Session

LONGEST = 60
"""Characters of a parameter that are shown."""

LOWEST, HIGHEST = 120, 320
"""Pixels of the list: it grows with what it holds, and then scrolls."""


class StepList(QListWidget):
    """Steps in their order.

    Signals
    -------
    picked(object)
        A step of the list, to be looked at or edited.
    """

    picked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setSpacing(1)
        self.setMinimumHeight(LOWEST)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._steps: list[Step] = []
        self._applied = 0
        self.currentRowChanged.connect(self._pick)

    def sizeHint(self) -> QSize:
        """Room for all steps, up to the most that a panel has room for."""
        last = self.visualItemRect(self.item(self.count() - 1)).bottom() if self.count() else 0
        needed = last + self.verticalOffset() + 2 * self.frameWidth() + 6
        return QSize(super().sizeHint().width(), min(max(needed, LOWEST), HIGHEST))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another width wraps the lines elsewhere."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()

    def show_steps(self, session: Session | None, planned: Sequence[Step]) -> None:
        """Show the steps of a session and those planned; a planned one that was selected stays so if it is there."""
        applied = () if session is None else session.steps
        before = self.planned_row
        self._steps, self._applied = [*applied, *planned], len(applied)
        self.blockSignals(True)
        self.clear()
        for i, one in enumerate(self._steps):
            done = i < len(applied)
            item = QListWidgetItem(_text(i, one, session.remarks[i] if done else None))
            item.setToolTip(_tip(one, done))
            if not done:
                font = item.font()
                font.setItalic(True)
                item.setFont(font)
            self.addItem(item)
        if before is not None and before < len(planned):
            self.setCurrentRow(self._applied + before)
        self.blockSignals(False)
        self.updateGeometry()
        if self.currentRow() < 0:
            self.scrollToBottom()

    def show_planned(self, row: int, one: Step) -> None:
        """Show other parameters of a planned step."""
        i = self._applied + row
        self._steps[i] = one
        self.item(i).setText(_text(i, one, None))

    def texts(self) -> list[str]:
        """What is shown, a text for each step."""
        return [self.item(i).text() for i in range(self.count())]

    @property
    def planned_row(self) -> int | None:
        """Which of the planned steps is selected, if one is."""
        row = self.currentRow() - self._applied
        return row if 0 <= row < len(self._steps) - self._applied else None

    def _pick(self, row: int) -> None:
        if 0 <= row < len(self._steps):
            self.picked.emit(self._steps[row])


def _text(i: int, one: Step, remarks: Sequence[str] | None) -> str:
    """Title, parameters, and what was found; `remarks` are None of a planned step."""
    mark = "\u25cb" if remarks is None else "\u2713"  # a circle and a tick: boxes would look as if one could tick them
    lines = [f"{mark} {i + 1}. {one.title}", described(one), *(remarks or ())]
    return "\n".join(filter(None, lines))


def described(one: Step) -> str:
    """The parameters that differ from their defaults, in words."""
    found = []
    for p in parameters(one):
        value = getattr(one, p.name)
        if value != p.default:
            text = p.format(value)
            text = text if len(text) <= LONGEST else text[:LONGEST] + " ..."
            found.append(" ".join(filter(None, (p.name.replace("_", " "), text, p.unit))))
    return ", ".join(found)


def _tip(one: Step, done: bool) -> str:
    every = [f"{p.name.replace('_', ' ')}: {p.format(getattr(one, p.name))[:200]} {p.unit}" for p in parameters(one)]
    what = "Applied." if done else "Planned: select it to change its parameters."
    return "\n".join([what, *every])


def at_work(chain: Sequence[Step], fraction: float) -> str:
    """Which step of a chain is at work."""
    i = min(int(fraction * len(chain)), len(chain) - 1)
    return f"{i + 1} of {len(chain)}: {chain[i].title}." if len(chain) > 1 else f"{chain[i].title}."

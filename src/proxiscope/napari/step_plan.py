"""The list of steps with its buttons: what was done, and what is planned."""

from collections.abc import Callable

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ..core import InputError
from ..preparation import Step, as_step
from ..preparation.chains import load_steps, save_steps
from ..preparation.presets import usual_chain
from .buttons import Buttons
from .dialogs import to_open, to_save
from .session import Session
from .step_list import StepList

BUTTONS = (
    ("run", "Apply list", "Apply all steps that are planned, one after the other."),
    ("undo", "Undo", "Take the last applied step back."),
    ("drop", "Remove", "Take the selected planned step, or all planned ones, off the list."),
    ("usual", "Usual chain", "Put the steps on the list that most data of this kind need and these have not had."),
    ("load", "Load ...", "Put the steps of a file on the list."),
    ("save", "Save ...", "Save the steps to a file, to repeat them on other data, also on the command line."),
)


class StepPlan(QWidget):
    """Steps that were applied to the chosen data, and those that are planned, whatever the data.

    Signals
    -------
    picked(object)
        A step was selected, to be looked at or edited.
    run_wanted(), undo_wanted()
        Buttons were pressed.
    changed()
        Other steps are planned.
    failed(object)
        An error to be shown.
    """

    picked = Signal(object)
    run_wanted = Signal()
    undo_wanted = Signal()
    changed = Signal()
    failed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.list, self.buttons = StepList(), Buttons(BUTTONS)
        self.planned: list[Step] = []
        self.family = "tomography"
        self._session: Session | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.list)
        layout.addWidget(self.buttons)
        self.list.picked.connect(self.picked)
        actions: dict[str, Callable[[], object]] = {
            "run": self.run_wanted.emit,
            "undo": self.undo_wanted.emit,
            "drop": self.drop,
            "usual": self.add_usual,
            "load": lambda: self.load(to_open(self)),
            "save": lambda: self.save(to_save(self)),
        }
        self.buttons.pressed.connect(lambda name: actions[name]())

    @property
    def done(self) -> tuple[Step, ...]:
        """The steps that were applied to the chosen data."""
        return () if self._session is None else self._session.steps

    @property
    def selected(self) -> int | None:
        """Which of the planned steps is selected, if one is."""
        return self.list.planned_row

    def show_session(self, session: Session | None, family: str) -> None:
        """Show what was done to the chosen data."""
        self._session, self.family = session, family
        self.list.show_steps(session, self.planned)

    def enable(self, *, idle: bool, some: bool) -> None:
        """Enable the buttons that make sense when nothing is under way, and when there are data."""
        self.buttons.enable(
            run=some and bool(self.planned),
            undo=idle and bool(self.done),
            drop=idle and bool(self.planned),
            usual=idle,
            load=idle,
            save=bool(self.done or self.planned),
        )

    def add(self, *steps: Step) -> None:
        """Plan more steps."""
        self._set([*self.planned, *steps])

    def add_usual(self) -> None:
        """Plan the steps of the usual chain that are neither applied nor planned."""
        there = {step.name for step in (*self.done, *self.planned)}
        self.add(*(step for step in map(as_step, usual_chain(self.family)) if step.name not in there))

    def edit(self, row: int, step: Step) -> None:
        """Give a planned step other parameters."""
        self.planned[row] = step
        self.list.show_planned(row, step)

    def drop(self) -> None:
        """Take the selected planned step off the list, or all of them."""
        row = self.selected
        self.take(0, len(self.planned)) if row is None else self.take(row, 1)

    def take(self, first: int, count: int) -> None:
        """Take some planned steps off the list."""
        self._set([*self.planned[:first], *self.planned[first + count :]])

    def load(self, path: str) -> None:
        """Plan the steps of a file."""
        self._try(lambda: self.add(*load_steps(path)), path)

    def save(self, path: str) -> None:
        """Save the steps that were applied and those that are planned."""
        self._try(lambda: save_steps(path, [*self.done, *self.planned]), path)

    def _try(self, do: Callable[[], None], path: str) -> None:
        if not path:
            return
        try:
            do()
        except InputError as error:
            self.failed.emit(error)

    def _set(self, planned: list[Step]) -> None:
        self.planned = planned
        self.list.show_steps(self._session, planned)
        self.changed.emit()

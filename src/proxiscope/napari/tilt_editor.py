"""The table of tilts with its buttons: shifts from files, and what was edited as steps."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ..core import InputError, parameters
from ..preparation import Step, step, steps
from .buttons import Buttons
from .dialogs import to_open, to_save
from .tilt_table import TiltTable, table_rows

BUTTONS = (
    ("load", "Load ...", "Shifts of a file: IMOD's .xf, or a table of refined tilts (.txt, .csv)."),
    ("save", "Save ...", "Save angles and shifts as a table (.txt, .csv), or the shifts for IMOD (.xf)."),
    ("apply", "Apply table", "Take the shifts as edited, and leave out the tilts that are not used."),
)
FILES = "Shifts (*.xf *.txt *.csv *.dat);;All files (*)"
SAVED = "Table of tilts (*.txt *.csv);;IMOD transforms (*.xf)"


class TiltEditor(QWidget):
    """A table of tilts.

    Signals
    -------
    looked_at(int)
        The user went to the row of an image.
    wanted(object)
        Steps that do what was edited.
    failed(object)
        An error to be shown.
    """

    looked_at = Signal(int)
    wanted = Signal(object)
    failed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.table, self.buttons = TiltTable(), Buttons(BUTTONS)
        self._shape = (0, 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table)
        layout.addWidget(self.buttons)
        self.table.looked_at.connect(self.looked_at)
        self.table.edited.connect(self._enable)
        actions: dict[str, Callable[[], None]] = {
            "load": lambda: self.load(to_open(self, FILES)),
            "save": lambda: self.save(to_save(self, SAVED)),
            "apply": self.apply,
        }
        self.buttons.pressed.connect(lambda name: actions[name]())
        self._enable()

    def show_tilts(self, rotations: NDArray | None, shifts: NDArray | None, shape: tuple[int, int]) -> None:
        """Show tilts of images (y, x), unless they are those that are shown, which keeps what was edited."""
        self._shape = shape
        rotations = np.zeros((0, 3)) if rotations is None else rotations
        if not self.table.holds(rotations, shifts):
            self.table.show_tilts(rotations, shifts)
        self._enable()

    def look_at(self, row: int) -> None:
        """Select the row of the image in view."""
        self.table.look_at(row)

    def load(self, path: str) -> None:
        """Put the shifts of a file into the table; transforms that turn the images too are applied as they are."""
        if not path:
            return
        try:
            if Path(path).suffix.lower() == ".xf" and _turn(path, self._shape):
                self.wanted.emit([step("set-shifts", {_parameter("set-shifts", "file"): path})])
            else:
                self.table.show_shifts(_read(path, self._shape))
        except InputError as error:
            self.failed.emit(error)

    def save(self, path: str) -> None:
        """Write what is shown to a file."""
        if not path:
            return
        try:
            _write(path, self.table.rotations, self.table.shifts, self._shape)
        except InputError as error:
            self.failed.emit(error)

    def apply(self) -> None:
        """Ask for the steps that do what was edited."""
        try:
            self.wanted.emit(self._steps())
        except InputError as error:
            self.failed.emit(error)

    def _steps(self) -> list[Step]:
        found, unused = [], self.table.unused
        if self.table.shifts_changed:
            found.append(step("set-shifts", {_parameter("set-shifts", "table"): table_rows(self.table.shifts)}))
        if unused:
            found.append(step("exclude-tilts", {_parameter("exclude-tilts", "numbers"): tuple(unused)}))
        if not found:
            raise InputError("table", "nothing was changed in it", "Edit a shift, or leave a tilt out")
        return found

    def _enable(self) -> None:
        known = steps("tomography")
        edited = (self.table.shifts_changed and "set-shifts" in known) or bool(self.table.unused)
        self.buttons.enable(apply=edited, load="set-shifts" in known)


def _parameter(name: str, kind: str) -> str:
    """The parameter of a step that has a kind."""
    return next(p.name for p in parameters(steps()[name]) if p.kind == kind)


def _turn(path: str, shape: tuple[int, int]) -> bool:
    """Whether IMOD's transforms turn the images."""
    from ..io.xf import read_xf

    return bool(np.abs(read_xf(path, shape)[1]).max() > 1e-3)


def _read(path: str, shape: tuple[int, int]) -> NDArray:
    """Shifts (tilt, 2) in a file."""
    if Path(path).suffix.lower() == ".xf":
        from ..io.xf import read_xf

        return read_xf(path, shape)[0]
    from ..io.angles import read_angles, split_shifts

    shifts = split_shifts(read_angles(path))[1]
    if shifts is None:
        raise InputError(Path(path).name, "it has angles only", "Give five columns: phi, theta, psi, dy, dx")
    return shifts


def _write(path: str, rotations: NDArray, shifts: NDArray, shape: tuple[int, int]) -> None:
    if Path(path).suffix.lower() == ".xf":
        from ..io.xf import write_xf
        from ..tomography.alignment.axis import axis_of

        write_xf(path, shifts, shape, -axis_of(rotations))
        return
    from ..io.angles import write_angles

    write_angles(path, rotations, shifts)

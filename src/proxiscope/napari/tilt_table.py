"""Angles, shifts and use of the images of a tilt series, in a table."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QStyledItemDelegate, QTableWidget, QTableWidgetItem, QWidget

from ..core import InputError

COLUMNS = (
    ("Tilt (deg)", "Tilt angle in degrees."),
    ("dy (px)", "Where the rotation centre appears, in pixels below the middle of the image."),
    ("dx (px)", "Where the rotation centre appears, in pixels to the right of the middle of the image."),
    ("Use", "Whether the image is used; those that are not are left out by Apply table."),
)
DIGITS = 3


def _about_axis(rotations: NDArray) -> NDArray:
    """Angles about the common axis, as they were recorded; theta where there is none."""
    from ..tomography.alignment.axis import rotations_about_y

    with suppress(InputError):
        return rotations_about_y(np.asarray(rotations, float))[:, 1]
    return np.asarray(rotations)[:, 1]


class TiltTable(QTableWidget):
    """One row a tilt; shifts and use can be edited.

    Signals
    -------
    looked_at(int)
        The user went to the row of an image.
    edited()
        A shift or the use of an image was changed.
    """

    looked_at = Signal(int)
    edited = Signal()

    def __init__(self) -> None:
        super().__init__(0, len(COLUMNS))
        for i, (title, tip) in enumerate(COLUMNS):
            item = QTableWidgetItem(title)
            item.setToolTip(tip)
            self.setHorizontalHeaderItem(i, item)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().setDefaultSectionSize(22)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setMinimumHeight(220)
        self.setItemDelegate(_Delegate(self))
        self._shown: tuple[NDArray, NDArray] = (np.zeros((0, 3)), np.zeros((0, 2)))
        self._shifts = np.zeros((0, 2))
        self.itemChanged.connect(self._edit)
        self.currentCellChanged.connect(self._look)

    def show_tilts(self, rotations: NDArray, shifts: NDArray | None) -> None:
        """Show tilts (tilt, 3) with shifts (tilt, 2), all of them used; what was edited is forgotten."""
        shifts = np.zeros((len(rotations), 2)) if shifts is None else np.asarray(shifts, float)
        row = self.currentRow()
        self._shown, self._shifts = (np.asarray(rotations, float), shifts), shifts.copy()
        self.blockSignals(True)
        self.setRowCount(len(rotations))
        self.setVerticalHeaderLabels([str(i) for i in range(len(rotations))])
        fixed = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        for i, ((phi, theta, psi), tilt) in enumerate(zip(rotations, _about_axis(rotations), strict=True)):
            angle = _item(f"{tilt:.6g}", fixed)
            angle.setToolTip(f"phi {phi:.6g}, theta {theta:.6g}, psi {psi:.6g} degrees")
            use = _item("", fixed | Qt.ItemFlag.ItemIsUserCheckable)
            use.setCheckState(Qt.CheckState.Checked)
            cells = [angle, *(_item(_number(v), fixed | Qt.ItemFlag.ItemIsEditable) for v in shifts[i]), use]
            for column, item in enumerate(cells):
                self.setItem(i, column, item)
        if 0 <= row < len(rotations):
            self.setCurrentCell(row, 0)
        self.blockSignals(False)

    def holds(self, rotations: NDArray, shifts: NDArray | None) -> bool:
        """Whether these tilts are those that were shown last, edited or not."""
        shifts = np.zeros((len(rotations), 2)) if shifts is None else shifts
        return np.array_equal(self._shown[0], rotations) and np.array_equal(self._shown[1], shifts)

    def show_shifts(self, shifts: NDArray) -> None:
        """Put other shifts (tilt, 2) into the table, to be applied; raises InputError for another number."""
        if shifts.shape != self._shifts.shape:
            raise InputError("shifts", f"{len(shifts)} for {len(self._shifts)} tilts", "Give those of this series")
        self.blockSignals(True)
        self._shifts = np.array(shifts, float)
        for i, row in enumerate(self._shifts):
            for column, value in zip((1, 2), row, strict=True):
                self.item(i, column).setText(_number(value))
        self.blockSignals(False)
        self.edited.emit()

    def look_at(self, row: int) -> None:
        """Select the row of an image that is shown elsewhere."""
        if 0 <= row < self.rowCount() and row != self.currentRow():
            self.blockSignals(True)
            self.setCurrentCell(row, max(0, self.currentColumn()))
            self.blockSignals(False)

    @property
    def rotations(self) -> NDArray:
        """As they are shown, (tilt, 3)."""
        return self._shown[0]

    @property
    def shifts(self) -> NDArray:
        """As they are shown, (tilt, 2), with all their digits."""
        return self._shifts

    @property
    def shifts_changed(self) -> bool:
        """Whether a shift was edited."""
        return not np.array_equal(self._shifts, self._shown[1])

    @property
    def unused(self) -> list[int]:
        """Images that are not to be used."""
        rows = range(self.rowCount())
        return [i for i in rows if self.item(i, 3).checkState() != Qt.CheckState.Checked]

    def _edit(self, item: QTableWidgetItem) -> None:
        row, column = item.row(), item.column()
        if column in (1, 2):
            try:
                value = float(item.text().replace(",", "."))
            except ValueError:
                value = np.nan
            if np.isfinite(value):
                self._shifts[row, column - 1] = value
            self.blockSignals(True)
            item.setText(_number(self._shifts[row, column - 1]))  # text that is no number gives way to the last one
            self.blockSignals(False)
        self.edited.emit()

    def _look(self, row: int, _column: int, before: int, _before_column: int) -> None:
        if row >= 0 and row != before:
            self.looked_at.emit(row)


class _Delegate(QStyledItemDelegate):
    """Editors that are as high as their rows."""

    def createEditor(self, parent: QWidget, option: Any, index: Any) -> QWidget:
        """The usual one, without the margins that would hide the number."""
        editor = super().createEditor(parent, option, index)
        editor.setStyleSheet("padding: 0px; margin: 0px;")
        return editor


def _item(text: str, flags: Qt.ItemFlag) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    item.setFlags(flags)
    return item


def _number(value: float) -> str:
    return f"{value:.{DIGITS}f}".rstrip("0").rstrip(".") if value else "0"


def table_rows(values: NDArray) -> Sequence[Sequence[float]]:
    """Rows of numbers as a step takes them."""
    return tuple(tuple(float(v) for v in row) for row in values)

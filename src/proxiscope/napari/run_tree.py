"""A tree of runs with their kept iterates, as rows give it."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QIcon, QPainter, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem

from .theme import Colours, mixed, readable

NAME, STATE, R_FACTOR = range(3)
COLUMNS = (
    ("Run", "Ticked runs are drawn in the plot, in the colour beside the tick."),
    ("State", "Iterations done, or how the run ended."),
    ("R_F", "R-factor of the result, or of the iteration in progress."),
)
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter

MOST_ROWS = 5
"""More of them scroll."""

STYLE = """
QTreeWidget {{ background-color: {raised}; }}
QTreeWidget::item {{ padding: 2px 0px; }}
QTreeWidget::indicator {{ width: 12px; height: 12px; border: 1px solid {faint}; border-radius: 2px; }}
QTreeWidget::indicator:checked {{ background-color: {chosen}; image: url("theme_{theme}:/check.svg"); }}
QTreeWidget QLineEdit {{ min-height: 0px; padding: 0px; margin: 0px; background-color: {background}; }}
QTreeWidget::item:selected {{ background-color: {chosen}; color: {text}; }}
"""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A run as the list shows it.

    Attributes
    ----------
    key : hashable
        What the signals call it.
    name, colour, state : str
    r_factor : float or None
        A fraction.
    checked : bool
        Whether it is drawn in the plot.
    kept : tuple of (iteration, R-factor)
        Iterates to go on from.
    busy : bool
        Under way: it cannot be removed, and has nothing but its kept iterates to restart from.
    """

    key: Hashable
    name: str
    colour: str
    state: str = ""
    r_factor: float | None = None
    checked: bool = True
    kept: tuple[tuple[int, float], ...] = ()
    busy: bool = False


class RunTree(QTreeWidget):
    """One item a run, its kept iterates below it; what is as it was is not touched."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[Row, ...] = ()
        self._items: dict[Hashable, QTreeWidgetItem] = {}
        self._colours: Colours | None = None
        self.setHeaderLabels([title for title, _ in COLUMNS])
        for column, (_, tip) in enumerate(COLUMNS):
            self.headerItem().setToolTip(column, tip)
        self.headerItem().setTextAlignment(R_FACTOR, RIGHT)
        header, metrics = self.header(), self.fontMetrics()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        for column, widest in ((STATE, "99999/99999"), (R_FACTOR, "100.00 %")):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, metrics.horizontalAdvance(widest) + 14)
        self.setIndentation(16)
        self.setIconSize(QSize(14, 14))
        self.setUniformRowHeights(True)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # numbers that tell runs apart are at the end
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.itemExpanded.connect(self._fit)
        self.itemCollapsed.connect(self._fit)

    @property
    def rows(self) -> tuple[Row, ...]:
        """What is shown."""
        return self._rows

    def row(self, key: Any) -> Row | None:
        """That of a run."""
        return next((row for row in self._rows if row.key == key), None)

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Show these runs."""
        known = {row.key: row for row in self._rows}
        self._rows = tuple(rows)
        self._match([row.key for row in rows])
        for row in rows:
            self._fill(self._items[row.key], row, known.get(row.key))
        self._fit()

    def item(self, key: Any, index: int | None = None) -> QTreeWidgetItem | None:
        """That of a run, or of a kept iterate of it."""
        item = self._items.get(key)
        return item if item is None or index is None else item.child(index) or item

    def place(self, item: QTreeWidgetItem | None) -> tuple[Any, int | None]:
        """The key of the run that an item is of, and the place of its iterate."""
        if item is None:
            return None, None
        run = item.parent() or item
        key = next((key for key, one in self._items.items() if one is run), None)
        return key, None if run is item else run.indexOfChild(item)

    def texts(self) -> list[list[str]]:
        """What is shown, top down, by columns."""
        items = [item for row in self._rows for item in _family(self._items[row.key])]
        return [[item.text(column) for column in range(len(COLUMNS))] for item in items]

    def dress(self, colours: Colours) -> None:
        """Take the colours of a theme."""
        self._colours = colours
        text, background, faint = colours
        self.setStyleSheet(
            STYLE.format(
                raised=mixed(background, text, 0.06).name(), chosen=mixed(background, text, 0.3).name(),
                background=background.name(), text=text.name(), faint=faint.name(),
                theme="dark" if background.lightness() < 128 else "light",
            )
        )  # fmt: skip
        for row in self._rows:
            self._items[row.key].setIcon(NAME, self._swatch(row.colour))

    def _match(self, keys: list[Hashable]) -> None:
        """One item a run, in their order."""
        for key in [key for key in self._items if key not in keys]:
            self.takeTopLevelItem(self.indexOfTopLevelItem(self._items.pop(key)))
        for i, key in enumerate(keys):
            item = self._items.get(key)
            if item is None:
                item = self._items[key] = QTreeWidgetItem()
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEditable)
                item.setTextAlignment(R_FACTOR, RIGHT)
                self.insertTopLevelItem(i, item)
            elif self.indexOfTopLevelItem(item) != i:
                unfolded = item.isExpanded()
                self.takeTopLevelItem(self.indexOfTopLevelItem(item))
                self.insertTopLevelItem(i, item)
                item.setExpanded(unfolded)

    def _fill(self, item: QTreeWidgetItem, row: Row, before: Row | None) -> None:
        if row == before:
            return
        for column, text in ((NAME, row.name), (STATE, row.state), (R_FACTOR, _percent(row.r_factor))):
            if item.text(column) != text:
                item.setText(column, text)
        if before is None or row.checked != before.checked:
            item.setCheckState(NAME, Qt.CheckState.Checked if row.checked else Qt.CheckState.Unchecked)
        if before is None or row.colour != before.colour:
            item.setIcon(NAME, self._swatch(row.colour))
        item.setToolTip(NAME, f"{row.name}\n{COLUMNS[NAME][1]}")
        if before is None or row.kept != before.kept:
            self._fill_kept(item, row.kept)

    def _fill_kept(self, item: QTreeWidgetItem, kept: Sequence[tuple[int, float]]) -> None:
        while item.childCount() > len(kept):
            item.takeChild(item.childCount() - 1)
        for i, (iteration, r_factor) in enumerate(kept):
            child = item.child(i)
            if child is None:
                child = QTreeWidgetItem(item)
                child.setTextAlignment(R_FACTOR, RIGHT)
                child.setToolTip(NAME, "An iterate that was kept: select it to see it, or restart from it.")
                child.setToolTip(R_FACTOR, "R_F recorded last before it.")
                if i == 0:
                    item.setExpanded(True)
            child.setText(NAME, f"iterate {iteration}")
            child.setText(STATE, "kept")
            child.setText(R_FACTOR, _percent(r_factor))

    def _fit(self, *_: Any) -> None:
        """As high as its rows, up to a few."""
        if self._rows:
            unfolded = sum(len(_family(item)) if item.isExpanded() else 1 for item in self._items.values())
            rows = min(max(unfolded, 2), MOST_ROWS)
            self.setFixedHeight(self.header().sizeHint().height() + rows * self.sizeHintForRow(0) + 6)

    def _swatch(self, colour: str) -> QIcon:
        """A piece of the run's curve."""
        picture = QPixmap(14, 14)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.fillRect(0, 5, 14, 4, readable(colour, self._colours.background))
        painter.end()
        icon = QIcon(picture)
        icon.addPixmap(picture, QIcon.Mode.Selected)  # in its own colour, not in that of the selection
        return icon


def _family(item: QTreeWidgetItem) -> list[QTreeWidgetItem]:
    return [item, *(item.child(i) for i in range(item.childCount()))]


def _percent(r_factor: float | None) -> str:
    return f"{r_factor:.2%}".replace("%", " %") if r_factor is not None and np.isfinite(r_factor) else ""

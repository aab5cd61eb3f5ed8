"""The list of runs, with the iterates that were kept of each."""

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from qtpy.QtCore import QEvent, Qt, Signal
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QTreeWidgetItem, QVBoxLayout, QWidget

from .run_tree import NAME, Row, RunTree
from .theme import Colours, colours, mixed

__all__ = ["Row", "RunList"]

EMPTY = "Runs will be listed here."
STYLE = """
QToolButton {{ background-color: {button}; border-radius: 2px; padding: 3px 8px; }}
QToolButton:hover {{ background-color: {chosen}; }}
QToolButton:disabled {{ color: {faint}; }}
"""


class RunList(QWidget):
    """Runs with their kept iterates below them. It only tells what the user wants.

    Signals
    -------
    selected(object)
        The user, or the removal of what was selected, went to a run: its key, None for none.
    kept_selected(object, int)
        The user went to an iterate: the run's key, and its place in `Row.kept`.
    restart_wanted(object, object), remove_wanted(object, object)
        The run's key, and the place of an iterate or None.
    renamed(object, str), shown_changed(object, bool)
        The run's key with its new name; and whether it is to be drawn.
    """

    selected = Signal(object)
    kept_selected = Signal(object, int)
    restart_wanted = Signal(object, object)
    remove_wanted = Signal(object, object)
    renamed = Signal(object, str)
    shown_changed = Signal(object, bool)

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._quiet = False
        self._dressed: Colours | None = None
        self.empty = QLabel(EMPTY)
        self.tree = RunTree()
        self.restart = self._action("Restart from here", "Start a run from this iterate.", None, self._restart)
        self.rename = self._action("Rename", "Give the run another name (F2).", "F2", self._edit)
        self.remove = self._action(
            "Remove", "Take the run, or the kept iterate, off the list (Del).", "Del", self._remove
        )
        self._buttons = QWidget()
        row = QHBoxLayout(self._buttons)
        row.setContentsMargins(0, 0, 0, 0)
        for action in (self.restart, self.rename, self.remove):
            button = QToolButton()
            button.setDefaultAction(action)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for widget in (self.empty, self.tree, self._buttons):
            layout.addWidget(widget)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.tree.currentItemChanged.connect(self._select)
        self.tree.itemChanged.connect(self._change)
        self._dress()
        self._enable()

    # ---- showing

    def show(self, rows: Sequence[Row] | None = None) -> None:
        """Show these runs; without them, the widget, as any other. What is as it was is not touched."""
        if rows is None:
            super().show()
            return
        if tuple(rows) == self.tree.rows:
            return
        before = key, iteration = self._selection()
        with self._silent():
            self.tree.show_rows(rows)
            self.select(*self._again(key, iteration))
        self._enable()
        if self._selection() != before:
            self._select(self.tree.currentItem())

    def select(self, key: Hashable | None, index: int | None = None) -> None:
        """Go to a run, or to a kept iterate of it, or with None to nothing; no signal tells of it."""
        item = self.tree.item(key, index)
        with self._silent():
            if item is not self.tree.currentItem():
                self.tree.setCurrentItem(item)
        self._enable()

    @property
    def current(self) -> tuple[Any, int | None]:
        """The key of the selected run, and the place of its iterate if that is what is selected; None for none."""
        return self.tree.place(self.tree.currentItem())

    def texts(self) -> list[list[str]]:
        """What is shown, top down, by columns."""
        return self.tree.texts()

    def _selection(self) -> tuple[Any, int | None]:
        """Key and iteration: they stay the same when iterates before it are removed."""
        key, index = self.current
        return key, None if index is None else self.tree.row(key).kept[index][0]

    def _again(self, key: Any, iteration: int | None) -> tuple[Any, int | None]:
        """Where what was selected is now: the same iterate, or else its run, or else nothing."""
        row = self.tree.row(key)
        if row is None:
            return None, None
        iterations = [one for one, _ in row.kept]
        return key, iterations.index(iteration) if iteration in iterations else None

    # ---- what the user does

    def _action(self, text: str, tip: str, shortcut: str | None, do: Any) -> QAction:
        action = QAction(text, self, toolTip=tip)
        action.triggered.connect(lambda: do())
        if shortcut:
            action.setShortcut(shortcut)
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self.tree.addAction(action)
        return action

    def _select(self, item: QTreeWidgetItem | None, _before: Any = None) -> None:
        if self._quiet:
            return
        self._enable()
        key, index = self.tree.place(item)
        if index is None:
            self.selected.emit(key)
        else:
            self.kept_selected.emit(key, index)

    def _change(self, item: QTreeWidgetItem, column: int) -> None:
        """A tick, or another name: the row that comes back shows it."""
        key, index = self.tree.place(item)
        row = self.tree.row(key)
        if self._quiet or row is None or index is not None or column != NAME:
            return
        checked, name = item.checkState(NAME) == Qt.CheckState.Checked, item.text(NAME).strip()
        with self._silent():
            item.setText(NAME, row.name)
            item.setCheckState(NAME, Qt.CheckState.Checked if row.checked else Qt.CheckState.Unchecked)
        if checked != row.checked:
            self.shown_changed.emit(key, checked)
        if name and name != row.name:
            self.renamed.emit(key, name)

    def _enable(self) -> None:
        """Offer what makes sense."""
        some = bool(self.tree.rows)
        self.empty.setVisible(not some)
        self.tree.setVisible(some)
        self._buttons.setVisible(some)
        key, index = self.current
        row = self.tree.row(key)
        idle = row is not None and (index is not None or not row.busy)
        self.restart.setEnabled(idle)
        self.remove.setEnabled(idle)
        self.rename.setEnabled(row is not None and index is None)

    def _restart(self) -> None:
        self.restart_wanted.emit(*self.current)

    def _remove(self) -> None:
        self.remove_wanted.emit(*self.current)

    def _edit(self) -> None:
        self.tree.editItem(self.tree.currentItem(), NAME)

    @contextmanager
    def _silent(self) -> Iterator[None]:
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

    # ---- looks

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        restyled = event.type() in (QEvent.Type.StyleChange, QEvent.Type.PaletteChange)
        if restyled and self._dressed is not None and self._dressed != colours(self):
            self._dress()

    def _dress(self) -> None:
        self._dressed = text, background, faint = colours(self)
        shades = {name: mixed(background, text, share).name() for name, share in (("button", 0.18), ("chosen", 0.3))}
        self._buttons.setStyleSheet(STYLE.format(**shades, faint=faint.name()))
        self.empty.setStyleSheet(f"color: {mixed(text, background, 0.3).name()}")
        with self._silent():
            self.tree.dress(self._dressed)

"""The choice of a demonstration, with what to look at in it and when its method loses."""

from magicgui.widgets import ComboBox
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QGraphicsOpacityEffect, QVBoxLayout, QWidget

from ...demos import Demo, demos
from ..algorithm_chooser import FAINT, TwoLines
from ..controls import wrapped_label
from ..form import Rows

WIDTH = 440
"""Pixels of the list that folds out."""


class DemoChooser(QWidget):
    """Choose a demonstration.

    Attributes
    ----------
    combo : magicgui.widgets.ComboBox
        Its value is the demonstration's name.

    Signals
    -------
    changed()
        Another one is chosen.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._classes = dict(demos())
        choices = [(cls.title, name) for name, cls in self._classes.items()]
        self.combo = ComboBox(label="Demo", choices=choices, tooltip="The list says what to look at in each of them.")
        box: QComboBox = self.combo.native
        for i, cls in enumerate(self._classes.values()):
            box.setItemData(i, cls.look_at, Qt.ItemDataRole.ToolTipRole)
        box.setItemDelegate(TwoLines(box))
        box.view().setMinimumWidth(WIDTH)
        self.look_at, self.loses = wrapped_label(), wrapped_label()
        faint = QGraphicsOpacityEffect(self.loses)
        faint.setOpacity(FAINT)
        self.loses.setGraphicsEffect(faint)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (Rows([self.combo]), self.look_at, self.loses):
            layout.addWidget(widget)
        self.combo.changed.connect(self._choose)
        self._choose()

    @property
    def demo_class(self) -> type[Demo]:
        """The one that is chosen."""
        return self._classes[self.combo.value]

    def _choose(self, _name: str = "") -> None:
        self.look_at.setText(self.demo_class.look_at)
        self.loses.setText(self.demo_class.loses)
        self.changed.emit()

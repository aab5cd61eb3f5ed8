"""The choice of an algorithm, with what it is for, and of one of its presets."""

from typing import Any

from magicgui.widgets import ComboBox
from qtpy.QtCore import QModelIndex, QRect, QSize, Qt, Signal
from qtpy.QtGui import QFont, QFontMetrics, QPainter
from qtpy.QtWidgets import (
    QComboBox,
    QGraphicsOpacityEffect,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from ..core import PRESETS, Algorithm, algorithms
from .controls import wrapped_label
from .form import ParameterForm, Rows

DEFAULT, CHANGED = "default", "changed"
_TITLES = {DEFAULT: "Default", **PRESETS, CHANGED: "Changed"}
_WIDTH = 420
"""Pixels of the list that folds out."""
_MARGIN = 6
FAINT = 0.75
"""Opacity of what is said beside."""


class AlgorithmChooser(QWidget):
    """Choose an algorithm by what it is for, and a preset of its parameters.

    Parameters
    ----------
    family : str
        ``"phase"`` or ``"tomography"``.
    first : str
        Name of the algorithm that is chosen, and listed, first.

    Attributes
    ----------
    combo : magicgui.widgets.ComboBox
        Its value is the algorithm's name.
    preset : magicgui.widgets.ComboBox
        Its value is ``"default"``, the name of a preset, or ``"changed"``.

    Signals
    -------
    changed()
        Another algorithm is chosen.
    """

    changed = Signal()

    def __init__(self, family: str, first: str):
        super().__init__()
        self._classes = {cls.name: cls for cls in (algorithms(family)[first], *algorithms(family).values())}
        self._form: ParameterForm | None = None
        self.combo = ComboBox(
            label="Algorithm",
            choices=[(cls.title, name) for name, cls in self._classes.items()],
            value=first,
            tooltip="How to reconstruct. The list says what each algorithm is for.",
        )
        self.preset = ComboBox(
            label="Preset", choices=[_TITLES[DEFAULT]], tooltip="Values for the parameters below, all at once."
        )
        self.use, self.about = wrapped_label(), wrapped_label()
        self.about.setFont(_small(self.about.font()))
        faint = QGraphicsOpacityEffect(self.about)  # grey in any theme
        faint.setOpacity(FAINT)
        self.about.setGraphicsEffect(faint)
        self._explain_entries()
        self._rows = Rows([self.combo, self.preset])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self._rows, self.use, self.about):
            layout.addWidget(widget)
        self.combo.changed.connect(self._choose)
        self.preset.changed.connect(self._use_preset)
        self._show_card()

    @property
    def algorithm_class(self) -> type[Algorithm]:
        """The algorithm that is chosen."""
        return self._classes[self.combo.value]

    def add_below_list(self, widget: QWidget) -> None:
        """Add a widget between the list and what is said of the chosen algorithm."""
        self.layout().insertWidget(1, widget)

    def follow(self, form: ParameterForm) -> None:
        """Let presets set the values of `form`, and say which one it shows."""
        self._form = form
        form.changed.connect(self._show_preset)
        self._show_preset()

    def _explain_entries(self) -> None:
        box: QComboBox = self.combo.native
        for i, cls in enumerate(self._classes.values()):
            box.setItemData(i, cls.use, Qt.ItemDataRole.ToolTipRole)
        box.setItemDelegate(TwoLines(box))
        box.view().setMinimumWidth(_WIDTH)

    def _choose(self, _name: str) -> None:
        self._form = None  # that of the algorithm before
        self._show_card()
        self.changed.emit()

    def _show_card(self) -> None:
        cls = self.algorithm_class
        self.use.setText(cls.use)
        self.about.setText(" ".join((cls.__doc__ or "").strip().split("\n\n")[0].split()))
        self._rows.show_row(self.preset, bool(cls.presets))

    def _use_preset(self, name: Any) -> None:
        if self._form is not None and name not in (None, CHANGED):
            cls = self.algorithm_class
            self._form.show_preset(cls() if name == DEFAULT else cls.preset(name))

    def _show_preset(self) -> None:
        """Choose what the form shows; *Changed* is offered only while it is so."""
        form, cls = self._form, self.algorithm_class
        if form is None or form.cls is not cls or not cls.presets:
            return
        names = [DEFAULT, *(name for name in PRESETS if name in cls.presets)]
        shown = next((n for n in names if form.shows(cls() if n == DEFAULT else cls.preset(n))), CHANGED)
        offered = [(_TITLES[name], name) for name in (*names, CHANGED) if name != CHANGED or shown == CHANGED]
        with self.preset.changed.blocked():
            if self.preset.choices != tuple(name for _, name in offered):
                self.preset.choices = offered
            self.preset.value = shown


class TwoLines(QStyledItemDelegate):
    """An entry of a list: its title, and smaller below it its tooltip, wrapped."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """The style's own background and colours, and two texts."""
        self.initStyleOption(option, index)
        title, option.text = option.text, ""
        widget = option.widget
        style = widget.style()
        style.drawControl(style.ControlElement.CE_ItemViewItem, option, painter, widget)
        first, second = self._rectangles(option, index)
        painter.save()
        painter.setPen(widget.palette().color(widget.foregroundRole()))
        painter.setFont(_bold(option.font))
        painter.drawText(first, Qt.AlignmentFlag.AlignVCenter, title)
        painter.setFont(_small(option.font))
        painter.setOpacity(FAINT)
        painter.drawText(second, Qt.TextFlag.TextWordWrap, index.data(Qt.ItemDataRole.ToolTipRole))
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        """As high as both texts are."""
        self.initStyleOption(option, index)
        option.rect = QRect(0, 0, _WIDTH - 20, 0)  # beside a bar to scroll by
        _, second = self._rectangles(option, index)
        return QSize(option.rect.width(), second.bottom() + _MARGIN)

    def _rectangles(self, option: QStyleOptionViewItem, index: QModelIndex) -> tuple[QRect, QRect]:
        inside = option.rect.adjusted(_MARGIN, _MARGIN, -_MARGIN, 0)
        first = QRect(inside.topLeft(), QSize(inside.width(), QFontMetrics(_bold(option.font)).height()))
        room = QRect(first.bottomLeft(), QSize(inside.width(), 1000))
        text = index.data(Qt.ItemDataRole.ToolTipRole)
        return first, QFontMetrics(_small(option.font)).boundingRect(room, Qt.TextFlag.TextWordWrap, text)


def _bold(font: QFont) -> QFont:
    changed = QFont(font)
    changed.setBold(True)
    return changed


def _small(font: QFont) -> QFont:
    changed = QFont(font)
    if changed.pointSizeF() > 0:
        changed.setPointSizeF(0.9 * changed.pointSizeF())
    else:  # a theme may give pixels
        changed.setPixelSize(round(0.9 * changed.pixelSize()))
    return changed

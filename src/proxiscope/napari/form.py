"""Parameters of an algorithm, a step of preparation or a demonstration, as magicgui widgets."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from magicgui.widgets.bases import ValueWidget
from qtpy.QtCore import QEvent, QObject, QPointF, Qt, QTimer, Signal
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap, QPolygonF
from qtpy.QtWidgets import QFormLayout, QLabel, QScrollArea, QSizePolicy, QWidget
from superqt import QCollapsible

from ..core import Algorithm, InputError, Parameter, applicable, build, parameters
from .fields import as_shown, field, put_in, read, show, shown_in

SOON = 40
"""Milliseconds in which the layouts around a section have made room for it."""

MATTERS = "matters"
"""Property of a parameter's widget: false where the values of others take its effect away."""


class ParameterForm(QObject):
    """One row a parameter, bounded as the parameter is, and shown only while it matters.

    What is hidden keeps its value.

    Parameters
    ----------
    cls : type[Algorithm], type[Step] or type[Demo]
    make : callable
        Makes the widget of a parameter.

    Attributes
    ----------
    widgets : dict[str, magicgui.widgets.bases.ValueWidget]
        By the parameter's name.

    Signals
    -------
    changed()
        Other values are shown.
    """

    changed = Signal()

    def __init__(self, cls: type[Algorithm], make: Callable[[Parameter], ValueWidget] = field):
        super().__init__()
        self.cls = cls
        self._parameters = parameters(cls)
        self.widgets = {p.name: make(p) for p in self._parameters}
        for widget in self.widgets.values():
            widget.changed.connect(self._notice)
        self._mark()

    def values(self) -> dict[str, Any]:
        """The values shown, by name; raises InputError for text that does not parse.

        Of what is hidden, such text stands for the default: it has no effect.
        """
        found = {}
        for p in self._parameters:
            try:
                found[p.name] = read(self.widgets[p.name], p)
            except InputError:
                if self.widgets[p.name].native.property(MATTERS):
                    raise
                found[p.name] = p.default
        return found

    def algorithm(self) -> Algorithm:
        """The algorithm with the values shown; raises InputError for text that does not parse."""
        return build(self.cls, self.values())

    def grouped(self) -> dict[str, list[ValueWidget]]:
        """The widgets by the title of their group; those without one under the empty title, which is the first."""
        groups: dict[str, list[ValueWidget]] = {"": []}
        for parameter in self._parameters:
            groups.setdefault(parameter.group, []).append(self.widgets[parameter.name])
        return groups

    def take_over(self, other: "ParameterForm") -> None:
        """Keep what was changed in `other` where this form has a parameter of the same name and kind."""
        own = {p.name: p for p in self._parameters}
        for p in other._parameters:
            value = shown_in(other.widgets[p.name])
            if p.name in own and own[p.name].kind == p.kind and value != as_shown(p, p.default):
                with suppress(ValueError):  # out of bounds here
                    put_in(self.widgets[p.name], value)

    def show_algorithm(self, algorithm: Algorithm) -> None:
        """Show the values of `algorithm`."""
        self._show({p.name: getattr(algorithm, p.name) for p in self._parameters})

    def show_preset(self, algorithm: Algorithm) -> None:
        """Show the values of `algorithm`, but for those that tell of the sample, which stay."""
        self._show({p.name: getattr(algorithm, p.name) for p in self._parameters if p.preset})

    def shows(self, algorithm: Algorithm) -> bool:
        """Whether these are the values of `algorithm`, but for those that tell of the sample."""
        with suppress(InputError):
            values = self.values()
            return all(values[p.name] == getattr(algorithm, p.name) for p in self._parameters if p.preset)
        return False

    def _show(self, values: dict[str, Any]) -> None:
        blocked = self.blockSignals(True)
        for parameter in self._parameters:
            if parameter.name in values:
                show(self.widgets[parameter.name], parameter, values[parameter.name])
        self.blockSignals(blocked)
        self.changed.emit()

    def _notice(self, _value: Any = None) -> None:
        self._mark()
        self.changed.emit()

    def _mark(self) -> None:
        """Show the rows that matter."""
        values = {}
        for parameter in self._parameters:
            with suppress(InputError):  # text that is being typed
                values[parameter.name] = read(self.widgets[parameter.name], parameter)
        matter = applicable(self.cls, values)
        for name, widget in self.widgets.items():
            widget.native.setProperty(MATTERS, name in matter)
            rows = widget.native.parentWidget()
            if isinstance(rows, Rows):
                rows.show_row(widget, name in matter)


class Rows(QWidget):
    """magicgui widgets in rows, with their labels in a column of their own.

    Signals
    -------
    emptied(bool)
        No row is shown any more, or one is again.
    """

    emptied = Signal(bool)

    def __init__(self, widgets: Iterable[ValueWidget]):
        super().__init__()
        self._natives: list[QWidget] = []
        self._layout = QFormLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        for widget in widgets:
            label, native = QLabel(widget.label), widget.native
            label.setToolTip(widget.tooltip or "")
            native.setMinimumWidth(110)  # less than the widest value would ask for
            native.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            native.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            native.installEventFilter(self)
            self._natives.append(native)
            self._layout.addRow(label, native)
            self._layout.setRowVisible(native, native.property(MATTERS) is not False)

    @property
    def empty(self) -> bool:
        """Whether no row is shown."""
        return not any(map(self._layout.isRowVisible, self._natives))

    def show_row(self, widget: ValueWidget, visible: bool) -> None:
        """Show or hide a widget with its label."""
        before = self.empty
        self._layout.setRowVisible(widget.native, visible)
        if self.empty != before:
            self.emptied.emit(not before)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The wheel scrolls the panel; it changes a value only where that has the focus."""
        if event.type() == QEvent.Type.Wheel and not watched.hasFocus():
            event.ignore()
            return True
        return super().eventFilter(watched, event)


class Section(QCollapsible):
    """Rows that are folded away until they are wanted, and gone while none of them matters."""

    def __init__(self, title: str, widgets: Iterable[ValueWidget]):
        super().__init__(title)
        self.layout().setContentsMargins(0, 0, 0, 0)
        self.setDuration(0)
        self.setCollapsedIcon(_arrow((5, 3), (11, 8), (5, 13)))
        self.setExpandedIcon(_arrow((3, 5), (8, 11), (13, 5)))
        self.rows = Rows(widgets)
        self.addWidget(self.rows)
        self.setVisible(not self.rows.empty)
        self.rows.emptied.connect(lambda empty: self.setVisible(not empty))
        self._soon = QTimer(self, singleShot=True, interval=SOON)
        self._soon.timeout.connect(self._reveal)
        self.toggled.connect(lambda unfolded: self._soon.start() if unfolded else self._soon.stop())

    def _reveal(self) -> None:
        """Scroll to what was unfolded."""
        around = self.parentWidget()
        while around is not None and not isinstance(around, QScrollArea):
            around = around.parentWidget()
        if around is not None:
            around.ensureWidgetVisible(self, 0, 0)


def _arrow(*corners: tuple[int, int]) -> QIcon:
    """A triangle that can be seen in bright and dark themes."""
    picture = QPixmap(16, 16)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(140, 146, 155))
    painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in corners]))
    painter.end()
    return QIcon(picture)

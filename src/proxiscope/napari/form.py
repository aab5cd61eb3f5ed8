"""Parameters of an algorithm, or of a step of preparation, as magicgui widgets."""

import math
from collections.abc import Iterable
from contextlib import suppress
from decimal import Decimal
from typing import Any

from magicgui.widgets import CheckBox, ComboBox, FileEdit, FloatSpinBox, LineEdit, SpinBox
from magicgui.widgets.bases import ValueWidget
from qtpy.QtCore import QPointF, Qt, QTimer
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap, QPolygonF
from qtpy.QtWidgets import QFormLayout, QLabel, QScrollArea, QSizePolicy, QWidget
from superqt import QCollapsible

from ..core import Algorithm, Parameter, build, parameters

SOON = 40
"""Milliseconds in which the layouts around a section have made room for it."""

_LARGEST = 1_000_000_000
_AS_TEXT = ("schedule", "numbers", "table", "file")
_EXAMPLES = {"numbers": "0, 5-7", "table": "0.5 -1; 2 0"}


class ParameterForm:
    """One row a parameter, bounded as the parameter is.

    Parameters
    ----------
    cls : type[Algorithm] or type[Step]

    Attributes
    ----------
    widgets : dict[str, magicgui.widgets.bases.ValueWidget]
        By the parameter's name.
    """

    def __init__(self, cls: type[Algorithm]):
        self.cls = cls
        self._parameters = parameters(cls)
        self.widgets = {p.name: _widget(p) for p in self._parameters}

    def values(self) -> dict[str, Any]:
        """The values shown, by name; raises InputError for text that does not parse."""
        values = {}
        for parameter in self._parameters:
            value = _shown_in(self.widgets[parameter.name])
            values[parameter.name] = parameter.parse(value) if parameter.kind in _AS_TEXT else value
        return values

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
            value = _shown_in(other.widgets[p.name])
            if p.name in own and own[p.name].kind == p.kind and value != _shown(p):
                with suppress(ValueError):  # out of bounds here
                    _put_in(self.widgets[p.name], value)

    def show_algorithm(self, algorithm: Algorithm) -> None:
        """Show the values of `algorithm`."""
        for parameter in self._parameters:
            _show(self.widgets[parameter.name], parameter, getattr(algorithm, parameter.name))


class Rows(QWidget):
    """magicgui widgets in rows, with their labels in a column of their own."""

    def __init__(self, widgets: Iterable[ValueWidget]):
        super().__init__()
        self._layout = QFormLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        for widget in widgets:
            label = QLabel(widget.label)
            label.setToolTip(widget.tooltip or "")
            widget.native.setMinimumWidth(110)  # less than the widest value would ask for
            widget.native.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            self._layout.addRow(label, widget.native)

    def show_row(self, widget: ValueWidget, visible: bool) -> None:
        """Show or hide a widget with its label."""
        self._layout.setRowVisible(widget.native, visible)


class Section(QCollapsible):
    """Rows that are folded away until they are wanted."""

    def __init__(self, title: str, widgets: Iterable[ValueWidget]):
        super().__init__(title)
        self.layout().setContentsMargins(0, 0, 0, 0)
        self.setDuration(0)
        self.setCollapsedIcon(_arrow((5, 3), (11, 8), (5, 13)))
        self.setExpandedIcon(_arrow((3, 5), (8, 11), (13, 5)))
        self.rows = Rows(widgets)
        self.addWidget(self.rows)
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


def _widget(parameter: Parameter) -> ValueWidget:
    label = parameter.name.replace("_", " ").capitalize() if len(parameter.name) > 1 else parameter.name
    if parameter.unit:
        label = f"{label} ({parameter.unit})"
    options: dict[str, Any] = {"name": parameter.name, "label": label, "tooltip": parameter.doc}
    if parameter.kind == "bool":
        widget = CheckBox(**options)
        widget.text = ""
    elif parameter.kind == "choice":
        widget = ComboBox(choices=parameter.choices, **options)
    elif parameter.kind == "file":
        widget = _file_edit(options)
    elif parameter.kind in _AS_TEXT:
        widget = LineEdit(**options)
        widget.native.setPlaceholderText(_EXAMPLES.get(parameter.kind, ""))
    else:
        low, high = parameter.interval.ge, parameter.interval.le
        options |= {"min": -_LARGEST if low is None else low, "max": _LARGEST if high is None else high}
        if parameter.kind == "int":
            widget = SpinBox(value=parameter.default, **options)
        else:
            step = 10.0 ** (math.floor(math.log10(abs(parameter.default) or 1)) - 1)
            widget = FloatSpinBox(step=step, value=parameter.default, **options)
    _show(widget, parameter, parameter.default)
    return widget


def _file_edit(options: dict[str, Any]) -> FileEdit:
    """A path with a button, which opens on the files that are read."""
    from ..io import READ_SUFFIXES

    patterns = " ".join(f"*{suffix}" for suffix in READ_SUFFIXES)
    widget = FileEdit(filter=f"Data files ({patterns});;All files (*)", nullable=True, **options)
    widget.choose_btn.text = "..."
    widget.choose_btn.tooltip = "Choose a file."
    widget.choose_btn.native.setMaximumWidth(32)
    widget.line_edit.tooltip = options["tooltip"]
    widget.line_edit.native.setPlaceholderText("none")
    return widget


def _shown(parameter: Parameter) -> Any:
    """The default as its widget shows it."""
    return parameter.format(parameter.default) if parameter.kind in _AS_TEXT else parameter.default


def _shown_in(widget: ValueWidget) -> Any:
    return widget.line_edit.value if isinstance(widget, FileEdit) else widget.value


def _put_in(widget: ValueWidget, value: Any) -> None:
    if isinstance(widget, FileEdit):
        widget.line_edit.value = value  # as it is: the edit itself would make the path absolute
    else:
        widget.value = value


def _show(widget: ValueWidget, parameter: Parameter, value: Any) -> None:
    if parameter.kind == "float":  # a spin box rounds to its decimals: give it as many as the value has
        digits = (-Decimal(repr(number)).as_tuple().exponent for number in (widget.step, float(value)))
        widget.native.setDecimals(max(digits))
    _put_in(widget, parameter.format(value) if parameter.kind in _AS_TEXT else value)

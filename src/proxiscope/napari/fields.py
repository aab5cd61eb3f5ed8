"""The widget of each kind of parameter: numbers stay in bounds, and text that does not parse is marked."""

import math
from decimal import Decimal
from typing import Any

from magicgui import use_app
from magicgui.widgets import CheckBox, ComboBox, FileEdit, FloatSpinBox, LineEdit, SpinBox
from magicgui.widgets.bases import RangedWidget, ValueWidget
from qtpy.QtCore import QLocale
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QAbstractSpinBox, QDoubleSpinBox, QSpinBox, QWidget

from ..core import InputError, Parameter

DECIMALS = 12
"""Digits after the point that may be typed; a spin box rounds to what it may show."""

_LARGEST = 1_000_000_000
_AS_TEXT = ("schedule", "numbers", "table", "file")
_UNFINISHED = "QLineEdit { border: 1px solid #e69f00; }"  # orange that the colour-blind see


def field(parameter: Parameter) -> ValueWidget:
    """A widget that shows the default of `parameter`, bounded as it is."""
    options: dict[str, Any] = {"name": parameter.name, "label": parameter.title, "tooltip": parameter.doc}
    widget = _MAKERS[parameter.kind](parameter, options)
    show(widget, parameter, parameter.default)
    return widget


def read(widget: ValueWidget, parameter: Parameter) -> Any:
    """The value that the widget of a parameter shows; raises InputError for text that does not parse."""
    value = shown_in(widget)
    if parameter.kind not in _AS_TEXT:
        return value
    try:
        return parameter.parse(value)
    except InputError as error:
        raise InputError(parameter.title, error.found, error.remedy) from None  # named as the form names it


def show(widget: ValueWidget, parameter: Parameter, value: Any) -> None:
    """Show a value of the parameter."""
    if isinstance(widget, Number):
        widget.native.setDecimals(max(DECIMALS, -Decimal(repr(float(value))).as_tuple().exponent))
    put_in(widget, as_shown(parameter, value))


def as_shown(parameter: Parameter, value: Any) -> Any:
    """A value as the parameter's widget holds it: some kinds as text."""
    return parameter.format(value) if parameter.kind in _AS_TEXT else value


def shown_in(widget: ValueWidget) -> Any:
    """What a widget shows; of a path the text."""
    return widget.line_edit.value if isinstance(widget, FileEdit) else widget.value


def put_in(widget: ValueWidget, value: Any) -> None:
    """Put in what `shown_in` gave."""
    if isinstance(widget, FileEdit):
        widget.line_edit.value = value  # as it is: the edit itself would make the path absolute
    else:
        widget.value = value


def _check_box(parameter: Parameter, options: dict[str, Any]) -> CheckBox:
    widget = CheckBox(**options)
    widget.text = ""
    return widget


def _choice(parameter: Parameter, options: dict[str, Any]) -> ComboBox:
    return ComboBox(choices=parameter.choices, **options)


class _Box(QSpinBox):
    """What is typed takes the place of the word for zero, wherever that was clicked."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Overwrite the word."""
        _select_word(self)
        super().keyPressEvent(event)


class _Digits(QDoubleSpinBox):
    """The same, with room for every digit that is typed, and no zeros behind the last one."""

    def textFromValue(self, value: float) -> str:
        """As short as it can be."""
        text = super().textFromValue(value)
        return text.rstrip("0").rstrip(".") if "." in text else text

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Overwrite the word."""
        _select_word(self)
        super().keyPressEvent(event)


def _select_word(box: QAbstractSpinBox) -> None:
    if box.lineEdit().text() == box.specialValueText():
        box.selectAll()


class WholeNumber(SpinBox):
    """A magicgui spin box that can say what zero means."""

    def __init__(self, **options: Any):
        RangedWidget.__init__(self, widget_type=_backend("SpinBox", _Box), **options)


class Number(FloatSpinBox):
    """A magicgui spin box that rounds nothing that is typed."""

    def __init__(self, **options: Any):
        RangedWidget.__init__(self, widget_type=_backend("FloatSpinBox", _Digits), **options)


def _backend(name: str, box: type[QWidget]) -> type:
    """magicgui's backend of that name with another Qt widget inside."""
    usual = use_app("qt").get_obj(name)

    class Backend(usual):
        def __init__(self, **options: Any):
            super(usual, self).__init__(box, **options)

    return Backend


def _whole_number(parameter: Parameter, options: dict[str, Any]) -> WholeNumber:
    widget = WholeNumber(value=parameter.default, **_bounds(parameter), **options)
    widget.native.setSpecialValueText(parameter.zero)
    return widget


def _number(parameter: Parameter, options: dict[str, Any]) -> Number:
    step = 10.0 ** (math.floor(math.log10(abs(parameter.default) or 1)) - 1)
    widget = Number(step=step, value=parameter.default, **_bounds(parameter), **options)
    widget.native.setLocale(QLocale.c())  # a decimal point, as in all text
    widget.native.setDecimals(DECIMALS)
    widget.native.setSpecialValueText(parameter.zero)
    return widget


def _bounds(parameter: Parameter) -> dict[str, float]:
    low, high = parameter.interval.ge, parameter.interval.le
    return {"min": -_LARGEST if low is None else low, "max": _LARGEST if high is None else high}


def _file(parameter: Parameter, options: dict[str, Any]) -> FileEdit:
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


def _text(parameter: Parameter, options: dict[str, Any]) -> LineEdit:
    """A line that is framed as long as its text does not parse, and says what would."""
    widget = LineEdit(**options)
    line = widget.native

    def judge(text: str) -> None:
        look, tip = "", parameter.doc
        try:
            parameter.parse(text)
        except InputError as error:
            look, tip = _UNFINISHED, f"{error.remedy}."
        line.setStyleSheet(look)
        line.setToolTip(tip)

    line.setPlaceholderText(f"such as {parameter.example}")
    line.textChanged.connect(judge)
    return widget


_MAKERS = {
    "bool": _check_box, "choice": _choice, "int": _whole_number, "float": _number, "file": _file,
    "schedule": _text, "numbers": _text, "table": _text,
}  # fmt: skip

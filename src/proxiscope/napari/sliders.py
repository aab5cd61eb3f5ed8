"""Sliders, for parameters whose effect is seen at once."""

import math
from decimal import Decimal
from typing import Any

from magicgui import use_app
from magicgui.widgets import FloatSlider, Slider
from magicgui.widgets.bases import RangedWidget, ValueWidget
from qtpy.QtCore import QLocale, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QDoubleSpinBox, QSlider, QSpinBox

from ..core import Parameter
from .fields import field

PLACES = 100
"""That a slider has at least."""

READOUT = 104
"""Pixels of what is read and typed beside it."""


def sliding(parameter: Parameter) -> ValueWidget:
    """A slider for a number that is bounded on both sides; else the usual widget."""
    low, high = parameter.interval.ge, parameter.interval.le
    if parameter.kind not in ("int", "float") or low is None or high is None:
        return field(parameter)
    digits = 0 if parameter.kind == "int" else _digits(low, high, parameter.default)
    make = _WholeSlider if parameter.kind == "int" else _NumberSlider
    return make(
        digits, parameter.zero, name=parameter.name, label=parameter.title, tooltip=parameter.doc, min=low, max=high,
        step=10.0**-digits if digits else 1, value=parameter.default,
    )  # fmt: skip


def _digits(*values: float) -> int:
    """After the point: as many as the bounds and the default have, and enough for the places."""
    own = [-Decimal(repr(float(value))).normalize().as_tuple().exponent for value in values]
    return max(*own, math.ceil(math.log10(PLACES / (max(values) - min(values)))), 0)


class _Bar(QSlider):
    """The wheel scrolls the panel, unless the slider has the focus."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave it to what is around."""
        event.ignore() if not self.hasFocus() else super().wheelEvent(event)


class _Whole(QSpinBox):
    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave it to what is around."""
        event.ignore() if not self.hasFocus() else super().wheelEvent(event)


class _Number(QDoubleSpinBox):
    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave it to what is around."""
        event.ignore() if not self.hasFocus() else super().wheelEvent(event)


class _WholeSlider(Slider):
    """magicgui's, with a box that says what zero means."""

    def __init__(self, digits: int, zero: str, **options: Any):
        usual = use_app("qt").get_obj("Slider")
        backend = _backend(usual, _Whole, 1, zero)
        RangedWidget.__init__(self, widget_type=backend, backend_kwargs={"readout": True}, **options)


class _NumberSlider(FloatSlider):
    """magicgui's, but on a grid of decimal numbers, and no others."""

    def __init__(self, digits: int, zero: str, **options: Any):
        usual = use_app("qt").get_obj("FloatSlider")
        backend = _backend(usual, _Number, 10**digits, zero, digits)
        RangedWidget.__init__(self, widget_type=backend, backend_kwargs={"readout": True}, **options)


def _backend(usual: type, box: type, grid: int, zero: str, digits: int = 0) -> type:
    """magicgui's backend for a slider whose whole numbers are the values times `grid`."""

    class Backend(usual):
        _readout = box
        _precision = grid

        def __init__(self, **options: Any):
            super().__init__(_Bar, **options)
            self._readout_widget.setSpecialValueText(zero)
            self._readout_widget.setLocale(QLocale.c())
            self._readout_widget.setFixedWidth(READOUT)
            self._container.layout().setStretch(0, 1)
            for widget in (self._qwidget, self._readout_widget):
                widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            if digits:
                self._readout_widget.setDecimals(digits)

        def _update_precision(self, **_: Any) -> None:
            """The grid stays."""

        def _pre_set_hook(self, value: float) -> int:
            return round(value * grid)

        def _post_get_hook(self, value: int) -> float:
            return value if grid == 1 and box is _Whole else round(value / grid, digits)

    return Backend

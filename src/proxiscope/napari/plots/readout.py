"""What lies over a plot: the key of its curves and, where the mouse is, their values."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QWidget

from ..theme import Colours, readable

SAMPLE, GAP, EDGE = 16, 5, 4
"""Pixels of a sample of the line, between it and its text, and from the box to what surrounds it."""


class Row(NamedTuple):
    """A line of text, behind a sample of the curve it is about, if it is about one."""

    text: str
    colour: str | None = None
    style: Qt.PenStyle = Qt.PenStyle.SolidLine


class Reading(NamedTuple):
    """What is said at a place of a plot: rows, where the vertical line is, and dots (x, y, colour) on the curves."""

    rows: tuple[Row, ...]
    x: float | None = None
    dots: tuple[tuple[float, float, str], ...] = ()


class Readout(QWidget):
    """A box of text in the emptiest corner of a plot, a vertical line and dots; the mouse goes through it.

    Everything is in pixels.
    """

    def __init__(self, parent: QWidget):
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        font = self.font()
        font.setPointSizeF(max(7.0, 0.9 * font.pointSizeF()))
        self.setFont(font)
        self._reading, self._inside, self._empty = Reading(()), QRectF(), ""
        self._colours: Colours | None = None
        self._box = QRectF()

    @property
    def box(self) -> QRectF:
        """Where the text is; empty where there is none."""
        return self._box

    @property
    def rows(self) -> tuple[Row, ...]:
        """What is said."""
        return self._reading.rows

    def show_reading(self, reading: Reading, inside: QRectF, curves: NDArray, colours: Colours, empty: str) -> None:
        """Show a reading over the rectangle that holds the curves.

        Parameters
        ----------
        reading : Reading
            In pixels.
        inside : QRectF
        curves : ndarray, (point, 3)
            Where the curves are: x, y, and how much it matters that the point can be seen.
        colours : Colours
        empty : str
            Said in the middle of a plot that shows nothing.
        """
        box = self._place(reading, inside, curves)
        shown = (reading, inside, box, colours, empty)
        if shown != (self._reading, self._inside, self._box, self._colours, self._empty):
            self._reading, self._inside, self._box, self._colours, self._empty = shown
            self.update()

    def _place(self, reading: Reading, inside: QRectF, curves: NDArray) -> QRectF:
        """The corner where the box hides least, top right before others."""
        if not reading.rows:
            return QRectF()
        metrics = self.fontMetrics()
        widths = [metrics.horizontalAdvance(row.text) + (SAMPLE + GAP if row.colour else 0) for row in reading.rows]
        width = min(max(widths) + 2 * EDGE, inside.width() - 2 * EDGE)
        height = min(len(widths) * metrics.height() + EDGE, inside.height() - 2 * EDGE)
        lefts = (inside.right() - EDGE - width, inside.left() + EDGE, inside.center().x() - width / 2)
        tops = (inside.top() + EDGE, inside.bottom() - EDGE - height)
        dots = np.array([(x, y, 1000) for x, y, _ in reading.dots]).reshape(-1, 3)
        x, y, weight = np.concatenate([curves, dots]).T

        def hidden(corner: tuple[float, float]) -> float:
            left, top = corner
            under = (x > left - EDGE) & (x < left + width + EDGE) & (y > top - EDGE) & (y < top + height + EDGE)
            return float(weight[under].sum())

        corners = [(left, top) for left in lefts for top in tops]
        now = (self._box.left(), self._box.top())
        best = min(sorted(corners, key=lambda corner: corner != now), key=hidden)  # of equals the present one
        return QRectF(*best, width, height)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the line, the dots and the box over them."""
        if self._colours is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text, background, faint = self._colours
        if self._empty:
            painter.setPen(text)
            painter.drawText(self._inside, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._empty)
        if self._reading.x is not None:
            painter.setPen(QPen(faint, 1))
            x = round(self._reading.x) + 0.5
            painter.drawLine(QPointF(x, self._inside.top()), QPointF(x, self._inside.bottom()))
        for x, y, colour in self._reading.dots:
            painter.setPen(QPen(text, 1))
            painter.setBrush(readable(colour, background))
            painter.drawEllipse(QPointF(x, y), 3.5, 3.5)
        self._paint_box(painter)

    def _paint_box(self, painter: QPainter) -> None:
        text, background, _ = self._colours
        behind = QColor(background)
        behind.setAlpha(215)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(behind)
        painter.drawRoundedRect(self._box, 3, 3)
        metrics = self.fontMetrics()
        for i, row in enumerate(self._reading.rows):
            left, top = self._box.left() + EDGE, self._box.top() + EDGE / 2 + i * metrics.height()
            if row.colour:
                middle = round(top + metrics.height() / 2) + 0.5
                painter.setPen(QPen(readable(row.colour, background), 2, row.style))
                painter.drawLine(QPointF(left, middle), QPointF(left + SAMPLE, middle))
                left += SAMPLE + GAP
            painter.setPen(text)
            room = self._box.right() - EDGE - left
            line = metrics.elidedText(row.text, Qt.TextElideMode.ElideMiddle, int(np.ceil(room)) + 1)
            painter.drawText(QPointF(left, top + metrics.ascent()), line)

"""What plots are drawn on, and the buttons beside the name of the x axis."""

import pyqtgraph as pg
from qtpy.QtCore import QEvent, Signal
from qtpy.QtGui import QMouseEvent, QResizeEvent
from qtpy.QtWidgets import QHBoxLayout, QToolButton, QWidget

from ..theme import Colours, mixed
from .axis import Axis

STYLE = """
#corner {{ background: transparent; }}
QToolButton, QComboBox {{ font-size: {points}pt; border-radius: 2px; padding: 0px 3px; }}
QToolButton:checked, QToolButton:hover, QComboBox {{ background-color: {raised}; }}
QComboBox::drop-down {{ width: 14px; }}
"""


class Canvas(pg.PlotWidget):
    """Tells where the mouse is, and when it has left; holds a widget over all of it."""

    moved = Signal(object)

    def __init__(self, axes: dict[str, Axis]):
        self.over: QWidget | None = None
        super().__init__(background=None, axisItems=axes)
        self.setMenuEnabled(False)
        self.hideButtons()
        self.getPlotItem().layout.setContentsMargins(0, 2, 6, 4)
        self.setMinimumHeight(110)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell of every move; the scene leaves out those that follow each other closely, the last one too."""
        super().mouseMoveEvent(event)
        self.moved.emit(event.position())

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is read any more."""
        super().leaveEvent(event)
        self.moved.emit(None)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """What lies over the plot covers all of it."""
        super().resizeEvent(event)
        if self.over is not None:
            self.over.setGeometry(self.viewport().rect())


class Corner(QWidget):
    """Small buttons at the lower edge of a plot: `fit`, which is hidden, and `log`."""

    def __init__(self, parent: QWidget):
        super().__init__(parent, objectName="corner")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        self.fit = QToolButton(text="fit", toolTip="Show all again, and follow what is new (double click).")
        self.log = QToolButton(text="log", toolTip="Logarithmic y axis.", checkable=True)
        row.addStretch(1)
        for button in (self.fit, self.log):
            row.addWidget(button)
        self.fit.hide()

    def dress(self, colours: Colours, points: float) -> None:
        """Take the colours of a theme, and a size of the text."""
        raised = mixed(colours.background, colours.text, 0.25).name()
        self.setStyleSheet(STYLE.format(points=points, raised=raised))

    def place(self, around: QWidget) -> None:
        """Lie along the lower edge."""
        height = self.sizeHint().height()
        self.setGeometry(0, around.height() - height, around.width(), height)

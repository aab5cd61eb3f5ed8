"""What the plots share: axes in the theme's colours, a read-out under the mouse, a range that follows the data."""

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QRectF, Qt
from qtpy.QtGui import QColor, QResizeEvent
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ..theme import Colours, colours, readable
from .axis import Axis
from .canvas import Canvas, Corner
from .line import Line, logarithm
from .readout import Reading, Readout, Row

ZOOMING = "Wheel or drag: zoom and move. Double click: show all, and again follow what is new."


class Plot(QWidget):
    """Axes in the colours of the window's theme.

    With curves of its own (`line`) it tells their values where the mouse is, and its range follows them until the
    user zooms.

    Parameters
    ----------
    bottom, left : str
        What the axes show.
    log : bool
        Whether the user may choose a logarithmic y axis.
    whole : bool
        Whether y is counted in whole numbers.
    """

    def __init__(
        self, bottom: str, left: str, parent: QWidget | None = None, *, log: bool = False, whole: bool = False
    ):
        super().__init__(parent)
        self._colours: Colours | None = None
        self._lines: list[Line] = []
        self._mouse: float | None = None
        self._empty = ""
        self._following, self._all = True, False
        axes = {"left": Axis("left", least_spacing=float(whole)), "bottom": Axis("bottom")}
        self._plot = Canvas(axes)
        self._plot.setLabel("bottom", bottom)
        self._plot.setLabel("left", left)
        self._plot.setToolTip(ZOOMING)
        self._view = self._plot.getPlotItem().getViewBox()
        self._view.sigRangeChanged.connect(self._draw)
        self._view.sigResized.connect(self._draw)
        self._view.sigRangeChangedManually.connect(self._zoomed)
        self._plot.moved.connect(self._hover)
        self._plot.scene().sigMouseClicked.connect(self._clicked)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._plot)
        self._readout = Readout(self._plot.viewport())
        self._plot.over = self._readout
        self._corner = Corner(self)
        self.fit_button, self.log_button = self._corner.fit, self._corner.log
        self.fit_button.clicked.connect(self.follow)
        self.log_button.toggled.connect(self._switch)
        self.log_button.setVisible(log)
        self._take_colours()

    # ---- for plots of a kind

    def line(self, label: str, colour: str, style: Qt.PenStyle = Qt.PenStyle.SolidLine, unit: str = "") -> Line:
        """Add a curve; `set` its points and call `changed`."""
        line = Line(label, colour, style, unit)
        self._lines.append(line)
        self._plot.getPlotItem().disableAutoRange()
        self._plot.addItem(line.item)
        line.ink(self.ink(colour))
        return line

    def remove_line(self, line: Line) -> None:
        """Take a curve away."""
        self._lines.remove(line)
        self._plot.removeItem(line.item)

    def changed(self) -> None:
        """Draw what was set since, and follow it."""
        if not (self._following and self.follow()):
            self._draw()

    def ink(self, colour: str) -> QColor:
        """A colour as it can be seen in the present theme."""
        return readable(colour, self._colours.background)

    @property
    def text_colour(self) -> str:
        """That of the theme."""
        return self._colours.text.name()

    def say(self, text: str) -> None:
        """Say why there is nothing to see; empty when there is."""
        if text != self._empty:
            self._empty = text
            self._show_reading()

    def extent(self, everything: bool) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """The range of x, and that of y as drawn, that show the data; None as long as there are none."""
        shown = [line for line in self._lines if np.isfinite(self.drawn(line.y)).any()]
        if not shown:
            return None
        x = np.concatenate([line.x for line in shown])
        return finite_range(x), finite_range(np.concatenate([self.drawn(line.y) for line in shown]))

    def read(self, x: float) -> Reading | None:
        """What is said where the mouse is, in the units of the data."""
        at = [(line, i) for line in self._lines if (i := line.nearest(x)) is not None]
        if not at:
            return None
        place = min((line.x[i] for line, i in at), key=lambda other: abs(other - x))
        rows = [Row(f"{line.label} {line.y[i]:.4g}{line.unit}", line.colour, line.style) for line, i in at]
        dots = tuple((line.x[i], line.y[i], line.colour) for line, i in at)
        return Reading((Row(f"{self._plot.getAxis('bottom').labelText} {place:.4g}"), *rows), place, dots)

    def key(self) -> tuple[Row, ...]:
        """What is said as long as the mouse is elsewhere: the curves' names where there is more than one."""
        shown = [line for line in self._lines if len(line.x)]
        return tuple(Row(line.label, line.colour, line.style) for line in shown) if len(shown) > 1 else ()

    def crowd(self) -> NDArray:
        """Where the text had better not be, in pixels: x, y, weight (point, 3). Ends of curves weigh most."""
        inside = self._inside()
        low, high = self._view.viewRange()[0]
        x = np.linspace(low, high, max(2, int(inside.width() / 4)))
        found = [np.empty((0, 3))]
        for line in self._lines:
            y = line.at(x)
            there = np.flatnonzero(np.isfinite(y))
            weight = np.ones(there.size)
            weight[-8:] = 50
            found.append(np.column_stack([*self._pixels(x[there], y[there]), weight]))
        return np.concatenate(found)

    def dress(self) -> None:
        """Draw what a plot adds itself; called whenever the theme or the y axis has changed."""

    def click(self, x: float) -> bool:
        """Take a click at `x`, in the unit of the data; returns whether it meant something."""
        return False

    def hover(self, x: float | None) -> None:
        """The mouse is at `x`, in the unit of the data, or elsewhere."""

    # ---- for who looks

    def data(self) -> dict[str, NDArray]:
        """What is drawn: points (point, 2) by the names of the curves."""
        found: dict[str, NDArray] = {}
        for line in self._lines:
            if len(line.x):
                name = line.label if line.label not in found else f"{line.label} ({len(found) + 1})"
                found[name] = np.column_stack([line.x, line.y])
        return found

    @property
    def log(self) -> bool:
        """Whether y is on a logarithmic axis."""
        return self.log_button.isChecked()

    @property
    def texts(self) -> list[str]:
        """What the key or the read-out says."""
        return [row.text for row in self._readout.rows]

    def follow(self) -> bool:
        """Show the data, and from now on those that come; a zoom ends it. Returns whether that changed the range."""
        self._following = True
        self.fit_button.hide()
        ranges = self.extent(self._all)
        if ranges is not None:
            now = self._view.viewRange()
            wanted = [_padded(*ranges[0], 0.02), _padded(*ranges[1], 0.06)]
            if not np.allclose(now, wanted, rtol=1e-9, atol=0):
                self._view.setRange(xRange=wanted[0], yRange=wanted[1], padding=0)
                return True
        elif not self._lines:
            self._plot.getPlotItem().enableAutoRange()
        return False

    # ---- drawing

    def drawn(self, y: Any) -> NDArray:
        """Values as they are drawn: their logarithms on a logarithmic axis."""
        return logarithm(y) if self.log else np.asarray(y, float)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the buttons in their corner."""
        super().resizeEvent(event)
        self._corner.place(self)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        restyled = event.type() in (QEvent.Type.StyleChange, QEvent.Type.PaletteChange)
        if restyled and self._colours is not None and self._colours != colours(self):
            self._take_colours()
            self.dress()
            self._show_reading()

    def _take_colours(self) -> None:
        self._colours = found = colours(self)
        for side in ("bottom", "left"):
            axis = self._plot.getAxis(side)
            axis.setPen(pg.mkPen(found.faint))
            axis.setTextPen(pg.mkPen(found.text))
        self._plot.showGrid(x=True, y=True, alpha=0.25)
        self._plot.resetCachedContent()  # what is behind the plot, too
        for line in self._lines:
            line.ink(self.ink(line.colour))
        self._corner.dress(found, self._readout.font().pointSizeF())

    def _draw(self, *_: Any) -> None:
        """Draw the curves as the present range needs it."""
        (low, high), width = self._view.viewRange()[0], max(2, int(self._view.width()))
        for line in self._lines:
            line.draw(low, high, width, self.log)
        self._show_reading()

    def _switch(self, _log: bool) -> None:
        self._plot.getAxis("left").setLogMode(y=self.log)
        if self.extent(self._all) is None:
            self._view.setYRange(0, 2 if self.log else 100, padding=0)
        if not self.follow():
            self._draw()
        self.dress()

    # ---- the mouse

    def _zoomed(self, *_: Any) -> None:
        self._following = False
        self.fit_button.show()

    def _clicked(self, event: Any) -> None:
        if event.button() != Qt.MouseButton.LeftButton or not self._inside().contains(event.scenePos()):
            return
        if self.click(self._view.mapSceneToView(event.scenePos()).x()) or not event.double():
            return
        self._all = not self._all if self._following else False
        self.follow()

    def _hover(self, position: Any) -> None:
        """The mouse is at a place of the plot, or nowhere."""
        within = position is not None and self._inside().contains(position)
        mouse = position.x() if within else None
        if mouse != self._mouse:
            self._mouse = mouse
            self._show_reading()
            self.hover(self._mouse_x())

    def _show_reading(self) -> None:
        if self._colours is None:
            return
        x = self._mouse_x()
        reading = None if x is None else self.read(x)
        if reading is None:
            shown = Reading(self.key())
        else:
            (x,), _ = self._pixels(np.array([reading.x]), np.zeros(1))
            dots = [(*np.ravel(self._pixels(np.array([a]), np.array([b]))), c) for a, b, c in reading.dots]
            inside = self._inside()
            shown = Reading(reading.rows, x, tuple(dot for dot in dots if inside.contains(*dot[:2])))
        curves = self.crowd() if shown.rows else np.empty((0, 3))
        self._readout.show_reading(shown, self._inside(), curves, self._colours, self._empty)

    def _mouse_x(self) -> float | None:
        """Where the mouse is, in the unit of the data."""
        if self._mouse is None:
            return None
        inside, (low, high) = self._inside(), self._view.viewRange()[0]
        return low + (self._mouse - inside.left()) * (high - low) / max(inside.width(), 1)

    def _inside(self) -> QRectF:
        """The rectangle within the axes, in pixels of the canvas."""
        return self._view.sceneBoundingRect()

    def _pixels(self, x: NDArray, y: NDArray) -> tuple[NDArray, NDArray]:
        """Where data are, in pixels of the canvas."""
        inside, ((left, right), (bottom, top)) = self._inside(), self._view.viewRange()
        across = inside.left() + (x - left) * inside.width() / (right - left)
        return across, inside.bottom() - (self.drawn(y) - bottom) * inside.height() / (top - bottom)


def finite_range(values: NDArray) -> tuple[float, float]:
    """Lowest and highest of the finite values."""
    finite = values[np.isfinite(values)]
    return float(finite.min()), float(finite.max())


def _padded(low: float, high: float, share: float) -> tuple[float, float]:
    """A little more than a range, and something where it is a single value."""
    margin = share * (high - low) or 0.05 * abs(high) or 0.5
    return low - margin, high + margin

"""Three orthogonal slices of a volume in one picture, on one scale, with a cross-hair."""

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, Qt, Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ..theme import OKABE_ITO, colours, readable
from .scale import Scale, round_length

GAP = 0.04
"""Between two slices, as a share of the longest side."""

AXIS_COLOURS = (OKABE_ITO["sky blue"], OKABE_ITO["bluish green"], OKABE_ITO["vermilion"])
"""Of the cross-hair, for each axis (z, y, x) that a line stands at a place of."""

TIP = "Click or drag: move the cross-hair. Wheel: zoom. Right or middle button: move and zoom. Double click: show all."


class Planes(QWidget):
    """The slices (y, x), (y, z) and (z, x) of a volume (z, y, x), side by side.

    Signals
    -------
    picked(object)
        Voxel (z, y, x) that the user put the cross-hair on.
    """

    picked = Signal(object)

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._canvas = pg.GraphicsView(self, background=None)
        self._box = _Box()
        self._canvas.setCentralItem(self._box)
        self._canvas.setToolTip(TIP)
        self._canvas.setMinimumSize(200, 200)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._canvas)
        self._images = [pg.ImageItem(axisOrder="row-major") for _ in range(3)]
        self._lines = [_dashed() for _ in range(6)]
        self._names = [pg.TextItem(anchor=(0, 0)) for _ in range(3)]
        self._reading, self._bar, self._length = pg.TextItem(), pg.PlotCurveItem(), pg.TextItem(anchor=(0.5, 1))
        for item in (*self._images, *self._lines, *self._names, self._reading, self._bar, self._length):
            self._box.addItem(item)
        self._box.pressed.connect(self._press)
        self._box.whole.connect(self.show_all)
        self._size: tuple[float, ...] = ()
        self._shape: tuple[int, ...] = ()
        self._pressed = 0
        self.index: tuple[int, ...] = ()
        self._dress()

    # ---- what is shown

    def show_volume(self, shape: Sequence[int], scale: Scale, names: Sequence[str]) -> None:
        """Make room for a volume of so many voxels (z, y, x); `names` are those of its axes."""
        size = tuple(n * step for n, step in zip(shape, scale.steps, strict=True))
        self._unit, self._names_of = scale.unit, tuple(names)
        changed = size != self._size
        self._shape, self._size = tuple(shape), size
        z, y, x = size
        gap = GAP * max(x + z, y + z)
        self._corners = ((0.0, 0.0), (x + gap, 0.0), (0.0, y + gap))  # (across, down) of each slice
        for name, corner, text in zip(self._names, self._corners, ((2, 1), (0, 1), (2, 0)), strict=True):
            name.setPos(*corner)
            across, down = (self._names_of[axis] for axis in text)
            name.setText(f"{across} →  {down} ↓", color="#ffffff")
            name.fill = pg.mkBrush(0, 0, 0, 120)
        self._draw_bar()
        if changed:
            self.show_all()

    def show_slices(self, slices: Sequence[NDArray]) -> None:
        """Draw the slices (y, x), (z, y) and (z, x)."""
        z, y, x = self._size
        xy, zy, zx = slices
        for image, values, corner, size in zip(
            self._images, (xy, zy.T, zx), self._corners, ((x, y), (z, y), (x, z)), strict=True
        ):
            image.setImage(np.ascontiguousarray(values, np.float32), autoLevels=False)
            image.setRect(*corner, *size)

    def show_look(self, limits: tuple[float, float], lut: NDArray) -> None:
        """Contrast limits and colours (256, 4) of uint8."""
        for image in self._images:
            image.setLevels(limits)
            image.setLookupTable(lut)

    def show_place(self, index: Sequence[int], value: float | None = None) -> None:
        """Put the cross-hair on a voxel (z, y, x)."""
        self.index = tuple(index)
        z, y, x = ((i + 0.5) * s / n for i, s, n in zip(index, self._size, self._shape, strict=True))
        (_, _), (right, _), (_, below) = self._corners
        depth, height, width = self._size
        segments = (
            ((x, x), (0, height), 2), ((0, width), (y, y), 1),
            ((right + z,) * 2, (0, height), 0), ((right, right + depth), (y, y), 1),
            ((x, x), (below, below + depth), 2), ((0, width), (below + z,) * 2, 0),
        )  # fmt: skip
        for line, (across, down, axis) in zip(self._lines, segments, strict=True):
            line.setData(np.array(across), np.array(down))
            line.setPen(pg.mkPen(AXIS_COLOURS[axis], width=1))
        steps = [s / n for s, n in zip(self._size, self._shape, strict=True)]
        inks = [readable(colour, colours(self).background).name() for colour in AXIS_COLOURS]
        lines = [
            f"<span style='color:{ink}'>&#9632;</span> {name} {i * step:.4g} {self._unit}"
            for name, i, step, ink in zip(self._names_of, index, steps, inks, strict=True)
        ]
        shown = "" if value is None else f"<br>value {value:.4g}"
        self._reading.setHtml(f"<div style='color:{self._ink}'>{'<br>'.join(lines)}{shown}</div>")
        self._reading.setPos(*((a + GAP * s) for a, s in zip((right, below), (depth, depth), strict=True)))

    def show_all(self) -> None:
        """Bring all three slices into view."""
        if self._size:
            z, _, _ = self._size
            (_, _), (right, _), (_, below) = self._corners
            self._box.setRange(xRange=(0, right + z), yRange=(0, below + z), padding=0.02)

    def _draw_bar(self) -> None:
        z, _, x = self._size
        (_, _), (right, _), (_, below) = self._corners
        length = round_length(0.6 * max(z, 0.4 * x))
        start = right + max(0.0, (z - length) / 2)
        self._bar.setData([start, start + length], [below + 0.94 * z] * 2)
        self._length.setPos(start + length / 2, below + 0.92 * z)
        self._length.setText(f"{length:g} {self._unit}", color=self._ink)

    # ---- the mouse

    def _press(self, point: object, begins: bool) -> None:
        if not self._size:
            return
        (_, _), (right, _), (_, below) = self._corners
        x, y = point.x(), point.y()
        if begins:
            self._pressed = 1 if x >= right else 2 if y >= below else 0
            if x >= right and y >= below:
                self._pressed = 3
        places: dict[int, tuple[float, int]] = {}
        if self._pressed == 0:
            places = {2: x, 1: y}
        elif self._pressed == 1:
            places = {0: x - right, 1: y}
        elif self._pressed == 2:
            places = {2: x, 0: y - below}
        index = list(self.index)
        for axis, place in places.items():
            n = self._shape[axis]
            index[axis] = min(max(int(np.floor(place * n / self._size[axis])), 0), n - 1)
        if places and tuple(index) != self.index:
            self.picked.emit(tuple(index))

    # ---- the theme

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.StyleChange, QEvent.Type.PaletteChange) and hasattr(self, "_ink"):
            self._dress()

    def _dress(self) -> None:
        self._ink = colours(self).text.name()
        self._bar.setPen(pg.mkPen(self._ink, width=3))
        if self._size:
            self._draw_bar()
            if len(self.index) == len(self._size):
                self.show_place(self.index)


class _Box(pg.ViewBox):
    """The left button points; the others move."""

    pressed = Signal(object, bool)
    whole = Signal()

    def __init__(self) -> None:
        super().__init__(lockAspect=True, invertY=True, enableMenu=False)

    def mouseClickEvent(self, event: object) -> None:
        """Point, or show all."""
        if event.button() == Qt.MouseButton.LeftButton:
            event.accept()
            if event.double():
                self.whole.emit()
            else:
                self.pressed.emit(self.mapToView(event.pos()), True)

    def mouseDragEvent(self, event: object, axis: int | None = None) -> None:
        """Point while dragging with the left button."""
        if event.button() != Qt.MouseButton.LeftButton:
            super().mouseDragEvent(event, axis)
            return
        event.accept()
        if event.isStart():
            self.pressed.emit(self.mapToView(event.buttonDownPos()), True)
        self.pressed.emit(self.mapToView(event.pos()), False)


def _dashed() -> pg.PlotCurveItem:
    return pg.PlotCurveItem(pen=pg.mkPen("#ffffff", width=1))

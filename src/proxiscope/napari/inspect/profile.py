"""Values along a line that is drawn in the viewer."""

from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication, QPushButton

from ..controls import wrapped_label
from ..layers import KEY
from ..showing import image_index
from ..task import Tick
from ..theme import OKABE_ITO
from .page import Page, elastic
from .plots import ProfilePlot
from .scale import scale_of

SOON = 30
"""Milliseconds from a change of the line to its profile."""

DENSITY, MOST = 2, 4000
"""Samples a pixel, and at most."""

Line = tuple[Any, NDArray, NDArray, int]
"""An image or a stack of them with the number of one, and both ends (y, x) of a line in its pixels."""


def sample(lines: list[Line], samples: int, _tick: Tick | None = None) -> list[NDArray]:
    """Values along lines."""
    from ...comparison import profile

    return [profile(np.asarray(data[i]) if data.ndim == 3 else data, a, b, samples) for data, a, b, i in lines]


class ProfilePage(Page):
    """The profile of one or two layers along the line that was drawn last."""

    title: ClassVar[str] = "Profile"
    about: ClassVar[str] = (
        "Values along a line across the layer, and the one it is compared with. Press Draw line, then drag in the "
        "viewer; drag the edges of the grey band in the plot to measure a width."
    )
    follows: ClassVar[bool] = True

    def build(self) -> None:
        """A button, the plot, and what is measured."""
        self.lines: Any = None
        self._before: Any = None  # what was the active layer
        self._hidden = False
        self.draw = QPushButton("Draw line", toolTip="Add a layer with a line across the middle, to be drawn anew.")
        self.draw.clicked.connect(self.draw_line)
        self.plot = ProfilePlot(self)
        elastic(self.plot, 200)
        self.plot.measured.connect(lambda _width: self._tell())
        self.told = wrapped_label()
        self._soon = QTimer(self, singleShot=True, interval=SOON)
        self._soon.timeout.connect(self._look)
        self.rows.addWidget(self.draw)
        self.rows.addWidget(self.plot, stretch=1)
        self.rows.addWidget(self.told)

    # ---- the line

    def draw_line(self) -> None:
        """Add a line across the middle of the chosen layer, with the tool that draws another; or take it up again."""
        layer, viewer = self.bench.layer, self.bench.viewer
        if layer is None:
            return
        active = viewer.layers.selection.active
        self._before = self._before if active == self.lines else active
        if self.lines is None or self.lines not in viewer.layers:
            rows, columns = layer.data.shape[-2:]
            ends = np.array([[rows // 2, 0.1 * columns], [rows // 2, 0.9 * columns]])
            width = max(rows, columns) / 150
            self.lines = viewer.add_shapes(
                [ends], shape_type="line", name="profile line", edge_color=OKABE_ITO["yellow"], edge_width=width,
                scale=layer.scale[-2:], translate=layer.translate[-2:], units=layer.units[-2:],
                axis_labels=layer.axis_labels[-2:], metadata={KEY: {"kind": "companion"}},
            )  # fmt: skip
            self.lines.current_edge_width = width
            self.lines.events.set_data.connect(self._moved)
        self.lines.visible = True
        viewer.layers.selection.active = self.lines
        self.lines.mode = "add_line"
        self._look()

    def layers_changed(self) -> None:
        """Forget a line that was removed."""
        if self.lines is not None and self.lines not in self.bench.viewer.layers:
            self.lines.events.set_data.disconnect(self._moved)
            self.lines = None
            if self._shown:
                self._look()

    def _stop_drawing(self) -> None:
        """Give the mouse back to the viewer, and the selection to the layer that had it."""
        layers = self.bench.viewer.layers
        if self.lines is None or self.lines not in layers:
            return
        self.lines.mode = "pan_zoom"
        if layers.selection.active == self.lines:
            layers.selection.active = self._before if self._before in layers else self.bench.layer

    def _moved(self, event: Any = None) -> None:
        if self._shown and not self._soon.isActive():
            self._soon.start()

    def _ends(self) -> NDArray | None:
        """Both ends (2, 2) of the line that was drawn last, in the viewer's coordinates (y, x)."""
        if self.lines is None or not len(self.lines.data):
            return None
        ends = np.asarray(self.lines.data[-1])[[0, -1]]
        return np.array([self.lines.data_to_world(end) for end in ends])[:, -2:]

    # ---- the profile

    def open(self) -> None:
        """Show the line again that was put away."""
        if self._hidden and self.lines is not None:
            self.lines.visible = True
        self._hidden = False
        super().open()

    def close_page(self) -> None:
        """Put the line away: on other pages it is in the way."""
        if self._shown and self.lines is not None:
            self._stop_drawing()
            self._hidden, self.lines.visible = self.lines.visible, False
        super().close_page()

    def show_layers(self) -> None:
        """Follow the shown slice too."""
        self.bench.viewer.dims.events.point.connect(self._moved)
        self._look()

    def clear(self) -> None:
        """Follow no slices."""
        self._soon.stop()
        self.bench.viewer.dims.events.point.disconnect(self._moved)

    def leave(self) -> None:
        """Leave the line, which is the user's, and follow it no more."""
        lines, self.lines = self.lines, None
        super().leave()
        if lines is not None:
            lines.events.set_data.disconnect(self._moved)
            with suppress(RuntimeError):  # the window may be going down
                lines.mode = "pan_zoom"

    def _look(self) -> None:
        ends, layer = self._ends(), self.bench.layer
        if layer is None:
            return
        if ends is None:
            self.plot.show_profiles([], scale_of(layer).unit)
            self._tell()
            return
        self._prune()
        layers = [layer] + ([self.bench.other] if self.bench.other is not None else [])
        lines, lengths = [], []
        for one in layers:
            a, b = (_in_pixels(one, end) for end in ends)
            lines.append((one.data, a, b, image_index(self.bench.viewer, one)))
            lengths.append(float(np.linalg.norm((b - a) * scale_of(one).steps[-2:])))
        samples = int(min(MOST, max(2, DENSITY * np.abs(lines[0][2] - lines[0][1]).max() + 1)))
        self._drawn = ([one.name for one in layers], lengths, samples, scale_of(layer).unit)
        if all(type(one.data) is np.ndarray for one in layers):
            self.show_result(sample(lines, samples))
        else:
            self.task.start(partial(sample, lines, samples))

    def show_result(self, values: list[NDArray]) -> None:
        """Draw the profiles."""
        names, lengths, samples, unit = self._drawn
        if any(len(one) != samples for one in values):  # of a line that is no more
            return
        distance = np.linspace(0, lengths[0], samples)
        self.plot.show_profiles([(name, distance, one) for name, one in zip(names, values, strict=False)], unit)
        self._tell()

    def _tell(self) -> None:
        """State the line's length and the measured width."""
        if self.lines is None or not self.plot.region.isVisible():
            self.told.setText("Press Draw line, then drag in the viewer.")
            return
        _, lengths, _, unit = self._drawn
        self.told.setText(f"Line {lengths[0]:.4g} {unit}. Between the edges {self.plot.width_measured:.4g} {unit}.")

    def _prune(self) -> None:
        """Keep only the line that was drawn last, once it is drawn."""
        if len(self.lines.data) > 1 and QApplication.mouseButtons() == Qt.MouseButton.NoButton:
            last = len(self.lines.data) - 1
            with self.lines.events.set_data.blocker(self._moved):
                self.lines.selected_data = set(range(last))
                self.lines.remove_selected()


def _in_pixels(layer: Any, end: NDArray) -> NDArray:
    """A place (y, x) of the viewer in a layer's pixels."""
    world = np.zeros(layer.ndim)
    world[-2:] = end
    return np.asarray(layer.world_to_data(world))[-2:]

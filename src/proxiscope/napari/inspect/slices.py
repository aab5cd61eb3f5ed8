"""Orthogonal slices of a volume that go with the viewer's own slice."""

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QDialog, QPushButton, QVBoxLayout, QWidget

from ..task import Task, Tick
from .page import Page, elastic
from .planes import Planes
from .scale import scale_of

SOON = 25
"""Milliseconds from a step of the viewer to the cross-hair."""

REFRESH = 200
"""Milliseconds between two looks at data that change all the time."""

LARGEST = 2**19
"""Pixels of a slice up to which slices of an array in memory are cut at once."""


def cut(data: Any, index: Sequence[int]) -> tuple[NDArray, NDArray, NDArray]:
    """The slices (y, x), (z, y) and (z, x) of a volume (z, y, x), which may be lazy, through a voxel."""
    z, y, x = index
    return np.asarray(data[z]), np.asarray(data[:, :, x]), np.asarray(data[:, y])


class Slices(QWidget):
    """The slices of one layer; the cross-hair and the viewer's point follow each other.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None):
        super().__init__(parent)
        self.viewer, self.layer = viewer, None
        self.planes = Planes(self)
        self.planes.picked.connect(self._pick)
        self.task = Task("inspect-slices", self)
        self.task.done.connect(self._show_slices)
        self._soon = QTimer(self, singleShot=True, interval=SOON)
        self._soon.timeout.connect(self._follow)
        self._later = QTimer(self, singleShot=True, interval=REFRESH)
        self._later.timeout.connect(lambda: self.watch(self.layer))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.planes)

    def watch(self, layer: Any) -> None:
        """Show the slices of a layer, which has three dimensions; None to show nothing more."""
        if layer != self.layer:
            self._connect(False)
            self._soon.stop()
            self._later.stop()
            self.layer = layer
            self._connect(True)
        if layer is not None:
            self.planes.show_volume(layer.data.shape, scale_of(layer), layer.axis_labels)
            self._show_look()
            self._follow(always=True)

    def leave(self) -> None:
        """End what is under way, and listen no more."""
        self.watch(None)
        self.task.stop()

    def _connect(self, on: bool) -> None:
        if self.layer is None:
            return
        events = self.layer.events
        pairs = [(self.viewer.dims.events.point, self._point_moved), (events.data, self._data_changed)]
        pairs += [(event, self._show_look) for event in (events.contrast_limits, events.colormap, events.gamma)]
        for event, slot in pairs:
            (event.connect if on else event.disconnect)(slot)

    def _point_moved(self, event: Any = None) -> None:
        self._soon.start()

    def _data_changed(self, event: Any = None) -> None:
        if not self._later.isActive():
            self._later.start()

    def _show_look(self, event: Any = None) -> None:
        self.planes.show_look(tuple(self.layer.contrast_limits), lookup(self.layer))

    def _index(self) -> tuple[int, ...]:
        """The voxel that the viewer's point lies in; the middle one where the point is outside the volume."""
        point, shape = self.viewer.dims.point, self.layer.data.shape
        if len(point) == 3:  # unlike that of a volume that is just being added
            index = tuple(round(float(p)) for p in self.layer.world_to_data(point))
            if all(0 <= i < n for i, n in zip(index, shape, strict=True)):
                return index
        return tuple(n // 2 for n in shape)

    def _follow(self, always: bool = False) -> None:
        """Show the slices through the viewer's point."""
        if self.layer is None or self.layer.ndim != 3:
            return
        index, data = self._index(), self.layer.data
        if index == self.planes.index and not always:
            return
        shape = data.shape
        large = max(shape[1] * shape[2], shape[0] * shape[1], shape[0] * shape[2]) > LARGEST
        if large or type(data) is not np.ndarray:
            self.task.start(partial(_cut_in_worker, data, index))
        else:
            self._show_slices((index, cut(data, index)))

    def _show_slices(self, found: tuple[tuple[int, ...], Sequence[NDArray]]) -> None:
        index, slices = found
        if self.layer is None or self.layer.data.shape != self.planes._shape:
            return
        self.planes.show_slices(slices)
        self.planes.show_place(index, float(slices[0][index[1], index[2]]))

    def _pick(self, index: tuple[int, ...]) -> None:
        """Move the viewer's point into a voxel."""
        if self.layer is None:
            return
        place = self.layer.data_to_world(index)
        first = self.viewer.dims.ndim - len(place)
        self.viewer.dims.set_point(range(first, self.viewer.dims.ndim), [float(p) for p in place])
        self._soon.stop()  # the viewer's own news of it
        self._follow()


def _cut_in_worker(data: Any, index: tuple[int, ...], tick: Tick) -> tuple[tuple[int, ...], tuple[NDArray, ...]]:
    return index, cut(data, index)


def lookup(layer: Any) -> NDArray[np.uint8]:
    """The colours (256, 4) of an image layer, its gamma included."""
    at = np.linspace(0, 1, 256) ** layer.gamma
    return np.round(255 * np.asarray(layer.colormap.map(at))).astype(np.uint8)


class SlicesWindow(QDialog):
    """The slices in a window of their own."""

    def __init__(self, viewer: Any, layer: Any, parent: QWidget):
        super().__init__(parent)
        self.setWindowTitle(f"Slices of {layer.name}")
        self.setWindowFlags(Qt.WindowType.Window)
        self.slices = Slices(viewer, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.slices)
        self.resize(760, 760)
        self.slices.watch(layer)
        self.finished.connect(self._end)

    def _end(self, _result: int = 0) -> None:
        self.slices.leave()
        self.deleteLater()


class SlicesPage(Page):
    """The slices in the panel."""

    title: ClassVar[str] = "Slices"
    about: ClassVar[str] = (
        "The volume cut along its three axes. Click or drag to move the cross-hair; the viewer follows, and leads."
    )

    def build(self) -> None:
        """The slices, and a button for a larger view."""
        self.slices = Slices(self.bench.viewer, self)
        self.larger = QPushButton("Open in a window", toolTip="The same slices, larger, in a window of their own.")
        self.larger.clicked.connect(self.open_window)
        self.large: SlicesWindow | None = None
        elastic(self.slices, 260)
        self.rows.addWidget(self.slices, stretch=1)
        self.rows.addWidget(self.larger)

    def missing(self) -> str:
        """A volume."""
        layer = self.bench.layer
        if layer is None:
            return super().missing()
        return "" if layer.ndim == 3 else "An image has no slices. Choose a volume (z, y, x)."

    def show_layers(self) -> None:
        """Follow the chosen volume."""
        self.slices.watch(self.bench.layer)

    def clear(self) -> None:
        """Follow nothing."""
        self.slices.watch(None)

    def data_changed(self) -> None:
        """The slices follow by themselves."""

    def layers_changed(self) -> None:
        """The larger view goes with its layer."""
        if self.large is not None and self.large.slices.layer not in self.bench.viewer.layers:
            self.large.close()

    def leave(self) -> None:
        """Close the window too."""
        super().leave()
        self.slices.leave()
        if self.large is not None:
            self.large.close()

    def open_window(self) -> None:
        """Show the slices in a window of their own, which stays with this layer."""
        if self.large is not None:
            self.large.close()
        self.large = SlicesWindow(self.bench.viewer, self.bench.layer, self.window())
        self.large.finished.connect(self._closed)
        self.large.show()

    def _closed(self, _result: int = 0) -> None:
        self.large = None

"""The dialog *Export figure*: what is drawn, how it looks, and the file."""

import io
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
)

from . import dialogs
from .background import in_background, show_failure
from .layer_figures import CONVERGENCE, LOG_CONVERGENCE, TRANSFER, Wishes, figure_of, shown

if TYPE_CHECKING:
    import napari

WIDTHS = [("one column, 85 mm", 85.0), ("one and a half, 120 mm", 120.0), ("two columns, 178 mm", 178.0)]
PREVIEW_DPI = 130
WAIT = 250
"""Milliseconds after the last key stroke before the preview is drawn."""

_drawing = threading.Lock()
"""matplotlib's settings belong to the whole process: one figure at a time."""


@dataclass(frozen=True)
class _Picture:
    number: int
    png: bytes


class FigureDialog(QDialog):
    """Draws a layer as it was shown when the dialog opened, with a preview.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    layer : napari.layers.Image
    """

    def __init__(self, viewer: "napari.Viewer", layer: Any):
        super().__init__(viewer.window._qt_window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"Export figure of {layer.name}")
        self.shown = shown(viewer, layer)
        self._number, self._closed = 0, False
        self.finished.connect(self._close)
        self._build()
        self._timer = QTimer(self, singleShot=True, interval=WAIT)
        self._timer.timeout.connect(self._draw)
        self._change_kind()

    def _build(self) -> None:
        self.kind, self.width_choice = QComboBox(), QComboBox()
        self.kind.addItems(self.shown.kinds())
        self.kind.setToolTip("What is drawn.")
        for text, width in WIDTHS:
            self.width_choice.addItem(text, width)
        self.width_choice.setToolTip("Width on paper. Letters keep their size of 8 to 9 points.")
        self.title = QLineEdit(toolTip="Above the figure; may be empty.")
        self.label = QLineEdit(toolTip="What the values are, beside the colour bar; may be empty.")
        self.label.setPlaceholderText("such as Density (a.u.)")
        self.ticks = QCheckBox("with numbers", checked=True)
        self.ticks.setToolTip("Axes with numbers; without them the scale bar alone tells the size.")
        rows = QFormLayout()
        for text, widget in (
            ("Figure", self.kind), ("Title", self.title), ("Colour bar", self.label), ("Axes", self.ticks),
            ("Width", self.width_choice),
        ):  # fmt: skip
            rows.addRow(text, widget)
        self.preview = QLabel("Drawing ...", alignment=Qt.AlignmentFlag.AlignCenter)
        self.preview.setMinimumSize(440, 380)
        self.preview.setStyleSheet("background: white; color: black")
        self.save_button = QPushButton("Save ...", toolTip="Write the figure as PDF, SVG or PNG.")
        self.close_button = QPushButton("Close")
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        for button in (self.close_button, self.save_button):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addLayout(rows)
        layout.addWidget(self.preview, stretch=1)
        layout.addLayout(buttons)
        self.save_button.setDefault(True)
        self.save_button.clicked.connect(self.save)
        self.close_button.clicked.connect(self.close)
        self.kind.currentIndexChanged.connect(self._change_kind)
        self.width_choice.currentIndexChanged.connect(self._change)
        self.title.textChanged.connect(self._change)
        self.label.textChanged.connect(self._change)
        self.ticks.toggled.connect(self._change)

    def wishes(self) -> Wishes:
        """What is shown in the rows."""
        return Wishes(self.title.text(), self.label.text(), self.ticks.isChecked(), self.width_choice.currentData())

    def save(self) -> None:
        """Ask for a file, and write the figure."""
        path = dialogs.to_save(self, dialogs.FIGURES, self.title.text() or self.shown.name)
        if not path:
            return
        found, kind, wishes = self.shown, self.kind.currentText(), self.wishes()

        def write() -> str:
            from ..figures import save_figure

            with _drawing:
                save_figure(path, figure_of(found, kind, wishes))
            return path

        in_background(write, self._saved)

    def _saved(self, path: str) -> None:
        show_info(f"Saved: {path}")
        if not self._closed:
            self.close()

    def _change_kind(self, _index: int = 0) -> None:
        curve = self.kind.currentText() in (CONVERGENCE, LOG_CONVERGENCE, TRANSFER)
        if not self.title.isModified():
            self.title.setText(", ".join(filter(None, (self.shown.name, "" if curve else self.shown.at))))
        self.label.setEnabled(not curve)
        self.ticks.setEnabled(not curve)
        self._change()

    def _change(self, *_: Any) -> None:
        self._timer.start()

    def _draw(self) -> None:
        self._number += 1
        number, found, kind, wishes = self._number, self.shown, self.kind.currentText(), self.wishes()

        def draw() -> _Picture:
            with _drawing:
                figure, file = figure_of(found, kind, wishes), io.BytesIO()
                figure.savefig(file, format="png", dpi=PREVIEW_DPI)
            return _Picture(number, file.getvalue())

        in_background(draw, self._show, self._fail)

    def _show(self, picture: _Picture) -> None:
        if self._closed or picture.number != self._number:
            return
        pixels = QPixmap()
        pixels.loadFromData(picture.png, "PNG")
        room = self.preview.size()
        if pixels.width() > room.width() or pixels.height() > room.height():
            keep, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            pixels = pixels.scaled(room, keep, smooth)
        self.preview.setPixmap(pixels)

    def _fail(self, error: Exception) -> None:
        if not self._closed:
            self.preview.setText("No figure.")
        show_failure(error)

    def _close(self, *_: Any) -> None:
        self._closed = True
        self._timer.stop()

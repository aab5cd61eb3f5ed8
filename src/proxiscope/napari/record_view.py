"""The record of a layer, to be read."""

from html import escape
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error
from qtpy.QtCore import Qt
from qtpy.QtGui import QTextOption
from qtpy.QtWidgets import QDialog, QTextBrowser, QVBoxLayout

from ..core import ProxiscopeError
from ..scripts import describe_record
from . import reproducing
from .buttons import Buttons
from .layers import KEY
from .writer import record_of

if TYPE_CHECKING:
    import napari

BUTTONS = (
    ("copy_as_python", "Copy as Python", "A script that gives the same result, bit for bit."),
    ("copy_as_command", "Copy as command line", "A command that gives the same result, bit for bit."),
    ("save_result", "Save result ...", "The layer with all that it carries, to a file."),
    ("export_figure", "Export figure ...", "The image as it is shown, with scale bar and colour bar."),
)


class RecordView(QDialog):
    """How a layer came about, as text that can be selected, with what can be done with it.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    layer : napari.layers.Layer
    """

    def __init__(self, viewer: "napari.Viewer", layer: Any):
        super().__init__(reproducing.window_of(viewer))
        self.viewer, self.layer = viewer, layer
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"Record of {layer.name}")
        self.resize(640, 620)
        notes = layer.metadata.get(KEY, {})
        record = record_of(notes)
        self.text = QTextBrowser(openLinks=False)
        self.text.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)  # paths and hashes are long words
        remarks = [("", text) for text in notes.get("notes") or ()]
        told = describe_record(record, notes.get("metrics"))
        self.text.setHtml(as_html([*told, *([("As it was opened", remarks)] if remarks and not record else [])]))
        self.buttons = Buttons(BUTTONS, columns=2)
        is_result = "algorithm" in record
        self.buttons.enable(copy_as_python=is_result, copy_as_command=is_result)
        self.buttons.pressed.connect(self._do)
        layout = QVBoxLayout(self)
        layout.addWidget(self.text)
        layout.addWidget(self.buttons)

    def _do(self, name: str) -> None:
        try:
            getattr(reproducing, name)(self.viewer, self.layer)
        except ProxiscopeError as error:
            show_error(str(error))


def as_html(sections: list[tuple[str, list[tuple[str, str]]]]) -> str:
    """Headings and rows as a table; whatever they say is shown as it stands."""
    rows = []
    for i, (heading, entries) in enumerate(sections):
        rows.append(f'<tr><td colspan="2">{"<br>" if i else ""}<b>{escape(heading)}</b></td></tr>')
        rows += [f"<tr><td>{escape(name)}&nbsp;&nbsp;</td><td>{escape(text)}</td></tr>" for name, text in entries]
    return f'<table cellspacing="0" cellpadding="2">{"".join(rows)}</table>'

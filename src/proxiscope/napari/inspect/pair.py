"""Which layer to look at, and which to compare it with."""

from typing import Any

from magicgui.widgets import ComboBox, PushButton
from napari.layers import Image
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ..choices import named
from ..form import Rows
from ..layers import note
from .known import family_of


class Pair(QWidget):
    """Two choices of layers, the second of which may be empty.

    Signals
    -------
    changed()
        Another layer was chosen.
    align_wanted()
        The second is to be aligned to the first.
    """

    changed = Signal()
    align_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.first = ComboBox(label="Layer", choices=[], nullable=True, tooltip="What to look at: results come first.")
        self.second = ComboBox(
            label="Compare with", choices=[], nullable=True,
            tooltip="A second layer, best of the same shape, for profiles, resolution, difference and side by side.",
        )  # fmt: skip
        self.align = PushButton(
            text="Align to the layer",
            tooltip="Add a copy of it without what a diffraction pattern leaves open: a shift by whole pixels, "
            "inversion through the centre, a constant phase. Solutions of one pattern cannot be compared otherwise.",
        )  # fmt: skip
        self.first.changed.connect(self._first_chosen)
        self.second.changed.connect(self._second_chosen)
        self.align.changed.connect(lambda _value: self.align_wanted.emit())
        self.rows = Rows([self.first, self.second, self.align])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.rows)
        self._layers: list[Any] = []

    def offer(self, layers: list[Any]) -> None:
        """Offer the images among `layers`, results first and the newest of them; keep what is chosen while it lives.

        A result that is new takes the place of what is no result.
        """
        known = self._layers
        self._layers = [layer for layer in layers if accepts(layer)][::-1]
        self._layers.sort(key=lambda layer: note(layer, "kind") != "result")
        before = self.first.value
        new = any(note(layer, "kind") == "result" and layer not in known for layer in self._layers)
        keep = before in self._layers and (note(before, "kind") == "result" or not new)
        with self.first.changed.blocked():
            self.first.choices = named(self._layers)
            self.first.value = before if keep else self._layers[0] if self._layers else None
        self._first_chosen()

    def choose(self, first: Any, second: Any = None) -> None:
        """Choose two layers, as far as they are offered."""
        if first not in self._layers:
            return
        with self.first.changed.blocked(), self.second.changed.blocked():
            self.first.value = first
            self._offer_second()
            self.second.value = second if second in self.second.choices else None
        self._second_chosen()

    def _first_chosen(self, _value: Any = None) -> None:
        with self.second.changed.blocked():
            self._offer_second()
        self._second_chosen()

    def _offer_second(self) -> None:
        """Offer the others, those of the same shape first."""
        first, before = self.first.value, self.second.value
        others = [layer for layer in self._layers if layer != first]
        if first is not None:
            others.sort(key=lambda layer: layer.data.shape != first.data.shape)
        self.second.choices = named(others)
        self.second.value = before if before in others else None

    def _second_chosen(self, _value: Any = None) -> None:
        first, second = self.first.value, self.second.value
        both = None not in (first, second) and {family_of(first), family_of(second)} == {"phase"}
        alike = both and first.data.shape == second.data.shape
        self.rows.show_row(self.align, alike and note(second, "aligned_to") != first.name)
        self.changed.emit()


def accepts(layer: Any) -> bool:
    """Images and volumes of one colour, but for previews of others."""
    plain = isinstance(layer, Image) and not layer.rgb and not layer.multiscale
    return plain and layer.ndim in (2, 3) and note(layer, "kind") != "preview"

"""Which layer to prepare, and what it is."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from magicgui.widgets import ComboBox
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ..core import InputError
from .angle_source import FROM_DATA, AngleSource
from .choices import choose_layers
from .form import Rows
from .layers import note, pixel_size_of
from .session import Raw, Session
from .tilts import carries_tilts
from .values import ValuesChoice

FAMILIES = [("a tilt series", "tomography"), ("a diffraction pattern", "phase")]
MASKS = {"tomography": "Blocked pixels", "phase": "Mask"}


class DataChoice(QWidget):
    """The layer, what it is to become, and what it does not say itself.

    Signals
    -------
    changed()
        Something else was chosen.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.input = ComboBox(label="Layer", choices=[], nullable=True, tooltip="The data to prepare. They stay.")
        self.becomes = ComboBox(
            label="To become", choices=FAMILIES, tooltip="What the images are: it decides which steps make sense."
        )
        self.quantity = ValuesChoice()
        self.angles = AngleSource("Where the tilt angles come from; some steps need none.")
        self.blocked = ComboBox(
            label="Blocked pixels", choices=[], nullable=True,
            tooltip="Labels layer of the size of the images: pixels that it marks are not used. NaN never is.",
        )  # fmt: skip
        self.mask = ComboBox(
            label="Mask", choices=[], nullable=True,
            tooltip="Labels layer that marks the measured pixels. None: all that are not NaN.",
        )  # fmt: skip
        self._told = (self.becomes, self.quantity.combo, *self.angles.widgets, self.blocked, self.mask)
        self.rows = Rows([self.input, *self._told])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.rows)
        self._shown: Any = None
        self._showing = False
        for widget in (self.input, *self._told):
            widget.changed.connect(self._tell)

    @property
    def family(self) -> str:
        """What the images are to become, as steps call it."""
        return self.becomes.value

    def _tell(self, _value: Any) -> None:
        if not self._showing:
            self.changed.emit()

    def offer_masks(self, layers: Iterable[Any]) -> None:
        """Offer the labels that fit to the chosen layer."""
        layer = self.input.value
        fitting = [x for x in layers if isinstance(x, Labels) and layer is not None and _fits(x, layer)]
        for combo, word in ((self.blocked, "blocked"), (self.mask, "mask")):
            choose_layers(combo, fitting, lambda x, word=word: layer is not None and x.name == f"{layer.name} {word}")

    def show_layer(self, layer: Any, done: Raw | None) -> None:
        """Show what goes with a layer; `done` is how it was taken if steps were applied, which rest on that."""
        self._showing = True  # what is set here was not chosen by the user
        if layer is not self._shown:
            self._shown = layer
            self.becomes.value = _family_of(layer)
            self.angles.combo.value = FROM_DATA
        self.quantity.offer(layer)
        if done is not None:
            self.becomes.value = done.family
        if done is not None and self.quantity.combo.value != "declared":
            self.quantity.combo.value = "magnitudes" if done.squared else "intensities"
        phase, stack = self.family == "phase", layer is not None and layer.ndim == 3
        self.rows.show_row(self.quantity.combo, phase)
        self.angles.show_rows(self.rows, stack and done is None and not phase and not carries_tilts(layer))
        for widget, fits in ((self.blocked, not phase), (self.mask, phase)):
            self.rows.show_row(widget, fits and done is None and len(widget.choices) > 1)
        for widget in self._told:
            widget.enabled = done is None
        self._showing = False

    def raw(self, layer: Any) -> Raw:
        """The data as they are chosen; raises InputError. Nothing is read."""
        family = self.family
        mask = self.blocked.value if family == "tomography" else self.mask.value
        rotations, shifts = None, None
        if family == "tomography":
            if layer.ndim != 3:
                raise InputError("Layer", f"an image of {_size(layer)}", "Choose a stack (tilt, y, x)")
            rotations, shifts = self._tilts(layer)
        return Raw(
            name=layer.name,
            data=layer.data,
            family=family,
            rotations=rotations,
            shifts=shifts,
            pixel_size=pixel_size_of(layer) if family == "tomography" else note(layer, "pixel_size"),
            squared=family == "phase" and self.quantity.of(layer) == "magnitudes",
            usable=None if mask is None else (mask.data, family == "phase"),
        )

    def tilts_of(self, shown: Any, session: Session | None) -> tuple[NDArray | None, NDArray | None]:
        """Rotations and shifts of the images that are shown; None of what has none."""
        if session is not None and session.steps:
            return session.images.rotations, session.images.shifts
        try:
            return self._tilts(shown) if self.family == "tomography" and shown is not None else (None, None)
        except (InputError, ValueError):
            return None, None

    def _tilts(self, layer: Any) -> tuple[NDArray | None, NDArray | None]:
        if self.angles.combo.value == FROM_DATA and not carries_tilts(layer):
            return None, None
        tilts = self.angles.tilts(layer)
        angles = np.asarray(tilts.angles, float)
        rotations = angles if angles.ndim == 2 else np.stack([0 * angles, angles, 0 * angles], axis=1)
        return rotations, None if tilts.shifts is None else np.asarray(tilts.shifts, float)

    def describe(self, layer: Any, shown: Any, session: Session | None) -> str:
        """Size, pixel size and angles, as they are now."""
        if self.family == "phase":
            text = f"{_size(shown)} pixels"
            size = note(shown, "pixel_size")
            return text + (f"; the reconstruction has pixels of {size:.4g} nm" if size else "") + "."
        if layer.ndim != 3:
            return "An image is no tilt series."
        count, *frame = shown.data.shape
        text, size = f"{count} images of {frame[0]} x {frame[1]} pixels", pixel_size_of(shown)
        text += f" of {size:.4g} nm" if size else ""
        try:
            rotations = self.tilts_of(shown, session)[0] if session and session.steps else self._tilts(layer)[0]
        except InputError as error:
            return f"{text}. {error}"
        if rotations is None:
            how = "Undo all steps, and choose" if session is not None and session.steps else "Choose"
            return f"{text}, without tilt angles. {how} where they come from: alignment needs them."
        return f"{text}, {rotations[:, 1].min():.4g} to {rotations[:, 1].max():.4g} degrees."


def _family_of(layer: Any) -> str:
    kind = None if layer is None else note(layer, "kind")
    if kind in ("tilt-series", "pattern"):
        return "phase" if kind == "pattern" else "tomography"
    declared = layer is not None and note(layer, "quantity")
    return "phase" if declared or (layer is not None and layer.ndim == 2) else "tomography"


def _fits(labels: Any, layer: Any) -> bool:
    return labels.data.shape in (layer.data.shape, layer.data.shape[-2:])


def _size(layer: Any) -> str:
    return " x ".join(str(n) for n in layer.data.shape)

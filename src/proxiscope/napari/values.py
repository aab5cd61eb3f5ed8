"""The choice of what the pixels of a pattern hold; it is never guessed."""

from typing import Any

from magicgui.widgets import ComboBox

from ..core import InputError
from .layers import note

CHOOSE = ("choose ...", "")
QUANTITIES = ("magnitudes", "intensities")
NAMED = [(name, name) for name in QUANTITIES]


class ValuesChoice:
    """A combo box that starts at what the layer declares, or asks.

    Attributes
    ----------
    combo : ComboBox
    """

    def __init__(self) -> None:
        self.combo = ComboBox(
            label="Values",
            choices=[CHOOSE, *NAMED],
            tooltip="What the pattern's pixels hold: intensities, such as counts of a detector, or their square roots, "
            "the magnitudes. Files and samples that say it are taken at their word.",
        )
        self._layer: Any = None

    def offer(self, layer: Any) -> None:
        """Offer what goes with `layer`; what was chosen for this layer stays."""
        declared = None if layer is None else note(layer, "quantity")
        first = (f"as declared: {declared}", "declared") if declared else CHOOSE
        before = self.combo.value if layer is self._layer else first[1]
        self._layer = layer
        self.combo.choices = [first, *NAMED]
        self.combo.value = before if before in (first[1], *QUANTITIES) else first[1]

    def of(self, layer: Any) -> str:
        """ "magnitudes" or "intensities"; raises InputError when nobody said which."""
        value = self.combo.value
        if not value:
            raise InputError(
                "Values",
                f"{layer.name!r} does not say whether its pixels are intensities or magnitudes",
                "Choose it: what a detector counts are intensities",
            )
        return note(layer, "quantity") if value == "declared" else value

"""The panel *Phase retrieval*."""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from magicgui.widgets import ComboBox
from magicgui.widgets.bases import ValueWidget
from napari.layers import Image, Labels, Shapes

from ...io.load import pattern
from ..layers import note, source_of
from .base import ReconstructionPanel, choose_layers


class PhasePanel(ReconstructionPanel):
    """Reconstruct an object from a diffraction pattern layer."""

    family: ClassVar[str] = "phase"
    first_algorithm: ClassVar[str] = "gps-f"
    input_label: ClassVar[str] = "Pattern"
    no_input: ClassVar[str] = (
        "Open a centred diffraction pattern, or File > Open Sample > proxiscope > Diffraction pattern of a vesicle."
    )

    def input_widgets(self) -> list[ValueWidget]:
        """Kind of values, support and mask."""
        self.values = ComboBox(
            label="Values", choices=["magnitudes", "intensities"], tooltip="What the pattern's pixels hold."
        )
        self.support = ComboBox(
            label="Support", choices=[], nullable=True,
            tooltip="Labels or Shapes layer that marks where the object may lie. "
            "None: the central box of half the frame.",
        )  # fmt: skip
        self.mask = ComboBox(
            label="Mask", choices=[], nullable=True,
            tooltip="Labels layer that marks the measured pixels. None: all that are not NaN.",
        )  # fmt: skip
        return [self.values, self.support, self.mask]

    def refresh_layers(self, event: Any = None) -> None:
        """Offer the layers that there are, and choose a support by its name."""
        super().refresh_layers(event)
        regions = [layer for layer in self.viewer.layers if isinstance(layer, Labels | Shapes)]
        choose_layers(self.support, regions, prefer=lambda layer: "support" in layer.name.lower())
        choose_layers(self.mask, regions, prefer=lambda layer: "mask" in layer.name.lower())

    def accepts(self, layer: Any) -> bool:
        """Images that are not results; volumes are left to the Bragg case that is announced as a pattern."""
        return isinstance(layer, Image) and layer.ndim == 2 and note(layer, "kind") != "result"

    def describe(self, layer: Any) -> str:
        """Frame and pixel size."""
        size = " x ".join(str(n) for n in layer.data.shape)
        pixel_size = note(layer, "pixel_size")
        return f"{size} pixels" + (f"; the reconstruction has pixels of {pixel_size:.4g} nm" if pixel_size else "")

    def problem_maker(self, layer: Any) -> Callable[[], Any]:
        """The pattern of the chosen layers."""
        data, shape = layer.data, layer.data.shape
        support, mask = _region(self.support.value, shape), _region(self.mask.value, shape)
        options = {
            "intensities": self.values.value == "intensities",
            "pixel_size": note(layer, "pixel_size"),
            "source": source_of(layer),
        }
        return lambda: pattern(np.asarray(data), support, mask, **options)


def _region(layer: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """What a Labels or Shapes layer marks, of `shape` when it has no shape of its own."""
    if layer is None:
        return None
    labels = layer.to_labels(labels_shape=shape) if isinstance(layer, Shapes) else np.asarray(layer.data)
    return labels > 0

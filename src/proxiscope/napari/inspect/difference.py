"""One layer less another."""

from functools import partial
from typing import Any, ClassVar, NamedTuple

import numpy as np
from qtpy.QtWidgets import QPushButton

from ..controls import wrapped_label
from ..layers import KEY, note
from ..showing import remove
from ..task import Tick
from .colours import DIVERGING, symmetric_limits
from .page import Page, Source, source


class Found(NamedTuple):
    """A difference, and what is needed to show it."""

    names: tuple[str, str]
    difference: Any
    limits: tuple[float, float]
    signed: bool


def subtract(a: Source, b: Source, _tick: Tick) -> Found:
    """A - B."""
    from ...comparison import difference

    one, other = a.array(), b.array()
    found = difference(one, other)
    signed = not (np.iscomplexobj(one) or np.iscomplexobj(other))
    limits = symmetric_limits(found.values)
    return Found((a.name, b.name), found, limits if signed else (0.0, limits[1]), signed)


class DifferencePage(Page):
    """A - B as a layer, with figures."""

    title: ClassVar[str] = "Difference"
    about: ClassVar[str] = (
        "The layer less the one it is compared with, point by point: blue where it is lower, orange where it is "
        "higher, white where they agree."
    )

    def build(self) -> None:
        """A button and the figures."""
        self.subtract = QPushButton("Add difference", toolTip="Add A - B as a layer, and state how alike they are.")
        self.subtract.clicked.connect(self.compute)
        self.told = wrapped_label()
        self.rows.addWidget(self.subtract)
        self.rows.addWidget(self.told)
        self.rows.addStretch(1)
        self.made: Any = None
        self._of: tuple[Any, ...] = ()

    def missing(self) -> str:
        """Another layer of the same shape."""
        layer, other = self.bench.layer, self.bench.other
        if layer is None:
            return super().missing()
        if other is None:
            return "Compare with another layer of the same shape."
        if other.data.shape != layer.data.shape:
            first, second = (" x ".join(map(str, one.data.shape)) for one in (layer, other))
            return f"The layers have {first} and {second} pixels. Compare with one of the same shape, or bin one first."
        return ""

    def show_layers(self) -> None:
        """Say nothing of other layers."""
        chosen = (self.bench.layer, self.bench.other)
        if chosen != self._of:
            self.task.cancel()
            self._of = chosen
            self.told.clear()

    def compute(self) -> None:
        """Subtract, and show."""
        if self.missing():
            return
        work = partial(subtract, source(self.bench.layer), source(self.bench.other))
        self.task.replace(work, "Subtracting.")

    def show_result(self, found: Found) -> None:
        """Add the layer, or renew it, and state the figures."""
        viewer, layer = self.bench.viewer, self._of[0]
        if layer not in viewer.layers:
            return
        one, other = found.names
        remove(viewer, self.made)
        pixel_size = note(layer, "pixel_size")
        self.made = viewer.add_image(
            found.difference.values, name=f"{one} - {other}", colormap=DIVERGING if found.signed else "inferno",
            contrast_limits=found.limits, scale=layer.scale, translate=layer.translate, units=layer.units,
            axis_labels=layer.axis_labels, metadata={KEY: {"kind": "companion", "pixel_size": pixel_size}},
        )  # fmt: skip
        value = found.difference
        self.told.setText(
            f"Root mean square difference {value.rms:.4g}, {value.relative:.2%} of the layer's own. "
            f"Correlation {value.correlation:.4f}." + ("" if found.signed else " Moduli of complex differences.")
        )

"""Where tilt angles come from: the layer, a file, or a first one and a step."""

from pathlib import Path
from typing import Any

import numpy as np
from magicgui.widgets import ComboBox, FileEdit, FloatSpinBox
from magicgui.widgets.bases import ValueWidget
from numpy.typing import NDArray

from ..core import InputError
from ..io import ANGLE_SUFFIXES, read_angles
from .form import Rows
from .tilts import Tilts, carried, of_table

FROM_DATA, FROM_FILE, EVEN = "from the data", "from a file", "evenly spaced"
SOURCES = [(text, text) for text in (FROM_DATA, FROM_FILE, EVEN)]


class AngleSource:
    """The widgets for a choice, of which those that it needs are shown."""

    def __init__(self, tooltip: str = "Where the tilt angles come from."):
        self.combo = ComboBox(label="Tilt angles", choices=SOURCES, tooltip=tooltip)
        self.file = FileEdit(
            label="Angle file", filter=f"Tilt angles ({' '.join(f'*{suffix}' for suffix in ANGLE_SUFFIXES)})",
            tooltip="One angle in degrees for each projection, or Euler triples phi, theta, psi, or a table of refined "
            "tilts.",
        )  # fmt: skip
        self.first = FloatSpinBox(
            label="First (deg)", min=-360, max=360, step=0.1, value=-70, tooltip="Tilt of the first projection."
        )
        self.step = FloatSpinBox(
            label="Step (deg)", min=-90, max=90, step=0.01, value=2, tooltip="Tilt from one projection to the next."
        )

    @property
    def widgets(self) -> list[ValueWidget]:
        """All of them, in rows."""
        return [self.combo, self.file, self.first, self.step]

    def show_rows(self, rows: Rows, shown: bool = True) -> None:
        """Show those that the choice needs."""
        rows.show_row(self.combo, shown)
        rows.show_row(self.file, shown and self.combo.value == FROM_FILE)
        for widget in (self.first, self.step):
            rows.show_row(widget, shown and self.combo.value == EVEN)

    def even(self, count: int) -> NDArray:
        """So many evenly spaced angles."""
        return self.first.value + self.step.value * np.arange(count)

    def table(self) -> NDArray:
        """What the file holds; raises InputError."""
        path = Path(self.file.value)
        if not path.is_file():
            raise InputError("Angle file", "none is chosen, or it does not exist", "Choose a file of tilt angles")
        return read_angles(path)

    def tilts(self, layer: Any) -> Tilts:
        """How the images of a layer were tilted; raises InputError."""
        if self.combo.value == FROM_DATA:
            return carried(layer)
        found = Tilts(self.even(len(layer.data))) if self.combo.value == EVEN else of_table(self.table())
        if len(found.angles) != len(layer.data):
            raise InputError(
                "Angle file", f"{len(found.angles)} values for {len(layer.data)} images", "Choose the one that fits"
            )
        return found

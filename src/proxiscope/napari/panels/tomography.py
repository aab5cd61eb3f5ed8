"""The panel *Tomography*."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from magicgui.widgets import ComboBox, FileEdit, FloatSpinBox
from magicgui.widgets.bases import ValueWidget
from napari.layers import Image
from numpy.typing import NDArray

from ...core import InputError
from ...io import read_angles
from ...io.load import turn
from ...tomography import TiltSeries
from ..layers import note, source_of
from .base import ReconstructionPanel

FROM_DATA, FROM_FILE, EVEN = "from the data", "from a file", "evenly spaced"


class TomographyPanel(ReconstructionPanel):
    """Reconstruct a volume from a tilt-series layer."""

    family: ClassVar[str] = "tomography"
    first_algorithm: ClassVar[str] = "resire"
    input_label: ClassVar[str] = "Tilt series"
    no_input: ClassVar[str] = (
        "Open an aligned tilt series (tilt, y, x), or File > Open Sample > proxiscope > Tilt series of a vesicle."
    )

    def input_widgets(self) -> list[ValueWidget]:
        """Where the angles come from, and the direction of the tilt axis."""
        self.angles = ComboBox(
            label="Tilt angles",
            choices=[FROM_DATA, FROM_FILE, EVEN],
            tooltip="Where the tilt angles come from.",
        )
        self.angle_file = FileEdit(
            label="Angle file", filter="Tilt angles (*.rawtlt *.tlt *.txt *.csv *.mat *.npy)",
            tooltip="One angle in degrees for each projection.",
        )  # fmt: skip
        self.first_angle = FloatSpinBox(
            label="First (deg)",
            min=-360,
            max=360,
            step=0.1,
            value=-70,
            tooltip="Tilt of the first projection.",
        )
        self.angle_step = FloatSpinBox(
            label="Step (deg)",
            min=-90,
            max=90,
            step=0.01,
            value=2,
            tooltip="Tilt from one projection to the next.",
        )
        self.tilt_axis = ComboBox(
            label="Tilt axis", choices=[("along y (vertical)", "y"), ("along x (horizontal)", "x")],
            tooltip="Direction of the tilt axis in the projections; along x they are turned by 90 degrees.",
        )  # fmt: skip
        self.angles.changed.connect(self._show_angle_rows)
        for widget in (self.angle_file, self.first_angle, self.angle_step):
            widget.changed.connect(lambda _value: self._show_recognised())
        return [self.angles, self.angle_file, self.first_angle, self.angle_step, self.tilt_axis]

    def _build(self) -> None:
        super()._build()
        self._show_angle_rows()

    def _show_angle_rows(self, _value: Any = None) -> None:
        self.rows.show_row(self.angle_file, self.angles.value == FROM_FILE)
        for widget in (self.first_angle, self.angle_step):
            self.rows.show_row(widget, self.angles.value == EVEN)
        self._show_recognised()

    def accepts(self, layer: Any) -> bool:
        """Stacks that are not results."""
        return isinstance(layer, Image) and layer.ndim == 3 and note(layer, "kind") != "result"

    def prefers(self, layer: Any) -> bool:
        """Stacks that carry tilt angles."""
        return note(layer, "rotations") is not None

    def _show_recognised(self, _value: Any = None) -> None:
        if _value is not None and _value is self.input.value and self.prefers(_value):
            self.angles.value = FROM_DATA  # a choice made for another layer must not override its angles
        super()._show_recognised()

    def describe(self, layer: Any) -> str:
        """Number, size and range of the projections, with the angles that will be used."""
        tilts, ny, nx = layer.data.shape
        text = f"{tilts} projections of {ny} x {nx} pixels"
        pixel_size = note(layer, "pixel_size")
        if pixel_size:
            text += f" of {pixel_size:.4g} nm"
        try:
            angles = np.asarray(self._rotations(layer), dtype=float)
        except InputError as error:
            return f"{text}. {error}"
        theta = angles[:, 1] if angles.ndim == 2 else angles
        return f"{text}, {theta.min():.4g} to {theta.max():.4g} degrees"

    def problem_maker(self, layer: Any) -> Callable[[], Any]:
        """The tilt series of the chosen layer."""
        data, rotations = layer.data, self._rotations(layer)
        turned = self.tilt_axis.value == "x"
        options = {"pixel_size": note(layer, "pixel_size"), "source": source_of(layer)}

        def make() -> TiltSeries:
            stack = np.asarray(data)
            angles = {"rotations": rotations} if np.ndim(rotations) == 2 else {"angles": rotations}
            return TiltSeries(turn(stack) if turned else stack, **angles, **options)

        return make

    def _rotations(self, layer: Any) -> NDArray:
        """Angles (tilt,) or Euler triples (tilt, 3) in degrees."""
        if self.angles.value == FROM_FILE:
            path = Path(self.angle_file.value)
            if not path.is_file():
                raise InputError("Angle file", "none is chosen, or it does not exist", "Choose a file of tilt angles")
            return read_angles(path)
        if self.angles.value == EVEN:
            return self.first_angle.value + self.angle_step.value * np.arange(len(layer.data))
        rotations = note(layer, "rotations")
        if rotations is None:
            raise InputError(
                "Tilt angles",
                f"{layer.name!r} carries none",
                "Choose a file of tilt angles, or give their first and step",
            )
        return rotations

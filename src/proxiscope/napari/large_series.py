"""The section that reconstructs a large tilt series in slabs."""

from typing import Any

from magicgui.widgets import ComboBox

from ..core import Algorithm
from ..tomography import InSlabs
from .form import ParameterForm, Section
from .run_on import RunOn

WHOLE, SLABS, DISK = "", "slabs", "disk"
LABELS = {"slices": "Slab (px)", "memory_limit": "Memory (GB)", "overlap": "Overlap (px)"}
"""Shorter than what the parameters are called elsewhere, beside the long words for what zero means."""

WAYS = [("As a whole", WHOLE), ("In slabs", SLABS), ("From disk into a .zarr", DISK)]


class LargeSeries(Section):
    """As a whole, or in slabs along the tilt axis, with what the slabs are to be.

    Attributes
    ----------
    form : ParameterForm
        Of the slabs.
    """

    def __init__(self) -> None:
        self.way = ComboBox(
            label="Reconstruct", choices=WAYS,
            tooltip="In slabs along the tilt axis, one after the other, a series takes less memory. About a single "
            "axis the volume is the same, bit for bit, unless the method looks across slices. From disk, neither the "
            "series nor the volume has to fit into memory; Run asks where the .zarr is to be.",
        )  # fmt: skip
        self.form, self.place, self._able = ParameterForm(InSlabs), RunOn(), True
        for name, label in LABELS.items():
            self.form.widgets[name].label = label
        super().__init__("Large series", [self.way, *self.form.widgets.values(), *self.place.widgets])
        self.way.changed.connect(self._show)
        self._show()

    @property
    def from_disk(self) -> bool:
        """Whether the series is to stay on disk."""
        return self._able and self.way.value == DISK

    def offer(self, cls: type[Algorithm]) -> None:
        """Offer slabs for an algorithm that can be cut."""
        self._able = cls.slice_reach is not None
        self.setVisible(self._able)

    def wrapped(self, algorithm: Algorithm) -> Algorithm:
        """The algorithm, in slabs if they are asked for; raises InputError where it cannot be cut."""
        cut = self._able and self.way.value == SLABS
        return InSlabs(algorithm=algorithm, **self.form.values()) if cut else algorithm

    def show_algorithm(self, algorithm: Algorithm) -> Algorithm:
        """Show how an algorithm is wrapped; what is in it."""
        cut = isinstance(algorithm, InSlabs)
        if cut or not self.from_disk:
            self.way.value = SLABS if cut else WHOLE
        if cut:
            self.form.show_algorithm(algorithm)
        return algorithm.algorithm if cut else algorithm

    def _show(self, _value: Any = None) -> None:
        way = self.way.value
        for name, widget in self.form.widgets.items():
            self.rows.show_row(widget, way == SLABS or (way == DISK and name != "overlap"))
        self.place.show_in(self.rows, wanted=way == DISK)

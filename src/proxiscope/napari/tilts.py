"""How the images of a layer were tilted, by the layer itself, a table, or the result of a refinement."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core import InputError
from ..io.angles import split_shifts
from .layers import note


class Tilts(NamedTuple):
    """Angles (tilt,) or Euler triples (tilt, 3) in degrees, with shifts (tilt, 2) in pixels; see `io.series`."""

    angles: NDArray
    shifts: NDArray | None = None
    refined: bool = False

    def of_images(self, some: slice) -> "Tilts":
        """Those of some of the images."""
        return Tilts(self.angles[some], None if self.shifts is None else self.shifts[some], self.refined)


def carries_tilts(layer: Any) -> bool:
    """Whether a layer knows how it was tilted."""
    return note(layer, "rotations") is not None


def refines_tilts(layer: Any) -> bool:
    """Whether a layer is the result of a refinement of tilts."""
    return {"rotations", "shifts"} <= note(layer, "products", {}).keys()


def carried(layer: Any) -> Tilts:
    """The tilts of a layer that knows them; raises InputError."""
    if not carries_tilts(layer):
        raise InputError(
            "Tilt angles", f"{layer.name!r} carries none", "Choose a file of tilt angles, or give their first and step"
        )
    return Tilts(np.asarray(note(layer, "rotations"), float), note(layer, "shifts"), note(layer, "refined", False))


def of_table(values: NDArray) -> Tilts:
    """The tilts in the columns of a file."""
    angles, shifts = split_shifts(values)
    return Tilts(angles, shifts, shifts is not None)


def of_result(layer: Any) -> Tilts:
    """The tilts that a refinement found."""
    products = note(layer, "products")
    return Tilts(products["rotations"], products["shifts"], True)


def shared_out(given: Tilts, layers: Sequence[Any]) -> list[Tilts]:
    """Tilts for each of some layers: of all together, or of the first, and of others that do not carry their own."""
    ends = np.cumsum([len(layer.data) for layer in layers])
    if len(given.angles) == ends[-1]:
        return [given.of_images(slice(end - len(x.data), end)) for x, end in zip(layers, ends, strict=True)]
    return [given if i == 0 or not carries_tilts(layer) else carried(layer) for i, layer in enumerate(layers)]

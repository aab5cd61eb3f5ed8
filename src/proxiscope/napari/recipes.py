"""How a layer's data can be had again from their file: what goes into the record of a reconstruction.

A layer that was opened from a file carries its `Origin`, and a prepared one that of its source with the steps. A recipe
is given only where `proxiscope.load` makes the same from the file; else there is none, rather than a wrong one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .layers import note

if TYPE_CHECKING:
    from .tilts import Tilts

Recipe = dict[str, Any]


@dataclass(frozen=True, eq=False, repr=False)
class Origin:
    """Where the data of a layer come from.

    Attributes
    ----------
    path : str
    data : array
        What was made of the file: as long as the layer has them, they are untouched.
    order : ndarray or None
        Which image of the file each one is.
    turned : bool
        Whether the images were turned by 90 degrees, since the tilt axis lies along x in the file.
    steps : tuple of Mapping
        Steps of preparation that followed.
    tilts : ndarray or None
        Of a series that was prepared: the tilts before.
    own : frozenset of str
        What else the file holds that `load` would use: a support, held-out pixels, a start.
    support : ndarray of bool or None
        That support.
    """

    path: str
    data: Any
    order: NDArray | None = None
    turned: bool = False
    steps: tuple[Mapping[str, Any], ...] = ()
    tilts: NDArray | None = None
    own: frozenset[str] = frozenset()
    support: NDArray | None = None

    def after(self, steps: tuple[Mapping[str, Any], ...], data: Any, tilts: NDArray | None) -> "Origin":
        """The origin of what some more steps make of the data, whose tilts were `tilts` before the first."""
        first = self.tilts if self.steps else tilts
        return replace(self, steps=(*self.steps, *steps), data=data, tilts=first)


def origin_of(layer: Any) -> Origin | None:
    """The origin of a layer whose data are untouched since; else None."""
    origin = note(layer, "origin")
    return origin if origin is not None and origin.data is layer.data else None


def series_recipe(
    origin: Origin | None, tilts: "Tilts", *, tilt_axis: Any, mask: NDArray | None, was_turned: bool, **options: Any
) -> Recipe | None:
    """The recipe of a tilt series, for the worker thread, since the file is hashed.

    Parameters
    ----------
    origin : Origin or None
    tilts : Tilts
        Of the layer, as they are used.
    tilt_axis, mask, was_turned, **options
        As for `io.series.tilt_series`.
    """
    from ..io.recipe import sorted_recipe

    if origin is None or origin.own or (origin.turned and tilt_axis not in ("y", 0)):
        return None
    if origin.steps and mask is not None:  # of the images after the steps, where `load` takes one of those before
        return None
    if origin.turned and not (was_turned or origin.steps):  # how the shifts are meant has changed
        return None
    if tilts.shifts is not None and not tilts.refined and not origin.steps:
        return None
    given = origin.tilts if origin.steps else table_of(tilts)
    order = origin.order
    if order is not None:
        given, mask = as_stored(given, order), None if mask is None else as_stored(mask, order)
    if origin.steps:  # `load` takes the pixel size before the steps, which the file says
        options = {name: value for name, value in options.items() if name != "pixel_size"}
    wanted = {"tilt_axis": "x" if origin.turned else tilt_axis, "mask": mask, **options}
    return sorted_recipe(origin.path, order, origin.steps, kind="tilt-series", angles=given, **wanted)


def pattern_recipe(origin: Origin | None, **options: Any) -> Recipe | None:
    """The recipe of a pattern with options as for `load`, for the worker thread."""
    from ..io.recipe import recipe_of

    if origin is None or (origin.own - {"support"}) or (origin.own and options.get("support") is None):
        return None
    steps = {"steps": list(origin.steps), "pixel_size": None} if origin.steps else {}
    if origin.own and not steps and np.array_equal(origin.support, options["support"]):
        options["support"] = None  # which the file says itself
    return recipe_of(origin.path, kind="pattern", **options | steps)


def table_of(tilts: "Tilts") -> NDArray:
    """Tilts as `load` takes them: angles (tilt,), triples (tilt, 3), or with shifts (tilt, 5)."""
    angles = np.asarray(tilts.angles, float)
    triples = angles if angles.ndim == 2 else np.stack([0 * angles, angles, 0 * angles], axis=1)
    if tilts.shifts is not None:
        return np.column_stack([triples, tilts.shifts])
    return triples if triples[:, [0, 2]].any() else triples[:, 1]


def as_stored(values: NDArray, order: NDArray) -> NDArray:
    """Values of images in the order of the file."""
    stored = np.empty_like(values)
    stored[order] = values
    return stored

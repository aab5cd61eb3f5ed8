"""A copy of one solution that lies as another does."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..layers import KEY
from ..task import Tick
from .page import Source


class Aligned(NamedTuple):
    """What is shown of the copy, its notes, and the names of the layer copied and of the one it was aligned to."""

    data: NDArray
    notes: dict[str, Any]
    of: str
    to: str


def aligned_copy(a: Source, b: Source, _tick: Tick) -> Aligned:
    """`b` as it lies nearest to `a`."""
    from ...comparison import aligned

    array = aligned(b.array(), a.array())
    notes = {**b.notes, "kind": "companion", "aligned_to": a.name}
    if not np.iscomplexobj(array):
        return Aligned(array.astype(np.float32), notes, b.name, a.name)
    notes["complex"] = array = array.astype(np.complex64)
    return Aligned(np.abs(array), notes, b.name, a.name)


def show_aligned(viewer: Any, found: Aligned, like: Any) -> Any:
    """Add the copy in place of the layer that it is `like`, which is hidden."""
    looks = ("colormap", "contrast_limits", "scale", "translate", "units", "axis_labels")
    options = {name: getattr(like, name) for name in looks}
    made = viewer.add_image(found.data, name=f"{found.of} aligned", metadata={KEY: found.notes}, **options)
    viewer.layers.move(viewer.layers.index(made), viewer.layers.index(like) + 1)
    like.visible = False
    return made

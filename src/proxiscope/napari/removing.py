"""Taking layers away."""

from functools import partial
from typing import Any

from qtpy.QtCore import QTimer

PAINTED = 200
"""Milliseconds in which the canvas has been painted."""


def take_away(viewer: Any, layer: Any) -> None:
    """Remove a layer, if it is there; one below others goes to the top first, and a little later away.

    With software OpenGL, napari 0.9.2 crashes in a paint after a layer was removed from below others and another was
    added, unless it was painted on top before.
    """
    layers = viewer.layers
    if layer not in layers:
        return
    if layer is layers[-1]:
        layers.remove(layer)
        return
    layers.move(layers.index(layer), len(layers))
    QTimer.singleShot(PAINTED, partial(_discard, layers, layer))


def _discard(layers: Any, layer: Any) -> None:
    if layer in layers:
        layers.remove(layer)

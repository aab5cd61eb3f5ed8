"""Two layers beside each other in the viewer."""

from contextlib import suppress
from typing import Any, NamedTuple


class _Before(NamedTuple):
    """What the viewer showed."""

    visible: dict[Any, bool]
    named: dict[Any, bool]
    grid: dict[str, Any]


class SideBySide:
    """Shows only two layers, in napari's grid, whose views move, zoom and step together; and takes it back.

    A hidden layer has no place in the grid, so the two fill it.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: Any):
        self.viewer = viewer
        self.pair: tuple[Any, ...] = ()
        self._before: _Before | None = None

    @property
    def on(self) -> bool:
        """Whether two layers are shown so."""
        return self._before is not None

    def show(self, a: Any, b: Any) -> None:
        """Show `a` on the left and `b` on the right."""
        grid, layers = self.viewer.canvas.grid, self.viewer.layers
        if self._before is None:
            self._before = _Before(
                {layer: layer.visible for layer in layers},
                {layer: layer.name_overlay.visible for layer in layers},
                {name: getattr(grid, name) for name in ("enabled", "stride", "shape", "spacing")},
            )
        self.pair = (a, b)
        for layer in layers:
            layer.visible = layer in self.pair
            layer.name_overlay.visible = layer in self.pair
        grid.stride = 1 if layers.index(a) < layers.index(b) else -1  # the grid begins at the bottom of the list
        grid.shape, grid.spacing = (1, 2), 4.0
        grid.enabled = True
        self.viewer.reset_view()

    def restore(self) -> None:
        """Show what was shown before; layers that came since stay as they are."""
        before, self._before, self.pair = self._before, None, ()
        if before is None:
            return
        self.viewer.canvas.grid.enabled = False  # with which each layer that is shown again would cost a repaint
        for layer, visible in before.visible.items():
            if layer in self.viewer.layers:
                layer.visible = visible
                layer.name_overlay.visible = before.named[layer]
        for name, value in before.grid.items():
            with suppress(ValueError):
                setattr(self.viewer.canvas.grid, name, value)
        self.viewer.reset_view()

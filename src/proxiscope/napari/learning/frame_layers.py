"""The layers of a demonstration's frames: made once, and changed in place."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from napari.layers import Image, Layer, Points
from numpy.typing import NDArray

from ...demos import Frame
from ..layers import KEY, LayerData, note
from ..removing import take_away

DEMO = "demo"
"""Kind of these layers."""

ASLANT = (0.0, 0.0, 140.0)
"""Angles of the camera from which a surface is seen as one, in degrees."""

FILLED = 0.95
"""Of the canvas."""

IN_PLACE = (Points, Image)

REMOVED = ", removed"
"""At the end of the name of a layer that is about to go."""


class _Made(NamedTuple):
    layer: Any
    name: str
    shown: LayerData


class FrameLayers:
    """Shows frames in the layers of a viewer.

    Only what is another object than before, or another value, is painted. A layer that the user has removed does not
    come back during the run, and one that was renamed is the user's from then on: later runs leave it alone.

    A demonstration of its own data is shown alone, surfaces in space and others in the plane: all other layers are
    hidden until it is taken away.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
    """

    def __init__(self, viewer: Any):
        self.viewer = viewer
        self._title = ""
        self._source: Any = None
        self._made: dict[str, _Made] = {}
        self._gone: set[str] = set()
        self._hidden: list[Any] = []
        self._turned, self._fresh = False, True

    @property
    def layers(self) -> list[Any]:
        """Those that there are."""
        return [made.layer for made in self._made.values() if made.layer in self.viewer.layers]

    def begin(self, title: str, source: Any = None) -> None:
        """A run begins, of a demonstration on a layer if it takes one.

        What the one before has left is taken over by the same on the same data. Of another it is taken away, but for
        what was made of a layer, which is a result.
        """
        self._gone.clear()
        same = (title, source) == (self._title, self._source)
        if not same and self._source is None:
            self.remove()
        self._made = {name: made for name, made in self._made.items() if same and self._own(made)}
        self._title, self._source, self._fresh = title, source, not self._made

    def show(self, frame: Frame) -> None:
        """Show what is new in a frame."""
        shown = [self._show(layer, frame.over) for layer in frame.layers]
        added = [layer for layer in shown if layer is not None]
        if not added:
            return
        if self._source is None:
            self._stand_alone(any(kind == "surface" for _, _, kind in frame.layers))
        if self._fresh:
            fit_all(self.viewer, self.layers)

    def keep_only(self, frame: Frame) -> None:
        """Remove what the last frame of a run does not have: a run before left it."""
        names = {options["name"] for _, options, _ in frame.layers}
        for name in [name for name in self._made if name not in names]:
            self._take_away(self._made.pop(name))
        for layer in self.layers:
            layer.refresh()  # the thumbnail, too

    def remove(self) -> None:
        """Take all of them away, and show what there was before as it was."""
        for made in self._made.values():
            self._take_away(made)
        self._made = {}
        self.show_others()
        if self._turned:
            self.viewer.dims.ndisplay, self._turned = 2, False

    def show_others(self) -> None:
        """Show the layers that were hidden."""
        for layer in self._hidden:
            layer.visible = True
        self._hidden = []

    def _stand_alone(self, in_space: bool) -> None:
        own = self.layers
        self._hide(layer for layer in self.viewer.layers if layer not in own and not layer.name.endswith(REMOVED))
        if in_space and self.viewer.dims.ndisplay == 2:
            self.viewer.dims.ndisplay, self._turned = 3, True
            self.viewer.scene.camera.angles = ASLANT
        elif not in_space:
            self.viewer.dims.ndisplay = 2

    def _own(self, made: _Made) -> bool:
        """Whether a layer is there, and has not become the user's."""
        return made.layer in self.viewer.layers and made.layer.name == made.name

    def _take_away(self, made: _Made) -> None:
        if self._own(made):
            made.layer.name = made.name + REMOVED  # which may take a moment; the next one is to have the name
            take_away(self.viewer, made.layer)

    def _show(self, new: LayerData, over: Sequence[int]) -> Any:
        """Show one layer; returns it if it had to be added."""
        name = new[1]["name"]
        made = self._made.get(name)
        if made is not None and made.layer not in self.viewer.layers:
            del self._made[name]
            self._gone.add(name)
        elif made is not None and _alike(made.shown, new):
            if made.shown is not new:
                _change(made.layer, made.shown, new)
                self._made[name] = made._replace(shown=new)
            return None
        elif made is not None:
            self._take_away(self._made.pop(name))
        return None if name in self._gone else self._add(name, new, over)

    def _add(self, name: str, new: LayerData, over: Sequence[int]) -> Any:
        data, options, kind = new
        title = f"{self._title}: {name}" if self._source is None else f"{name} of {self._source.name}"
        names = {"name": title, "metadata": {KEY: {"kind": DEMO}}}
        placed = {} if self._source is None else _placed(over, self._source)
        own = data.copy() if kind in ("points", "image") else data  # changed in place
        layer = self.viewer.add_layer(Layer.create(own, placed | options | names, kind))
        self._made[name] = _Made(layer, layer.name, new)
        self._hide_source(over)
        return layer

    def _hide_source(self, over: Sequence[int]) -> None:
        """Hide a layer of which other axes are seen than those that are spanned, as the patterns of a scan."""
        source = self._source
        seen = source is None or tuple(over) == tuple(range(source.ndim))[-len(over) :]
        if not seen and source in self.viewer.layers:
            self._hide([source])

    def _hide(self, layers: Iterable[Any]) -> None:
        for layer in [layer for layer in layers if layer.visible]:
            layer.visible = False
            self._hidden.append(layer)


def is_demo(layer: Any) -> bool:
    """Whether a layer is one of a demonstration."""
    return note(layer, "kind") == DEMO


def fit_all(viewer: Any, layers: Sequence[Any]) -> None:
    """Fill the view with these layers; also where others have more dimensions, which napari cannot do."""
    if all(layer.ndim == viewer.dims.ndim for layer in layers):
        viewer.fit_to_view(layers=layers)
    elif viewer.dims.ndisplay == 2:
        edges = np.stack([layer.extent.world[:, -2:] for layer in layers])
        low, high = edges.min(axis=(0, 1)), edges.max(axis=(0, 1))
        viewer.scene.camera.center = (0, *(low + high) / 2)
        viewer.scene.camera.zoom = FILLED * min(np.array(viewer.canvas.size) / (high - low))


def _placed(over: Sequence[int], source: Any) -> dict[str, Any]:
    """Where a layer lies that spans some axes of another."""
    if len(over) == source.ndim:
        return {name: getattr(source, name) for name in ("scale", "translate", "rotate", "shear", "affine", "units")}
    placed = {name: tuple(np.asarray(getattr(source, name))[list(over)]) for name in ("scale", "translate")}
    return placed | {"units": tuple(source.units[i] for i in over)}


def _alike(one: LayerData, other: LayerData) -> bool:
    """Whether a layer that shows one can show the other."""
    return one[2] == other[2] and _dimensions(one[0]) == _dimensions(other[0])


def _dimensions(data: Any) -> int:
    return len(data) if isinstance(data, tuple) else np.ndim(data)  # of a surface: vertices, faces, values


def _change(layer: Any, before: LayerData, new: LayerData) -> None:
    """Show new data and attributes where they differ from those before."""
    if _differ(before[0], new[0]):
        _put(layer, new[0])
    for name, value in _attributes(new[1]).items():
        if _differ(before[1].get(name), value):
            setattr(layer, name, value)


def _attributes(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name not in ("name", "metadata")}


def _differ(one: Any, other: Any) -> bool:
    """Whether two values differ: of arrays, whether they are two, since frames are never changed."""
    if one is other:
        return False
    if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        return any(map(_differ, one, other))
    return isinstance(one, np.ndarray) or isinstance(other, np.ndarray) or one != other


def _put(layer: Any, data: NDArray) -> None:
    """Other data; as many points, and images as large, are changed in place, which takes a third of the time."""
    if isinstance(layer, IN_PLACE) and (layer.data.shape, layer.data.dtype) == (data.shape, data.dtype):
        layer.data[...] = data
        layer.refresh(thumbnail=False, highlight=False, extent=False)
    else:
        layer.data = data.copy() if isinstance(layer, IN_PLACE) else data

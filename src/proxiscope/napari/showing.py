"""Prepared data and previews as layers of a viewer."""

from typing import Any

import numpy as np
from napari.layers import Shapes
from numpy.typing import NDArray

from ..core import InputError, to_dict
from .layers import KEY, LayerData, image_layer, note, pattern_layer, source_of
from .recipes import table_of
from .session import Prepared, Preview, Session
from .tilts import Tilts

CARRIED = ("in_plane", "refined", "turned", "object")
"""Notes of the source that hold for what is made of it."""

PREVIEW = "preview"


def image_index(viewer: Any, layer: Any) -> int:
    """Which image of a stack is shown; 0 of a single one."""
    if layer.ndim < 3:
        return 0
    i = round(float(layer.world_to_data(viewer.dims.point)[0]))
    return min(max(i, 0), len(layer.data) - 1)


def go_to(viewer: Any, layer: Any, index: int) -> None:
    """Show an image of a stack."""
    if layer.ndim == 3:
        viewer.dims.set_point(viewer.dims.ndim - 3, float(layer.data_to_world((index, 0, 0))[0]))


def prepared_layer(session: Session, prepared: Prepared) -> LayerData:
    """Prepared data as a layer that the other panels take as their input."""
    images, source = prepared.images, session.source
    placed = images.shifts is not None or any(step.name == "apply-shifts" for step in session.steps)
    carried = {name: note(source, name) for name in CARRIED if note(source, name) is not None}
    notes: dict[str, Any] = {
        **carried,
        "source": source_of(source),
        "prepared_from": session.raw.name,
        "steps": [{"name": step.name, **to_dict(step)} for step in session.steps],
        "remarks": list(images.remarks),
        "notes": list(images.remarks),
    }
    if session.origin is not None:
        raw = session.raw
        tilts = None if raw.rotations is None else table_of(Tilts(raw.rotations, raw.shifts))
        notes["origin"] = session.origin.after(tuple(notes["steps"]), prepared.values, tilts)
        notes["recipe"] = {"path": session.origin.path, "steps": [*session.origin.steps, *notes["steps"]]}
    name = f"{session.raw.name} prepared"
    if images.family == "phase":
        size, limits = images.pixel_size, prepared.limits
        data, options, kind = pattern_layer(prepared.values, name, size, limits, quantity="intensities", **notes)
        return data, options | ({"colormap": source.colormap.name} if note(source, "kind") == "pattern" else {}), kind
    notes["turned"] = notes.get("turned", False) and not placed  # shifts are those of the images as they are now
    tilts = {"rotations": images.rotations, "shifts": images.shifts}
    what = "stack" if images.rotations is None else "tilt-series"
    data, options, kind = image_layer(prepared.values, name, images.pixel_size, kind=what, **tilts, **notes)
    if "scale" not in options and data.ndim == source.ndim:
        options |= {"scale": source.scale, "units": source.units}
    return data, options | {"contrast_limits": prepared.limits, "colormap": source.colormap.name}, kind


def show_prepared(viewer: Any, session: Session, prepared: Prepared) -> None:
    """Put prepared data into the layer of their session; make it if there is none."""
    data, options, _ = prepared_layer(session, prepared)
    layer = session.output
    shown = layer if layer is not None and layer in viewer.layers else session.source
    index = image_index(viewer, shown) if shown in viewer.layers else 0
    before = _outline(shown)
    if shown is layer and layer.ndim == data.ndim:
        own = tuple(layer.contrast_limits) == session.limits
        layer.data = data
        layer.scale = options.get("scale", layer.scale)
        if own:  # the user has not set them otherwise
            layer.contrast_limits = options["contrast_limits"]
        layer.metadata = options["metadata"]  # last: it tells the other panels
    else:
        remove(viewer, session.output)
        if session.source in viewer.layers:
            session.source.visible = False
        session.output = layer = viewer.add_image(data, **options)
    session.limits = tuple(layer.contrast_limits)
    go_to(viewer, layer, min(index, len(layer.data) - 1))
    viewer.layers.selection.active = layer
    _fit(viewer, layer, before)


def _outline(layer: Any) -> NDArray:
    """First and last place (y, x) of an image, in the viewer's coordinates."""
    return layer.extent.world[:, -2:]


def _fit(viewer: Any, layer: Any, before: NDArray) -> None:
    """Fill the view with an image that takes the place of one with another outline: it would lie in a corner."""
    if not np.allclose(_outline(layer), before):
        fit(viewer, layer)


def fit(viewer: Any, layer: Any) -> None:
    """Fill the view with a layer; with all of them where it lacks a dimension, since napari cannot do it then."""
    viewer.fit_to_view(layers=[layer] if layer.ndim == viewer.dims.ndim else None)


def show_preview(viewer: Any, layer: Any, index: int, preview: Preview, old: Any = None) -> Any:
    """Show one image after a step over what it was made of, in the layer of an `old` preview if there is one."""
    values = preview.prepared.values
    values = values if values.ndim == layer.ndim else values.reshape((-1, *values.shape[-2:])[-layer.ndim :])
    scale = np.array(layer.scale)
    scale[-2:] *= preview.growth
    first = (index,) if layer.ndim == 3 else ()
    translate = np.array(layer.data_to_world((*first, *(n // 2 for n in layer.data.shape[-2:]))))
    translate[-2:] -= scale[-2:] * [n // 2 for n in values.shape[-2:]]
    options = {
        "scale": scale,
        "translate": translate,
        "colormap": layer.colormap.name,
        "gamma": layer.gamma,
        "contrast_limits": _comparable(layer.contrast_limits, preview.prepared.limits),
    }
    if old in viewer.layers and old.ndim == values.ndim:  # which is quicker than a new layer
        old.data = values
        for name, value in options.items():
            setattr(old, name, value)
        old.visible = True
        return old
    remove(viewer, old)
    notes = {KEY: {"kind": "preview"}}
    made = viewer.add_image(
        values, name=PREVIEW, units=layer.units, axis_labels=layer.axis_labels, metadata=notes, **options
    )
    viewer.layers.selection.active = layer
    return made


def drawn_region(viewer: Any, layer: Any) -> tuple[int, ...]:
    """The pixels of an image that the shape drawn last covers: first row, row after the last, the same of columns."""
    drawn = [shapes for shapes in viewer.layers if isinstance(shapes, Shapes) and len(shapes.data)]
    if not drawn:
        raise InputError("region", "nothing is drawn", "Draw a rectangle in a Shapes layer over the image")
    shape = drawn[-1]
    corners = np.array([shape.data_to_world(vertex)[-2:] for vertex in shape.data[-1]])
    scale, translate = (np.asarray(getattr(layer, name))[-2:] for name in ("scale", "translate"))
    edges = np.floor((corners - translate) / scale + 0.5).astype(int)  # pixels reach half a pixel around their centres
    first, last = edges.min(axis=0), edges.max(axis=0)
    size = layer.data.shape[-2:]
    pairs = [(max(0, a), min(n, b)) for a, b, n in zip(first, last, size, strict=True)]
    if any(a >= b for a, b in pairs):
        raise InputError("region", "the shape drawn last lies outside the image", "Draw a rectangle over it")
    return tuple(int(edge) for pair in pairs for edge in pair)


def show_source(viewer: Any, session: Session) -> None:
    """Go back to the data as they were before the first step."""
    output, source = session.output, session.source
    remove(viewer, output)
    if source in viewer.layers:
        source.visible = True
        if output is not None:
            _fit(viewer, source, _outline(output))


def _comparable(shown: Any, own: tuple[float, float]) -> tuple[float, float]:
    """The contrast of the original, unless the values are others altogether."""
    (low, high), (least, most) = shown, own
    span = high - low
    alike = 0.2 * span < most - least < 5 * span and low - span < least < high and low < most < high + span
    return (low, high) if alike else own


def remove(viewer: Any, layer: Any) -> None:
    """Take a layer away, if it is still there."""
    if layer is not None and layer in viewer.layers:
        viewer.layers.remove(layer)

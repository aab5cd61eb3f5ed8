"""What a file holds, as layers. Data that are not in memory yet stay where they are."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .layers import (
    KEY,
    LayerData,
    blocked_layer,
    companion_layer,
    companions,
    image_layer,
    pattern_layer,
    sampled_limits,
    support_layer,
)
from .recipes import Origin

if TYPE_CHECKING:  # opening a file must not wait for the numerics to be imported
    from ..io import RawData

SMALL = 2**24
"""Pixels of which a float copy may be made while a file is opened."""


def raw_layers(raw: "RawData") -> list[LayerData]:
    """The layers of a file: the image, and what goes with it."""
    if raw.declared.kind == "result":
        return _result_layers(raw)
    data, options, kind = raw_layer(raw)
    name, pixel_size = options["name"], options["metadata"][KEY]["pixel_size"]
    is_pattern = options["metadata"][KEY]["kind"] == "pattern"
    found: list[LayerData] = []
    if raw.declared.valid is not None:
        valid = _as_shown(raw.declared.valid, options)
        if data.size <= SMALL:
            data = np.where(valid, np.asarray(data), np.nan).astype(np.float32, copy=False)
        elif is_pattern:
            found.append(support_layer(valid, f"{name} mask"))
        else:
            found.append(blocked_layer(np.broadcast_to(~valid, data.shape), name, pixel_size))
    support = raw.declared.products.get("support")
    if is_pattern and support is not None and support.shape == data.shape:
        found.append(support_layer(support, f"{name} support"))
    notes = options["metadata"][KEY]
    own = frozenset({"support", "held_out", "start"} & raw.declared.products.keys())
    notes["origin"] = Origin(str(raw.source), data, raw.order, bool(notes.get("turned")), own=own, support=support)
    return [(data, options, kind), *found]


def raw_layer(raw: "RawData") -> LayerData:
    """What a file holds as an image layer; a tilt series with its axis along x is turned so that it lies along y."""
    from ..io.series import TURNED, turn

    name, data, notes, declared = raw.source.name, raw.data, list(raw.notes), raw.declared
    rotations = raw.rotations
    if raw.angles is not None:
        rotations = np.stack([np.zeros_like(raw.angles), raw.angles, np.zeros_like(raw.angles)], axis=1)
    turned = rotations is not None and raw.tilt_axis == "x"
    if turned:
        data = turn(data)
        notes.append(TURNED)
    common = {"source": str(raw.source), "notes": notes, "provenance": dict(declared.provenance)}
    common |= {name: value for name, value in (("quantity", declared.quantity), ("object", declared.object)) if value}
    if rotations is None and (data.ndim == 2 or declared.kind == "pattern"):
        size = declared.reconstruction_pixel_size  # that of the file may be of the detector's pixels
        return pattern_layer(data, name, size, **common)
    tilts = {"rotations": rotations, "shifts": raw.shifts, "refined": raw.shifts is not None, "turned": turned}
    kind = "stack" if rotations is None else "tilt-series"
    data, options, what = image_layer(data, name, raw.pixel_size, kind=kind, **tilts, **common)
    return data, options | {"contrast_limits": sampled_limits(data)}, what


def _as_shown(valid: NDArray, options: dict[str, Any]) -> NDArray:
    """Usable pixels, turned as the images were."""
    from ..io.series import turn

    return turn(valid) if options["metadata"][KEY].get("turned") else valid


def _result_layers(raw: "RawData") -> list[LayerData]:
    """A result with its record; of a complex one modulus and phase."""
    declared, name, array = raw.declared, raw.source.name, raw.data
    notes: dict[str, Any] = {
        "source": str(raw.source),
        "notes": list(raw.notes),
        "provenance": dict(declared.provenance),
        "metrics": dict(declared.metrics),
        "products": dict(declared.products),
    }
    beside = companions(array, declared.products)
    if np.iscomplexobj(array):
        notes["complex"] = array = np.asarray(array)
        array = np.abs(array)
    title = f"{name} modulus" if "complex" in notes else name
    data, options, kind = image_layer(array, title, raw.pixel_size, kind="result", **notes)
    options["contrast_limits"] = sampled_limits(array, clipped=0)
    below = [companion_layer(companion, name, raw.pixel_size) for companion in beside]
    return [*below, (data, options, kind)]

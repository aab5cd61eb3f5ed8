"""Layers of a session: what is kept of each, and layers made of that again."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ..core import InputError
from ..core.recipes import file_hash
from .layers import KEY, LayerData
from .recipes import Origin
from .session_notes import checked
from .session_notes import origin as origin_kept

COMMON = ("name", "visible", "opacity", "blending", "scale", "translate", "rotate", "shear", "units", "axis_labels")
OWN = {
    "image": (
        "rgb", "contrast_limits", "gamma", "interpolation2d", "interpolation3d", "rendering", "iso_threshold",
        "attenuation",
    ),
    "labels": ("rendering",),
    "shapes": ("shape_type", "edge_width", "edge_color", "face_color"),
    "points": ("symbol", "size", "border_width", "border_color", "face_color"),
}  # fmt: skip
"""What is kept of each kind of layer, by the names with which napari makes one."""

FROM_FILE = 2**20
"""Pixels from which on an image is not copied from the file that it came from."""

COPIED = 2**28
"""Bytes up to which an array is copied before it is written, since it may be painted on meanwhile."""


class Finder:
    """Finds the files of a session: where they were, or beside the session."""

    def __init__(self, session: Path):
        self._folder = session.absolute().parent

    def __call__(self, name: str, file: Mapping[str, Any]) -> Path:
        path = Path(str(file["path"]))
        places = [place for place in (path, self._folder / path.name) if place.is_file() or place.is_dir()]
        if not places:
            raise InputError(name, f"its file is neither at {path} nor beside the session", "Put it back, and reopen")
        for place in places:
            if file_hash(place) == file.get("sha256"):
                return place
        raise InputError(name, f"{places[0]} has changed since the session was saved", "Put back the file as it was")


def taken(layer: Any) -> dict[str, Any] | None:
    """What is kept of a layer, for the thread of the window; None of kinds that are not kept."""
    data, state, kind = layer.as_layer_data_tuple()
    if kind not in OWN or getattr(layer, "multiscale", False):
        return None
    kept = {name: _plain(state[name]) for name in (*COMMON, *OWN[kind]) if name in state}
    if kind == "image":
        kept["colormap"] = _colours(layer.colormap)
        kept["contrast_limits_range"] = list(layer.contrast_limits_range)
    notes = dict(layer.metadata.get(KEY, {}))
    origin = notes.pop("origin", None)
    untouched = origin is not None and origin.data is layer.data
    if untouched:
        notes["$origin"] = {f.name: getattr(origin, f.name) for f in fields(Origin) if f.name != "data"}
    whole = untouched and not origin.steps
    if not whole:
        data = [vertices.copy() for vertices in data] if isinstance(data, list) else _still(data)
    return {"type": kind, "state": kept, "notes": notes, "data": data, "whole_file": origin.path if whole else ""}


def _still(data: Any) -> Any:
    """Data that nobody changes while they are written, unless they are too large to be copied at once."""
    return data.copy() if isinstance(data, np.ndarray) and data.nbytes < COPIED else data


def written(found: dict[str, Any], remarks: list[str]) -> dict[str, Any] | None:
    """What was taken of a layer, ready for the file; for a worker thread, since files are hashed and read."""
    from ..io.lazy import in_memory
    from ..io.sampled import is_sample

    name, path, data = found["state"]["name"], found.pop("whole_file"), found["data"]
    if path and (is_sample(path) or (np.size(data) >= FROM_FILE and Path(path).exists())):
        found["data"] = None
        found["file"] = {"path": path} | ({} if is_sample(path) else {"sha256": file_hash(path)})
        return found
    if isinstance(data, list):
        return found
    try:
        found["data"] = in_memory(data, Path(name))
    except InputError as error:
        remarks.append(f"{name} was left out: {error}")
        return None
    return found


def made(found: Mapping[str, Any], find: Finder, remarks: list[str]) -> tuple[LayerData, tuple[float, ...] | None]:
    """A layer of a session, and the range of its contrast; raises InputError. Notes that make no sense are left out."""
    kind, state = found["type"], found["state"]
    if kind not in OWN:
        raise InputError("session", f"a layer of the kind {kind!r:.40}", "Use a newer version of proxiscope")
    options = {name: state[name] for name in (*COMMON, *OWN[kind]) if name in state}
    name = str(options.get("name", "layer"))
    data, kept, opened = found["data"], dict(found.get("notes") or {}), None
    if found.get("file"):
        data, opened = _from_file(name, found["file"], find)
    if kind in ("image", "labels") and not hasattr(data, "shape"):
        raise InputError(name, "its data are missing", "Use another copy of the session")
    notes, wrong = checked(kept, getattr(data, "shape", ()))
    if opened is not None:
        notes |= {key: opened[key] for key in ("origin", "source")}
    elif "$origin" in kept:
        notes["origin"] = origin_kept(kept["$origin"], data)
        wrong += [] if notes["origin"] else ["origin"]
    if wrong:
        remarks.append(f"{name}: what the session says of its {', '.join(wrong)} makes no sense, and was left out.")
    if kind == "image":
        options["colormap"] = _colormap(state.get("colormap"))
    if notes:
        options["metadata"] = {KEY: notes}
    limits = state.get("contrast_limits_range")
    return (data, options, kind), None if limits is None else tuple(limits)


def _from_file(name: str, file: Mapping[str, Any], find: Finder) -> tuple[Any, dict[str, Any]]:
    """The image of a file, with its notes."""
    from ..io import read
    from ..io.sampled import is_sample
    from .opening import raw_layers

    path = str(file["path"])
    for data, options, kind in raw_layers(read(path if is_sample(path) else find(name, file))):
        notes = options.get("metadata", {}).get(KEY, {})
        if kind == "image" and "origin" in notes:
            return data, notes
    raise InputError(name, "its file holds no data any more", "Put back the file as it was")


def _colours(colormap: Any) -> dict[str, Any]:
    return {"name": colormap.name, "colors": np.asarray(colormap.colors), "controls": np.asarray(colormap.controls)}


def _colormap(kept: Any) -> Any:
    """A colour map by its colours, since those of others are not known by their names."""
    from napari.utils import Colormap

    try:
        return Colormap(kept["colors"], name=str(kept["name"]), controls=kept["controls"])
    except (TypeError, KeyError, ValueError):
        return "gray"


def _plain(value: Any) -> Any:
    """Values of a layer's state without the types of napari."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "OUS":
        return [_plain(one) for one in value.tolist()]
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, np.ndarray):
        return value.copy()
    plain = value is None or isinstance(value, bool | int | float | np.generic)
    return value if plain else str(value)

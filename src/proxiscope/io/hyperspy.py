"""HyperSpy's layout inside HDF5 (.hspy), with what etspy adds to it."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from proxiscope.io.hdf5_access import inside, load
from proxiscope.io.raw import Found, to_nm

_KEYS = ("name", "units", "scale", "offset", "navigate")


def is_signal(node: Any) -> bool:
    """Whether a dataset is the data of a signal: ``Experiments/<name>/data``."""
    parts = node.name.strip("/").split("/")
    return len(parts) == 3 and parts[0] == "Experiments" and parts[2] == "data"


def is_inside(name: str) -> bool:
    """Whether a dataset is bookkeeping of HyperSpy."""
    return name.startswith("Experiments/")


def interpret(data: NDArray, group: Any, path: Path) -> Found:
    """What the axes of the signal say.

    Parameters
    ----------
    data : ndarray
        The signal, navigation axes first.
    group : h5py.Group
        ``Experiments/<name>``.
    path : Path
        The file, for the messages.

    Returns
    -------
    Found
        Angles of a navigation axis in degrees or of etspy's own record, pixel size (nm) of the last axis.
    """
    nodes = [inside(group, f"axis-{i}") for i in range(data.ndim)]
    axes = [{} if node is None else {k: node.attrs[k] for k in _KEYS if k in node.attrs} for node in nodes]
    angles = []
    recorded = _etspy_tilts(group, path)
    if recorded is not None:
        angles.append((f"the tilts in {path.name}", recorded))
    for i, axis in enumerate(axes):
        unit = str(axis.get("units", "")).lower()
        if unit.startswith(("deg", "°", "rad")) and axis.get("navigate", True):
            values = _values(inside(group, f"axis-{i}/axis"), axis, data.shape[i], path)
            angles.append(
                (
                    f"axis {axis.get('name', i)!r} of {path.name}",
                    np.degrees(values) if unit.startswith("rad") else values,
                )
            )
    last = axes[-1]
    size = to_nm(abs(float(last.get("scale", 0))), str(last.get("units", "")))
    tilt_axis: Literal["x", "y"] = "y"
    notes: tuple[str, ...] = ()
    if angles and (str(group.attrs.get("package", "")) == "etspy" or inside(group, "metadata/Tomography") is not None):
        tilt_axis, notes = "x", ("The tilt axis lies along x, as etspy has it.",)
    return Found(data, tuple(angles), size, tilt_axis, notes)


def _values(listed: Any, axis: dict, count: int, path: Path) -> NDArray:
    """Values of an axis: listed for an uneven one, else from offset and scale."""
    if getattr(listed, "shape", None) == (count,):
        return load(listed, path).astype(np.float64)
    return float(axis.get("offset", 0)) + float(axis.get("scale", 1)) * np.arange(count)


def _etspy_tilts(group: Any, path: Path) -> NDArray | None:
    """The tilts etspy keeps beside the images; all zero means that nobody set them."""
    node = inside(group, "metadata/Tomography/_sig_tilts/data")
    if getattr(node, "shape", None) is None or node.dtype.kind not in "iuf":
        return None
    tilts = load(node, path).astype(np.float64)
    return tilts if tilts.any() else None

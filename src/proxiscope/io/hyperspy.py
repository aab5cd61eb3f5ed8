"""HyperSpy's layout inside HDF5 (.hspy) and Zarr (.zspy), with what etspy adds to it.

RosettaSciIO reads both, but all of a file: its models, decompositions and metadata, over whatever links there are.
Here only the signal and its axes are taken, from nodes that lie inside the file.
"""

from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from proxiscope.io.raw import Found, choose, nbytes_of, others, squeezed, to_nm


class Group(Protocol):
    """``Experiments/<name>`` of either format."""

    attrs: Any

    def attributes(self, name: str) -> dict[str, Any] | None:
        """Attributes of the node below the group, or None if there is none."""

    def values(self, name: str) -> NDArray[Any] | None:
        """Numbers of the array below the group, or None if there is none."""


def is_signal(name: str) -> bool:
    """Whether a dataset is the data of a signal: ``Experiments/<name>/data``."""
    parts = name.strip("/").split("/")
    return len(parts) == 3 and parts[0] == "Experiments" and parts[2] == "data"


def is_inside(name: str) -> bool:
    """Whether a dataset is bookkeeping of HyperSpy."""
    return name.startswith("Experiments/")


def read(path: Path, variable: str | None = None) -> Found:
    """Read a signal of a ``.zspy`` file or folder.

    Parameters
    ----------
    path : Path
        The folder or the zip.
    variable : str, optional
        Name of the signal; else the largest.
    """
    from proxiscope.io import zarr_access

    root = zarr_access.open_group(path)
    arrays = {name: a for name, a in zarr_access.arrays(root, path).items() if is_signal(name)}
    wanted = [n for n in arrays if variable is None or variable.strip("/") in (n, n.split("/")[1])]
    name = choose(path, {n: nbytes_of(arrays[n].shape, 1) for n in wanted})
    found = interpret(
        zarr_access.stored(arrays[name], path), zarr_access.Group(root, name.rpartition("/")[0], path), path
    )
    return Found(*_with_notes(found, others(name, list(arrays))))


def _with_notes(found: Found, notes: tuple[str, ...]) -> tuple[Any, ...]:
    return found.data, found.angles, found.pixel_size, found.tilt_axis, (*found.notes, *notes)


def interpret(data: Any, group: Group, path: Path) -> Found:
    """What the axes of the signal say.

    Parameters
    ----------
    data : ndarray or dask array
        The signal, navigation axes first.
    group : Group
        ``Experiments/<name>``.
    path : Path
        The file, for the messages.

    Returns
    -------
    Found
        Angles of a navigation axis in degrees or of etspy's own record, pixel size (nm) of the last axis.
    """
    axes = [group.attributes(f"axis-{i}") or {} for i in range(data.ndim)]
    angles = []
    recorded = _etspy_tilts(group)
    if recorded is not None:
        angles.append((f"the tilts in {path.name}", recorded))
    for i, axis in enumerate(axes):
        unit = str(axis.get("units", "")).lower()
        if unit.startswith(("deg", "°", "rad")) and axis.get("navigate", True):
            values = _values(group.values(f"axis-{i}/axis"), axis, data.shape[i])
            angles.append(
                (
                    f"axis {axis.get('name', i)!r} of {path.name}",
                    np.degrees(values) if unit.startswith("rad") else values,
                )
            )
    last = axes[-1]
    size = to_nm(abs(float(last.get("scale", 0))), str(last.get("units", "")))
    tilt_axis: Literal["x", "y"] = "y"
    data, notes = squeezed(data, path)
    etspy = str(group.attrs.get("package", "")) == "etspy" or group.attributes("metadata/Tomography") is not None
    if angles and etspy:
        tilt_axis, notes = "x", (*notes, "The tilt axis lies along x, as etspy has it.")
    return Found(data, tuple(angles), size, tilt_axis, notes)


def _values(listed: NDArray[Any] | None, axis: dict[str, Any], count: int) -> NDArray[Any]:
    """Values of an axis: listed for an uneven one, else from offset and scale."""
    if listed is not None and listed.shape == (count,):
        return listed.astype(np.float64)
    return float(axis.get("offset", 0)) + float(axis.get("scale", 1)) * np.arange(count)


def _etspy_tilts(group: Group) -> NDArray[Any] | None:
    """The tilts etspy keeps beside the images; all zero means that nobody set them."""
    tilts = group.values("metadata/Tomography/_sig_tilts/data")
    return tilts.astype(np.float64) if tilts is not None and tilts.any() else None

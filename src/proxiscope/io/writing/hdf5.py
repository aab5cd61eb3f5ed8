"""HDF5: everything. The schema is in docs/how-to/files.md; the extended header of an MRC file and CXI share it."""

from pathlib import Path
from typing import Any

from ...core.files import Calm
from ..contents import Contents
from ..document import FORMAT, VERSION, as_json

_UNITS = {"angles": "degree", "shifts": "pixel"}


def write(path: Path, contents: Contents) -> list[str]:
    """Write ``/data`` and what goes with it."""
    import h5py

    with Calm(path) as calm, h5py.File(calm, "w") as file:
        data = file.create_dataset("data", data=contents.array)
        if contents.scale is not None:
            data.attrs.update({"pixel_size": contents.scale, "units": "nm"})
        describe(file, contents)
    return []


def describe(group: Any, contents: Contents, room: int | None = None) -> list[str]:
    """Write all but the array itself into a group.

    Parameters
    ----------
    group : h5py.Group
        Where to write.
    contents : Contents
        What.
    room : int, optional
        Bytes that one array may take; without it there is room for all.

    Returns
    -------
    list of str
        Names of the arrays that were left out.
    """
    group.attrs.update({FORMAT: VERSION, **contents.facts()})
    group["provenance"] = as_json(contents.provenance)
    left_out = []
    for name, values in contents.arrays().items():
        if room is not None and values.nbytes > room and values.dtype != bool:
            left_out.append(name)
            continue
        packed = {"compression": "gzip", "shuffle": True} if values.ndim and values.size > 1000 else {}
        node = group.create_dataset(name, data=values, **packed)
        if name in _UNITS:
            node.attrs["units"] = _UNITS[name]
    return left_out

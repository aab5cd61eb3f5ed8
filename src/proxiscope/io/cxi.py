"""CXI, the format of coherent X-ray imaging: detector images with a mask of bits and the geometry."""

from pathlib import Path
from typing import Any

from proxiscope.io import detector
from proxiscope.io.hdf5_access import lookup, stored
from proxiscope.io.raw import Declared, Found, Kind, squeezed

_DATA = ("entry_1/data_1/data", "entry_1/instrument_1/detector_1/data", "entry_1/instrument_1/detector_1/data_1")


def read(file: Any, path: Path) -> Found | None:
    """The first detector's images, which are intensities, or None if the file is no CXI of a detector.

    Parameters
    ----------
    file : h5py.File
    path : Path
        The file, for the messages.
    """
    node = next((n for place in _DATA if getattr(n := lookup(file, place, path), "shape", None) is not None), None)
    if node is None or node.dtype.kind not in "biuf":
        return None
    data, notes = squeezed(stored(node, path), path)
    group = lookup(file, "entry_1/instrument_1/detector_1", path)
    group = node.parent if group is None else group
    size = detector.pixel_size(group, path)
    where = detector.geometry(file, group, data.shape, path)
    places = ["entry_1/data_1/mask", f"{node.parent.name}/mask", "entry_1/instrument_1/detector_1/mask"]
    found, valid = detector.mask_beside(file, places, path), None
    if found is not None:
        valid = detector.bad_to_valid(found[1], data.shape, detector.CXI_BAD)
        fits = f"Its mask {found[0]} has the shape {found[1].shape}, which does not fit: not used."
        notes += (detector.masked(valid, f"the bits of {found[0]}") if valid is not None else fits,)
    notes += (where,) if where else ()
    kind: Kind | None = "pattern" if data.ndim == 2 else None
    return Found(data, pixel_size=size, notes=notes, declared=Declared(kind=kind, quantity="intensities", valid=valid))

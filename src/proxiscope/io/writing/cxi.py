"""CXI, the format of the Coherent X-ray Imaging Data Bank: patterns and their reconstructions.

See docs/how-to/files.md.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import InputError
from ...core.files import Calm
from ..contents import Contents
from ..document import as_json
from .hdf5 import describe

_VERSION = 160
_BAD = 1  # of a CXI mask: a pixel that is not to be used
_TYPES = {"magnitudes": "amplitude", "intensities": "intensity"}


def write(path: Path, contents: Contents) -> list[str]:
    """Write ``/entry_1/image_1``, and what CXI has no place for in ``/entry_1/image_1/proxiscope``."""
    import h5py

    if contents.kind == "tilt-series":
        raise InputError(path.name, "CXI has no place for a tilt series", "Use .mrc, .h5, .zarr or .npz.")
    with Calm(path) as calm, h5py.File(calm, "w") as file:
        file["cxi_version"] = _VERSION
        entry = file.create_group("entry_1")
        image = entry.create_group("image_1")
        _image(image, contents)
        _process(image.create_group("process_1"), contents)
        describe(image.create_group("proxiscope"), contents)
        entry["data_1"] = h5py.SoftLink("/entry_1/image_1")
    return []


def _image(image: Any, contents: Contents) -> None:
    array, pattern = contents.array, contents.kind == "pattern"
    image["data"] = array
    image["dimensionality"] = array.ndim
    image["is_fft_shifted"] = 0  # zero frequency, and the object, lie at n // 2, not at the corner
    image["data_space"] = "diffraction" if pattern else "real"
    image["data_type"] = _TYPES.get(contents.quantity or "", "amplitude") if pattern else "electron density"
    image["image_center"] = np.array([n // 2 for n in reversed(array.shape)], dtype=np.float64)
    if contents.valid is not None:
        flags = np.where(contents.valid, 0, _BAD).astype(np.uint32)
        image.create_dataset("mask", data=flags, compression="gzip", shuffle=True)
    if contents.scale is not None:  # in metres, along x, y, z
        image["image_size"] = np.array([n * contents.scale * 1e-9 for n in reversed(array.shape)])
        image["pixel_size"] = np.full(array.ndim, contents.scale * 1e-9)


def _process(process: Any, contents: Contents) -> None:
    made = contents.provenance
    process["command"] = _command(made)
    process["date"] = str(made.get("finished", time.strftime("%Y-%m-%dT%H:%M:%S%z")))
    program, _, version = str(made.get("software", "proxiscope")).partition(" ")
    process["program"], process["version"] = program, version
    note = process.create_group("note_1")
    note["type"], note["description"], note["data"] = "application/json", "provenance", as_json(made)


def _command(made: Any) -> str:
    """What was done, in a line; `proxiscope rerun` repeats it exactly."""
    if "algorithm" not in made:
        return ""
    options = " ".join(f"{name}={as_json(value)}" for name, value in dict(made.get("parameters", {})).items())
    return f"proxiscope reconstruct {made['algorithm']} {options} seed={made.get('seed', 0)}"

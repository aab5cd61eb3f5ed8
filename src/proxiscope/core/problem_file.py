"""Problems on disk whose recipe does not make them again: their arrays, sealed like a checkpoint."""

import json
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from .checkpoint import array_in, check_seal, inside, sealed, usable
from .errors import InputError
from .hdf5_attributes import attribute
from .later import Later

h5py = Later("h5py")

_FORM = "proxiscope data 1"


def save_problem(path: Path, problem: Any, sha256: str) -> None:
    """Write the fields of a problem, arrays and plain values, with the hash of its data; raises InputError."""
    values = {f.name: getattr(problem, f.name) for f in fields(problem)}
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    plain = {name: value for name, value in values.items() if name not in arrays}
    with sealed(path, _FORM) as file:
        file.attrs["sha256"] = sha256
        file["plain"] = np.frombuffer(json.dumps(plain).encode(), np.uint8)
        for name, value in arrays.items():
            file.create_dataset(f"arrays/{name}", data=value)


def load_problem(path: Path, cls: type) -> Any:
    """The problem in a file, of the class `cls`, which checks its fields.

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds none of that kind.
    NotEnoughMemoryError
        If it does not fit into memory.
    """
    with usable(path):
        check_seal(path, _FORM)
        known = {f.name for f in fields(cls)}
        with h5py.File(path, "r") as file:
            group = inside(file, "arrays")
            arrays = {name: array_in(inside(group, name)) for name in group if name in known}
            plain = json.loads(array_in(inside(file, "plain")).tobytes())
        return cls(**{name: value for name, value in plain.items() if name in known}, **arrays)


def holds(path: Path, sha256: str) -> bool:
    """Whether a file has the problem with this hash of its data."""
    with suppress(InputError, OSError, KeyError, RuntimeError, ValueError):
        check_seal(path, _FORM)
        with h5py.File(path, "r") as file:
            return bool(attribute(file, "sha256") == sha256)
    return False

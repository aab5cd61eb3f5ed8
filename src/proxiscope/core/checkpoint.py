"""States on disk: HDF5, never pickle, written atomically."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .algorithm import Algorithm, State
from .errors import InputError
from .files import atomic
from .parameters import build, to_dict
from .registry import algorithm as find_algorithm

_FORMAT = "proxiscope checkpoint 1"


def save_checkpoint(path: str | Path, algorithm: Algorithm, state: State) -> None:
    """Write `algorithm` and `state` to an HDF5 file; a previous file stays whole until the new one is.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    with atomic(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["format"] = _FORMAT
        file.attrs["algorithm"] = algorithm.name
        file.attrs["parameters"] = json.dumps(to_dict(algorithm))
        group = file.create_group("state")
        for field in _saved_fields(state):
            _write(group, field.name, getattr(state, field.name))


def load_checkpoint(path: str | Path) -> tuple[Algorithm, State]:
    """The algorithm and the state in a checkpoint, ready for ``iterate(algorithm, problem, state=state)``.

    Raises
    ------
    InputError
        If the file is missing, damaged, or no checkpoint.
    """
    path = Path(path)
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != _FORMAT:
                raise KeyError("format")
            cls = find_algorithm(file.attrs["algorithm"])
            algorithm = build(cls, json.loads(file.attrs["parameters"]))
            group = file["state"]
            state = cls.State(**{f.name: _read(group, f.name) for f in _saved_fields(cls.State)})
    except (OSError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            path.name, f"not a usable checkpoint ({error})", "Give a file that proxiscope wrote"
        ) from error
    return algorithm, state


def _saved_fields(state: Any) -> list:
    return [f for f in fields(state) if not f.metadata.get("transient")]


def _write(group: h5py.Group, name: str, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, np.ndarray):
        group.create_dataset(name, data=value)
    elif isinstance(value, np.random.Generator):
        group.attrs[name] = json.dumps(value.bit_generator.state)
    else:
        group.attrs[name] = value


def _read(group: h5py.Group, name: str) -> Any:
    if name in group:
        return group[name][...]
    value = group.attrs.get(name)
    if isinstance(value, str) and value.startswith('{"bit_generator"'):
        generator = np.random.default_rng()
        generator.bit_generator.state = json.loads(value)
        return generator
    return value.item() if isinstance(value, np.generic) else value

"""States on disk: HDF5, never pickle, written atomically and sealed.

The seal, in the 512 bytes before the HDF5 data proper, is one line with the format and a hash of all that
follows. A file without it, cut short or damaged is refused before the HDF5 library, which damaged files can
crash, sees it.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .algorithm import Algorithm, State, saved_fields
from .errors import InputError, NotEnoughMemoryError
from .files import atomic
from .memory import available
from .parameters import build, to_dict
from .registry import algorithm as find_algorithm
from .registry import algorithms

_FORMAT = "proxiscope checkpoint 1"
_SEAL = 512


def save_checkpoint(path: str | Path, algorithm: Algorithm, state: State) -> None:
    """Write `algorithm` and `state` to an HDF5 file; a previous file stays whole until the new one is.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    with atomic(path) as temporary:
        with h5py.File(temporary, "w", userblock_size=_SEAL) as file:
            file.attrs["algorithm"] = algorithm.name
            file.attrs["parameters"] = json.dumps(to_dict(algorithm))
            _write_state(file.create_group("state"), state)
        with temporary.open("r+b") as file:
            file.write(_seal(file))


def load_checkpoint(path: str | Path) -> tuple[Algorithm, State]:
    """The algorithm and the state in a checkpoint, ready for ``iterate(algorithm, problem, state=state)``.

    Raises
    ------
    InputError
        If the file is missing, damaged, or no checkpoint.
    NotEnoughMemoryError
        If the state does not fit into memory.
    """
    path = Path(path)
    try:
        _check_seal(path)
        with h5py.File(path, "r") as file:
            cls = find_algorithm(str(file.attrs["algorithm"]))
            algorithm = build(cls, json.loads(file.attrs["parameters"]))
            state = _read_state(_inside(file, "state"), cls.State)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # whatever a forged file makes the libraries raise
        raise _unusable(path, getattr(error, "strerror", None) or str(error)) from error
    return algorithm, state


def _unusable(path: Path, why: str) -> InputError:
    return InputError(path.name, f"not a usable checkpoint: {why}", "Give a file that save_checkpoint wrote")


def _seal(file: Any) -> bytes:
    """The seal of an open file; leaves its position at the start."""
    file.seek(_SEAL)
    line = f"{_FORMAT}\n{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode()
    file.seek(0)
    return line.ljust(_SEAL, b"\0")


def _check_seal(path: Path) -> None:
    with path.open("rb") as file:
        if not file.read(_SEAL).startswith(_FORMAT.encode() + b"\n"):
            raise _unusable(path, "it is some other file, or of another version")
        expected = _seal(file)
        if file.read(_SEAL) != expected:
            raise _unusable(path, "it is damaged or incomplete")


def _write_state(group: h5py.Group, state: State) -> None:
    for field in saved_fields(state):
        _write(group, field.name, getattr(state, field.name))


def _read_state(group: h5py.Group, cls: type[State]) -> State:
    return cls(**{f.name: _read(group, f.name) for f in saved_fields(cls)})


def _write(group: h5py.Group, name: str, value: Any) -> None:
    if isinstance(value, np.ndarray):
        group.create_dataset(name, data=value)
    elif isinstance(value, list):  # states, each with the name of an algorithm that has such
        members = group.create_group(name)
        for i, member in enumerate(value):
            members.create_group(str(i)).attrs["algorithm"] = _owner(member)
            _write_state(members[str(i)], member)
    elif isinstance(value, np.random.Generator):
        group.attrs[name] = json.dumps(value.bit_generator.state)
    else:
        group.attrs[name] = h5py.Empty("f4") if value is None else value


def _read(group: h5py.Group, name: str) -> Any:
    if name in group:
        value = _inside(group, name)
        return _members(value) if isinstance(value, h5py.Group) else _array(value)
    value = group.attrs[name]
    if isinstance(value, h5py.Empty):
        return None
    if isinstance(value, str) and value.startswith('{"bit_generator"'):
        generator = np.random.default_rng()
        generator.bit_generator.state = json.loads(value)
        return generator
    return value.item() if isinstance(value, np.generic) else value


def _owner(state: State) -> str:
    return next(name for name, cls in algorithms().items() if cls.State is type(state))


def _members(group: h5py.Group) -> list[State]:
    members = [_inside(group, str(i)) for i in range(len(group))]
    if any(isinstance(member.get(name), h5py.Group) for member in members for name in member):
        raise ValueError("states within states within states")
    if len({h5py.h5o.get_info(data.id).addr for member in members for data in member.values()}) < sum(
        map(len, members)
    ):
        raise ValueError("states that share arrays")
    return [_read_state(member, find_algorithm(str(member.attrs["algorithm"])).State) for member in members]


def _array(data: h5py.Dataset) -> np.ndarray:
    if data.external or data.is_virtual or data.dtype.kind not in "biufc":
        raise ValueError(f"{data.name} is not an array of numbers in this file")
    have = available()
    if data.nbytes > have:
        raise NotEnoughMemoryError(
            f"{data.name} takes {data.nbytes / 1e9:.3g} GB and {have / 1e9:.3g} GB are available."
        )
    return data[...]


def _inside(group: h5py.Group, name: str) -> Any:
    """A member of `group`, which must not be a link out of the file."""
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"{name} is missing or a link")
    return group[name]

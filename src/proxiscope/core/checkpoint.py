"""States on disk: HDF5, never pickle, written atomically and sealed.

The seal, in the 512 bytes before the HDF5 data proper, is one line with the format and a hash of all that
follows. A file without it, cut short or damaged is refused before the HDF5 library, which damaged files can
crash, sees it.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .algorithm import Algorithm, State, saved_fields
from .arrays import is_array, on_host
from .errors import InputError, NotEnoughMemoryError
from .files import Calm, atomic
from .hdf5_attributes import attribute
from .hdf5_heaps import check_heaps
from .later import Later
from .memory import available
from .parameters import build, to_dict
from .registry import algorithm as find_algorithm
from .registry import algorithms

if TYPE_CHECKING:
    import h5py
else:
    h5py = Later("h5py")

FORMAT = "proxiscope checkpoint 1"
_SEAL = 512


def save_checkpoint(path: str | Path, algorithm: Algorithm[Any, Any], state: State) -> None:
    """Write `algorithm` and `state` to an HDF5 file; a previous file stays whole until the new one is.

    Parameters
    ----------
    path : path-like
        The file to make or replace.
    algorithm : Algorithm
        The one at work.
    state : State
        As an iteration yielded it.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    with sealed(path) as file:
        write_state(file, algorithm, state)


def load_checkpoint(path: str | Path) -> tuple[Algorithm[Any, Any], State]:
    """The algorithm and the state in a checkpoint, ready for ``iterate(algorithm, problem, state=state)``.

    Of one that `proxiscope.checkpoints.Checkpoints` wrote, it is the algorithm at work after all changes.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    tuple of Algorithm and State
        What goes on, and from where.

    Raises
    ------
    InputError
        If the file is missing, damaged, or no checkpoint.
    NotEnoughMemoryError
        If the state does not fit into memory.
    """
    path = Path(path)
    with usable(path):
        check_seal(path)
        with h5py.File(path, "r") as file:
            return read_state(file)


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Turn whatever a damaged or forged file makes the libraries raise into an InputError."""
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:
        raise unusable(path, getattr(error, "strerror", None) or str(error) or type(error).__name__) from error


def unusable(path: Path, why: str) -> InputError:
    """The error for a file that is no checkpoint, or not whole."""
    found = f"not a usable checkpoint: {' '.join(why.split())[:300]}"
    return InputError(path.name, found, "Give a file that proxiscope wrote as a checkpoint")


@contextmanager
def sealed(
    path: str | Path, form: str = FORMAT, *, put_aside: Callable[[], None] = lambda: None
) -> Iterator["h5py.File"]:
    """An HDF5 file to write into; when the block ends, it is sealed and takes the place of `path`.

    Parameters
    ----------
    path : path-like
    form : str
        What it is, in a word and a version.
    put_aside : callable
        Called once the new file is complete, before it takes the place.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    with atomic(path) as temporary:
        with Calm(temporary) as calm, h5py.File(calm, "w", userblock_size=_SEAL) as file:
            yield file
        with temporary.open("r+b") as file:
            file.write(_seal(file, form))
        put_aside()


def is_sealed(path: Path, form: str = FORMAT) -> bool:
    """Whether a file says of itself that it is of that form, be it damaged or not."""
    try:
        with path.open("rb") as file:
            return file.read(_SEAL).startswith(form.encode())
    except OSError:
        return False


def check_seal(path: Path, form: str = FORMAT) -> None:
    """Raise InputError unless a file is as it was written; OSError where it is missing."""
    with path.open("rb") as file:
        if not file.read(_SEAL).startswith(form.encode() + b"\n"):
            raise unusable(path, "it is some other file, or of another version")
        expected = _seal(file, form)
        if file.read(_SEAL) != expected:
            raise unusable(path, "it is damaged or incomplete")
        check_heaps(file, path.stat().st_size, path.name)  # anybody can make a seal


def _seal(file: Any, form: str = FORMAT) -> bytes:
    """The seal of an open file; leaves its position at the start."""
    file.seek(_SEAL)
    line = f"{form}\n{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode()
    file.seek(0)
    return line.ljust(_SEAL, b"\0")


def size_of(state: State) -> int:
    """Bytes of the arrays of a state."""
    values = [getattr(state, field.name) for field in saved_fields(state)]
    members = [member for value in values if isinstance(value, list) for member in value if member is not None]
    return sum(value.nbytes for value in values if is_array(value)) + sum(map(size_of, members))


def check_going_on(state: State) -> None:
    """Raise ValueError if a state holds NaN, from which no run comes back."""
    for field in saved_fields(state):
        value = getattr(state, field.name)
        for member in value if isinstance(value, list) else ():
            if member is not None:
                check_going_on(member)
        if is_array(value) and (array := on_host(value)).dtype.kind in "fc" and array.size and np.isnan(array.min()):
            raise ValueError(f"there is NaN in its {field.name}")


def write_state(file: "h5py.File", algorithm: Algorithm[Any, Any], state: State) -> None:
    """Write an algorithm and its state."""
    file.attrs["algorithm"] = algorithm.name
    file.attrs["parameters"] = json.dumps(to_dict(algorithm))
    _write_state(file.create_group("state"), state)


def read_state(file: "h5py.File") -> tuple[Algorithm[Any, Any], State]:
    """The algorithm and its state; raises all kinds of errors where the file is forged."""
    name, values = attribute(file, "algorithm"), attribute(file, "parameters")
    algorithm = build(find_algorithm(str(name)), json.loads(values))
    return algorithm, _read_state(inside(file, "state"), algorithm.State)


def _write_state(group: "h5py.Group", state: State) -> None:
    for field in saved_fields(state):
        _write(group, field.name, getattr(state, field.name))


def _read_state(group: "h5py.Group", cls: type[State]) -> State:
    return cls(**{f.name: _read(group, f.name) for f in saved_fields(cls)})


def _write(group: "h5py.Group", name: str, value: Any) -> None:
    if is_array(value):
        group.create_dataset(name, data=on_host(value))
    elif isinstance(value, list):  # states, each with the name of an algorithm that has such
        members = group.create_group(name)
        for i, member in enumerate(value):
            members.create_group(str(i)).attrs["algorithm"] = _owner(member)
            _write_state(members[str(i)], member)
    elif isinstance(value, np.random.Generator):
        group.attrs[name] = json.dumps(value.bit_generator.state)
    else:
        group.attrs[name] = h5py.Empty("f4") if value is None else value


def _read(group: "h5py.Group", name: str) -> Any:
    if name in group:
        value = inside(group, name)
        return _members(value) if isinstance(value, h5py.Group) else array_in(value)
    if name not in group.attrs:
        raise KeyError(f"no {name}")
    value = attribute(group, name)
    if isinstance(value, str) and value.startswith('{"bit_generator"'):
        generator = np.random.default_rng()
        generator.bit_generator.state = json.loads(value)
        return generator
    return value.item() if isinstance(value, np.generic) else value


def _owner(state: State) -> str:
    return next(name for name, cls in algorithms().items() if cls.State is type(state))


def _members(group: "h5py.Group") -> list[State]:
    members = [inside(group, str(i)) for i in range(len(group))]
    if any(isinstance(member.get(name), h5py.Group) for member in members for name in member):
        raise ValueError("states within states within states")
    if len({h5py.h5o.get_info(data.id).addr for member in members for data in member.values()}) < sum(
        map(len, members)
    ):
        raise ValueError("states that share arrays")
    return [_read_state(member, find_algorithm(str(attribute(member, "algorithm"))).State) for member in members]


def array_in(data: "h5py.Dataset") -> np.ndarray:
    """The numbers of a dataset that a checkpoint holds.

    Raises
    ------
    ValueError
        If they do not lie in one piece in this file.
    NotEnoughMemoryError
        If they do not fit into memory.
    """
    if data.external or data.is_virtual or data.dtype.kind not in "biufc":
        raise ValueError(f"{data.name} is not an array of numbers in this file")
    have = available()
    if data.nbytes > have:
        raise NotEnoughMemoryError(
            f"{data.name} takes {data.nbytes / 1e9:.3g} GB and {have / 1e9:.3g} GB are available."
        )
    if data.nbytes and (data.chunks or (data.id.get_offset() or 0) + data.nbytes > os.path.getsize(data.file.filename)):
        raise ValueError(f"{data.name} does not lie in one piece in this file")
    return data[...]


def inside(group: "h5py.Group", name: str) -> Any:
    """A member of `group`, which must not be a link out of the file."""
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"{name} is missing or a link")
    return group[name]

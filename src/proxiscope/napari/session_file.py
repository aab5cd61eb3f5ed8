"""The file of a session: a document of plain values in HDF5, with its arrays beside it. No Qt, no pickle.

``/document`` is JSON; an array in it stands as ``{"$array": n}`` for the dataset ``/arrays/n``. The attribute
``proxiscope_session`` at the top is the version.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InputError
from ..core.files import Calm, atomic

MARK, VERSION = "proxiscope_session", 1
_MAX_TEXT = 2**28  # bytes
_KINDS = "biufc"


def is_session(path: str | os.PathLike) -> bool:
    """Whether a file is a session; of files that cannot be read it is not."""
    path = Path(path)
    if path.suffix.lower() not in (".h5", ".hdf5") or not path.is_file():
        return False
    from ..core.hdf5_attributes import attribute
    from ..io.hdf5_access import open_file

    try:
        with open_file(path) as file:
            return attribute(file, MARK) is not None
    except (InputError, OSError):
        return False


def write_document(path: str | os.PathLike, document: Mapping[str, Any]) -> None:
    """Write plain values and arrays; the file is complete or not there.

    What is neither, such as functions, is left out.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    import h5py

    with atomic(path) as temporary, Calm(temporary) as calm, h5py.File(calm, "w") as file:
        arrays = _Arrays(file)
        file["document"] = json.dumps(arrays.encoded(document))
        file.attrs[MARK] = VERSION


def read_document(path: str | os.PathLike) -> dict[str, Any]:
    """The document of a session, its arrays in memory.

    Raises
    ------
    InputError
        If the file is no session, is damaged, or does not fit into memory.
    """
    from ..core.hdf5_attributes import attribute, text_of
    from ..io import hdf5_access as hdf5
    from ..io.raw import check_file, reading

    path = check_file(path)
    with reading(path, "a session"), hdf5.open_file(path) as file:
        version = attribute(file, MARK)
        if version is None:
            raise InputError(path.name, "is no session", "Choose a file that Save session wrote")
        if version != VERSION:
            raise InputError(path.name, f"is a session of version {version}", "Use a newer version of proxiscope")
        node = hdf5.inside(file, "document")
        text = text_of(node, _MAX_TEXT) if getattr(node, "shape", None) == () else None
        try:
            document = json.loads(text or "")
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise InputError(path.name, "its document is damaged", "Use another copy")
        loaded: dict[int, NDArray] = {}

        def array(number: int) -> NDArray:
            if number not in loaded:
                dataset = hdf5.inside(file, f"arrays/{number}")
                if getattr(dataset, "shape", None) is None:
                    raise InputError(path.name, f"its array {number} is missing", "Use another copy")
                loaded[number] = hdf5.load(dataset, path)
            return loaded[number]

        return _decoded(document, array)


class _Arrays:
    """Puts the arrays of a document into datasets, each of them once."""

    def __init__(self, file: Any):
        self._group = file.create_group("arrays")
        self._known: dict[int, int] = {}
        self._kept: list[NDArray] = []  # so that an identity is not given to another array

    def encoded(self, value: Any) -> Any:
        """A value for JSON; None stands for what cannot be kept."""
        if isinstance(value, np.ndarray) and value.dtype.kind in _KINDS:
            return {"$array": self._number(value)}
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, Mapping):
            return {str(key): self.encoded(one) for key, one in value.items() if _can_be_kept(one)}
        if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes):
            return [self.encoded(one) for one in value]
        return value if value is None or isinstance(value, bool | int | float | str) else None

    def _number(self, array: NDArray) -> int:
        if id(array) not in self._known:
            number = self._known[id(array)] = len(self._known)
            self._kept.append(array)
            small = array.dtype.kind == "b" or array.dtype.itemsize == 1  # masks and labels become a hundredth
            packed = {"compression": "gzip", "shuffle": True} if small and array.size > 1000 else {}
            self._group.create_dataset(str(number), data=array, **packed)
        return self._known[id(array)]


def _can_be_kept(value: Any) -> bool:
    plain = isinstance(value, bool | int | float | str | np.generic | Mapping | Sequence | set | frozenset)
    return value is None or plain or (isinstance(value, np.ndarray) and value.dtype.kind in _KINDS)


def _decoded(value: Any, array: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"$array"} and isinstance(value["$array"], int):
            return array(value["$array"])
        return {key: _decoded(one, array) for key, one in value.items()}
    return [_decoded(one, array) for one in value] if isinstance(value, list) else value

"""Attributes of HDF5: numbers and short texts, once they are known to be what they claim.

The HDF5 library allocates whatever length a text of variable length claims, and crashes on types that are damaged. So
nothing but numbers and texts is read, and of texts the lengths are looked up in the file itself before.
"""

from pathlib import Path
from typing import Any

import numpy as np

from proxiscope.core.errors import InputError
from proxiscope.core.hdf5_headers import attribute_data

_LARGEST = 2**20  # bytes of a value
_MOST = 1000  # attributes of a node
_REFERENCE = 16  # bytes that stand for a text: its length, and where it lies


def attribute(node: Any, name: str, default: Any = None) -> Any:
    """The value of an attribute as h5py gives it, or `default` if there is none, or one of another type or larger.

    Raises
    ------
    InputError
        A text claims to be longer than any that is kept in an attribute.
    """
    import h5py
    from h5py import h5t

    if name not in node.attrs:
        return default
    one = h5py.h5a.open(node.id, name.encode())
    kind, space = one.get_type(), one.get_space()
    if space.get_simple_extent_type() not in (h5py.h5s.SCALAR, h5py.h5s.SIMPLE):
        return default
    count = space.get_simple_extent_npoints()
    known = kind.get_class() in (h5t.INTEGER, h5t.FLOAT, h5t.ENUM, h5t.STRING)
    if not known or count * kind.get_size() > _LARGEST:
        return default
    if kind.get_class() == h5t.STRING and kind.is_variable_str() and not _short(node, name, count):
        found = f"the text {name} of {node.name} is damaged, or larger than {_LARGEST} bytes"
        raise InputError(Path(node.file.filename).name, found, "Copy or export it again.")
    return node.attrs[name]


def attributes(node: Any) -> dict[str, Any]:
    """All attributes that `attribute` reads."""
    names = [name for name, _ in zip(node.attrs, range(_MOST), strict=False)]
    found = {name: attribute(node, name) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def text_of(node: Any, most: int) -> str | None:
    """The text in a dataset of one; None if it is something else, is longer than `most` bytes, or than its file."""
    import h5py

    kind = h5py.check_string_dtype(node.dtype)
    if node.shape != () or node.external or node.is_virtual or kind is None:
        return None
    if kind.length is None:
        at = node.id.get_offset()  # where its length is written
        path = Path(node.file.filename)
        with path.open("rb") as file:
            file.seek(at or 0)
            reference = file.read(_REFERENCE)
        if at is None or int.from_bytes(reference[:4], "little") > min(most, path.stat().st_size):
            return None
    return node.asstr(errors="replace")[()]


def _short(node: Any, name: str, count: int) -> bool:
    """Whether the texts of an attribute are no longer than a value may be."""
    import h5py

    if node.file.id.get_create_plist().get_sizes() != (8, 8):
        return False
    base = node.file.userblock_size
    with open(node.file.filename, "rb") as file:
        found = attribute_data(file, base + h5py.h5o.get_info(node.id).addr, base, name.encode())
    lengths = [np.frombuffer(data[: count * _REFERENCE], "<u4")[::4] for data in found]
    return bool(found) and all(len(n) == count and n.sum(dtype=np.int64) <= _LARGEST for n in lengths)

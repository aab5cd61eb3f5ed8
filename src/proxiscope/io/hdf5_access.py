"""Access to HDF5 that stays in the file: no link outward, no external storage, no unchecked size."""

import mmap
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from proxiscope.core.errors import InputError
from proxiscope.io.raw import nbytes_of, no_variable, require_memory


def open_file(path: Path) -> Any:
    """An h5py.File to read from, once its heaps of strings are known to be sound."""
    import h5py

    _check_heaps(path)
    return h5py.File(path, "r")


def _check_heaps(path: Path) -> None:
    """Refuse a damaged global heap (where strings lie), in which the HDF5 library may loop for ever.

    An object of the heap has a header of 16 bytes: its number, and its size in the last 8. The library steps
    from one to the next by the size, so that a free object, which has number 0, of size 0 holds it in place.
    """
    mark = b"GCOL\1\0\0\0"
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as block:
        start = block.find(mark)
        while start >= 0:
            end = start + int.from_bytes(block[start + 8 : start + 16], "little")
            at = start + 16
            while at + 16 <= end <= len(block):
                number = int.from_bytes(block[at : at + 2], "little")
                size = int.from_bytes(block[at + 8 : at + 16], "little")
                step = size if number == 0 else 16 + -(-size // 8) * 8
                at = at + step if step >= 16 else len(block) + 1
            if max(at, end) > min(end, len(block)):
                raise InputError(path.name, "its heap of strings is damaged", "Copy or export it again.")
            start = block.find(mark, start + 8)


def datasets(file: Any) -> dict[str, Any]:
    """Datasets of numbers inside the file by path, in order; links of any kind are not followed."""
    import h5py

    found: dict[str, Any] = {}

    def visit(name: str, node: object) -> None:
        if isinstance(node, h5py.Dataset) and node.shape is not None and node.dtype.kind in "biufc":
            found[name] = node

    file.visititems(visit)
    return found


def find(file: Any, variable: str, path: Path) -> Any:
    """The dataset named `variable`, each step of the way a link inside the file."""
    import h5py

    node = file
    parts, steps = [part for part in variable.split("/") if part], 0
    while parts:
        part, steps = parts.pop(0), steps + 1
        link = node.get(part, getlink=True) if isinstance(node, h5py.Group) and part in node else None
        if isinstance(link, h5py.ExternalLink):
            raise InputError(
                path.name,
                f"{variable} is a link into another file, {link.filename}",
                "Open that file itself.",
            )
        if isinstance(link, h5py.SoftLink) and steps < 100:
            node = file if link.path.startswith("/") else node
            parts = [p for p in link.path.split("/") if p] + parts
        elif link is None or isinstance(link, h5py.SoftLink):
            raise no_variable(path, variable, [name for name, n in datasets(file).items() if n.ndim in (2, 3)])
        else:
            node = node[part]
    if not isinstance(node, h5py.Dataset) or node.shape is None:
        raise no_variable(path, variable, [name for name, n in datasets(file).items() if n.ndim in (2, 3)])
    return node


def load(node: Any, path: Path) -> NDArray:
    """The values of a dataset, after the checks that they lie in this file and fit into memory."""
    if node.external or (node.is_virtual and any(s.file_name != "." for s in node.virtual_sources())):
        raise InputError(path.name, f"{node.name} keeps its values in other files", "Export it into one file.")
    if node.dtype.kind not in "biufc":
        raise InputError(path.name, f"{node.name} holds values of type {node.dtype}", "Give real numbers.")
    require_memory(nbytes_of(node.shape, node.dtype.itemsize), path)
    return node[()]


def inside(group: Any, name: str) -> Any:
    """The node at the path `name` below `group` over hard links only, or None."""
    import h5py

    node = group
    for part in name.split("/"):
        if not isinstance(node, h5py.Group) or not isinstance(node.get(part, getlink=True), h5py.HardLink):
            return None
        node = node[part]
    return node


def text(node: Any, name: str) -> str:
    """An attribute as text, empty when there is none."""
    value = node.attrs.get(name, "")
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

"""Access to HDF5 that stays in the file: no link outward, no external storage, no unchecked size."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proxiscope.core.errors import InputError
from proxiscope.core.hdf5_attributes import attribute
from proxiscope.core.hdf5_heaps import check_heaps
from proxiscope.io.hdf5_chunks import check_chunks, check_filters
from proxiscope.io.lazy import LAZY, lazily
from proxiscope.io.raw import nbytes_of, no_variable, require_memory, require_plausible

_SEARCHED = 2**28  # bytes of a file up to which all of it is searched for damaged heaps


def open_file(path: Path) -> Any:
    """An h5py.File to read from, once its heaps of strings are known to be sound; knows all usual compressions."""
    import h5py
    import hdf5plugin  # noqa: F401 - registers its filters

    size = path.stat().st_size
    if size <= _SEARCHED:
        _check_heaps(path, size)
        return h5py.File(path, "r")
    file = h5py.File(path, "r")  # which reads no string yet
    try:
        _check_heaps(path, size, _besides_data(file, size))
    except BaseException:
        file.close()
        raise
    return file


def _check_heaps(path: Path, size: int, ranges: list[tuple[int, int]] | None = None) -> None:
    with path.open("rb") as file:
        check_heaps(file, size, path.name, ranges)


def _besides_data(file: Any, size: int) -> list[tuple[int, int]]:
    """The parts of a large file that are not values of datasets: reading all of it would take too long."""
    taken: list[tuple[int, int]] = []
    for node in datasets(file).values():
        if node.chunks is not None:
            node.id.chunk_iter(lambda chunk: taken.append((chunk.byte_offset, chunk.byte_offset + chunk.size)))
        elif node.id.get_offset() is not None:
            taken.append((node.id.get_offset(), node.id.get_offset() + node.id.get_storage_size()))
    gaps, at = [], 0
    for first, last in [*sorted(taken), (size, size)]:
        if first > at:
            gaps.append((at, min(first + 7, size)))
        at = max(at, last)
    return gaps


def datasets(file: Any) -> dict[str, Any]:
    """Datasets of numbers inside the file by path, in order; links of any kind are not followed."""
    import h5py

    found: dict[str, Any] = {}

    def visit(name: str, node: object) -> None:
        if isinstance(node, h5py.Dataset) and node.shape is not None and node.dtype.kind in "biufc":
            found[name] = node

    file.visititems(visit)
    return found


def outward(file: Any) -> list[str]:
    """Names of the files to which links in this one lead."""
    import h5py

    found: list[str] = []

    def visit(name: str, link: object) -> None:
        if isinstance(link, h5py.ExternalLink) and link.filename not in found:
            found.append(link.filename)

    file.visititems_links(visit)
    return found


def find(file: Any, variable: str, path: Path) -> Any:
    """The dataset named `variable`, each step of the way a link inside the file."""
    import h5py

    node = _walk(file, variable, path)
    if not isinstance(node, h5py.Dataset) or node.shape is None:
        raise no_variable(path, variable, [name for name, n in datasets(file).items() if n.ndim in (2, 3)])
    return node


def lookup(file: Any, name: str, path: Path) -> Any:
    """The node of that name, over hard and soft links inside the file, or None."""
    try:
        return _walk(file, name, path)
    except InputError:  # a link into another file
        return None


def _walk(file: Any, variable: str, path: Path) -> Any:
    import h5py

    node = file
    parts, steps = [part for part in variable.split("/") if part], 0
    while parts:
        part, steps = parts.pop(0), steps + 1
        link = node.get(part, getlink=True) if isinstance(node, h5py.Group) and part in node else None
        if link is None and isinstance(node, h5py.Group):
            link = node.get(part, getlink=True)  # one that leads nowhere is not "in" the group
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
            return None
        else:
            node = node[part]
    return node


def load(node: Any, path: Path) -> NDArray[Any]:
    """The values of a dataset, after the checks that they lie in this file and fit into memory."""
    _check(node, path)
    nbytes = nbytes_of(node.shape, node.dtype.itemsize)
    require_memory(nbytes, path)
    parts = _parts(node, path)
    require_plausible(sum(part.id.get_storage_size() for part in parts), nbytes, path)
    for part in parts:
        check_chunks(part, path)
    return node[()]


def stored(node: Any, path: Path) -> Any:
    """The values of a dataset like `load`, of a large one as a dask array that reads them when they are used."""
    _check(node, path)
    nbytes = nbytes_of(node.shape, node.dtype.itemsize)
    if nbytes < LAZY:
        return load(node, path)
    if node.id.get_storage_size() == 0:
        raise InputError(
            path.name,
            f"{node.name} claims {nbytes / 2**30:.3g} GiB, more than memory should hold, and none were written",
            "The file is damaged or was not finished: export it again.",
        )
    get = partial(_piece, path, node.name)
    return lazily(path, node.shape, node.dtype, get, "HDF5", chunks=node.chunks)


def _piece(path: Path, name: str, key: tuple[Any, ...]) -> NDArray[Any]:
    import h5py
    import hdf5plugin  # noqa: F401 - registers its filters

    with h5py.File(path, "r") as file:
        node = file[name]
        for part in _parts(node, path):
            check_chunks(part, path, None if node.is_virtual else key)
        return node[key]


def _check(node: Any, path: Path) -> None:
    for part in _parts(node, path):
        if part.external:
            raise InputError(path.name, f"{node.name} keeps its values in other files", "Export it into one file.")
        check_filters(part, path)
    if node.dtype.kind not in "biufc":
        raise InputError(path.name, f"{node.name} holds values of type {node.dtype}", "Give real numbers.")


def _parts(node: Any, path: Path) -> list[Any]:
    """The datasets that hold the values: it itself, or those of this file that it puts together."""
    if not node.is_virtual:
        return [node]
    sources = node.virtual_sources()
    if any(source.file_name != "." for source in sources):
        raise InputError(path.name, f"{node.name} keeps its values in other files", "Export it into one file.")
    parts = [lookup(node.file, name, path) for name in {source.dset_name for source in sources}]
    if any(getattr(part, "chunks", 0) == 0 or part.is_virtual for part in parts):
        raise InputError(path.name, f"{node.name} is put together from what is no array", "Export it again.")
    return parts


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
    value = attribute(node, name, "")
    value = value.ravel()[0] if isinstance(value, np.ndarray) and value.size == 1 else value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def number(node: Any, path: Path) -> float | None:
    """The only value of a dataset of one real number, else None."""
    if getattr(node, "shape", None) is None or node.dtype.kind not in "iuf" or nbytes_of(node.shape, 1) != 1:
        return None
    value = float(np.ravel(load(node, path))[0])
    return value if np.isfinite(value) else None

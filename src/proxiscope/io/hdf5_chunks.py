"""Packed chunks of HDF5 datasets, looked at before a filter unpacks them: filters crash, hang, or fill the memory.

Of the filters that there are, the usual ones are let through, for which there is a check in `proxiscope.io.packed`.
"""

from itertools import product
from pathlib import Path
from typing import Any

from proxiscope.core.errors import InputError
from proxiscope.io import packed
from proxiscope.io.raw import nbytes_of, require_few

_SHUFFLE, _SUMS, _LZF = 2, 3, 32000  # which change no size, or, as LZF, little
_CHECKS = {1: "zlib", 307: "bz2", 32001: "blosc", 32004: "lz4", 32008: "bitshuffle", 32015: "zstd"}


def check_filters(node: Any, path: Path) -> None:
    """Raise InputError unless a dataset is packed by at most one of the filters that are known."""
    codes = [code for code, _ in _filters(node)]
    unknown = [code for code in codes if code not in (_SHUFFLE, _SUMS, _LZF, *_CHECKS)]
    if unknown or sum(code == _LZF or code in _CHECKS for code in codes) > 1:
        found = f"{node.name} is packed by the HDF5 filters {', '.join(map(str, codes))}, which are not read together"
        raise InputError(path.name, found, "Write it with gzip, LZ4, Bitshuffle, Blosc or Zstandard.")


def check_chunks(node: Any, path: Path, key: tuple[Any, ...] | None = None) -> None:
    """Raise InputError if a chunk of a dataset would unpack to more than its shape, or is cut short.

    Parameters
    ----------
    node : h5py.Dataset
    path : Path
        The file, for the messages.
    key : tuple of slice or int, optional
        The part that is to be read; all of it by default.
    """
    if node.chunks is None:
        return
    require_few(node.shape, node.chunks, node.dtype.itemsize, node.id.get_storage_size, path)
    filters = _filters(node)
    place = next((i for i, (code, _) in enumerate(filters) if code in _CHECKS), None)
    if place is None:
        return
    code, values = filters[place]
    most = nbytes_of(node.chunks, node.dtype.itemsize)
    most += sum(4 for other, _ in filters[:place] if other == _SUMS)
    sums = sum(4 for other, _ in filters[place + 1 :] if other == _SUMS)
    for corner in product(*_corners(node, key)):
        info = node.id.get_chunk_info_by_coord(corner)
        if info.byte_offset is None or info.filter_mask >> place & 1:  # not written, or not packed
            continue
        if info.size > path.stat().st_size:
            raise InputError(path.name, f"a chunk of {node.name} claims {info.size} bytes", "Copy or export it again.")
        block = node.id.read_direct_chunk(corner)[1]
        try:
            _check(block[: len(block) - sums], most, _CHECKS[code], values, node.dtype.itemsize)
        except ValueError as error:
            raise InputError(path.name, f"a chunk of {node.name} {error}", "Copy or export it again.") from error


def _check(block: bytes, most: int, kind: str, values: tuple[int, ...], itemsize: int) -> None:
    if kind in ("zlib", "bz2"):
        packed.check_stream(block, most, kind)
    elif kind == "bitshuffle":
        if len(values) < 3 or values[2] != itemsize:
            raise ValueError(f"is shuffled by bits of {values[2:3]} bytes, not {itemsize}")
        if len(values) > 4 and values[4]:  # else the bits are shuffled and not packed
            packed.check_bitshuffle(block, most, itemsize)
    else:
        {"blosc": packed.check_blosc, "lz4": packed.check_lz4, "zstd": packed.check_zstd}[kind](block, most)


def _filters(node: Any) -> list[tuple[int, tuple[int, ...]]]:
    """Codes and values of the filters, in the order in which they packed."""
    plan = node.id.get_create_plist()
    return [plan.get_filter(i)[:3:2] for i in range(plan.get_nfilters())]


def _corners(node: Any, key: tuple[Any, ...] | None) -> list[range]:
    """Where the chunks begin that a part of a dataset lies in, for each axis."""
    found = []
    for axis, (n, step) in enumerate(zip(node.shape, node.chunks, strict=True)):
        part = key[axis] if key is not None and axis < len(key) else slice(None)
        first, last = (part, part + 1) if not isinstance(part, slice) else part.indices(n)[:2]
        found.append(range(first - first % step, last, step))
    return found

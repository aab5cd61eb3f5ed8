"""Access to Zarr that stays in its folder or zip: no link outward, no code in a codec, no unchecked size."""

from collections.abc import Iterator
from functools import cache
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proxiscope.core.errors import InputError
from proxiscope.io.lazy import LAZY, lazily
from proxiscope.io.raw import nbytes_of, reading, require_few, require_memory
from proxiscope.io.zarr_codecs import guarded

_CODECS = {
    "adler32", "astype", "bitround", "blosc", "bytes", "bz2", "crc32", "crc32c", "default", "delta", "endian",
    "fixedscaleoffset", "fletcher32", "gzip", "lz4", "lzma", "packbits", "quantize", "sharding_indexed", "shuffle",
    "transpose", "v2", "zlib", "zstd",
}  # fmt: skip
"""Codecs that turn bytes into numbers and do nothing else; of those left out, ``pickle`` runs what the file says."""

_LISTED = 10**6  # values of an axis
_MOST = 1000  # nodes that are looked through for arrays


def is_zarr(path: Path) -> bool:
    """Whether a folder is a Zarr group or array, of version 2 or 3."""
    return path.is_dir() and any((path / name).is_file() for name in ("zarr.json", ".zgroup", ".zarray"))


def open_group(path: Path) -> Any:
    """A zarr.Group or zarr.Array to read from, of a folder or a zip file.

    Raises
    ------
    InputError
        It is neither.
    """
    import zarr

    if path.is_file():
        store = _stores()[1](path, mode="r")
    elif is_zarr(path):
        store = _stores()[0](path, read_only=True)
    else:
        raise InputError(path.name, "is a folder without a Zarr group in it", "Give the folder that holds zarr.json.")
    return (
        zarr.open(store=store, mode="r", use_consolidated=False)
        if _is_array(path)
        else zarr.open_group(store=store, mode="r", use_consolidated=False)
    )


def begun(path: Path) -> Any:
    """A zarr.Group of resolutions to write on with, once they are packed by codecs that are known.

    Raises
    ------
    InputError
        It is damaged, or somebody else's.
    """
    import zarr

    with reading(path, "a Zarr group"):
        group = zarr.open_group(path, mode="r+", use_consolidated=False)
        for name in takewhile(group.__contains__, map(str, count())):
            _checked(group[name], path)
    return group


def arrays(root: Any, path: Path) -> dict[str, Any]:
    """Arrays of numbers by their path below a group."""
    import zarr

    if isinstance(root, zarr.Array):
        return {"": root}
    found, todo, seen = {}, [("", root)], 0
    while todo and seen < _MOST:
        prefix, group = todo.pop(0)
        for name, node in group.members():
            seen += 1
            if isinstance(node, zarr.Group):
                todo.append((f"{prefix}{name}/", node))
            elif node.dtype.kind in "biufc":
                found[prefix + name] = node
    return found


def stored(array: Any, path: Path) -> Any:
    """The values of an array, of a large one as a dask array that reads them when they are used.

    Raises
    ------
    InputError
        A codec is not among those known, or a chunk does not fit into memory.
    """
    array = _checked(array, path)
    chunks = getattr(array, "shards", None) or array.chunks
    nbytes = nbytes_of(array.shape, array.dtype.itemsize)
    require_memory(nbytes_of(chunks, array.dtype.itemsize), path)
    require_few(array.shape, array.chunks, array.dtype.itemsize, array.nbytes_stored, path)
    if nbytes < LAZY:
        require_memory(nbytes, path)
        return np.asarray(array[...])
    chunks = tuple(min(c, n) for c, n in zip(chunks, array.shape, strict=True))
    return lazily(path, array.shape, array.dtype, array.__getitem__, "Zarr", chunks=chunks)


class Group:
    """A group below the root, for `proxiscope.io.hyperspy`."""

    def __init__(self, root: Any, name: str, path: Path):
        self._group, self._path = root[name], path
        self.attrs = dict(self._group.attrs)

    def attributes(self, name: str) -> dict[str, Any] | None:
        node = self._group.get(name)
        return None if node is None else dict(node.attrs)

    def values(self, name: str) -> NDArray[Any] | None:
        node = self._group.get(name)
        if getattr(node, "shape", None) is None or node.dtype.kind not in "iuf":
            return None
        node = _checked(node, self._path)
        if nbytes_of(node.shape, 1) > _LISTED:
            return None
        return np.asarray(node[...])


def _is_array(path: Path) -> bool:
    return path.is_dir() and ((path / ".zarray").is_file() or b'"array"' in _start(path / "zarr.json"))


def _start(path: Path) -> bytes:
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(2**20)


def _checked(array: Any, path: Path) -> Any:
    """The array, once its codecs are among those known, with those guarded that believe what they read."""
    named = set(_named(array.metadata.to_dict()))
    unknown = {name for name in named if name.removeprefix("numcodecs.") not in _CODECS}
    if unknown:
        raise InputError(
            path.name,
            f"{array.name} is packed with {', '.join(sorted(unknown))}, which is not read",
            "Write it with blosc, zstd or gzip.",
        )
    return guarded(array)


def _named(metadata: dict[str, Any]) -> Iterator[str]:
    """Names of all codecs: ``id`` in version 2, ``name`` in version 3, also of those inside shards."""
    todo = [metadata.get(key) for key in ("codecs", "compressor", "filters", "serializer", "compressors")]
    while todo:
        item = todo.pop()
        if isinstance(item, list | tuple):
            todo += item
        elif isinstance(item, dict):
            yield str(item.get("id", item.get("name")))
            inner = item.get("configuration")
            todo += [inner.get(k) for k in ("codecs", "index_codecs")] if isinstance(inner, dict) else []
        elif item is not None:
            config = item.get_config() if hasattr(item, "get_config") else item.to_dict()
            todo.append(config)


@cache
def _stores() -> tuple[type, type]:
    """Stores that give nothing from outside, and nothing that does not fit into memory."""
    from zarr.storage import LocalStore, ZipStore

    class Folder(LocalStore):
        def _checked(self, key: str) -> None:
            target, root = self.root / key, self.root.resolve()
            if target.exists() and not target.is_dir():
                if not target.resolve().is_relative_to(root):
                    raise InputError(self.root.name, f"{key} is a link to outside the folder", "Copy it into it.")
                if not target.is_file():
                    raise InputError(self.root.name, f"{key} is no regular file", "Remove it.")
                require_memory(target.stat().st_size, self.root)

        async def get(self, key: str, *args: Any, **kwargs: Any) -> Any:
            self._checked(key)
            return await super().get(key, *args, **kwargs)

        def get_sync(self, key: str, *args: Any, **kwargs: Any) -> Any:  # newer versions of zarr
            self._checked(key)
            return super().get_sync(key, *args, **kwargs)

    class Zip(ZipStore):
        def _get(self, key: str, *args: Any, **kwargs: Any) -> Any:
            try:
                size = self._zf.getinfo(key).file_size
            except KeyError:
                size = 0
            require_memory(size, self.path)
            return super()._get(key, *args, **kwargs)

    return Folder, Zip

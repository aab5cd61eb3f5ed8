"""Codecs of Zarr, with each chunk held against what it unpacks to: libraries read beyond it, or fill the memory."""

from collections.abc import Callable, Hashable
from copy import copy
from functools import cache, partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from proxiscope.core.errors import InputError
from proxiscope.io import packed
from proxiscope.io.raw import nbytes_of

if TYPE_CHECKING:
    from numcodecs.abc import Codec

_CHECKS: dict[str, Callable[[bytes, int], None]] = {
    "blosc": packed.check_blosc, "zstd": packed.check_zstd, "lz4": packed.check_lz4_block,
    **{kind: partial(packed.check_stream, kind=kind) for kind in ("zlib", "gzip", "bz2", "lzma")},
}  # fmt: skip
_FILTERS = 8  # times that a filter, as from one byte to eight, makes a chunk larger
_ROOM = 2**16  # bytes for check sums and indices
_LARGEST = 2**31  # bytes that one call unpacks


def guarded(array: Any) -> Any:
    """The zarr.Array with every codec that unpacks, also those inside shards, replaced by one that checks."""
    import zarr

    metadata = copy(array.metadata)
    if hasattr(metadata, "codecs"):
        object.__setattr__(metadata, "codecs", tuple(_guarded(codec) for codec in metadata.codecs))
    else:
        most = _most(array.chunks, array.dtype.itemsize)
        if metadata.compressor is not None:
            object.__setattr__(metadata, "compressor", _guarded2(metadata.compressor, most))
        filters = tuple(_guarded2(codec, most) for codec in metadata.filters or ())
        object.__setattr__(metadata, "filters", filters or None)
    return zarr.Array(zarr.AsyncArray(metadata=metadata, store_path=array.store_path))


def check(name: str, block: Any, most: int) -> None:
    """Raise InputError if a chunk would unpack to more than `most` bytes, or is shorter than it says."""
    try:
        _CHECKS[name](bytes(block), most)
    except ValueError as error:
        raise InputError("Zarr", f"a chunk {error}", "Copy or export it again.") from error


def _most(shape: tuple[int, ...], itemsize: int) -> int:
    return min(nbytes_of(shape, max(itemsize, 1)) * _FILTERS + _ROOM, _LARGEST)


def _guarded(codec: Any) -> Any:
    """Of Zarr 3, whose codecs are told the shape of the chunk."""
    from zarr.codecs import ShardingCodec

    if isinstance(codec, ShardingCodec):
        return ShardingCodec(
            chunk_shape=codec.chunk_shape,
            codecs=tuple(_guarded(inner) for inner in codec.codecs),
            index_codecs=tuple(_guarded(inner) for inner in codec.index_codecs),
            index_location=codec.index_location,
        )
    name = str(codec.to_dict().get("name")).removeprefix("numcodecs.")
    if name not in _CHECKS:
        return codec
    other = copy(codec)
    object.__setattr__(other, "__class__", _checking(cast(Hashable, type(codec)), name))
    return other


@cache
def _checking(kind: Any, name: str) -> type:
    class Checked(kind):  # type: ignore[misc]  # of a base known when it runs
        async def _decode_single(self, chunk_bytes: Any, chunk_spec: Any) -> Any:
            check(name, chunk_bytes.to_bytes(), _room(chunk_spec))
            return await super()._decode_single(chunk_bytes, chunk_spec)

        def _decode_sync(self, chunk_bytes: Any, chunk_spec: Any) -> Any:  # newer versions of zarr
            check(name, chunk_bytes.to_bytes(), _room(chunk_spec))
            return super()._decode_sync(chunk_bytes, chunk_spec)

    return Checked


def _room(spec: Any) -> int:
    kind = spec.dtype
    return _most(spec.shape, (kind.to_native_dtype() if hasattr(kind, "to_native_dtype") else kind).itemsize)


def _guarded2(codec: "Codec", most: int) -> "Codec":
    """Of Zarr 2."""
    name = codec.codec_id
    if name not in _CHECKS:
        return codec

    class Checked(type(codec)):  # type: ignore[misc]  # of a base known when it runs
        def decode(self, buf: Any, out: Any = None) -> Any:
            check(name, np.ascontiguousarray(buf).view(np.uint8), most)
            return super().decode(buf, out)

    return Checked(**{key: value for key, value in codec.get_config().items() if key != "id"})

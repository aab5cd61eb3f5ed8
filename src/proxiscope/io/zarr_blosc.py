"""Blosc in Zarr with its header held against the bytes that there are: the library reads on beyond them."""

from copy import copy
from functools import cache
from typing import Any

import numpy as np

from proxiscope.core.errors import InputError

_HEADER = 16  # bytes: versions, flags, size of a type, then sizes unpacked, of a block, and packed
_LARGEST = 2**31  # bytes that one call unpacks


def guarded(array: Any) -> Any:
    """The zarr.Array with every Blosc codec, also those inside shards, replaced by one that checks."""
    import zarr

    metadata = copy(array.metadata)
    if hasattr(metadata, "codecs"):
        codecs = tuple(_guarded(codec) for codec in metadata.codecs)
        if all(one is other for one, other in zip(codecs, metadata.codecs, strict=True)):
            return array
        object.__setattr__(metadata, "codecs", codecs)
    elif getattr(metadata.compressor, "codec_id", None) == "blosc":
        config = {key: value for key, value in metadata.compressor.get_config().items() if key != "id"}
        object.__setattr__(metadata, "compressor", _classes()[1](**config))
    else:
        return array
    return zarr.Array(zarr.AsyncArray(metadata=metadata, store_path=array.store_path))


def check(block: Any) -> None:
    """Raise InputError unless a Blosc buffer is as long as it says."""
    block = memoryview(block).cast("B")
    unpacked, _, packed = (
        (int(n) for n in np.frombuffer(block[4:_HEADER], "<u4")) if len(block) >= _HEADER else (0, 0, 0)
    )
    if not _HEADER <= packed <= len(block) or unpacked >= _LARGEST:
        raise InputError("Zarr", f"a chunk of {len(block)} bytes claims {packed}", "Copy or export it again.")


def _guarded(codec: Any) -> Any:
    from zarr.codecs import BloscCodec, ShardingCodec

    if isinstance(codec, BloscCodec):
        return _classes()[0].from_dict(codec.to_dict())
    if isinstance(codec, ShardingCodec):
        return ShardingCodec(
            chunk_shape=codec.chunk_shape,
            codecs=tuple(_guarded(inner) for inner in codec.codecs),
            index_codecs=tuple(_guarded(inner) for inner in codec.index_codecs),
            index_location=codec.index_location,
        )
    return codec


@cache
def _classes() -> tuple[type, type]:
    """The codecs of Zarr 3 and Zarr 2."""
    from numcodecs import Blosc
    from zarr.codecs import BloscCodec

    class Checked3(BloscCodec):
        async def _decode_single(self, chunk_bytes: Any, chunk_spec: Any) -> Any:
            check(chunk_bytes.to_bytes())
            return await super()._decode_single(chunk_bytes, chunk_spec)

        def _decode_sync(self, chunk_bytes: Any, chunk_spec: Any) -> Any:  # newer versions of zarr
            check(chunk_bytes.to_bytes())
            return super()._decode_sync(chunk_bytes, chunk_spec)

    class Checked2(Blosc):
        def decode(self, buf: Any, out: Any = None) -> Any:
            check(np.ascontiguousarray(buf))
            return super().decode(buf, out)

    return Checked3, Checked2

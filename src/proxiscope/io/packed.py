"""Pieces of packed bytes, held against what they are to unpack to: codecs believe them, and small ones hold any amount.

Each check raises ValueError with a few words.
"""

import bz2
import lzma
import zlib
from typing import Any

HARMLESS = 2**28
"""Bytes that may be unpacked without a look."""

_ZLIB_RATIO = 1032  # of what it unpacks to what it packed, at the most
_STEP = 2**20
_PIECES = 2**16  # frames or streams in one piece


def check_stream(block: bytes, most: int, kind: str) -> None:
    """Of zlib, gzip, bz2 or lzma, by unpacking it piece by piece; not if there is too little to become large."""
    if kind in ("zlib", "gzip") and len(block) * _ZLIB_RATIO <= HARMLESS:
        return
    total = 0
    for _ in range(_PIECES):
        unpacker = _unpacker(kind)
        while not unpacker.eof:
            found = unpacker.decompress(block, _STEP)
            block = getattr(unpacker, "unconsumed_tail", b"")
            total += len(found)
            if total > most:
                raise ValueError(f"unpacks to more than {most} bytes")
            if not found:
                return  # cut short, as the codec will find
        block = unpacker.unused_data
        if not block or kind == "zlib":
            return
    raise ValueError("has too many pieces")


def _unpacker(kind: str) -> Any:
    if kind == "bz2":
        return bz2.BZ2Decompressor()
    return lzma.LZMADecompressor(memlimit=2**28) if kind == "lzma" else zlib.decompressobj(47)


def check_blosc(block: bytes, most: int) -> None:
    """Of Blosc: bytes of versions, flags, size of a type, then sizes unpacked, of a block, and packed."""
    unpacked, packed = _little(block, 4), _little(block, 12)
    if len(block) < 16 or not 16 <= packed <= len(block):
        raise ValueError(f"of {len(block)} bytes claims {packed}")
    if unpacked > most:
        raise ValueError(f"claims to unpack to {unpacked} bytes, not {most}")


def check_zstd(block: bytes, most: int) -> None:
    """Of Zstandard: each of its frames begins with the size it unpacks to, or else ends it block by block."""
    total, at = 0, 0
    for _ in range(_PIECES):
        if at >= len(block):
            return
        magic = _little(block, at)
        if magic & 0xFFFFFFF0 == 0x184D2A50:  # to be skipped
            at += 8 + _little(block, at + 4)
            continue
        if magic != 0xFD2FB528 or at + 6 > len(block):
            return  # as the codec will find
        flags, at = block[at + 4], at + 5
        single, sizes = bool(flags & 32), flags >> 6
        at += (0 if single else 1) + (0, 1, 2, 4)[flags & 3]
        width = (1 if single else 0, 2, 4, 8)[sizes]
        claimed = _little(block, at, width) + (256 if width == 2 else 0) if width else None
        at += width
        unpacked, last = 0, False
        while not last and at + 3 <= len(block):
            head = _little(block, at, 3)
            last, kind, size = bool(head & 1), head >> 1 & 3, head >> 3
            unpacked += size if kind < 2 else 2**17  # the most that a packed block holds
            at += 3 + (1 if kind == 1 else size)
        at += 4 if flags & 4 else 0
        total += claimed if claimed is not None else unpacked
        if total > most + (0 if claimed is not None else 2**17):
            raise ValueError(f"claims to unpack to {total} bytes, not {most}")
    raise ValueError("has too many pieces")


def check_lz4(block: bytes, most: int) -> None:
    """Of the LZ4 filter of HDF5: its size unpacked, that of a piece, and pieces behind their packed sizes."""
    unpacked, piece = _big(block, 0, 8), _big(block, 8)
    if unpacked > most or piece < 1:
        raise ValueError(f"claims to unpack to {unpacked} bytes, not {most}")
    _check_pieces(block, 12, -(-unpacked // piece), 0)


def check_lz4_block(block: bytes, most: int) -> None:
    """Of LZ4 as numcodecs has it, behind its size unpacked."""
    if _little(block, 0) > most:
        raise ValueError(f"claims to unpack to {_little(block, 0)} bytes, not {most}")


def check_bitshuffle(block: bytes, most: int, itemsize: int) -> None:
    """Of Bitshuffle with LZ4 or Zstandard: pieces of eight numbers or more, and a few numbers as they are."""
    unpacked, piece = _big(block, 0, 8), _big(block, 8)
    if unpacked > most or piece < 8 * itemsize or piece % (8 * itemsize) or unpacked % itemsize:
        raise ValueError(f"claims to unpack to {unpacked} bytes, not {most}")
    rest = unpacked % piece
    _check_pieces(block, 12, unpacked // piece + (rest >= 8 * itemsize), rest % (8 * itemsize))


def _check_pieces(block: bytes, at: int, count: int, rest: int) -> None:
    for _ in range(count):
        if at + 4 > len(block):
            raise ValueError("is cut short")
        at += 4 + _big(block, at)
    if at + rest > len(block):
        raise ValueError("is cut short")


def _little(block: bytes, at: int, size: int = 4) -> int:
    return int.from_bytes(block[at : at + size], "little")


def _big(block: bytes, at: int, size: int = 4) -> int:
    return int.from_bytes(block[at : at + size], "big")

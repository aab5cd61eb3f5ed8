"""Where an HDF5 file keeps the attributes of a node, as bytes: before the library is asked to make values of them.

Source: The HDF Group, "HDF5 File Format Specification", version 3.
"""

from collections.abc import Iterator
from typing import IO

import numpy as np

_ATTRIBUTE, _CONTINUED, _DENSE = 0x0C, 0x10, 0x15  # kinds of messages
_SHARED = 2  # flag of a message that is kept elsewhere
_LARGEST = 2**22  # bytes of a piece
_MOST = 1000  # pieces
_NOWHERE = 2**64 - 1


def attribute_data(file: IO[bytes], at: int, base: int, name: bytes) -> list[bytes]:
    """What is stored of an attribute, from its first value on: once, unless the file is damaged.

    Parameters
    ----------
    file : file
        With addresses and lengths of 8 bytes.
    at : int
        Where the header of the node begins, in bytes.
    base : int
        Where the address 0 lies.
    name : bytes
    """
    found = (_split(body) for body in _bodies(file, at, base, name))
    return [data for named, data in found if named == name]


def _split(body: bytes) -> tuple[bytes, bytes]:
    """Name and data of the message of an attribute, between which lie its type and its shape."""
    version, sizes = body[0], np.frombuffer(body[2:8], "<u2").astype(int)
    padded = [size + -size % 8 if version == 1 else size for size in sizes]
    start = 9 if version == 3 else 8
    return body[start : start + sizes[0]].rstrip(b"\0"), body[start + sum(padded) :]


def _bodies(file: IO[bytes], at: int, base: int, name: bytes) -> Iterator[bytes]:
    """Messages of attributes in the header of a node, of either version, and in the heap where many are kept."""
    head = _piece(file, at, 32).ljust(32, b"\0")
    flags = head[5]
    old = head[:1] == b"\1"
    if old:
        todo = [(at + 16, _int(head, 8, 4))]
    elif head[:4] == b"OHDR":
        start, width = 6 + (16 if flags & 32 else 0) + (4 if flags & 16 else 0), 1 << (flags & 3)
        todo = [(at + start + width, _int(head, start, width))]
    else:
        return
    for _ in range(_MOST):
        if not todo:
            return
        block = _piece(file, *todo.pop(0))
        block = block[4:-4] if block[:4] == b"OCHK" else block  # without a mark and a check sum
        for kind, flag, body in _messages(block, old=old, ordered=bool(flags & 4)):
            if kind == _CONTINUED:
                todo.append((base + _int(body, 0), _int(body, 8)))
            elif kind == _DENSE and len(body) > 2:
                yield from _in_heap(file, base, _int(body, 4 if body[1] & 1 else 2), name)
            elif kind == _ATTRIBUTE and not flag & _SHARED and len(body) > 9:
                yield body


def _messages(block: bytes, *, old: bool, ordered: bool) -> Iterator[tuple[int, int, bytes]]:
    """Kind, flags and body of each message."""
    at, head = 0, 8 if old else 6 if ordered else 4
    while at + head <= len(block):
        size = _int(block, at + 2, 2) if old else _int(block, at + 1, 2)
        yield block[at], block[at + 4 if old else at + 3], block[at + head : at + head + size]
        at += head + size


def _in_heap(file: IO[bytes], base: int, address: int, name: bytes) -> Iterator[bytes]:
    """Messages by that name in a fractal heap; they are not listed there, but each begins with its name."""
    for block in _heap_blocks(file, base, address) if address != _NOWHERE else ():
        at = block.find(name + b"\0")
        while at >= 0:
            for version, back in ((1, 8), (2, 8), (3, 9)):
                if at >= back and block[at - back] == version and _int(block, at - back + 2, 2) == len(name) + 1:
                    yield block[at - back :]
            at = block.find(name + b"\0", at + 1)


def _heap_blocks(file: IO[bytes], base: int, address: int) -> Iterator[bytes]:
    """The direct blocks of a fractal heap: one, or those that its root lists, row by row, of growing size."""
    head = _piece(file, base + address, 146)
    if head[:4] != b"FRHP" or len(head) < 146:
        return
    width, first, largest = _int(head, 110, 2), _int(head, 112), _int(head, 120)
    root, rows = _int(head, 132), _int(head, 140, 2)
    if rows == 0:
        yield _piece(file, base + root, first)
        return
    start = 13 + -(-_int(head, 128, 2) // 8)  # behind the place of the block in the heap
    listed = _piece(file, base + root, start + 8 * width * rows)
    for i in range(min(width * rows, _MOST)):
        size, place = first << max(i // width - 1, 0), _int(listed, start + 8 * i)
        if size <= largest and place != _NOWHERE:
            yield _piece(file, base + place, size)


def _piece(file: IO[bytes], at: int, size: int) -> bytes:
    if at >= 2**63:
        return b""
    file.seek(at)
    return file.read(min(size, _LARGEST))


def _int(block: bytes, at: int, size: int = 8) -> int:
    return int.from_bytes(block[at : at + size], "little")

"""Where HDF5 files keep their strings, and a look at it before the HDF5 library has one."""

from collections.abc import Iterable, Iterator
from typing import IO

from .errors import InputError

_MARK = b"GCOL\1\0\0\0"
_AT_A_TIME = 2**22  # bytes


def check_heaps(file: IO[bytes], size: int, name: str, ranges: Iterable[tuple[int, int]] | None = None) -> None:
    """Refuse a damaged global heap (where strings lie), in which the HDF5 library may loop for ever.

    An object of the heap has a header of 16 bytes: its number, and its size in the last 8. The library steps
    from one to the next by the size, so that a free object, which has number 0, of size 0 holds it in place.

    Parameters
    ----------
    file : binary file
        Read, and not mapped into memory: it may be cut short meanwhile.
    size : int
        Of the file, bytes.
    name : str
        Of the file, for the message.
    ranges : iterable of tuple of int, optional
        Where to search, from first to last + 1; all of it by default.

    Raises
    ------
    InputError
        If one is damaged.
    """
    for start in _marks(file, [(0, size)] if ranges is None else ranges):
        end = start + int.from_bytes(_bytes_at(file, start)[8:], "little")
        at = start + 16
        while at + 16 <= end <= size:
            head = _bytes_at(file, at)
            number, nbytes = int.from_bytes(head[:2], "little"), int.from_bytes(head[8:], "little")
            step = nbytes if number == 0 else 16 + -(-nbytes // 8) * 8
            at = at + step if step >= 16 else size + 1
        if max(at, end) > min(end, size):
            raise InputError(name, "its heap of strings is damaged", "Copy or export it again.")


def _bytes_at(file: IO[bytes], start: int) -> bytes:
    file.seek(start)
    return file.read(16)


def _marks(file: IO[bytes], ranges: Iterable[tuple[int, int]]) -> Iterator[int]:
    """Where heaps begin within some ranges of a file."""
    for first, last in ranges:
        at = first
        while at < last:
            file.seek(at)
            block = file.read(min(_AT_A_TIME, last - at))
            if len(block) < len(_MARK):
                break
            found = block.find(_MARK)
            while found >= 0:
                yield at + found
                found = block.find(_MARK, found + len(_MARK))
            at += len(block) - len(_MARK) + 1  # one that lies across two blocks is found in the next

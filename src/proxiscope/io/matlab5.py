"""MATLAB's .mat files of version 5, as far as numeric arrays go.

scipy.io.loadmat reads more of them, and dies of a segmentation fault on damaged ones: it trusts the types and sizes
that a file states. Here every size is held against its surroundings before anything is taken from it.

Source: MathWorks, "MAT-File Format".
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from proxiscope.core.errors import InputError
from proxiscope.io.raw import nbytes_of, require_memory, require_plausible

_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_LARGEST_RATIO = 1032  # of what zlib unpacks to what it packed
_NUMERIC = range(6, 16)  # classes of arrays: double, single, and integers
_MATRIX, _COMPRESSED = 14, 15
_COMPLEX, _LOGICAL = 0x0800, 0x0200
_HEAD = 2**16  # bytes of a compressed variable that are looked at for its name and shape


class _Element(NamedTuple):
    kind: int
    start: int  # of its data in the block
    size: int
    end: int  # where the next one begins


@dataclass(frozen=True)
class Variable:
    """A numeric array of a file.

    Attributes
    ----------
    shape : tuple of int
    at, size : int
        Where it lies in the file, in bytes.
    compressed : bool
    """

    shape: tuple[int, ...]
    at: int
    size: int
    compressed: bool


class File:
    """The numeric arrays of a file.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    variables : dict
        `Variable` by name; cells, structures, texts, sparse arrays and objects are left out.

    Raises
    ------
    InputError
        If the file is damaged, or of another version.
    """

    def __init__(self, path: Path):
        self._path = path
        with path.open("rb") as file:
            self._order = self._byte_order(file.read(128))
            found = list(self._variables(file, path.stat().st_size))
        self.variables = {name: variable for name, variable in found if variable is not None}
        if len({name for name, _ in found}) < len(found):
            raise self._damaged("two variables have one name")

    def load(self, name: str) -> NDArray[Any]:
        """The array of a variable, in Fortran order; MATLAB stores whole numbers in as few bytes as they need."""
        variable = self.variables[name]
        require_memory(nbytes_of(variable.shape, 8), self._path)
        with self._path.open("rb") as file:
            file.seek(variable.at)
            block = file.read(variable.size)
        if variable.compressed:
            block = self._unpacked(block, None)
        _, flags, parts = self._parts(block, whole=True)
        values = self._values(block, parts[3], variable.shape)
        if flags & _COMPLEX:
            values = values + 1j * self._values(block, parts[4], variable.shape)
        dtype = bool if flags & _LOGICAL else values.dtype.newbyteorder("=")
        return values.astype(dtype, copy=False).reshape(variable.shape, order="F")

    def _byte_order(self, header: bytes) -> Literal["<", ">"]:
        mark = header[124:128]
        orders: dict[bytes, Literal["<", ">"]] = {b"\x00\x01IM": "<", b"\x01\x00MI": ">"}
        order = orders.get(mark)
        if order is None:
            raise InputError(self._path.name, "is no MATLAB file of version 5 or 7.3", "Save it again with save -v7")
        return order

    def _variables(self, file: IO[bytes], size: int) -> Iterator[tuple[str, Variable | None]]:
        at = 128
        while size - at >= 8:
            file.seek(at)
            kind, length = (int(n) for n in np.frombuffer(file.read(8), self._order + "u4"))
            if kind not in (_MATRIX, _COMPRESSED) or length > size - at - 8:
                raise self._damaged(f"an element of {length} bytes where {size - at - 8} are left")
            block = file.read(min(length, _HEAD))
            if kind == _COMPRESSED:
                block = self._unpacked(block, _HEAD)
            if length:
                shape, flags, parts = self._parts(block, whole=False)
                name = block[parts[2].start : parts[2].start + parts[2].size].decode("latin-1")
                variable = Variable(shape, at + 8, length, kind == _COMPRESSED)
                yield name, variable if flags & 0xFF in _NUMERIC else None
            at += 8 + length
            at += -at % 8 if kind == _MATRIX else 0

    def _unpacked(self, block: bytes, most: int | None) -> bytes:
        """What a compressed element holds, without its tag; its first bytes alone if `most` says how many."""
        unpacker = zlib.decompressobj()
        try:
            tag = unpacker.decompress(block, 8)
            if len(tag) < 8:
                raise self._damaged("a compressed variable without a tag")
            kind, length = (int(n) for n in np.frombuffer(tag, self._order + "u4"))
            if kind != _MATRIX:
                raise self._damaged("a compressed variable that is no array")
            length = length if most is None else min(length, most)
            if length > _LARGEST_RATIO * len(block):
                raise self._damaged(f"a compressed variable of {len(block)} bytes that claims {length}")
            require_memory(length, self._path)
            require_plausible(len(block), length, self._path)
            found = unpacker.decompress(unpacker.unconsumed_tail, max(length, 1))
        except zlib.error as error:
            raise self._damaged(f"a compressed variable that cannot be unpacked, {error}") from error
        if most is None and len(found) < length:
            raise self._damaged("a compressed variable that is cut short")
        return found

    def _parts(self, block: bytes, *, whole: bool) -> tuple[tuple[int, ...], int, list[_Element]]:
        """Shape, flags and elements of an array: flags, dimensions, name, and its values in a `whole` block."""
        parts: list[_Element] = []
        for _ in range(3):
            parts.append(self._element(block, parts[-1].end if parts else 0))
        if (parts[0].kind, parts[0].size) != (6, 8) or parts[1].kind != 5 or parts[2].kind not in (1, 16):
            raise self._damaged("an array without flags, dimensions and name")
        flags = int(np.frombuffer(block, self._order + "u4", 1, parts[0].start)[0])
        count = parts[1].size // 4
        shape = tuple(int(n) for n in np.frombuffer(block, self._order + "i4", count, parts[1].start))
        if not 2 <= count <= 32 or min(shape) < 0:
            raise self._damaged(f"an array of {count} dimensions, {shape[:4]}")
        while whole and len(parts) < (5 if flags & _COMPLEX else 4):
            parts.append(self._element(block, parts[-1].end))
        return shape, flags, parts

    def _element(self, block: bytes, at: int) -> _Element:
        if at + 8 > len(block):
            raise self._damaged("an array that is cut short")
        kind, size = (int(n) for n in np.frombuffer(block, self._order + "u4", 2, at))
        if kind >> 16:  # a small one: its size stands in the upper half, its data in the place of the size
            element = _Element(kind & 0xFFFF, at + 4, kind >> 16, at + 8)
            fits = element.size <= 4
        else:
            element = _Element(kind, at + 8, size, at + 8 + size + -size % 8)
            fits = at + 8 + size <= len(block)
        if not fits:
            raise self._damaged("an element that is larger than its array")
        return element

    def _values(self, block: bytes, element: _Element, shape: tuple[int, ...]) -> NDArray[Any]:
        stored = np.dtype(_STORED.get(element.kind, "V1")).newbyteorder(self._order)
        count = nbytes_of(shape, 1)
        if element.kind not in _STORED or count * stored.itemsize != element.size:
            raise self._damaged(f"an array of shape {shape} with {element.size} bytes of type {element.kind}")
        return np.frombuffer(block, stored, count, element.start)

    def _damaged(self, found: str) -> InputError:
        return InputError(self._path.name, f"is damaged: {found}", "Copy or export it again.")

"""DM3 and DM4 of Gatan DigitalMicrograph through RosettaSciIO, after a look at the sizes they claim."""

import struct
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from proxiscope.core.errors import InputError
from proxiscope.io.lazy import LAZY, plain
from proxiscope.io.raw import Found, choose, nbytes_of, others, require_memory, squeezed, to_nm

_BYTES = {2: 2, 3: 4, 4: 2, 5: 4, 6: 4, 7: 8, 8: 1, 9: 1, 10: 1, 11: 8, 12: 8}  # of the simple types, by their code
_STRUCT, _STRING, _ARRAY = 15, 18, 20
_DEPTH = 64  # groups within groups
_PER_VALUE = 64  # bytes of memory that one number of a tag takes in Python


def read(path: Path, variable: str | None = None) -> Found:
    """Read the largest image or stack of a DM file, without its thumbnail.

    Parameters
    ----------
    path : Path
        The file.
    variable : str, optional
        The number of the image, counted from 0, if the file holds several.

    Returns
    -------
    Found
        Data (y, x) or (section, y, x), read at once or piece by piece; pixel size (nm) from the calibration of x,
        angles of a first axis in degrees.
    """
    blocks = _check(path)
    from rsciio.digitalmicrograph import file_reader

    signals = {str(i): signal for i, signal in enumerate(file_reader(str(path), lazy=True))}
    sizes = {name: nbytes_of(s["data"].shape, 1) for name, s in signals.items() if s["data"].ndim >= 2}
    name = choose(path, {n: size for n, size in sizes.items() if variable in (None, n)})
    signal = signals[name]
    data, axes = signal["data"], signal["axes"]
    nbytes = nbytes_of(data.shape, data.dtype.itemsize)
    if nbytes > path.stat().st_size:
        raise InputError(
            path.name, f"claims shape {data.shape} of {data.dtype}, more than the file has", "Copy or export it again."
        )
    starts = blocks.get(nbytes, [])
    if len(starts) == 1 and data.dtype.kind in "biuf":  # RosettaSciIO would map it: see `lazy.plain`
        data = plain(path, data.shape, data.dtype, starts[0], "DigitalMicrograph")
    elif nbytes < LAZY:
        data = np.asarray(data)
    angles = _angles(axes[0], data.shape[0], path) if data.ndim == 3 else ()
    data, notes = squeezed(data, path)
    size = to_nm(abs(float(axes[-1].get("scale", 0))), str(axes[-1].get("units", "")))
    return Found(data, angles, size, notes=(*notes, *others(f"number {name}", [f"number {n}" for n in sizes])))


def _angles(axis: dict[str, Any], count: int, path: Path) -> tuple[tuple[str, NDArray[Any]], ...]:
    unit = str(axis.get("units", "")).lower()
    if not unit.startswith(("deg", "°", "rad")):
        return ()
    values = float(axis.get("offset", 0)) + float(axis.get("scale", 1)) * np.arange(count)
    return ((f"the first axis of {path.name}", np.degrees(values) if unit.startswith("rad") else values),)


def _check(path: Path) -> dict[int, list[int]]:
    """Walk over the tags, and refuse lengths that the file does not have or that memory does not hold.

    RosettaSciIO believes them: a negative one would make it read the same bytes for ever. Returned is where arrays of
    how many bytes begin.
    """
    with path.open("rb") as file:
        tags = _Tags(file, path)
        tags.walk()
    return tags.arrays


class _Tags:
    """The tree of tags: groups of tags, each with its data behind a definition of their type in big-endian numbers."""

    def __init__(self, file: IO[bytes], path: Path):
        self._file, self._path, self._end = file, path, path.stat().st_size
        self._values = 0
        self.arrays: dict[int, list[int]] = {}

    def walk(self) -> None:
        self._version = self._number(4)
        if self._version not in (3, 4):
            raise InputError(self._path.name, "is no DM3 or DM4 file", "Give the file its right suffix.")
        self._word = 4 if self._version == 3 else 8
        self._number(self._word)
        self._number(4)
        self._group(0)

    def _group(self, depth: int) -> None:
        if depth > _DEPTH:
            raise self._bad()
        self._skip(2)
        for _ in range(self._count(1)):
            kind = self._number(1)
            self._skip(self._number(2))
            if self._version == 4:
                self._skip(8)
            if kind == 20:
                self._group(depth + 1)
            elif kind == 21:
                self._data()
            else:
                raise self._bad()

    def _data(self) -> None:
        if self._file.read(4) != b"%%%%":
            raise self._bad()
        length, kind = self._number(self._word), self._number(self._word)
        if length < 1:
            raise self._bad()
        if kind == _STRUCT:
            self._skip(self._struct())
        elif kind == _STRING:
            self._skip(self._count(1))
        elif kind == _ARRAY:
            inner = self._number(self._word)
            size = self._struct() if inner == _STRUCT else _BYTES.get(inner, 0)
            if size == 0:  # arrays of arrays or texts, which are not seen
                raise self._bad()
            count = self._count(size)
            self.arrays.setdefault(count * size, []).append(self._file.tell())
            self._values += count if count * size < self._end // 2 else 0  # the images themselves are not listed
            require_memory(self._values * _PER_VALUE, self._path)
            self._skip(count * size)
        else:
            self._skip(_BYTES.get(kind) or self._refuse())

    def _struct(self) -> int:
        """Bytes of a record, from its definition."""
        self._number(self._word)
        size = 0
        for _ in range(self._count(2 * self._word)):
            self._number(self._word)
            size += _BYTES.get(self._number(self._word)) or self._refuse()
        return size

    def _count(self, size: int) -> int:
        """A number of things of so many bytes, which the rest of the file must hold."""
        count = self._number(self._word)
        if not 0 <= count * size <= self._end - self._file.tell():
            raise self._bad()
        return count

    def _skip(self, nbytes: int) -> None:
        if not 0 <= nbytes <= self._end - self._file.tell():
            raise self._bad()
        self._file.seek(nbytes, 1)

    def _number(self, nbytes: int) -> int:
        return struct.unpack({1: ">b", 2: ">h", 4: ">i", 8: ">q"}[nbytes], self._file.read(nbytes))[0]

    def _refuse(self) -> int:
        raise self._bad()

    def _bad(self) -> InputError:
        at = self._file.tell()
        return InputError(self._path.name, f"its tags are damaged at byte {at}", "Copy or export it again.")

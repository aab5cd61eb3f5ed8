"""EDF, the format of the ESRF: frames one after the other, each a header of text and its values.

fabio reads it too, but believes what the headers say: one that leads back, or a dimension by a large number, holds it
for ever, and what is packed is unpacked whatever its size.
"""

import bz2
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proxiscope.core.errors import InputError
from proxiscope.io.lazy import LAZY, lazily
from proxiscope.io.raw import Declared, Found, metres, nbytes_of, require_memory, require_plausible

_HEADER = 2**18  # bytes in which a header ends
_END = re.compile(rb"\}\r?\n")
_BLANK = b" \t\r\n\v\f\0"
_MOST = 100_000  # frames


@dataclass(frozen=True)
class _Frame:
    """Where the values of a frame lie, in bytes, and what they are."""

    start: int
    size: int
    shape: tuple[int, ...]
    dtype: np.dtype
    packed: str  # word for the compression, empty for none

    def values(self, path: Path) -> NDArray[Any]:
        """The values, of this shape; no more is unpacked than it claims."""
        need = nbytes_of(self.shape, self.dtype.itemsize)
        with path.open("rb") as file:
            file.seek(self.start)
            block = file.read(self.size)
        if self.packed.startswith("BZ"):
            block = bz2.BZ2Decompressor().decompress(block, need)
        elif self.packed:
            block = zlib.decompressobj(47).decompress(block, need)  # which knows gzip from zlib
        if len(block) < need:
            raise InputError(path.name, f"has a frame of {len(block)} bytes, not {need}", "Copy or export it again.")
        return np.frombuffer(block, self.dtype, need // self.dtype.itemsize).reshape(self.shape)


def read(path: Path, variable: str | None = None) -> Found:
    """Read the frames of an EDF file, which are of one shape and type.

    Parameters
    ----------
    path : Path
        The file.
    variable : str, optional
        Ignored.

    Returns
    -------
    Found
        Data (y, x), or (frame, y, x) of several; intensities, and the detector's pixel size in nm.
    """
    frames, size = [], None
    for frame, header in _frames(path):
        frames.append(frame)
        if len(frames) == 1:
            size = metres(next((header[k] for k in ("PSIZE_1", "PSIZE_2", "PIXEL_SIZE_X") if k in header), None))
        if (frame.shape, frame.dtype) != (frames[0].shape, frames[0].dtype):
            raise InputError(path.name, "its frames differ in shape or type", "Keep one series in a file.")
    if not 0 < len(frames) <= _MOST:
        raise InputError(path.name, f"has {len(frames)} frames", "Copy or export it again.")
    shape, dtype = frames[0].shape, frames[0].dtype.newbyteorder("=")
    total = (len(frames), *shape)
    nbytes = nbytes_of(total, dtype.itemsize)
    declared = Declared(quantity="intensities")
    if nbytes >= LAZY and len(frames) > 1:
        data = lazily(path, total, dtype, partial(_some, path, frames), "EDF", chunks=(1, *shape))
        return Found(data, pixel_size=size, declared=declared)
    require_memory(2 * nbytes, path)
    require_plausible(path.stat().st_size, nbytes, path)
    data = np.stack([frame.values(path) for frame in frames], dtype=dtype)
    return Found(data[0] if len(data) == 1 else data, pixel_size=size, declared=declared)


def _some(path: Path, frames: list[_Frame], key: tuple[Any, ...]) -> NDArray[Any]:
    wanted = frames[key[0]]
    if isinstance(wanted, _Frame):
        return wanted.values(path)[key[1:]]
    return np.stack([frame.values(path)[key[1:]] for frame in wanted])


def _frames(path: Path) -> Iterator[tuple[_Frame, dict[str, str]]]:
    """Frames with their headers, whose keys are in capitals; each begins behind the one before it."""
    general: dict[str, str] = {}
    with path.open("rb") as file:  # not mapped: see `lazy.plain`
        size, at, first = path.stat().st_size, 0, True
        while at < size:
            file.seek(at)
            block = file.read(512)
            if not block.lstrip(_BLANK) and not first:
                return  # filled up at the end
            if not block.lstrip(_BLANK).startswith(b"{"):
                problem = "has no header of EDF" if first else f"is not complete, or damaged at byte {at}"
                raise InputError(path.name, problem, "Unpack or export it again, or give it its right suffix.")
            end = _END.search(block)
            if end is None:
                block += file.read(_HEADER - len(block))
                end = _END.search(block)
            if end is None:
                raise InputError(path.name, f"its header at byte {at} has no end", "Copy or export it again.")
            header, start, first = _header(block[: end.start()]), at + end.end(), False
            if any(key.startswith("EDF_BINARYFILE") for key in header):
                raise InputError(path.name, "keeps its values in another file", "Export it into one file.")
            if "EDF_DATAFORMATVERSION" in header:  # values for all frames, and none of its own
                general = {k: v for k, v in header.items() if not k.startswith("EDF_") and k != "SIZE"}
                at = start + _whole(header.get("EDF_BINARYSIZE", "0"))
            else:
                header = general | header
                frame = _frame(header, start, path)
                yield frame, header
                at = frame.start + frame.size
            if not start <= at <= size:
                raise InputError(path.name, "claims more than it has", "Copy or export it again.")


def _header(block: bytes) -> dict[str, str]:
    """Values by their keys in capitals."""
    pairs = [line.split(b"=", 1) for line in block.lstrip(_BLANK)[1:].split(b";") if b"=" in line]
    texts = ([part.strip(_BLANK).decode("latin-1") for part in pair] for pair in pairs)
    return {key.upper(): value for key, value in texts}


def _frame(header: dict[str, str], start: int, path: Path) -> _Frame:
    from fabio.edfimage import DATA_TYPES

    sizes = [_whole(header[f"DIM_{axis}"]) for axis in (3, 2, 1) if f"DIM_{axis}" in header]
    kind = DATA_TYPES.get(header.get("DATATYPE", "UnsignedShort"))
    packed = header.get("COMPRESSION", "").upper()
    packed = "" if packed.startswith("NO") else packed
    if not 2 <= len(sizes) <= 3 or min(sizes) < 1 or "DIM_4" in header or kind is None:
        raise InputError(
            path.name, f"has a frame of shape {tuple(sizes)} and type {header.get('DATATYPE')}", "Export it again."
        )
    if packed and not re.search("Z", packed):
        raise InputError(path.name, f"is packed by {packed[:40]}", "Export it without compression.")
    dtype = np.dtype(kind).newbyteorder(">" if "High" in header.get("BYTEORDER", "") else "<")
    need = nbytes_of(tuple(sizes), dtype.itemsize)
    size = next((_whole(header[key]) for key in ("EDF_BINARYSIZE", "SIZE") if key in header), None)
    if size is None and packed:
        raise InputError(path.name, "does not say how long its packed values are", "Export it again.")
    size = need if size is None else size
    if size < 0 or (size < need and not packed):
        claim = f"claims shape {tuple(sizes)} of {dtype.name} in {size} bytes"
        raise InputError(path.name, f"{claim}, more than it has", "Copy or export it again.")
    return _Frame(start, size, tuple(sizes), dtype, packed)


def _whole(text: str) -> int:
    """A whole number; raises ValueError."""
    return int(text) if re.fullmatch(r"[+-]?\d{1,18}", text) else int(float(text[:40]))

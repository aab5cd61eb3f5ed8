"""Detector images of X-ray sources through fabio: EDF, CBF, and masks of Fit2D."""

import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proxiscope.core.errors import InputError
from proxiscope.io.lazy import LAZY, lazily
from proxiscope.io.raw import Declared, Found, nbytes_of, require_memory

_RATIO = 1032  # of what zlib unpacks to what it packed, at the most
_CIF = 2**13  # bytes of text before the binary section of a CBF
_HEADER = 2**16  # bytes in which the headers of that end


def read(path: Path, variable: str | None = None) -> Found:
    """Read an EDF, CBF or Fit2D mask, by the suffix; fabio's guess of the format is not asked for.

    Parameters
    ----------
    path : Path
        The file.
    variable : str, optional
        Ignored.

    Returns
    -------
    Found
        Data (y, x), or (frame, y, x) of an EDF of several; intensities, and the detector's pixel size in nm.
    """
    readers = {".edf": _edf, ".cbf": _cbf, ".msk": _fit2d}
    return readers[path.suffix.lower()](path)


def _edf(path: Path) -> Found:
    with path.open("rb") as file:
        if not file.read(512).lstrip().startswith(b"{"):  # fabio would unpack a file that is compressed as a whole
            raise InputError(path.name, "has no header of EDF", "Unpack it, or give the file its right suffix.")
    with _open_edf(path) as image:
        frames = [image.get_frame(i) for i in range(image.nframes)]
        if image.incomplete_file or not frames:
            raise InputError(path.name, "is not complete", "Copy or export it again.")
        for frame in frames:
            if any(key.upper().startswith("EDF_BINARYFILE") for key in frame.header):
                raise InputError(path.name, "keeps its values in another file", "Export it into one file.")
            if frame.shape != frames[0].shape or frame.dtype != frames[0].dtype:
                raise InputError(path.name, "its frames differ in shape or type", "Keep one series in a file.")
        shape, dtype = tuple(int(n) for n in frames[0].shape), np.dtype(frames[0].dtype)
        total, header = (len(frames), *shape), dict(frames[0].header)
        nbytes = nbytes_of(total, dtype.itemsize)
        packed = next((str(v).upper() for k, v in header.items() if k.upper() == "COMPRESSION"), "NO")
        if not packed.startswith("NO"):
            require_memory(path.stat().st_size * _RATIO, path)
        elif nbytes > path.stat().st_size:
            raise InputError(
                path.name, f"claims shape {total} of {dtype}, more than the file has", "Copy or export it again."
            )
        if nbytes >= LAZY and len(frames) > 1:
            data = lazily(path, total, dtype, partial(_edf_frames, path), "EDF", chunks=(1, *shape))
        else:
            require_memory(nbytes, path)
            data = np.stack([np.asarray(frame.data).reshape(shape) for frame in frames])
    data = data[0] if len(data) == 1 else data
    size = _metres(next((header[k] for k in ("PSize_1", "PSize_2", "pixel_size_x") if k in header), None))
    return Found(data, pixel_size=size, declared=Declared(quantity="intensities"))


def _open_edf(path: Path) -> Any:
    from fabio.edfimage import EdfImage

    return EdfImage().read(str(path))


def _edf_frames(path: Path, key: tuple) -> NDArray:
    with _open_edf(path) as image:
        wanted = range(image.nframes)[key[0]]
        if isinstance(wanted, int):
            return np.asarray(image.get_frame(wanted).data)[key[1:]]
        return np.stack([np.asarray(image.get_frame(i).data)[key[1:]] for i in wanted])


def _cbf(path: Path) -> Found:
    from fabio.cbfimage import CbfImage

    shape, size = _cbf_header(path)
    require_memory(nbytes_of(shape, 8) + 2 * size, path)
    image = CbfImage().read(str(path))
    data, header = np.asarray(image.data), dict(image.header)
    valid, notes = None, ()
    contents = str(header.get("_array_data.header_contents", ""))
    if "PILATUS" in f"{header.get('_array_data.header_convention', '')}{contents}".upper() and (data < 0).any():
        valid = data >= 0
        lost = np.count_nonzero(~valid)
        notes = (f"{lost} of {valid.size} pixels are masked: the detector marks gaps and dead pixels below zero.",)
    found = re.search(r"Pixel_size\s+([\d.eE+-]+)\s*m", contents)
    declared = Declared(quantity="intensities", valid=valid)
    return Found(data, pixel_size=_metres(found[1] if found else None), notes=notes, declared=declared)


def _cbf_header(path: Path) -> tuple[tuple[int, int], int]:
    """Shape and bytes that the header claims; without a binary section fabio would look for it for ever."""
    with path.open("rb") as file:
        block = file.read(_HEADER)
    first = block.find(b"--CIF-BINARY-FORMAT-SECTION--", 0, _CIF) if block[:1] in (b"#", b"d") else -1
    last = block.find(b"\x0c\x1a\x04\xd5", first)
    section = block[first:last] if 0 <= first < last else b""
    found = {
        key: re.search(rb"X-Binary-" + key.encode() + rb":\s*(\d+)", section)
        for key in ("Size-Second-Dimension", "Size-Fastest-Dimension", "Size")
    }
    if not all(found.values()):
        raise InputError(path.name, "has no binary section of CBF", "Export it with binary CBF images.")
    rows, columns, size = (int(match[1]) for match in found.values())
    if size > path.stat().st_size or not 0 < rows * columns <= 2 * size * 2**7:
        raise InputError(
            path.name, f"claims shape {(rows, columns)} in {size} bytes, more than it has", "Copy or export it again."
        )
    return (rows, columns), size


def _fit2d(path: Path) -> Found:
    from fabio.fit2dmaskimage import Fit2dMaskImage

    with path.open("rb") as file:
        block = file.read(24)
    columns, rows = (int(n) for n in np.frombuffer(block[16:24], "<i4"))
    if block[:13:4] != b"MASK" or columns < 1 or rows < 1 or rows * -(-columns // 32) * 4 + 1024 > path.stat().st_size:
        raise InputError(path.name, "is no mask of Fit2D", "Copy or export it again.")
    require_memory(3 * rows * (columns + 32), path)
    bad = np.asarray(Fit2dMaskImage().read(str(path)).data) != 0
    return Found(~bad, notes=("A mask of Fit2D marks the pixels not to be used: turned round, true is usable.",))


def _metres(value: Any) -> float | None:
    try:
        size = float(str(value).split()[0]) * 1e9
    except (ValueError, IndexError):
        return None
    return size if np.isfinite(size) and size > 0 else None

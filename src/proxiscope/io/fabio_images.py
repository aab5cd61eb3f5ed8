"""Detector images of X-ray sources through fabio: CBF, and masks of Fit2D."""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from proxiscope.core.errors import InputError
from proxiscope.io.raw import Declared, Found, metres, nbytes_of, require_memory

_CIF = 2**13  # bytes of text before the binary section of a CBF
_HEADER = 2**16  # bytes in which the headers of that end


def read(path: Path, variable: str | None = None) -> Found:
    """Read a CBF or Fit2D mask, by the suffix; fabio's guess of the format is not asked for.

    Parameters
    ----------
    path : Path
        The file.
    variable : str, optional
        Ignored.

    Returns
    -------
    Found
        Data (y, x); intensities, and the detector's pixel size in nm; or a mask.
    """
    return {".cbf": _cbf, ".msk": _fit2d}[path.suffix.lower()](path)


def _cbf(path: Path) -> Found:
    from fabio.cbfimage import CbfImage

    shape, size = _cbf_header(path)
    require_memory(nbytes_of(shape, 8) + 2 * size, path)
    image = CbfImage().read(str(path))
    data, header = np.asarray(image.data), dict(image.header)
    valid: NDArray[np.bool_] | None = None
    notes: tuple[str, ...] = ()
    contents = str(header.get("_array_data.header_contents", ""))
    if "PILATUS" in f"{header.get('_array_data.header_convention', '')}{contents}".upper() and (data < 0).any():
        valid = data >= 0
        lost = np.count_nonzero(~valid)
        notes = (f"{lost} of {valid.size} pixels are masked: the detector marks gaps and dead pixels below zero.",)
    found = re.search(r"Pixel_size\s+([\d.eE+-]+)\s*m", contents)
    declared = Declared(quantity="intensities", valid=valid)
    return Found(data, pixel_size=metres(found[1] if found else None), notes=notes, declared=declared)


def _cbf_header(path: Path) -> tuple[tuple[int, int], int]:
    """Shape and bytes that the header claims; without a binary section fabio would look for it for ever."""
    with path.open("rb") as file:
        block = file.read(_HEADER)
    first = block.find(b"--CIF-BINARY-FORMAT-SECTION--", 0, _CIF) if block[:1] in (b"#", b"d") else -1
    last = block.find(b"\x0c\x1a\x04\xd5", first)
    section = block[first:last] if 0 <= first < last else b""
    found = [
        re.search(rb"X-Binary-" + key.encode() + rb":\s*(\d+)", section)
        for key in ("Size-Second-Dimension", "Size-Fastest-Dimension", "Size")
    ]
    if not all(found):
        raise InputError(path.name, "has no binary section of CBF", "Export it with binary CBF images.")
    rows, columns, size = (int(match[1]) for match in found if match)
    if size > path.stat().st_size or not 0 < rows * columns <= size:  # offsets from pixel to pixel, of a byte or more
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

"""MRC: single precision, the voxel size, short labels to be read by people, and the rest in the extended header.

The extended header is an HDF5 file, a type that the standard knows as ``HDF5``; programs that do not read it skip it.
"""

import hashlib
import io
from collections.abc import Callable
from functools import partial
from glob import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import InputError
from ...core.files import atomic
from ...core.hdf5_heaps import check_heaps
from ..contents import Contents
from ..document import as_json
from ..text import read_rows
from .common import as_float32
from .hdf5 import describe

_ROOM = 2**26  # bytes of an array in the extended header
_SEAL = 32  # bytes of a hash
OTHER_ANGLES = "beside it has other angles, and was left as it is: programs that read it need another name."
_ALIGN = 1024  # so that the data can be mapped into memory


def write(path: Path, contents: Contents) -> list[str]:
    """Write sections in single precision; a volume says that it is one, its origin is its corner."""
    import mrcfile

    array, rounded = as_float32(contents)
    block, left_out = _extended_header(contents)
    with mrcfile.new(path, overwrite=True) as mrc:
        mrc.set_data(array)
        if array.ndim == 3:
            (mrc.set_image_stack if contents.kind == "tilt-series" else mrc.set_volume)()
        mrc.set_extended_header(np.frombuffer(block, "V1"))
        mrc.header.exttyp = b"HDF5"
        if contents.scale is not None:
            mrc.voxel_size = contents.scale * 10
        for label in _labels(contents, 10 - int(mrc.header.nlabl)):
            mrc.add_label(label)
    return rounded + left_out


def beside(path: Path, contents: Contents) -> Callable[[], tuple[str, ...]]:
    """What writes the angles as ``.rawtlt``, for programs that do not read them from the file itself.

    It is asked for before `path` is replaced. Only a ``.rawtlt`` that went with the file of ours that was there is
    replaced too: another may be that of a raw series of the same name.
    """
    table = path.with_suffix(".rawtlt")
    if contents.angles is None or contents.angles.ndim != 1:
        return tuple
    if table.exists():
        if _holds(table, contents.angles):
            return tuple
        namesakes = {p.name for p in path.parent.glob(f"{escape(path.stem)}.*")} - {path.name, table.name}
        if namesakes or not _holds(table, _angles_in(path)):
            return lambda: (f"{table.name} {OTHER_ANGLES}",)
    return partial(_write_angles, table, contents.angles)


def _write_angles(path: Path, angles: NDArray[Any]) -> tuple[str, ...]:
    with atomic(path) as temporary:
        temporary.write_text("".join(f"{angle:.4f}\n" for angle in angles))
    return ()


def _holds(table: Path, angles: NDArray[Any] | None) -> bool:
    try:
        rows = read_rows(table)
    except InputError:
        return False
    return angles is not None and rows.size == angles.size and np.allclose(rows.ravel(), angles, rtol=0, atol=1e-3)


def _angles_in(path: Path) -> NDArray[Any] | None:
    """The angles on the record of a file of ours; None of any other, or if there is none."""
    import h5py
    import mrcfile

    try:
        with mrcfile.open(path, header_only=True) as mrc:
            block = mrc.extended_header.tobytes()
        if not is_sound(block):
            return None
        check_heaps(io.BytesIO(block), len(block), path.name)
        with h5py.File(io.BytesIO(block), "r") as record:
            angles = np.asarray(record["angles"])
    except (OSError, ValueError, KeyError):
        return None
    return angles if angles.ndim == 1 else None


def _extended_header(contents: Contents) -> tuple[bytes, list[str]]:
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        left_out = describe(file, contents, room=_ROOM)
    return sealed(buffer.getvalue()), left_out


def sealed(block: bytes) -> bytes:
    """A record with a hash of it at its end, where HDF5 does not look.

    A damaged record is told by it before the HDF5 library, which damaged files can crash or hold, sees it.
    """
    room = -(-(len(block) + _SEAL) // _ALIGN) * _ALIGN - _SEAL
    block = block.ljust(room, b"\0")
    return block + hashlib.sha256(block).digest()


def is_sound(block: bytes) -> bool:
    """Whether a record is as `sealed` made it."""
    return len(block) > _SEAL and hashlib.sha256(block[:-_SEAL]).digest() == block[-_SEAL:]


def _labels(contents: Contents, room: int) -> list[str]:
    """One "key: value" a label, in printable ASCII; what does not fit is in the extended header."""
    facts: dict[str, Any] = {}
    if contents.scale is not None:
        facts["pixel_size"] = f"{contents.scale:.7g} nm"  # tells 1 A from the dummy of 1 A
    lines = [f"{k}: {v if isinstance(v, str) else as_json(v)}" for k, v in (facts | dict(contents.provenance)).items()]
    if len(lines) > room:
        lines[room - 1 :] = [f"... and {len(lines) - room + 1} more in the extended header (HDF5)"]
    plain = ["".join(c if " " <= c <= "~" else "?" for c in line) for line in lines]
    return [line if len(line) <= 80 else line[:77] + "..." for line in plain]

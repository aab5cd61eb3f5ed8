"""MRC and its relatives (.st, .ali, .rec, .map), with what IMOD, SerialEM and FEI write in and with them."""

import bz2
import gzip
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from proxiscope.core.errors import InputError
from proxiscope.io import own
from proxiscope.io.lazy import LAZY, is_lazy, mapped, plain
from proxiscope.io.mdoc import read_mdoc, tilt_axis_angle
from proxiscope.io.mrc_extended import extended
from proxiscope.io.raw import Found, nbytes_of, require_memory, require_plausible

_MODES = (0, 1, 2, 3, 4, 6, 12)
_HEADER = 1024  # bytes
_OPEN: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open}


def read(path: Path, variable: str | None = None) -> Found:
    """Read an MRC file; uncompressed data stay on disk until they are used.

    Parameters
    ----------
    path : Path
        The file; ``.gz`` and ``.bz2`` are unpacked in memory.
    variable : str, optional
        Ignored: an MRC file holds one array.

    Returns
    -------
    Found
        Data (y, x), (section, y, x), or (z, y, x) where the header numbers the axes.
    """
    with _OPEN.get(path.suffix.lower(), open)(path, "rb") as file:
        size = None if path.suffix.lower() in _OPEN else path.stat().st_size
        head = _header(file, path, size)
        require_memory(head.start - _HEADER, path)
        require_plausible(path.stat().st_size, head.start, path)
        block = file.read(head.start - _HEADER)
        data = _data(file, path, head, size)
    if data.dtype.kind == "c":
        raise InputError(
            path.name,
            f"holds complex numbers (mode {int(head.raw['mode'])})",
            "Give real numbers, for example magnitudes.",
        )
    notes = list(head.notes)
    data = _standard_axes(data, head.raw, notes)
    data = _unsigned(data, path, notes)
    data = data[0] if data.ndim == 3 and data.shape[0] == 1 else data
    sections = data.shape[0] if data.ndim == 3 else 1
    extra = extended(block, head.raw, head.titles, sections)
    mdoc, log = _beside(path)
    found = Found(
        data,
        angles=((f"the extended header of {path.name}", extra["angles"]),) if extra["angles"] is not None else (),
        pixel_size=_pixel_size(head, extra["pixel_size"], mdoc["pixel_size"], notes),
        tilt_axis=_tilt_axis(path, (tilt_axis_angle(head.titles), mdoc["tilt_axis"], log, extra["tilt_axis"]), notes),
        notes=(*notes, *_transformations(path)),
    )
    return own.of_extended_header(found, block, head.raw["exttyp"], path)


@dataclass(frozen=True)
class _Head:
    raw: np.void  # the fields of the header, in the byte order of the file
    shape: tuple[int, int, int]
    dtype: np.dtype
    start: int  # of the data, bytes
    titles: str
    notes: tuple[str, ...]


def _header(file: IO[bytes], path: Path, size: int | None) -> _Head:
    """The header, in whichever byte order it makes sense; old files have no machine stamp to go by."""
    from mrcfile.dtypes import HEADER_DTYPE
    from mrcfile.utils import dtype_from_mode

    block = file.read(_HEADER)
    if len(block) < _HEADER:
        raise InputError(path.name, f"has {len(block)} bytes, less than an MRC header", "Copy or export it again.")
    heads = []
    for order in "<>":
        raw = np.frombuffer(block, HEADER_DTYPE.newbyteorder(order))[0]
        shape = (int(raw["nz"]), int(raw["ny"]), int(raw["nx"]))
        if not _plausible(raw, shape):
            continue
        dtype = dtype_from_mode(raw["mode"]).newbyteorder(order)
        notes: tuple[str, ...] = ()
        if raw["mode"] == 0 and _imod_unsigned(block, order):
            dtype, notes = np.dtype(np.uint8), ("IMOD stored the bytes of this file unsigned.",)
        titles = "\n".join(label.decode("latin-1") for label in raw["label"])
        head = _Head(raw, shape, dtype, _HEADER + int(raw["nsymbt"]), titles, notes)
        if size is None or head.start + nbytes_of(shape, dtype.itemsize) <= size:
            return head
        heads.append(head)
    if heads:
        raise _truncated(path, heads[0], size)
    raise InputError(
        path.name,
        "is no MRC file: its header makes no sense",
        "Give the file its right suffix, or export it again.",
    )


def _plausible(raw: np.void, shape: tuple[int, int, int]) -> bool:
    axes = [int(raw[name]) for name in ("mapc", "mapr", "maps")]
    return (
        int(raw["mode"]) in _MODES
        and all(0 < n < 2**24 for n in shape)
        and int(raw["nsymbt"]) >= 0
        and (sorted(axes) == [1, 2, 3] or axes == [0, 0, 0])
    )


def _imod_unsigned(block: bytes, order: str) -> bool:
    stamp, flags = np.frombuffer(block[152:160], order + "i4")
    return int(stamp) == 1146047817 and not int(flags) & 1


def _truncated(path: Path, head: _Head, size: int | None) -> InputError:
    need = head.start + nbytes_of(head.shape, head.dtype.itemsize)
    has = "less" if size is None else f"{size} bytes"
    return InputError(
        path.name,
        f"its header claims shape {head.shape} of {head.dtype.name}, {need} bytes, and the file has {has}",
        "The file was cut short or damaged: copy or export it again.",
    )


def _data(file: IO[bytes], path: Path, head: _Head, size: int | None) -> NDArray[Any]:
    if size is not None:
        return plain(path, head.shape, head.dtype, head.start, "MRC")
    nbytes = nbytes_of(head.shape, head.dtype.itemsize)
    require_memory(nbytes, path)
    require_plausible(path.stat().st_size, nbytes, path)
    block = file.read(nbytes)
    if len(block) < nbytes:
        raise _truncated(path, head, None)
    return np.frombuffer(block, head.dtype).reshape(head.shape)


def _standard_axes(data: NDArray[Any], raw: np.void, notes: list[str]) -> NDArray[Any]:
    """Volumes of crystallographers may number their axes otherwise; turn them to (z, y, x)."""
    axes = [int(raw[name]) for name in ("maps", "mapr", "mapc")]
    if axes in ([3, 2, 1], [0, 0, 0]):
        return data
    turned = data.transpose([axes.index(axis) for axis in (3, 2, 1)])
    notes.append(
        f"The header numbers its axes {axes[2]}, {axes[1]}, {axes[0]}: "
        f"turned shape {data.shape} to (z, y, x) {turned.shape}."
    )
    return turned


def _unsigned(data: NDArray[Any], path: Path, notes: list[str]) -> NDArray[Any]:
    """Undo the offset of -32768 with which FEI software puts unsigned counts into signed integers.

    Counts are never far below zero on average, so a mean below -8192, or no value at all above zero, tells.
    """
    if data.dtype.kind != "i" or data.dtype.itemsize != 2:
        return data
    large = data.nbytes >= LAZY
    sample = _sample(data) if large else data[:: max(1, len(data) // 16)]
    if not (sample.mean(dtype=np.float64) < -8192 or (sample.max() < 0 and (large or data.max() < 0))):
        return data
    notes.append("The counts are unsigned and were stored with an offset of -32768: added 32768.")
    if large:
        pieces: Any = data if is_lazy(data) else mapped(data)
        return pieces.map_blocks(_add_offset, dtype=np.uint16)
    require_memory(data.nbytes, path)
    return _add_offset(data)


def _sample(data: NDArray[Any]) -> NDArray[Any]:
    """Some rows of some sections, side by side."""
    sections = data[:: max(1, len(data) // 16)]
    rows = max(1, sections.shape[1] * 2**23 // sections.nbytes)
    first = (sections.shape[1] - rows) // 2 if rows < sections.shape[1] else 0
    return np.array(sections[:, first : first + rows])


def _add_offset(data: NDArray[Any]) -> NDArray[Any]:
    native = np.ascontiguousarray(data, dtype=data.dtype.newbyteorder("="))
    return np.add(native.view(np.uint16), np.uint16(32768))  # wraps around, which is what the offset needs


def _pixel_size(head: _Head, extended: float | None, mdoc: float | None, notes: list[str]) -> float | None:
    """Pixel size in nm: the microscope's own record, else the voxel size unless it is the dummy of 1 A."""
    raw = head.raw
    with np.errstate(all="ignore"):
        voxel = [float(raw["cella"][axis] / raw["m" + axis]) if raw["m" + axis] > 0 else 0.0 for axis in "xyz"]
    known = all(np.isfinite(v) and 0 < v < 1e8 for v in voxel[:2])
    dummy = known and all(abs(v - 1) < 1e-6 for v in voxel[:2]) and "pixel_size: 0.1 nm" not in head.titles
    if extended is not None:
        if not known or abs(voxel[0] / 10 / extended - 1) > 0.01:
            notes.append(
                f"Pixel size {extended:.4g} nm from the microscope's extended header; "
                f"the voxel size of {voxel[0]:.4g} A is not used."
            )
        return extended
    if known and not dummy:
        if max(voxel[:2]) > 1.01 * min(voxel[:2]):
            notes.append(f"The pixels are not square ({voxel[0]:.4g} by {voxel[1]:.4g} A): took the first.")
        return float(f"{voxel[0] / 10:.6g}")  # the header has single precision
    if mdoc is not None:
        notes.append(f"Pixel size {mdoc:.4g} nm from the mdoc file.")
        return mdoc
    if dummy:
        notes.append("The voxel size of exactly 1 A is taken as a dummy: the pixel size is unknown.")
    return None


def _tilt_axis(path: Path, stated: tuple[float | None, ...], notes: list[str]) -> Literal["x", "y"]:
    """The image axis nearest to the tilt axis, whose angle microscopes count from the image's y axis."""
    if {".ali", ".rec"} & {s.lower() for s in path.suffixes}:  # IMOD turned the axis to y, and kept old titles
        return "y"
    angle = next((a for a in stated if a is not None), None)
    if angle is None:
        return "y"
    axis: Literal["x", "y"] = "x" if 45 < abs(angle) % 180 < 135 else "y"
    off = abs((angle + 45) % 90 - 45)
    notes.append(
        f"The tilt axis lies along {axis}, from the stated tilt axis angle of {angle:.4g} degrees"
        + (f", {off:.3g} degrees off, which is not corrected unless it is given as tilt axis." if off > 0.05 else ".")
    )
    return axis


def _beside(path: Path) -> tuple[dict[str, Any], float | None]:
    """What an mdoc file, and the tilt axis angle that an FEI log beside the file, say."""
    stem = Path(path.stem).stem if path.suffix.lower() in _OPEN else path.stem
    mdoc: dict[str, Any] = {"pixel_size": None, "tilt_axis": None}
    for name in (path.name + ".mdoc", stem + ".mdoc"):
        if path.with_name(name).is_file():
            with suppress(InputError, OSError, ValueError):  # a bad neighbour is no reason to refuse the data
                mdoc = read_mdoc(path.with_name(name))
                break
    log = path.with_name(stem + ".txt")
    with suppress(OSError):
        if log.is_file():
            with log.open("rb") as file:
                return mdoc, tilt_axis_angle(file.read(2**20).decode("latin-1"))
    return mdoc, None


def _transformations(path: Path) -> tuple[str, ...]:
    """A note on the alignment that IMOD keeps beside a raw series."""
    xf = path.with_suffix(".xf")
    if path.suffix.lower() not in (".st", ".mrc", ".mrcs") or not xf.is_file():
        return ()
    return (f"{xf.name} beside it holds the alignment of these raw images by IMOD, which is not applied.",)

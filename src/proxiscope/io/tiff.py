"""TIFF: pages as a stack, with the scale that ImageJ and OME write."""

import io
import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proxiscope.core.errors import InputError
from proxiscope.io import own
from proxiscope.io.lazy import LAZY, lazily, plain
from proxiscope.io.raw import Found, nbytes_of, require_memory, require_plausible, squeezed, to_nm
from proxiscope.io.tiff_check import check_counts, check_packed, check_pages


def read(path: Path, variable: str | None = None) -> Found:
    """Read the first series of a TIFF; contiguous data stay on disk until they are used, large packed ones too.

    Parameters
    ----------
    path : Path
        The file; other files that an OME header names are not opened.
    variable : str, optional
        Ignored: the first series is read.

    Returns
    -------
    Found
        Data (y, x) or (page, y, x), axes of length one left out; pixel size from ImageJ's or OME's scale.
    """
    with opened(path, path.name) as tiff:
        if not tiff.series:
            raise InputError(path.name, "holds no image", "Export it again.")
        series = tiff.series[0]
        shape, dtype = tuple(int(n) for n in series.shape), series.dtype
        check_grey(series, path.name)
        long = [n for axis, n in enumerate(shape) if n != 1 or axis >= len(shape) - 2]
        if dtype is None or len(long) not in (2, 3):
            raise InputError(
                path.name,
                f"holds an array of axes {series.axes} and shape {shape}",
                "Give an image or a stack of images.",
            )
        data, notes = squeezed(_data(path, tiff, series, shape), path)
        notes += () if len(tiff.series) == 1 else (f"Read the first of {len(tiff.series)} series of images.",)
        found = Found(data, pixel_size=pixel_size(tiff), notes=notes)
        return own.of_text(found, (tiff.imagej_metadata or {}).get("Info"), path)


def check_grey(series: Any, name: str) -> None:
    """Raise InputError if a series, or a page, holds colours."""
    if "S" in series.axes and series.shape[series.axes.index("S")] > 1:
        raise InputError(name, "is a colour image", "Convert it to grey values first.")


def pixel_size(tiff: Any) -> float | None:
    """Pixel size in nm; the plain TIFF resolution is for printers and means nothing here."""
    if tiff.is_ome:
        header = tiff.ome_metadata or ""
        size, unit = (re.search(rf'\bPhysicalSizeX{key}="([^"]+)"', header) for key in ("", "Unit"))
        return to_nm(float(size[1]), unit[1] if unit else "µm") if size else None
    unit = (tiff.imagej_metadata or {}).get("unit")
    tag = tiff.pages[0].tags.get("XResolution")
    if unit is None or tag is None or not tag.value[0]:
        return None
    return to_nm(tag.value[1] / tag.value[0], unit)


def _data(path: Path, tiff: Any, series: Any, shape: tuple[int, ...]) -> Any:
    """Values of a series in its own shape: read, or to be read by piece or page."""
    nbytes, offset = nbytes_of(shape, series.dtype.itemsize), series.dataoffset
    if offset is not None and series.dtype.kind in "iuf":
        if offset + nbytes > path.stat().st_size:
            raise InputError(
                path.name,
                f"claims shape {shape} of {series.dtype}, more than the file has",
                "Copy or export it again.",
            )
        return plain(path, shape, series.dtype.newbyteorder(tiff.byteorder), offset, "TIFF")
    pages, missing = len(series.pages), sum(page is None for page in series.pages)
    if missing:
        raise InputError(path.name, f"is not complete: {missing} of its {pages} images are missing", "Export it again.")
    if nbytes >= LAZY and pages > 1 and nbytes_of(shape[:-2], 1) == pages:
        one = (1, *shape[-2:])
        data = lazily(path, (pages, *shape[-2:]), series.dtype, partial(_pages, path), "TIFF", chunks=one)
        return data.reshape(shape)
    require_memory(nbytes, path)
    require_plausible(path.stat().st_size, nbytes, path)
    check_packed(series.pages, path.name)
    return series.asarray().reshape(shape)


def _pages(path: Path, key: tuple[Any, ...]) -> NDArray[Any]:
    """Some of the pages of the first series."""
    with opened(path, path.name) as tiff:
        pages = tiff.series[0].pages
        wanted = range(len(pages))[key[0]]
        if isinstance(wanted, int):
            return decoded(pages[wanted], path.name)[key[1:]]
        return np.stack([decoded(pages[i], path.name)[key[1:]] for i in wanted])


@contextmanager
def opened(source: Path | io.BytesIO, name: str) -> Iterator[Any]:
    """A TiffFile, once its pages are known to be sound, that opens no other file."""
    import tifffile

    with nullcontext(source) if isinstance(source, io.BytesIO) else source.open("rb") as file:
        check_pages(file, name)
        file.seek(0)
        with _complete(name), tifffile.TiffFile(source, _multifile=False) as tiff:
            check_counts(tiff, name)
            yield tiff


def decoded(page: Any, name: str) -> NDArray[Any]:
    """The values of a page, once it is known not to unpack to more than it claims."""
    check_packed([page], name)
    return page.asarray()


@contextmanager
def _complete(name: str) -> Iterator[None]:
    """Refuse what tifffile only logs: that it gives fewer images than the file promises."""
    complaints: list[str] = []
    thread = threading.get_ident()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text = record.getMessage()
            if record.thread == thread and ("invalid page offset" in text or "corrupted file" in text):
                complaints.append(text)

    logger, listener = logging.getLogger("tifffile"), Listener(logging.ERROR)
    logger.addHandler(listener)
    try:
        yield
    finally:
        logger.removeHandler(listener)
    if complaints:
        raise InputError(name, "is not complete: pages it names are missing", "Copy or export it again.")

"""TIFF: pages as a stack, with the scale that ImageJ and OME write."""

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from proxiscope.core.errors import InputError
from proxiscope.io.raw import Found, nbytes_of, require_memory, to_nm


def read(path: Path, variable: str | None = None) -> Found:
    """Read the first series of a TIFF; contiguous data stay on disk until they are used.

    Parameters
    ----------
    path : Path
        The file; other files that an OME header names are not opened.
    variable : str, optional
        Ignored: the first series is read.

    Returns
    -------
    Found
        Data (y, x) or (page, y, x), pixel size from ImageJ's or OME's scale.
    """
    import tifffile

    with _complete(path), tifffile.TiffFile(path, _multifile=False) as tiff:
        if not tiff.series:
            raise InputError(path.name, "holds no image", "Export it again.")
        series = tiff.series[0]
        if "S" in series.axes and series.shape[series.axes.index("S")] > 1:
            raise InputError(path.name, "is a colour image", "Convert it to grey values first.")
        if series.dtype is None or len(series.shape) not in (2, 3):
            raise InputError(
                path.name,
                f"holds an array of axes {series.axes} and shape {series.shape}",
                "Give an image or a stack of images.",
            )
        nbytes, offset = nbytes_of(series.shape, series.dtype.itemsize), series.dataoffset
        mapped = offset is not None and series.dtype.kind in "iuf"
        if mapped and offset + nbytes > path.stat().st_size:
            raise InputError(
                path.name,
                f"claims shape {series.shape} of {series.dtype}, more than the file has",
                "Copy or export it again.",
            )
        if mapped:
            data = tifffile.memmap(path, mode="r", series=0)
        else:
            require_memory(nbytes, path)
            data = series.asarray()
        notes = () if len(tiff.series) == 1 else (f"Read the first of {len(tiff.series)} series of images.",)
        return Found(data.reshape(series.shape), pixel_size=_pixel_size(tiff), notes=notes)


@contextmanager
def _complete(path: Path) -> Iterator[None]:
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
        raise InputError(path.name, "is not complete: pages it names are missing", "Copy or export it again.")


def _pixel_size(tiff: Any) -> float | None:
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

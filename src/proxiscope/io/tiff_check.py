"""A walk over the pages of a TIFF file before tifffile sees it, which follows them round in circles.

And of packed images, whether they unpack to more than they claim: a small file may hold any amount of zeros.
"""

import re
from collections.abc import Iterable
from typing import IO, Any, Literal

import numpy as np

from proxiscope.core.errors import InputError
from proxiscope.io.packed import HARMLESS, check_stream
from proxiscope.io.raw import nbytes_of

_ORDERS: dict[bytes, Literal["little", "big"]] = {b"II": "little", b"MM": "big"}
_MOST = 2**18  # pages
_LONG = 2**20  # pixels along an edge
_TAGS = 4096  # of a page
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_LISTED = 2**24  # bytes of values of tags beyond the size of the file
_BELOW, _INNER = 330, 2**12  # tag for pages below a page, and how many there may be
_ZLIB, _LZMA = (8, 32946), 34925  # codes of compressions


def check_pages(file: IO[bytes], name: str) -> None:
    """Raise InputError unless each page of a TIFF lies in the file, once.

    Parameters
    ----------
    file : file
        At its start.
    name : str
        Words for the messages.
    """
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(16)
    order = _ORDERS.get(head[:2], "little")
    version = int.from_bytes(head[2:4], order) if head[:2] in _ORDERS else 0
    if version not in (42, 43):
        raise InputError(name, "is no TIFF file", "Give the file its right suffix, or export it again.")
    word, few = (8, 8) if version == 43 else (4, 2)
    at = int.from_bytes(head[word : 2 * word], order)
    seen: set[int] = set()
    listed, inner = 0, 0
    while at:
        if at in seen or len(seen) >= _MOST:
            raise InputError(name, "its pages lead round in a circle, or are too many", "Copy or export it again.")
        if at + few > size:
            raise InputError(name, "is not complete: pages it names are missing", "Copy or export it again.")
        seen.add(at)
        file.seek(at)
        count = int.from_bytes(file.read(few), order)
        length = count * (4 + 2 * word)
        if count > _TAGS or at + few + length + word > size:
            raise InputError(name, f"a page claims {count} tags", "Copy or export it again.")
        more, below = _values(file.read(length), order, word)
        listed, inner = listed + more, inner + below
        if listed > 4 * size + _LISTED or inner > _INNER:
            raise InputError(name, "its tags claim more than the file has", "Copy or export it again.")
        at = int.from_bytes(file.read(word), order)


def _values(block: bytes, order: Any, word: int) -> tuple[int, int]:
    """Bytes of the values that lie outside the tags, and how many pages below the page are listed."""
    sign = "<" if order == "little" else ">"
    fields = [("code", sign + "u2"), ("kind", sign + "u2"), ("count", f"{sign}u{word}"), ("value", f"V{word}")]
    listed, inner = 0, 0
    for code, kind, count, _ in np.frombuffer(block, fields).tolist():
        size = _BYTES.get(kind, 0) * count
        listed += size if word < size < 2**32 else 0
        inner += count if code == _BELOW else 0
    return listed, inner


def check_counts(tiff: Any, name: str) -> None:
    """Raise InputError if the description of a TIFF counts more images than anybody has: tifffile lists them all."""
    if tiff.is_ome:
        text = tiff.ome_metadata or ""
        for pixels in re.findall(r"<(?:\w+:)?Pixels\b[^>]*>", text):
            sizes = {axis: int(n) for axis, n in re.findall(r"\bSize([XYZCT])=[\"']\s*(\d{1,20})", pixels)}
            images = nbytes_of(tuple(sizes.get(axis, 1) for axis in "ZCT"), 1)
            if images > _MOST or max(sizes.get("X", 1), sizes.get("Y", 1)) > _LONG:
                raise InputError(name, f"its OME header claims the sizes {sizes}", "Copy or export it again.")
        counts = re.findall(r"\bPlaneCount=[\"']\s*(\d{1,20})", text)
    else:
        counts = re.findall(r"^(?:images|slices|frames|channels)=(\d{1,20})", tiff.pages[0].description[:_LISTED], re.M)
    if any(int(count) > _MOST for count in counts):
        raise InputError(name, f"its description claims {max(map(int, counts))} images", "Copy or export it again.")


def check_packed(pages: Iterable[Any], name: str) -> None:
    """Raise InputError if a strip or tile of one of the pages would unpack to more than it claims.

    imagecodecs stops in time, but tifffile does without it where it is not installed.

    Parameters
    ----------
    pages : iterable of tifffile.TiffPage
    name : str
        Words for the messages.
    """
    for page in pages:
        code = int(page.compression) if page is not None else 1
        if code == 1 or page.dtype is None:
            continue
        file, most = page.parent.filehandle, nbytes_of(page.chunks, page.dtype.itemsize)
        if most > nbytes_of(page.shape, page.dtype.itemsize) + HARMLESS:
            raise InputError(name, f"claims tiles of shape {page.chunks} in images of {page.shape}", "Export it again.")
        if code not in _ZLIB and code != _LZMA:
            continue
        for offset, size in zip(page.dataoffsets, page.databytecounts, strict=False):
            file.seek(offset)
            try:
                check_stream(file.read(size), most, "lzma" if code == _LZMA else "zlib")
            except ValueError as error:
                raise InputError(name, f"a part of it {error}", "Copy or export it again.") from error

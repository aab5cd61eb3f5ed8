"""Single TIFF images as one stack: of a folder, of a list, or of a tar archive, which is never unpacked to disk."""

import io
import re
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from proxiscope.core.errors import InputError
from proxiscope.io.lazy import LAZY, lazily
from proxiscope.io.raw import Found, check_file, nbytes_of, reading, require_memory, require_plausible
from proxiscope.io.tiff import check_grey, decoded, opened, pixel_size

SUFFIXES = (".tif", ".tiff")
_MOST = 100_000  # images of a stack


@dataclass(frozen=True)
class Frame:
    """An image in a file of its own, or at `start` of an archive."""

    name: str
    path: Path
    start: int | None = None
    size: int = 0

    @contextmanager
    def open(self) -> Iterator[Any]:
        """A TiffFile of it."""
        source: Path | io.BytesIO = self.path
        if self.start is not None:
            require_memory(self.size, self.path)
            with self.path.open("rb") as file:
                file.seek(self.start)
                source = io.BytesIO(file.read(self.size))
        with opened(source, self.name) as tiff:
            yield tiff


def in_folder(path: Path) -> list[Path]:
    """The TIFF images that lie in a folder itself, in natural order; links out of it are refused."""
    root, found = path.resolve(), []
    for file in sorted(path.iterdir(), key=lambda f: natural(f.name)):
        if file.suffix.lower() in SUFFIXES and not file.name.startswith("."):
            if not file.resolve().is_relative_to(root):
                raise InputError(path.name, f"{file.name} is a link to outside the folder", "Copy it into it.")
            found.append(file)
    return found


def read_files(paths: Sequence[Path], path: Path) -> Found:
    """Read single images, in the order given, as the stack (image, y, x).

    Parameters
    ----------
    paths : sequence of Path
        TIFF files of one image each, all of one shape and type.
    path : Path
        The folder, for the messages.
    """
    if not paths:
        raise InputError(
            path.absolute().name, "is a folder without TIFF images or a Zarr group", "Give a file or such a folder."
        )
    return _stack([Frame(file.name, check_file(file)) for file in paths], path)


def read(path: Path, variable: str | None = None) -> Found:
    """Read the TIFF images of a tar archive in natural order of their names.

    Parameters
    ----------
    path : Path
        ``.tar``, whose images stay in it until they are used, or a compressed one, which is read into memory.
    variable : str, optional
        Ignored.

    Raises
    ------
    InputError
        It holds no TIFF images, or such as do not go together, or more than fits into memory.
    """
    if path.suffix.lower() == ".tar":
        with tarfile.open(path, "r:") as archive:
            members = [m for m in archive if _wanted(m, path)]
        return _stack([Frame(m.name, path, m.offset_data, m.size) for m in _sorted(members, path)], path)
    with _unpacked(path) as archive:
        members = _sorted([m for m in archive if _wanted(m, path)], path)
    places = {m.name: i for i, m in enumerate(members)}
    data: Any = None
    size = None
    with _unpacked(path) as archive:
        for member in archive:
            if not _wanted(member, path):
                continue
            with _open_bytes(archive.extractfile(member), member, path) as tiff:
                shape, dtype = _header(tiff, member.name, path)
                if data is None:
                    require_memory(nbytes_of((len(members), *shape), dtype.itemsize), path)
                    data, size = np.empty((len(members), *shape), dtype), pixel_size(tiff)
                _check_alike(data.shape[1:], data.dtype, shape, dtype, member.name, path)
                data[places[member.name]] = decoded(tiff.pages[0], member.name)
    return Found(data, pixel_size=size, notes=(_note(len(members), members[0].name, members[-1].name),))


def natural(name: str) -> list[tuple[int, int | str]]:
    """A key that sorts names by the numbers in them: frame_2 before frame_10."""
    parts = re.split(r"(\d+)", name.lower())
    return [(0, int(part)) if part.isdecimal() and len(part) < 20 else (1, part) for part in parts]


def _stack(frames: list[Frame], path: Path) -> Found:
    """Images as a stack: read if it is small, else to be read image by image."""
    with frames[0].open() as tiff:
        shape, dtype = _header(tiff, frames[0].name, path)
        size = pixel_size(tiff)
    total = (len(frames), *shape)
    note = _note(len(frames), frames[0].name, frames[-1].name)
    get = partial(_images, frames, path, shape, dtype)
    if nbytes_of(total, dtype.itemsize) < LAZY:
        require_memory(nbytes_of(total, dtype.itemsize), path)
        return Found(get((slice(None),)), pixel_size=size, notes=(note,))
    for frame in frames[1:]:
        with reading(Path(frame.name), "TIFF"), frame.open() as tiff:
            _check_alike(shape, dtype, *_header(tiff, frame.name, path), frame.name, path)
    return Found(lazily(path, total, dtype, get, "TIFF", chunks=(1, *shape)), pixel_size=size, notes=(note,))


def _images(
    frames: list[Frame], path: Path, shape: tuple[int, int], dtype: np.dtype, key: tuple[Any, ...]
) -> NDArray[Any]:
    wanted = range(len(frames))[key[0]]
    found = []
    for i in [wanted] if isinstance(wanted, int) else wanted:
        with reading(Path(frames[i].name), "TIFF"), frames[i].open() as tiff:
            _check_alike(shape, dtype, *_header(tiff, frames[i].name, path), frames[i].name, path)
            found.append(decoded(tiff.pages[0], frames[i].name)[key[1:]])
    return found[0] if isinstance(wanted, int) else np.stack(found)


def _header(tiff: Any, name: str, path: Path) -> tuple[tuple[int, int], np.dtype]:
    page = tiff.pages[0]
    check_grey(page, name)
    if len(tiff.pages) != 1 or len(page.shape) != 2 or page.dtype is None:
        raise InputError(
            path.name, f"{name} holds {len(tiff.pages)} pages of shape {page.shape}", "Give files of one image each."
        )
    require_memory(nbytes_of(page.shape, page.dtype.itemsize), path)
    return (int(page.shape[0]), int(page.shape[1])), page.dtype


def _check_alike(
    shape: tuple[int, ...], dtype: DTypeLike, other: tuple[int, ...], other_type: DTypeLike, name: str, path: Path
) -> None:
    if (tuple(shape), np.dtype(dtype)) != (tuple(other), np.dtype(other_type)):
        raise InputError(
            path.name,
            f"{name} has shape {other} of {other_type}, the first image {shape} of {dtype}",
            "Keep only images of one series in it.",
        )


def _note(count: int, first: str, last: str) -> str:
    names = (PurePosixPath(name).name for name in (first, last))
    return f"Read {count} single images as a stack, from {' to '.join(names)}."


def _wanted(member: tarfile.TarInfo, path: Path) -> bool:
    """Whether a member is an image; links and devices are nothing that is read."""
    require_plausible(path.stat().st_size, member.size, path)
    name = PurePosixPath(member.name)
    image = name.suffix.lower() in SUFFIXES and not name.name.startswith(".")
    if image and member.isfile() and member.issparse():
        raise InputError(path.name, f"{member.name} is a sparse file", "Make the archive without --sparse.")
    return image and member.isreg() and not member.issparse()


def _sorted(members: list[tarfile.TarInfo], path: Path) -> list[tarfile.TarInfo]:
    if not members:
        raise InputError(path.name, "holds no TIFF images", "Give an archive of single TIFF images.")
    if len(members) > _MOST or len({m.name for m in members}) < len(members):
        raise InputError(path.name, f"holds {len(members)} images, some under the same name", "Make it again.")
    return sorted(members, key=lambda m: natural(m.name))


@contextmanager
def _open_bytes(file: IO[bytes] | None, member: tarfile.TarInfo, path: Path) -> Iterator[Any]:
    require_memory(member.size, path)
    block = io.BytesIO(file.read() if file else b"")
    with reading(Path(member.name), "TIFF"), opened(block, member.name) as tiff:
        yield tiff


@contextmanager
def _unpacked(path: Path) -> Iterator[tarfile.TarFile]:
    """A compressed archive, from front to back, as long as what it unpacks to would fit into memory."""
    import bz2
    import gzip

    opener = bz2.open if path.suffix.lower() == ".bz2" else gzip.open
    with opener(path, "rb") as file, tarfile.open(fileobj=cast(IO[bytes], _Limited(file, path)), mode="r|") as archive:
        yield archive


class _Limited:
    """A stream that ends in an InputError once more was read than fits into memory."""

    def __init__(self, file: Any, path: Path):
        self._file, self._path, self._total = file, path, 0

    def read(self, size: int) -> bytes:
        self._total += size
        if self._total % 2**24 < size:
            require_memory(self._total, self._path)
            require_plausible(self._path.stat().st_size, self._total, self._path)
        return self._file.read(size)

"""Writing files so that a crash, a full disk or a kill never costs the previous output."""

import glob
import io
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from proxiscope.core.errors import InputError

_PIECE = 2**28  # bytes: some systems write no more than 2 GiB at once


@contextmanager
def atomic(path: str | os.PathLike[str], *, folder: bool = False) -> Iterator[Path]:
    """Give a temporary path to write to; it takes the place of `path` when the block ends without an error.

    The temporary file lies in the same folder, so that the last step is one rename. It exists, empty, when
    the block begins. When the block raises, it is removed and what was at `path` before stays as it was.

    Parameters
    ----------
    path : path-like
        The file to make or to replace. A symbolic link is followed, not replaced.
    folder : bool
        Write a folder, such as a Zarr group. One that is replaced steps aside under a hidden name, the new one takes
        its place, and then the old one is removed: a kill between the first two steps leaves both, complete.

    Yields
    ------
    Path
        The temporary file or folder, with the suffix of `path`.

    Raises
    ------
    InputError
        The folder is missing or not writable, or the block raised an OSError, as where the disk is full; `path` is a
        folder or a device where a file is to be written, or cannot be replaced: of folders only Zarr groups and empty
        ones are.
    """
    target = Path(os.path.realpath(path))
    temporary = _beside(target, "tmp")
    _create(target, temporary, folder)
    try:
        yield temporary
        (_swap_folders if folder else _put_in_place)(temporary, target)
    except BaseException as error:  # KeyboardInterrupt and a cancelled generator too must leave no litter
        with suppress(OSError):
            shutil.rmtree(temporary) if folder else temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _unwritable(target, error) from error
        raise


def _beside(target: Path, mark: str) -> Path:
    return target.with_name(f".{target.stem[:100]}.{secrets.token_hex(4)}.{mark}{target.suffix}")


def remove_leftovers(path: str | os.PathLike[str]) -> None:
    """Remove what `atomic` leaves beside `path` where its process is killed."""
    target = Path(os.path.realpath(path))
    for left in target.parent.glob(f".{glob.escape(target.stem[:100])}.????????.tmp{glob.escape(target.suffix)}"):
        with suppress(OSError):
            shutil.rmtree(left) if left.is_dir() else left.unlink()


def _create(target: Path, temporary: Path, folder: bool) -> None:
    if not target.parent.is_dir():
        raise InputError(str(target), f"the folder {target.parent} does not exist", "Create the folder first.")
    if folder:
        _create_folder(target, temporary)
        return
    if target.is_dir():
        raise InputError(str(target), "is a folder", "Give the name of a file to write.")
    if target.exists() and not target.is_file():  # such as /dev/null, which root could replace
        raise InputError(str(target), "is no regular file", "Give the name of a file to write.")
    try:
        temporary.open("xb").close()  # opened like any new file, so that the user's umask decides its mode
        if target.exists():
            shutil.copymode(target, temporary)
    except OSError as error:
        with suppress(OSError):  # on a read-only disk this fails too
            temporary.unlink(missing_ok=True)
        raise _unwritable(target, error) from error


def _create_folder(target: Path, temporary: Path) -> None:
    marks = ("zarr.json", ".zgroup", ".zarray")
    if target.is_file():
        raise InputError(str(target), "is a file", "Give another name, or remove the file first.")
    if target.is_dir() and any(target.iterdir()) and not any((target / mark).is_file() for mark in marks):
        raise InputError(str(target), "is a folder with other things in it", "Give another name.")
    try:
        temporary.mkdir()
    except OSError as error:
        raise _unwritable(target, error) from error


def _put_in_place(temporary: Path, target: Path) -> None:
    try:
        _flush(temporary)
        os.replace(temporary, target)
    except OSError as error:
        raise _unwritable(target, error) from error
    _flush_folder(target.parent)


def _swap_folders(temporary: Path, target: Path) -> None:
    aside = _beside(target, "old") if target.exists() else None
    try:
        for member in temporary.rglob("*"):
            if member.is_file():
                _flush(member)
        if aside is not None:
            os.rename(target, aside)
        try:
            os.replace(temporary, target)
        except BaseException:
            if aside is not None:
                os.rename(aside, target)
            raise
    except OSError as error:
        raise _unwritable(target, error) from error
    _flush_folder(target.parent)
    if aside is not None:
        shutil.rmtree(aside, ignore_errors=True)


def _flush(path: Path) -> None:
    with open(path, "r+b") as file:
        os.fsync(file.fileno())


def _flush_folder(path: Path) -> None:
    if os.name == "posix":  # make the rename itself durable; file systems that cannot are not at fault
        with suppress(OSError):
            folder = os.open(path, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def _unwritable(target: Path, error: OSError) -> InputError:
    reason = os.strerror(error.errno) if error.errno else str(error)
    if reason.endswith(" written"):  # "300 requested and 200 written": NumPy is told no more
        reason = "not all of it was taken"
    return InputError(
        str(target), f"cannot be written ({reason})", "Choose a folder you may write to, with free space."
    )


class Calm(io.RawIOBase):
    """A file for the HDF5 library to write to, which learns of no failure: it could not close the file, and crashes.

    The failure is raised when the block ends.
    """

    def __init__(self, path: Path):
        self._file = path.open("r+b", buffering=0)
        self._error: OSError | None = None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._file.close()
        if self._error is not None and (kind is None or issubclass(kind, Exception)):
            raise self._error

    def seek(self, *where: int) -> int:
        """As of any file."""
        return self._file.seek(*where)

    def tell(self) -> int:
        """As of any file."""
        return self._file.tell()

    def readinto(self, block: Any) -> int:
        """As of any file."""
        return self._file.readinto(block)

    def write(self, block: Any) -> int:
        """All of it, or nothing once there was a failure."""
        view, done = memoryview(block).cast("B"), 0
        try:
            while done < len(view) and self._error is None:
                done += self._file.write(view[done : done + _PIECE])
        except OSError as error:
            self._error = error
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """Leave so many bytes."""
        try:
            self._file.truncate(size)
        except OSError as error:
            self._error = self._error or error
        return size or 0

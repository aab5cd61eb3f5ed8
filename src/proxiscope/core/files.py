"""Writing files so that a crash, a full disk or a kill never costs the previous output."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from proxiscope.core.errors import InputError


@contextmanager
def atomic(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path to write to; it takes the place of `path` when the block ends without an error.

    The temporary file lies in the same folder, so that the last step is one rename. It exists, empty, when
    the block begins. When the block raises, it is removed and what was at `path` before stays as it was.

    Parameters
    ----------
    path : path-like
        The file to make or to replace. A symbolic link is followed, not replaced.

    Yields
    ------
    Path
        The temporary file, with the suffix of `path`.

    Raises
    ------
    InputError
        The folder is missing or not writable, `path` is a folder, or the file cannot be replaced.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.stem[:100]}.{secrets.token_hex(4)}.tmp{target.suffix}")
    _create(target, temporary)
    try:
        yield temporary
        _put_in_place(temporary, target)
    except BaseException:  # KeyboardInterrupt and a cancelled generator too must leave no litter
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def _create(target: Path, temporary: Path) -> None:
    if target.is_dir():
        raise InputError(str(target), "is a folder", "Give the name of a file to write.")
    if not target.parent.is_dir():
        raise InputError(str(target), f"the folder {target.parent} does not exist", "Create the folder first.")
    try:
        temporary.open("xb").close()  # opened like any new file, so that the user's umask decides its mode
        if target.exists():
            shutil.copymode(target, temporary)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _unwritable(target, error) from error


def _put_in_place(temporary: Path, target: Path) -> None:
    try:
        with open(temporary, "r+b") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as error:
        raise _unwritable(target, error) from error
    if os.name == "posix":  # make the rename itself durable; file systems that cannot are not at fault
        with suppress(OSError):
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def _unwritable(target: Path, error: OSError) -> InputError:
    reason = error.strerror or str(error)
    return InputError(
        str(target), f"cannot be written ({reason})", "Choose a folder you may write to, with free space."
    )

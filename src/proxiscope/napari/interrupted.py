"""Where runs of the window keep their checkpoints, and which of them were interrupted. No Qt here.

The name of a checkpoint says whose it is: family, computer, process and when that began. So a folder tells without
opening a file which runs are still under way, also in other windows.
"""

import itertools
import platform
import re
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

import psutil

from ..checkpoints import DATA, PREVIOUS, beside
from ..core.checkpoint import is_sealed
from ..core.errors import InputError
from ..keeping import tidy

_NAME = re.compile(r"(?P<family>[a-z]+)-(?P<host>\w*)-(?P<process>\d+)-(?P<began>\d+)-(?P<number>\d+)\.h5")
_PART = re.compile(r"\.?(?P<run>[a-z]+-\w*-\d+-\d+-\d+)(\.data|\.previous)?(\.[0-9a-f]{8}\.tmp)?\.h5")
_SAME = 5
"""Seconds by which a process may seem to have begun at another time: clocks are set."""

DAY = 86400
"""Seconds for which what was left half written stays."""

_numbers = itertools.count(1)
_held: set[Path] = set()
_failures: dict[Path, str] = {}
_holding = threading.Lock()


class Interrupted(NamedTuple):
    """What is told of a run that was interrupted, at a time in seconds since the epoch.

    One that is `over` had come to its end, and its result was not saved.
    """

    path: Path
    name: str
    iteration: int
    total: int
    time: float
    failed: str = ""
    over: bool = False


def folder() -> Path:
    """The folder of checkpoints, which may not be there yet."""
    from . import settings

    preferred = settings.folder("folder", "checkpoints")
    return Path(preferred) if preferred else _usual_folder()


@cache
def _usual_folder() -> Path:
    from platformdirs import user_data_path

    return user_data_path("napari-proxiscope", appauthor=False) / "checkpoints"


def new_path(family: str) -> Path:
    """Where a run of a family is to write; it counts as under way until it is let go.

    Raises
    ------
    InputError
        If the folder cannot be made.
    """
    where = folder()
    try:
        where.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        found = f"cannot be made ({error.strerror or error})"
        raise InputError(str(where), found, "Choose another folder of checkpoints in the preferences") from error
    process, began = _this_process()
    while (path := where / f"{family}-{_host()}-{process}-{began}-{next(_numbers)}.h5").exists():
        pass
    hold(path)
    return path


def hold(path: Path) -> None:
    """Count a checkpoint as that of a run of this process that is under way."""
    with _holding:
        _held.add(path)


def let_go(path: Path, failure: str = "") -> None:
    """The run of a checkpoint has ended; by a failure, if one is given."""
    with _holding:
        _held.discard(path)
        if failure:
            _failures[path] = failure


def failure(path: Path) -> str:
    """Why the run of a checkpoint failed in this process; empty where it did not."""
    return _failures.get(path, "")


def interrupted(family: str) -> list[Path]:
    """Checkpoints of runs that nobody goes on with, the newest first."""
    found = {}
    for path in _checkpoints(family):
        with suppress(OSError):  # gone meanwhile
            newest = path if path.is_file() else beside(path, PREVIOUS)
            found[path] = newest.stat().st_mtime
    return sorted(found, key=found.__getitem__, reverse=True)


def adopt(path: Path, family: str) -> Path:
    """Take over a checkpoint of the folder for a run of this process: another window no longer offers it.

    One that lies elsewhere, such as that of a command line, stays as it is. What was left half written stays, too: it
    may take long to remove.
    """
    if path.parent != folder() or not _NAME.fullmatch(path.name):
        return path
    own = new_path(family)
    try:
        for mark in (DATA, PREVIOUS, ""):
            with suppress(FileNotFoundError):
                beside(path, mark).rename(beside(own, mark))
    except OSError as error:
        let_go(own)
        found = f"cannot be taken over ({error.strerror or error})"
        raise InputError(
            str(path), found, "Let its folder be writable, or copy all that has its name to another"
        ) from error
    return own


def remove(path: Path) -> None:
    """Remove a checkpoint with what belongs to it."""
    for mark in ("", PREVIOUS, DATA):
        with suppress(FileNotFoundError):
            beside(path, mark).unlink()
    tidy(path)


def sweep() -> None:
    """Remove what processes that are gone left half written a day ago or earlier, where there is no checkpoint."""
    where, left = folder(), {}
    with suppress(OSError):
        for path in where.iterdir():
            if match := _PART.fullmatch(path.name):
                left.setdefault(match["run"], []).append(path)
    for run, parts in left.items():
        path = where / f"{run}.h5"
        with suppress(OSError):  # gone meanwhile
            old = time.time() - max(part.stat().st_mtime for part in parts) > DAY
            if old and _has_ended(path) and not any(is_sealed(one) for one in (path, beside(path, PREVIOUS))):
                for part in parts:
                    part.unlink(missing_ok=True)


def when(seconds: float, now: float | None = None) -> str:
    """A time of the past in words: "today 18:03", "yesterday 18:03", "23 Nov 18:03"."""
    then, today = time.localtime(seconds), time.localtime(now)
    days = (_midnight(today) - _midnight(then)) / 86400
    day = {0: "today", 1: "yesterday"}.get(round(days), f"{then.tm_mday} {time.strftime('%b', then)}")
    return f"{day} {time.strftime('%H:%M', then)}"


def _midnight(moment: time.struct_time) -> float:
    return time.mktime((*moment[:3], 0, 0, 0, 0, 0, -1))


def _checkpoints(family: str) -> Iterator[Path]:
    """Of runs on this computer that have ended, by the name of the newest, which may have gone."""
    where = folder()
    if not where.is_dir():
        return
    with suppress(OSError):  # not to be read: nothing is offered
        names = {path.name.replace(f"{PREVIOUS}.", ".") for path in where.iterdir()}
        for name in sorted(names):
            if name.startswith(f"{family}-") and _has_ended(where / name):
                yield where / name


def _has_ended(path: Path) -> bool:
    """Whether the run that a checkpoint is named after was one of this computer, and is no longer under way."""
    match = _NAME.fullmatch(path.name)
    if not match or match["host"] != _host():
        return False
    process = int(match["process"]), int(match["began"])
    return not (path in _held if process == _this_process() else _alive(*process))


def _alive(process: int, began: int) -> bool:
    try:
        return abs(psutil.Process(process).create_time() - began) <= _SAME
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:  # it is there, and is not ours to be asked
        return True


@cache
def _this_process() -> tuple[int, int]:
    process = psutil.Process()
    return process.pid, round(process.create_time())


@cache
def _host() -> str:
    return re.sub(r"\W", "_", platform.node())[:40]

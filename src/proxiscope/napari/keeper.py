"""The checkpoints of a run of the window. No Qt here."""

import json
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..checkpoints import PREVIOUS, Checkpoints, SavedRun, beside
from ..core import Algorithm, Criterion, InputError, Progress, Record
from ..core.checkpoint import array_in, check_seal, inside, usable
from ..io.hdf5_access import open_file
from ..recorded import recorded
from . import interrupted
from .live import short_name
from .worker import catching

LOOK = 1.0
"""Seconds between two looks whether a checkpoint is due."""


class Keeper:
    """Writes the checkpoints of one run, and removes them once the run needs them no more.

    Parameters
    ----------
    checkpoints : Checkpoints
        At a path that `interrupted` gave.
    """

    def __init__(self, checkpoints: Checkpoints):
        self._checkpoints, self._looked = checkpoints, time.monotonic()

    @property
    def path(self) -> Path:
        """The newest checkpoint."""
        return self._checkpoints.path

    @property
    def warning(self) -> str:
        """Why the last one could not be written."""
        return self._checkpoints.warning

    def follow(self, algorithm: Algorithm, problem: Any, stop: Sequence[Criterion], **course: Any) -> None:
        """Begin with a run, as `Checkpoints.follow` does."""
        self._checkpoints.follow(algorithm, problem, stop=stop, **course)

    def offer(self, progress: Progress, record: Record, seconds: float) -> None:
        """Write one if it is due."""
        now, seconds_between = time.monotonic(), self._checkpoints.seconds
        if seconds_between and now - self._looked >= min(LOOK, seconds_between):
            self._looked = now
            self._write(self._checkpoints.offer, progress, record, seconds)

    def write(self, progress: Progress, record: Record, seconds: float) -> None:
        """Write one now."""
        self._write(self._checkpoints.write, progress, record, seconds)

    def end(self, keep: bool, failure: str = "") -> None:
        """The run has ended; what is kept can be gone on with from now on."""
        if not keep:
            self._checkpoints.remove()
        interrupted.let_go(self.path, failure)

    def _write(self, how: Any, progress: Progress, *given: Any) -> None:
        self._checkpoints.settings["total"] = progress.total
        with catching, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # whoever watches the run tells of them
            how(progress, *given)


def new_keeper(family: str, seconds: float, name: str, layer: str) -> Keeper:
    """For a run that begins; raises InputError where there can be none."""
    settings = {"face": "napari", "name": name, "layer": layer}
    return Keeper(Checkpoints(interrupted.new_path(family), seconds=seconds, settings=settings))


def keeper_of(saved: SavedRun, seconds: float, name: str, layer: str) -> Keeper:
    """For a run that is taken up: at the same place, if that is in our folder."""
    if saved.home.parent != interrupted.folder():
        return new_keeper(saved.algorithm.family, seconds, name, layer)
    checkpoints = saved.checkpoints()
    checkpoints.seconds, checkpoints.iterations = seconds, 0
    checkpoints.settings |= {"face": "napari", "name": name, "layer": layer}
    return Keeper(checkpoints)


def told_of(path: Path) -> interrupted.Interrupted | None:
    """What a checkpoint says of its run, without its arrays; None of one that is damaged, or gone meanwhile."""
    for one in (path, beside(path, PREVIOUS)):
        try:
            with usable(one):
                document = _document(one)
                run, settings = recorded(document), dict(document["settings"])
            title = str(settings.get("name") or short_name(type(run.last)))
            layer = str(settings.get("layer") or Path(str(document["input"].get("source") or "data")).name)
            total, time_of_it = settings.get("total"), one.stat().st_mtime
        except (InputError, OSError):
            continue
        total = total if isinstance(total, int) else run.last.iterations
        return interrupted.Interrupted(
            path, f"{title} of {layer}", run.iterations, total, time_of_it, interrupted.failure(path)
        )
    return None


def family_of(path: Path) -> str:
    """The family of the algorithm of a checkpoint, or of the one before where that is not whole; raises InputError."""
    errors = []
    for one in (path, beside(path, PREVIOUS)):
        try:
            with usable(one):
                return recorded(_document(one)).algorithm.family
        except InputError as error:
            errors.append(error)
    raise errors[0]


def _document(path: Path) -> Any:
    """What a checkpoint says of its run, in JSON."""
    check_seal(path)
    with open_file(path) as file:
        return json.loads(array_in(inside(file, "run")).tobytes())

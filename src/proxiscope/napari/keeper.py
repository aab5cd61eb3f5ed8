"""The checkpoints of a run of the window. No Qt here."""

import json
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from ..checkpoints import END, PREVIOUS, Checkpoints, SavedRun, beside
from ..core import Algorithm, Criterion, InputError, Progress, Record
from ..core.checkpoint import array_in, check_seal, inside, usable
from ..io.hdf5_access import open_file
from ..recorded import recorded
from . import interrupted
from .live import short_name
from .worker import catching

LOOK = 1.0
"""Seconds between two looks whether a checkpoint is due."""

_holding: "WeakValueDictionary[str, Keeper]" = WeakValueDictionary()
"""Keepers of results that are not saved yet, by the paths of their checkpoints."""


class Keeper:
    """Writes the checkpoints of one run, and removes them once nobody needs them any more.

    That of a run which has come to its end is held until its result is saved, or not wanted.

    Parameters
    ----------
    checkpoints : Checkpoints
        At a path that `interrupted` gave.
    """

    def __init__(self, checkpoints: Checkpoints):
        self._checkpoints, self._looked = checkpoints, time.monotonic()
        self._ended = self._settled = False
        self._released: bool | None = None
        self._settling = threading.Lock()

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

    @property
    def holds(self) -> bool:
        """Whether its run has ended and is kept until it is released."""
        return self._ended and not self._settled

    def offer(self, progress: Progress, record: Record, seconds: float) -> None:
        """Write one if it is due."""
        if self._may_be_due(progress):
            self._write(self._checkpoints.offer, progress, record, seconds)

    def write(self, progress: Progress, record: Record, seconds: float) -> None:
        """Write one now."""
        self._write(self._checkpoints.write, progress, record, seconds)

    def finish(self, progress: Progress, record: Record, seconds: float) -> None:
        """Bring the checkpoint of a run that has come to its end up to there; a short run has none."""
        if self._checkpoints.written:
            again = self._checkpoints.settings.get(END) != progress.iteration
            self._checkpoints.settings[END] = progress.iteration
            self._write(partial(self._checkpoints.write, again=again), progress, record, seconds)

    def end(self, keep: bool | None, failure: str = "") -> None:
        """The run has ended. What is kept can be gone on with from now on; None keeps it until `release`."""
        self._checkpoints.let_go()
        with self._settling:
            if keep is None:
                keep = self._released if self._checkpoints.written else False
            self._ended, self._settled = True, keep is not None
        if keep is None:
            _holding[str(self.path)] = self
        else:
            self._settle(keep, failure)

    def release(self, keep: bool = False) -> None:
        """Nobody here needs the result of the run any more, be it over or not: keep it for others, or remove it."""
        with self._settling:
            held, self._released = self.holds, keep
            self._settled |= held
        if held and keep:
            self._settle(keep)
        elif held:  # which may take long: they may have many GB
            threading.Thread(target=self._settle, args=(keep,), name="proxiscope-removing").start()

    def _settle(self, keep: bool, failure: str = "") -> None:
        if not keep:
            self._checkpoints.remove()
        interrupted.let_go(self.path, failure)

    def _may_be_due(self, progress: Progress) -> bool:
        """By time that is looked at seldom, and at recorded iterations: what has finite figures can be gone on with."""
        every, seconds, now = self._checkpoints.iterations, self._checkpoints.seconds, time.monotonic()
        if every and progress.iteration % every == 0:
            return True
        if not (progress.metrics and seconds and now - self._looked >= min(LOOK, seconds)):
            return False
        self._looked = now
        return True

    def _write(self, how: Any, progress: Progress, *given: Any) -> None:
        self._checkpoints.settings["total"] = progress.total
        with catching, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # whoever watches the run tells of them
            how(progress, *given)


def result_saved(notes: Mapping[str, Any]) -> None:
    """The result of a layer with these notes is in a file: the checkpoint of its run is needed no more."""
    keeper = _holding.get(str(notes.get("checkpoint")))
    if keeper is not None:
        keeper.release()


def is_over(saved: SavedRun) -> bool:
    """Whether a run had come to its end, and only its result was not saved."""
    return _over(saved.settings, saved.iteration)


def _over(settings: Mapping[str, Any], iteration: int) -> bool:
    end = settings.get(END)
    return isinstance(end, int) and end <= iteration


def new_keeper(family: str, every: Mapping[str, Any], name: str, layer: str) -> Keeper:
    """For a run that begins; `every` has ``seconds`` and ``iterations``. Raises InputError where there can be none."""
    settings = {"face": "napari", "name": name, "layer": layer}
    return Keeper(Checkpoints(interrupted.new_path(family), **every, settings=settings))


def keeper_of(saved: SavedRun, every: Mapping[str, Any], name: str, layer: str) -> Keeper:
    """For a run that is taken up: at the same place, if that is in our folder."""
    if saved.home.parent != interrupted.folder():
        return new_keeper(saved.algorithm.family, every, name, layer)
    checkpoints = saved.checkpoints()
    checkpoints.seconds, checkpoints.iterations = every["seconds"], every["iterations"]
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
            path, f"{title} of {layer}", run.iterations, total, time_of_it, interrupted.failure(path),
            _over(settings, run.iterations),
        )  # fmt: skip
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

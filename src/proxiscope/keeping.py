"""Writing a run to disk while it goes on, so that it can be taken up again."""

import json
import os
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from .core import Algorithm, Criterion, InputError, Progress, Record, to_dict
from .core.checkpoint import check_going_on, is_sealed, sealed, size_of, write_state
from .core.files import remove_leftovers
from .core.problem_file import holds, save_problem
from .core.recipes import repeatable
from .reconstruction import changes_on_record, criteria_on_record, describe

PREVIOUS, DATA = ".previous", ".data"
"""What the names of the generation before, and of the arrays of a problem, have before their suffix."""

STRETCH = 60
"""Times of what the last one took that pass before the next one that is due by time: a cost below 2 %."""


SPEED = 2e8
"""Bytes a second that the first one is expected to be written at."""


def beside(path: Path, mark: str) -> Path:
    """The file that belongs to a checkpoint and has a mark in its name, `PREVIOUS` or `DATA`.

    Parameters
    ----------
    path : Path
        The checkpoint.
    mark : str
        `PREVIOUS` or `DATA`.

    Returns
    -------
    Path
        In the same folder.
    """
    return path.with_name(f"{path.stem}{mark}{path.suffix}")


class Checkpoints:
    """The checkpoints of one run, for ``reconstruct(..., checkpoints=Checkpoints("run.h5"))``.

    One that cannot be written costs a warning and not the run: the next is tried when it is due.

    Parameters
    ----------
    path : path-like
        The file; beside it may come ``NAME.previous.h5`` and ``NAME.data.h5``. What a former run left there stays until
        this one writes for the first time.
    seconds : float
        Time between two, or longer where writing one takes more than a 60th of it; 0 for none by time.
    iterations : int
        Write whenever so many iterations are done, whatever it costs; 0 for none by iterations.
    settings : Mapping, optional
        What whoever runs it wants to find again, such as the names of its outputs; whatever JSON can hold.

    Attributes
    ----------
    path : Path
    seconds, iterations, settings
        As given; they may be changed while the run goes on.
    written : int
        Iteration of the newest checkpoint of the run; 0 before there is one.
    warning : str
        Why the last one could not be written; empty if it could.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        seconds: float = 60.0,
        iterations: int = 0,
        settings: Mapping[str, Any] | None = None,
    ):
        self.path, self.seconds, self.iterations = Path(path).absolute(), float(seconds), int(iterations)
        if not (self.seconds >= 0 and self.iterations >= 0):
            raise InputError("checkpoints", f"every {seconds} s and {iterations} iterations", "Give numbers >= 0")
        self.settings = json.loads(json.dumps(dict(settings or {})))
        self.written, self.warning = 0, ""
        self._own = self._whole = False  # whether the files are of this run, and that at `path` is in order
        self._wrote_data = False
        self._took, self._last, self._at = 0.0, time.monotonic(), 0
        self._run: dict[str, Any] = {}

    def check(self, *, lost: bool = False) -> None:
        """Raise InputError if another file than a checkpoint has one of the names.

        With `lost`, a file that begins with zeros or is empty, as a crash of the system leaves it, counts as one.
        """
        for path in (self.path, beside(self.path, PREVIOUS), beside(self.path, DATA)):
            known = is_sealed(path, "proxiscope ") or (lost and _is_blank(path))
            if os.path.lexists(path) and not known:
                found = "is no checkpoint, and would be replaced by one"
                raise InputError(str(path), found, "Give another name, or move it away")

    def follow(
        self,
        algorithm: Algorithm[Any, Any],
        problem: Any,
        *,
        seed: int = 0,
        stop: Sequence[Criterion] = (),
        changes: Mapping[int, Algorithm[Any, Any]] | None = None,
        resumed: Sequence[int] = (),
    ) -> None:
        """Begin with a run; nothing is written yet.

        Parameters
        ----------
        algorithm, problem, seed, stop
            Of the run; `stop` with the noise filled in.
        changes : Mapping[int, Algorithm], optional
            Looked into whenever a checkpoint is written: see `iterate`.
        resumed : sequence of int
            Iterations at which it was taken up.

        Raises
        ------
        InputError
            As `check` says.
        """
        if not resumed:
            self._own = self._whole = False
        if not self._own:
            self.check()
        self.written = self._at = max(resumed, default=0) if self._own else 0
        self._run = {"algorithm": algorithm, "problem": problem, "seed": seed, "stop": tuple(stop)}
        self._run |= {"changes": {} if changes is None else changes, "resumed": list(resumed), "input": None}
        self._last = time.monotonic()

    def offer(self, progress: Progress, record: Record, seconds: float) -> bool:
        """Write a checkpoint if one is due; whether it was written.

        Parameters
        ----------
        progress : Progress
            What `iterate` has just yielded.
        record : Record
            With `progress` in it.
        seconds : float
            What the run has taken so far.
        """
        due = self.iterations and progress.iteration // self.iterations > self._at // self.iterations
        if not due and self.seconds:
            waited = time.monotonic() - self._last
            due = waited >= self.seconds and waited >= STRETCH * (self._took or size_of(progress.state) / SPEED)
        return bool(due) and self.write(progress, record, seconds)

    def write(self, progress: Progress, record: Record, seconds: float, *, again: bool = False) -> bool:
        """Write a checkpoint now, as `offer` does, unless this iteration has one; whether there is one.

        With `again`, also where it has one, such as where `settings` have changed.
        """
        if self.written == progress.iteration and not again:
            return True
        begin = time.monotonic()
        try:
            self._write(progress, record, seconds)
            self.written, self.warning = progress.iteration, ""
        except Exception as error:  # whatever it is, the run is worth more
            warned, reason = bool(self.warning), " ".join(str(error).split()) or type(error).__name__
            self.warning = f"No checkpoint could be written, and the run goes on without: {reason}"
            if not warned:
                warnings.warn(self.warning, stacklevel=2)
        self._at, self._last = progress.iteration, time.monotonic()
        self._took = self._last - begin
        return not self.warning

    def let_go(self) -> None:
        """Let go of the run, whose data take memory; the files stay."""
        self._run = {}

    def remove(self, *, former: bool = False) -> None:
        """Remove the files of this run, which has come to its end and is in safety.

        Parameters
        ----------
        former : bool
            Also those that a former run left there, which this one replaces.
        """
        mine = [beside(self.path, PREVIOUS), self.path] if self._own or former else []
        if self._own or self._wrote_data or former:
            mine.append(beside(self.path, DATA))
        for path in mine if self._own or not former else filter(_is_ours, mine):
            with suppress(OSError):
                path.unlink()
        if self._own:
            tidy(self.path)
        self.written, self._own, self._whole, self._wrote_data = 0, False, False, False

    def _write(self, progress: Progress, record: Record, seconds: float) -> None:
        from .io.rebuild import Problem

        run = self._run
        if run["input"] is None:
            run["input"] = describe(run["problem"])
        arrays, sha256 = beside(self.path, DATA), run["input"]["sha256"]
        inner = not (repeatable(run["problem"].recipe) and isinstance(run["problem"], Problem))
        if inner and not (self._own and arrays.exists()) and not holds(arrays, sha256):
            save_problem(arrays, run["problem"], sha256)
            self._wrote_data = True
        check_going_on(progress.state)
        saved, algorithm = record.saved(), run["algorithm"]
        document = {
            "algorithm": algorithm.name, "parameters": to_dict(algorithm), "seed": run["seed"],
            "changes": changes_on_record(run["changes"]), "stop": criteria_on_record(run["stop"]),
            "iterations": progress.iteration, "seconds": seconds, "resumed": run["resumed"], "input": run["input"],
            "arrays": inner, "names": saved.pop("names"), "best": saved.pop("best"),
            "every": {"seconds": self.seconds, "iterations": self.iterations}, "settings": self.settings,
        }  # fmt: skip
        with sealed(self.path, put_aside=self._put_aside) as file:
            write_state(file, progress.algorithm or algorithm, progress.state)
            file["run"] = np.frombuffer(json.dumps(document).encode(), np.uint8)
            for name, values in saved.items():
                if values is not None:
                    file.create_dataset(f"record/{name}", data=values)
        if not self._own:
            for mark in (PREVIOUS,) if inner else (PREVIOUS, DATA):  # those of a former run
                beside(self.path, mark).unlink(missing_ok=True)
        self._own = self._whole = True

    def _put_aside(self) -> None:
        """Make the file that is there the previous one: until the new one is in its place, that is what there is."""
        if self._whole:
            with suppress(FileNotFoundError):
                os.replace(self.path, beside(self.path, PREVIOUS))


def tidy(path: Path) -> None:
    """Remove what a process left that was killed while it wrote the checkpoint at `path`."""
    for one in (path, beside(path, DATA)):
        remove_leftovers(one)


def _is_ours(path: Path) -> bool:
    return is_sealed(path, "proxiscope ")


def _is_blank(path: Path) -> bool:
    """Whether a file begins with zeros, or is empty."""
    try:
        with path.open("rb") as file:
            return not any(file.read(512))
    except OSError:
        return False

"""Runs on disk while they go on, so that one that was killed is taken up again bit for bit.

A checkpoint is a file as `proxiscope.save_checkpoint` writes it, algorithm and state, and with it all else that a run
needs: what it began with, what was recorded, its best estimate, and how its problem was made. Beside ``NAME.h5`` lie
``NAME.previous.h5``, the generation before, and, of a problem that cannot be made again from files,
``NAME.data.h5`` with its arrays.
"""

import json
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .core import Algorithm, Criterion, InputError, Progress, Record, State, lowest_of
from .core.checkpoint import array_in, check_seal, inside, is_sealed, read_state, unusable, usable
from .core.problem_file import load_problem
from .keeping import DATA, PREVIOUS, Checkpoints, beside, tidy
from .reconstruction import Result, carry_out, criteria_for, describe
from .recorded import recorded
from .repetition import problem_again

__all__ = ["DATA", "PREVIOUS", "Checkpoints", "SavedRun", "beside", "checkpoint_of", "go_on", "load_run", "resume"]

END = "end_at"
"""In the settings of a run, the iteration after which it is to end before its last one."""

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


@dataclass(frozen=True, eq=False, repr=False)
class SavedRun:
    """A run as its checkpoint has it.

    Attributes
    ----------
    algorithm : Algorithm
        That began it.
    seed : int
    stop : tuple of Criterion
        With the noise as it was estimated.
    changes : dict of int to Algorithm
        What took over, or is to, after so many iterations.
    state : State
        After the last iteration that is kept. A run that goes on from it uses it up.
    record : Record
        Figures up to there, and the best estimate.
    seconds : float
        That the run had taken.
    input : Mapping
        What identifies the problem: see `proxiscope.reconstruction.describe`.
    settings : Mapping
        Of `Checkpoints`; from a file, and not to be trusted.
    iteration : int
    path : Path
        The file it was read from.
    resumed : tuple of int
        Iterations at which it had been taken up before.
    every : Mapping
        ``"seconds"`` and ``"iterations"`` of its `Checkpoints`.
    has_arrays : bool
        Whether the problem lies beside it in arrays, and is not made again from files.
    """

    algorithm: Algorithm[Any, Any]
    seed: int
    stop: tuple[Criterion, ...]
    changes: dict[int, Algorithm[Any, Any]]
    state: State
    record: Record
    seconds: float
    input: Mapping[str, Any]
    settings: Mapping[str, Any]
    iteration: int
    path: Path
    resumed: tuple[int, ...] = ()
    every: Mapping[str, Any] = field(default_factory=dict)
    has_arrays: bool = False

    def __repr__(self) -> str:
        return f"SavedRun({self.algorithm.name}, iteration {self.iteration}, {self.path.name})"

    @property
    def home(self) -> Path:
        """The file that the run writes to, also where this is the generation before."""
        return self.path.with_name(f"{self.path.stem.removesuffix(PREVIOUS)}{self.path.suffix}")

    @property
    def end(self) -> int | None:
        """The iteration after which it was to end, or was ended by hand, if so; raises InputError."""
        last = self.settings.get(END)
        if last is not None and (type(last) is not int or last < 1):
            raise InputError(self.path.name, f"it is to end at {last!r}", "The checkpoint is damaged: use another")
        return last

    @property
    def over(self) -> bool:
        """Whether it has come to that end, and only its result is missing."""
        return self.end is not None and self.iteration >= self.end

    def problem(self, input: Paths = ()) -> Any:
        """The problem of the run, made again from its files or arrays.

        Parameters
        ----------
        input : path-like or sequence of path-like, optional
            Where the input lies now, if neither at its path on record nor beside the checkpoint; of a joined series one
            for each.

        Raises
        ------
        InputError
            If it is not found, or holds other data than those of the run.
        """
        given = [Path(p) for p in ([input] if isinstance(input, str | os.PathLike) else input)]
        if self.has_arrays:
            if given:
                raise InputError("input", "given for a run that keeps its data itself", "Leave it out")
            problem = load_problem(beside(self.home, DATA), self.algorithm.Problem)
        else:
            problem, _ = problem_again(self.input, self.path.parent, given, of="checkpoint")
            problem = problem.copy_with(recipe=problem.recipe, source=str(self.input.get("source", "")))
        if describe(problem)["sha256"] != self.input.get("sha256"):
            found = "the input holds other data than those of the run, or they are read otherwise now"
            remedy = "Give the file as it was by --input (input=), or begin anew with this one"
            raise InputError(self.path.name, found, remedy)
        return problem

    def checkpoints(self) -> Checkpoints:
        """For the run as it goes on: at the same place, as often, and with the same settings.

        Raises
        ------
        InputError
            If another file than a checkpoint has one of its names, as where the one before was copied elsewhere.
        """
        found = Checkpoints(self.home, **self.every, settings=self.settings)
        found.check(lost=True)
        found._own, found._whole, found.written = True, self.path == self.home, self.iteration
        tidy(found.path)
        return found


def checkpoint_of(output: str | os.PathLike[str]) -> Path:
    """Where the command line keeps the checkpoint of a result: ``result.checkpoint.h5`` beside ``result.mrc``.

    Parameters
    ----------
    output : path-like
        The result.

    Returns
    -------
    Path
        The checkpoint, whether there is one or not.
    """
    output = Path(output)
    return output.with_name(f"{output.stem}.checkpoint.h5")


def load_run(path: str | os.PathLike[str]) -> SavedRun:
    """The run in a checkpoint, the newest that is in order.

    Parameters
    ----------
    path : path-like
        The checkpoint, whose previous generation is taken where it is gone or damaged; the result that the command line
        was to write; or a folder, of which the newest is taken.

    Returns
    -------
    SavedRun
        With its state and all that it recorded.

    Raises
    ------
    InputError
        If there is none, or none that is in order.
    NotEnoughMemoryError
        If it does not fit into memory.
    """
    path, errors = Path(os.path.abspath(path)), []
    for one in _candidates(path):
        try:
            return _loaded(one)
        except InputError as error:
            errors.append((not is_sealed(one), error))
    if errors and path.is_file() and not is_sealed(path, "proxiscope ") and len(errors) == 1:
        found = "not a usable checkpoint: it is some other file, and there is none beside it"
        raise InputError(str(path), found, "A run that came to its end has none left; else give the checkpoint")
    if errors:
        raise min(errors, key=lambda found: found[0])[1]
    found = "no checkpoint in this folder" if path.is_dir() else "there is neither such a file nor a checkpoint of it"
    raise InputError(str(path), found, "Give a checkpoint, the result that it is of, or their folder")


def resume(
    path: str | os.PathLike[str],
    *,
    input: Paths = (),
    callback: Callable[[Progress], bool | None] | None = None,
    checkpoints: Checkpoints | None = None,
) -> Result:
    """Take up a run from its checkpoint and go on to its end; the result is that of a run that never stopped.

    Parameters
    ----------
    path : path-like
        As for `load_run`.
    input : path-like or sequence of path-like, optional
        Where the input lies now, if it has moved: see `SavedRun.problem`.
    callback : callable, optional
        As for `proxiscope.reconstruct`.
    checkpoints : Checkpoints, optional
        Where to keep the run from now on: at the same place and as often as before by default.

    Returns
    -------
    Result
        Its provenance says at which iterations the run was taken up.

    Raises
    ------
    InputError, NotEnoughMemoryError, DivergedError
        As `load_run`, `SavedRun.problem` and `proxiscope.reconstruct` say.
    """
    saved = load_run(path)
    problem = saved.problem(input)
    checkpoints = saved.checkpoints() if checkpoints is None else checkpoints

    def follow(progress: Progress) -> bool:
        return bool(callback and callback(progress)) or progress.iteration == saved.end

    result, broken_off = go_on(saved, problem, callback=follow, checkpoints=checkpoints)
    if not broken_off or result.provenance["iterations"] == saved.end:
        checkpoints.remove()
    return result


def go_on(saved: SavedRun, problem: Any, **watching: Any) -> tuple[Result, bool]:
    """The rest of a run, as `proxiscope.reconstruction.carry_out` gives it with `callback` and `checkpoints`.

    Parameters
    ----------
    saved : SavedRun
        As `load_run` gives it; its state is used up.
    problem : DiffractionPattern, TiltSeries or other data
        What it ran on.
    **watching
        `callback` and `checkpoints`, as for `proxiscope.reconstruct`.

    Returns
    -------
    result : Result
        What there is now.
    broken_off : bool
        Whether the callback ended it.
    """
    stop = criteria_for(saved.algorithm, problem, saved.stop)
    course: dict[str, Any] = {"seed": saved.seed, "stop": stop, "changes": saved.changes}
    return carry_out(saved.algorithm, problem, **course, begin=saved, over=saved.over, **watching)


def _candidates(path: Path) -> Iterable[Path]:
    """Files that may hold the run, the best first."""
    own = (path, checkpoint_of(path)) if path.name else ()  # a disk has none
    found = [one for file in own for one in (file, beside(file, PREVIOUS)) if one.is_file()]
    if found or not path.is_dir():
        return found
    checkpoints = [file for file in path.iterdir() if not _is_temporary(file) and file.is_file() and is_sealed(file)]
    return sorted(checkpoints, key=lambda file: file.stat().st_mtime_ns, reverse=True)


def _is_temporary(path: Path) -> bool:
    """Whether it is what `atomic` leaves where it is killed; it may be complete, but has no name to go on under."""
    return path.name.startswith(".") and ".tmp." in path.name


def _loaded(path: Path) -> SavedRun:
    from .io.hdf5_access import open_file

    with usable(path):
        check_seal(path)
        with open_file(path) as file:
            if "run" not in file:
                raise unusable(path, "it has a state alone, for load_checkpoint")
            document = json.loads(array_in(inside(file, "run")).tobytes())
            _, state = read_state(file)
            group = inside(file, "record")
            arrays = {name: array_in(inside(group, name)) for name in ("iterations", "eras", "figures")}
            estimate = array_in(inside(group, "estimate")) if "estimate" in group else None
        run, seconds = recorded(document), float(document["seconds"])
        saved = {**arrays, "estimate": estimate, "names": document["names"], "best": document["best"]}
        record = Record.restored(run.algorithm, lowest_of(run.stop), saved)
        recorded_to, resumed = record.rows[-1].iteration if record.rows else 0, tuple(document["resumed"])
        every = {"seconds": float(document["every"]["seconds"]), "iterations": int(document["every"]["iterations"])}
        if state.iteration != run.iterations or recorded_to > run.iterations or not 0 <= seconds < math.inf:
            raise ValueError("its parts do not belong together")
        if not (isinstance(document["input"], dict) and isinstance(document["settings"], dict)):
            raise ValueError("what it says of its input or settings makes no sense")
        return SavedRun(
            run.algorithm, run.seed, run.stop, run.changes, state, record, seconds, document["input"],
            document["settings"], run.iterations, path, tuple(map(int, resumed)), every, bool(document["arrays"]),
        )  # fmt: skip

"""A result from its file alone, once more: the same input, parameters, seed and criteria."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._version import __version__
from .core import Algorithm, Criterion, InputError, Progress
from .core.recipes import file_hash, files_of
from .reconstruction import Result, describe, reconstruct
from .recorded import NO_RECIPE, followed, recorded

if TYPE_CHECKING:
    from .io import RawData


@dataclass(frozen=True, eq=False)
class Plan:
    """What is to be run to repeat a result.

    Attributes
    ----------
    algorithm : Algorithm
    problem : DiffractionPattern or TiltSeries
    seed : int
    stop : tuple of Criterion
    changes : Mapping[int, Algorithm]
        What took over on the way.
    iterations : int
        Where the run had ended, by itself or because somebody stopped it.
    recorded : ndarray
        The result on file.
    provenance : Mapping
        Its record.
    notes : tuple of str
        What differs from the first time, in sentences.
    """

    algorithm: Algorithm[Any, Any]
    problem: Any
    seed: int
    stop: tuple[Criterion, ...]
    changes: Mapping[int, Algorithm[Any, Any]]
    iterations: int
    recorded: NDArray[Any]
    provenance: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    def ends_at(self, progress: Progress) -> bool:
        """Whether the run on record ended here."""
        return progress.iteration >= self.iterations

    @property
    def options(self) -> dict[str, Any]:
        """What goes to `reconstruct` beside algorithm, problem and callback."""
        return {"seed": self.seed, "stop": self.stop, "changes": self.changes}


@dataclass(frozen=True, eq=False)
class Repetition:
    """A result made again, beside the one on file.

    Attributes
    ----------
    result : Result
        The new one.
    identical : bool
        Whether its array is that on file, bit for bit.
    difference : float
        Norm of the difference divided by the norm of the array on file; infinite if their shapes differ.
    notes : tuple of str
        What differs from the first time, such as versions, in sentences.
    """

    result: Result
    identical: bool
    difference: float
    notes: tuple[str, ...]

    def __str__(self) -> str:
        if self.identical:
            return "identical to the result on file, bit for bit"
        return f"differs from the result on file by {self.difference:.3g} of its norm"


def rerun(
    path: str | os.PathLike[str],
    *,
    input: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
    callback: Callable[[Progress], bool | None] | None = None,
) -> Repetition:
    """Repeat a result from its file, and compare.

    Parameters
    ----------
    path : path-like
        A result in any format that keeps its record: all that `proxiscope.save` writes.
    input : path-like or sequence of path-like, optional
        Where the input lies now, if neither at its path on record nor beside the result; of a joined series one for
        each. A file given here is taken even if it is not the one on record, which a note then says.
    callback : callable, optional
        As for `proxiscope.reconstruct`.

    Returns
    -------
    Repetition

    Raises
    ------
    InputError
        If the file is no result, its input is not found or has changed, or the record has not all that is needed.
    """
    plan = planned(path, input=input)

    def follow(progress: Progress) -> bool:
        return bool(callback and callback(progress)) or plan.ends_at(progress)

    return compared(plan, reconstruct(plan.algorithm, plan.problem, callback=follow, **plan.options))


def planned(
    path: str | os.PathLike[str], *, input: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = ()
) -> Plan:
    """What `rerun` is going to run; raises InputError as it does."""
    from .io import read

    raw, name = read(path), Path(path).name
    if raw.declared.kind != "result" or "algorithm" not in raw.declared.provenance:
        raise InputError(name, "holds no result with its record", "Give a file that proxiscope wrote")
    with followed(name):
        return _planned(raw, Path(path), [input] if isinstance(input, str | os.PathLike) else input)


def _planned(raw: "RawData", path: Path, given: Iterable[str | os.PathLike[str]]) -> Plan:
    from .io.lazy import in_memory

    made = raw.declared.provenance
    described, run = made.get("input", {}), recorded(made)
    if not described.get("recipe"):
        raise InputError(path.name, *NO_RECIPE)
    if "starts_done" in made:
        raise InputError(
            path.name,
            f"was stopped after {len(made['starts_done'])} starts on several workers: those that were the fastest",
            "Only a run that came to its end can be repeated: proxiscope resume goes on with this one",
        )
    problem, notes = problem_again(described, path.absolute().parent, [Path(p) for p in given])
    notes += _versions(made)
    if describe(problem)["sha256"] != described.get("sha256"):
        notes.append("The data that the run sees are not those on record: they are read or prepared otherwise now.")
    array = in_memory(raw.data, path)
    return Plan(run.algorithm, problem, run.seed, run.stop, run.changes, run.iterations, array, made, tuple(notes))


def problem_again(
    described: Mapping[str, Any], folder: Path, given: Sequence[Path], of: str = "result"
) -> tuple[Any, list[str]]:
    """The problem that `describe` told of, made again by its recipe, and notes on what differs.

    Its files are looked for among those given, where they were, and in the folder where what it is the input `of` lies.

    Raises
    ------
    InputError
        If a file is not found, has changed and was not given, or cannot be read as the recipe says.
    """
    from .io.rebuild import problem_of

    with followed(of):
        search = _Search(folder, given, described["recipe"], of)
        return problem_of(described["recipe"], search), search.notes


def compared(plan: Plan, result: Result) -> Repetition:
    """The new result beside the one on file."""
    identical = result.array.dtype == plan.recorded.dtype and np.array_equal(
        result.array, plan.recorded, equal_nan=True
    )
    notes = list(plan.notes)
    if result.provenance["iterations"] != plan.iterations:
        notes.append(f"It ended at iteration {result.provenance['iterations']}, the first one at {plan.iterations}.")
    provenance = {**result.provenance, "repeats": {"finished": plan.provenance.get("finished"), "identical": identical}}
    result = replace(result, provenance=provenance)
    return Repetition(result, identical, difference(result.array, plan.recorded), tuple(notes))


def difference(a: ArrayLike, b: ArrayLike) -> float:
    """Norm of a - b divided by that of b; infinite if their shapes differ."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return float("inf")
    distance, norm = (np.sqrt(sum(_power(x) for x in v)) for v in ((p - q for p, q in _pairs(a, b)), b))
    if distance == 0 or not norm:
        return 0.0 if distance == 0 else float("inf")
    return float(distance / norm)


def _pairs(a: NDArray[Any], b: NDArray[Any]) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Slice by slice in double precision, of which large volumes would not fit into memory."""
    exact = np.result_type(a, b, np.float64)
    return ((p.astype(exact), q.astype(exact)) for p, q in zip(a, b, strict=True))


def _power(values: NDArray[Any]) -> float:
    return float(np.linalg.norm(values.astype(np.result_type(values, np.float64)).ravel()) ** 2)


def _versions(made: Mapping[str, Any]) -> list[str]:
    """Sentences on what computes otherwise than the first time."""
    from .reconstruction import platform_line

    now = {"software": f"proxiscope {__version__}", "platform": platform_line()}
    return [
        f"The result on file was made by {made.get(key)}, this one by {value}."
        for key, value in now.items()
        if made.get(key) != value
    ]


class _Search:
    """Finds the files of a recipe: among those given, where they were, or beside the result."""

    def __init__(self, folder: Path, given: Sequence[Path], recipe: Mapping[str, Any], of: str):
        self._folder, self._of = folder, of
        self.notes: list[str] = []
        for path in given:
            if not (path.is_file() or path.is_dir()):  # a device or a pipe might have no end
                raise InputError(str(path), "is no file or folder", f"Give the input of the {of}")
        on_record = [file["sha256"] for file in files_of(recipe)]
        hashes = {path: file_hash(path) for path in given}
        self._given = {value: path for path, value in hashes.items() if value in on_record}
        others = [path for path in given if hashes[path] not in on_record]
        missing = [value for value in dict.fromkeys(_main_inputs(recipe)) if value not in self._given]
        if len(others) > len(missing):
            raise InputError("input", f"{len(given)} files for {len(_main_inputs(recipe))}", "Give one for each input")
        for path, value in zip(others, missing, strict=False):
            self._given[value] = path
            self.notes.append(f"{path} is not the file on record: its hash is another.")

    def __call__(self, file: Mapping[str, str]) -> Path:
        path, expected = Path(file["path"]), file["sha256"]
        if expected in self._given:
            return self._given[expected]
        places = [place for place in (path, self._folder / path.name) if place.is_file() or place.is_dir()]
        for place in places:
            if file_hash(place) == expected:
                return place
        if places:
            raise InputError(
                str(places[0]),
                f"has changed since the {self._of} was made: its hash is another",
                "Give the file as it was by --input (input=)"
                + (", or this one, to see what it makes" if self._of == "result" else ""),
            )
        raise InputError(path.name, f"not at {path} nor beside the {self._of}", "Say where it is by --input (input=)")


def _main_inputs(recipe: Mapping[str, Any]) -> list[str]:
    """Hashes of the files with the data, of a joined series in their order."""
    if "joined" in recipe:
        return [value for one in recipe["joined"] for value in _main_inputs(one)]
    return [file["sha256"] for file in recipe.get("files", (recipe,)) if "sample" not in recipe]

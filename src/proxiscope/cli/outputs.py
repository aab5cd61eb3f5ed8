"""Checks, before a run, that its result can be written, and the writing after it."""

import argparse
import csv
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..core import InputError
from ..core.files import atomic
from ..reconstruction import Result
from .interrupt import held


def check_outputs(
    output: str | Path, metrics: str | None = None, refined: str | None = None, *, inputs: Sequence[str] = ()
) -> None:
    """Find out before the run, not after it, that a result cannot be written, or would replace its own data."""
    from ..io import WRITE_SUFFIXES
    from ..io.angles import check_angle_name

    suffix = Path(output).suffix.lower()
    if suffix not in WRITE_SUFFIXES:
        raise InputError(output, f"the suffix {suffix!r}", f"Choose one of {', '.join(sorted(WRITE_SUFFIXES))}")
    if metrics and os.path.realpath(metrics) == os.path.realpath(output):
        raise InputError(metrics, "is to hold both the result and its metrics", "Give two names")
    if refined:
        check_angle_name(refined)
        if metrics and os.path.realpath(metrics) == os.path.realpath(refined):
            raise InputError(refined, "is to hold both metrics and refined tilts", "Give two names")
    for path in [p for p in (output, metrics, refined) if p]:
        if any(same_file(path, other) for other in inputs):
            raise InputError(path, "is one of the files to be read", "Give another name for the result")
        check_writable(path)


def check_writable(path: str | Path) -> None:
    """Raise InputError if nothing can be put at `path`; what is there stays."""
    with suppress(_Untouched), atomic(path, folder=Path(path).suffix.lower() == ".zarr"):
        raise _Untouched


def check_holds_complex(output: str | Path, kind: str) -> None:
    """Raise InputError if the object of that `kind` is complex and the format of `output` holds no such numbers."""
    from ..io import COMPLEX_SUFFIXES

    suffix = Path(output).suffix.lower()
    if kind.startswith("complex") and suffix not in COMPLEX_SUFFIXES:
        allowed = ", ".join(COMPLEX_SUFFIXES)
        raise InputError(output, f"{suffix} cannot hold a complex object", f"Choose one of {allowed}")


def same_file(one: str | Path, other: str | Path) -> bool:
    """Whether two paths lead to one file."""
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):  # one of them does not exist
        return False


class _Untouched(Exception):
    """Leaves `atomic` without putting anything in place."""


def write_result(result: Result, options: argparse.Namespace) -> None:
    """Write a result, and its metrics and refined tilts where they are asked for; say what it is.

    Raises
    ------
    InputError
        If one of them cannot be written; it says where all that could not be were put instead.
    """
    from ..io import write, write_angles

    contents, lost = result.contents(), list[str]()
    outputs: dict[str, Callable[[Path], Any]] = {options.output: lambda path: lost.extend(write(path, contents))}
    refined = getattr(options, "refined_angles", None)
    if refined and "rotations" in result.products:  # which a run that diverged may have lost
        outputs[refined] = lambda path: write_angles(path, result.products["rotations"], result.products["shifts"])
    if metrics := getattr(options, "metrics", None):
        outputs[metrics] = lambda path: write_metrics(path, result)
    with held("Leaving when the result is written.", options.quiet):
        failed = write_all(outputs)
    if not options.quiet:
        for sentence in lost:
            print(sentence, file=sys.stderr)
        where = "not written" if failed and failed.field == options.output else options.output
        print(f"{where}: {summary(result)}")
        if "stopped" in result.provenance:
            print(f"{options.output}: {result.provenance['stopped']}")
    if failed:
        raise failed


def write_all(outputs: Mapping[str, Callable[[Path], Any]]) -> InputError | None:
    """Write each output by its function, one that fails into another folder; what to tell the user of the failures."""
    failed: dict[str, Exception] = {}
    for path, write in outputs.items():
        try:
            write(Path(path))
        except Exception as error:  # even one that nobody thought of must not cost the result of a long run
            failed[path] = error
    if not failed:
        return None
    kept = _elsewhere({Path(path).name: outputs[path] for path in failed})
    field, why = next(iter(failed.items()))
    found = why.found if isinstance(why, InputError) else f"cannot be written ({why or type(why).__name__})"
    gone = [Path(path).name for path in failed if Path(path).name not in {k.name for k in kept}]
    remedy = f"Kept instead: {', '.join(map(str, kept))}" if kept else ""
    if gone:
        remedy += f"{'; but ' if kept else ''}{', '.join(gone)} could be written nowhere else either"
    return InputError(field, found, remedy)


def _elsewhere(outputs: Mapping[str, Callable[[Path], Any]]) -> list[Path]:
    """Write into a new folder of the user's own at home, or else where temporary files lie; what that worked for."""
    kept: list[Path] = []
    for base in (Path.home(), Path(tempfile.gettempdir())):
        todo = {name: write for name, write in outputs.items() if name not in {path.name for path in kept}}
        try:
            folder = Path(tempfile.mkdtemp(prefix="proxiscope-kept-", dir=base)) if todo else None
        except OSError:
            continue
        if folder is None:
            break
        for name, write in todo.items():
            with suppress(Exception):
                write(folder / name)
                kept.append(folder / name)
        with suppress(OSError):
            folder.rmdir()  # if nothing is in it
    return kept


def write_metrics(path: str | Path, result: Result) -> None:
    """Write the recorded figures as a CSV table, one row a recorded iteration."""
    with atomic(path) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(result.metrics)
        writer.writerows(zip(*(values.tolist() for values in result.metrics.values()), strict=True))


def summary(result: Result) -> str:
    """Size, iteration, figures and time of a result in a line."""
    size = " x ".join(str(n) for n in result.array.shape)
    at = list(result.metrics["iteration"]).index(result.iteration)
    shown = figures({name: values[at] for name, values in result.metrics.items()})
    return f"{size}, iteration {result.iteration}, {shown}, {result.provenance['seconds']:.1f} s"


def figures(metrics: Mapping[str, float]) -> str:
    """R-factors as per cent."""
    names = {"r_factor": "R_F", "free_r_factor": "free R"}
    return ", ".join(f"{shown} {metrics[name]:.2%}" for name, shown in names.items() if name in metrics)

"""Checks, before a run, that its result can be written, and the writing after it."""

import argparse
import csv
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ..core import InputError
from ..core.files import atomic
from ..reconstruction import Result


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
    for path in filter(None, (output, metrics, refined)):
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
    """Write a result, and its metrics and refined tilts where they are asked for; say what it is."""
    from ..io import write, write_angles

    lost = write(Path(options.output), result.contents())
    refined, metrics = (getattr(options, name, None) for name in ("refined_angles", "metrics"))
    if refined:
        write_angles(refined, result.products["rotations"], result.products["shifts"])
    if metrics:
        write_metrics(metrics, result)
    if not options.quiet:
        for sentence in lost:
            print(sentence, file=sys.stderr)
        print(f"{options.output}: {summary(result)}")
        if "stopped" in result.provenance:
            print(f"{options.output}: {result.provenance['stopped']}")


def write_metrics(path: str, result: Result) -> None:
    """Write the recorded figures as a CSV table, one row a recorded iteration."""
    try:
        with atomic(path) as temporary, open(temporary, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(result.metrics)
            writer.writerows(zip(*(values.tolist() for values in result.metrics.values()), strict=True))
    except OSError as error:
        raise InputError(path, f"cannot be written ({error})", "Check the free space and permissions") from error


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

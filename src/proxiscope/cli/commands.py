"""What each command does."""

import argparse
import csv
import json
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..core import Algorithm, DivergedError, InputError, Progress, algorithms, build, check, parameters
from ..core.files import atomic
from ..reconstruction import Result
from ..reconstruction import reconstruct as run_to_result


def list_algorithms(options: argparse.Namespace) -> int:
    """``proxiscope algorithms``."""
    found = {
        name: {
            "title": cls.title,
            "family": cls.family,
            "parameters": {
                p.name: {"default": p.default, "expects": p.expects, "unit": p.unit, "doc": p.doc}
                for p in parameters(cls)
            },
        }
        for name, cls in algorithms().items()
    }
    if options.json:
        print(json.dumps(found, indent=2))
        return 0
    for name, entry in found.items():
        print(f"{name:10} {entry['family']:12} {entry['title']}")
    print("\nproxiscope reconstruct ALGORITHM --help lists the parameters of one.")
    return 0


def reconstruct(options: argparse.Namespace) -> int:
    """``proxiscope reconstruct``."""
    algorithm = algorithm_from(algorithms()[options.algorithm], options)
    inputs = [getattr(options, name, None) for name in ("input", "angles", "support", "mask")]
    _check_outputs(options.output, options.metrics, inputs=inputs)
    with warnings.catch_warnings(record=True) as caught:  # shown once the input has proved to be good
        problem, notes, seed = _problem(algorithm.family, options)
        check(algorithm, problem, seed)
    for warning in caught:
        warnings.showwarning(warning.message, warning.category, warning.filename, warning.lineno)
    if not options.quiet:
        for note in notes:
            print(f"{Path(options.input).name}: {note}", file=sys.stderr)
    try:
        result, interrupted = run(algorithm, problem, seed=seed, quiet=options.quiet)
    except DivergedError as error:
        if error.result is not None:
            _write(error.result, options)
        raise
    _write(result, options)
    return 130 if interrupted else 0


def _write(result: Result, options: argparse.Namespace) -> None:
    result.save(options.output)
    if options.metrics:
        write_metrics(options.metrics, result)
    if not options.quiet:
        print(f"{options.output}: {_summary(result)}")


def demo(options: argparse.Namespace) -> int:
    """``proxiscope demo``."""
    from ..phase import GPSF
    from ..simulate import sample_pattern, sample_tilt_series
    from ..tomography import RESIRE

    folder = Path(options.output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            str(folder), f"cannot be made ({error.strerror})", "Give a folder that you may write to"
        ) from error
    _check_outputs(folder / "gps-f.tif")
    _check_outputs(folder / "resire.mrc")
    for algorithm, problem, name in (
        (GPSF(), sample_pattern(), "gps-f.tif"),
        (RESIRE(), sample_tilt_series(), "resire.mrc"),
    ):
        result, interrupted = run(algorithm, problem)
        result.save(folder / name)
        print(f"{folder / name}: {_summary(result)}")
        if interrupted:
            return 130
    return 0


def run(algorithm: Algorithm, problem: Any, *, seed: int = 0, quiet: bool = False) -> tuple[Result, bool]:
    """Run with a progress bar. Ctrl-C stops after the iteration at hand; the second value says so.

    Raises
    ------
    KeyboardInterrupt
        At a second Ctrl-C, which does not wait for the iteration.
    """
    check(algorithm, problem, seed)  # before there is a bar
    bar = tqdm(total=algorithm.iterations, desc=algorithm.name, unit="it", disable=quiet, file=sys.stderr)
    with bar, _interrupt_held(quiet) as stop:

        def follow(progress: Progress) -> bool:
            if progress.metrics:
                bar.set_postfix_str(f"R_F {progress.metrics['r_factor']:.2%}", refresh=False)
            bar.update()
            return stop.is_set()

        return run_to_result(algorithm, problem, seed=seed, callback=follow), stop.is_set()


@contextmanager
def _interrupt_held(quiet: bool) -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets instead of breaking into an iteration, whose state would be half new."""
    stop = threading.Event()

    def hold(number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stop.set()
        if not quiet:  # a signal handler must not print: it may have broken into a print
            with suppress(OSError):
                os.write(2, b"\nStopping after this iteration. Ctrl-C again leaves at once, without a result.\n")

    usual = threading.current_thread() is threading.main_thread()
    usual = usual and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if usual:
        signal.signal(signal.SIGINT, hold)
    try:
        yield stop
    finally:
        if usual:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def write_metrics(path: str, result: Result) -> None:
    """Write the recorded figures as a CSV table, one row a recorded iteration."""
    try:
        with atomic(path) as temporary, open(temporary, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(result.metrics)
            writer.writerows(zip(*(values.tolist() for values in result.metrics.values()), strict=True))
    except OSError as error:
        raise InputError(path, f"cannot be written ({error})", "Check the free space and permissions") from error


def algorithm_from(cls: type, options: argparse.Namespace) -> Algorithm:
    """The algorithm `cls` with the parameters given as options; raises InputError."""
    texts = {p: getattr(options, p.name) for p in parameters(cls)}
    return build(cls, {p.name: p.parse(text) for p, text in texts.items() if text is not None})


def _problem(family: str, options: argparse.Namespace) -> tuple[Any, tuple[str, ...], int]:
    """The problem that the options describe, notes on how its file was read, and the seed; raises InputError."""
    from ..io import read
    from ..io.load import problem_from

    shared = {"mask": options.mask, "pixel_size": options.pixel_size}
    if family == "phase":
        raw = read(options.input, variable=options.variable)
        own = {"support": options.support, "intensities": options.intensities}
        return *problem_from(raw, "pattern", **own, **shared), options.seed
    raw = read(options.input, angles=options.angles, variable=options.variable)
    return *problem_from(raw, "tilt-series", tilt_axis=options.tilt_axis, **shared), 0


def _check_outputs(output: str | Path, metrics: str | None = None, *, inputs: Sequence[str | None] = ()) -> None:
    """Find out before the run, not after it, that a result cannot be written, or would replace its own data."""
    from ..io import WRITE_SUFFIXES

    suffix = Path(output).suffix.lower()
    if suffix not in WRITE_SUFFIXES:
        raise InputError(output, f"the suffix {suffix!r}", f"Choose one of {', '.join(sorted(WRITE_SUFFIXES))}")
    if metrics and os.path.realpath(metrics) == os.path.realpath(output):
        raise InputError(metrics, "is to hold both the result and its metrics", "Give two names")
    for path in filter(None, (output, metrics)):
        if any(_same_file(path, other) for other in inputs if other):
            raise InputError(path, "is one of the files to be read", "Give another name for the result")
        with suppress(_Untouched), atomic(path):
            raise _Untouched


def _same_file(one: str | Path, other: str | Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):  # one of them does not exist
        return False


class _Untouched(Exception):
    """Leaves `atomic` without putting anything in place."""


def _summary(result: Result) -> str:
    size = " x ".join(str(n) for n in result.array.shape)
    return f"{size}, iteration {result.iteration}, R_F {result.r_factor:.2%}, {result.provenance['seconds']:.1f} s"

"""What each command does."""

import argparse
import csv
import json
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..core import Algorithm, InputError, Record, algorithms, build, iterate, parameters
from ..core.files import atomic
from ..reconstruction import Result, conclude


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
    from ..io.load import load

    cls = algorithms()[options.algorithm]
    algorithm = algorithm_from(cls, options)
    _check_outputs(options)
    shared = {"mask": options.mask, "pixel_size": options.pixel_size, "variable": options.variable}
    if cls.family == "phase":
        problem = load(
            options.input, kind="pattern", support=options.support, intensities=options.intensities, **shared
        )
        seed = options.seed
    else:
        problem = load(
            options.input, kind="tilt-series", angles=options.angles, tilt_axis=options.tilt_axis, **shared
        )
        seed = 0
    result, interrupted = run(algorithm, problem, seed=seed, quiet=options.quiet)
    result.save(options.output)
    if options.metrics:
        write_metrics(options.metrics, result)
    if not options.quiet:
        print(f"{options.output}: {_summary(result)}")
    return 130 if interrupted else 0


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
    """Run with a progress bar. Ctrl-C stops and keeps what there is; the second value says so.

    Raises
    ------
    KeyboardInterrupt
        If it comes before the first iteration is done.
    """
    record, begin, progress, interrupted = Record(algorithm), time.perf_counter(), None, False
    bar = tqdm(total=algorithm.iterations, desc=algorithm.name, unit="it", disable=quiet, file=sys.stderr)
    with bar:
        try:
            for progress in iterate(algorithm, problem, seed=seed):
                record.add(progress)
                if progress.metrics:
                    bar.set_postfix_str(f"R_F {progress.metrics['r_factor']:.2%}", refresh=False)
                bar.update()
        except KeyboardInterrupt:
            if progress is None:
                raise
            interrupted = True
    return conclude(
        algorithm, problem, record, progress, seed=seed, seconds=time.perf_counter() - begin
    ), interrupted


def write_metrics(path: str, result: Result) -> None:
    """Write the recorded figures as a CSV table, one row a recorded iteration."""
    with atomic(path) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(result.metrics)
        writer.writerows(zip(*(values.tolist() for values in result.metrics.values()), strict=True))


def algorithm_from(cls: type, options: argparse.Namespace) -> Algorithm:
    """The algorithm `cls` with the parameters given as options; raises InputError."""
    texts = {p: getattr(options, p.name) for p in parameters(cls)}
    return build(cls, {p.name: p.parse(text) for p, text in texts.items() if text is not None})


def _check_outputs(options: argparse.Namespace) -> None:
    """Find out before the run, not after it, that a result cannot be written."""
    from ..io import WRITE_SUFFIXES

    suffix = Path(options.output).suffix.lower()
    if suffix not in WRITE_SUFFIXES:
        raise InputError(
            options.output, f"the suffix {suffix!r}", f"Choose one of {', '.join(sorted(WRITE_SUFFIXES))}"
        )
    for path in filter(None, (options.output, options.metrics)):
        with suppress(_Untouched), atomic(path):
            raise _Untouched


class _Untouched(Exception):
    """Leaves `atomic` without putting anything in place."""


def _summary(result: Result) -> str:
    size = " x ".join(str(n) for n in result.array.shape)
    return f"{size}, iteration {result.iteration}, R_F {result.r_factor:.2%}, {result.provenance['seconds']:.1f} s"

"""``proxiscope reconstruct --out-of-core``: a series that stays in its file, into a Zarr."""

import argparse
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..core import InputError, parameters
from ..out_of_core import (
    SeriesOnDisk,
    SlabsDone,
    partial_path,
    reconstruct_out_of_core,
    resume_out_of_core,
    whole_path,
)
from ..reconstruction import Result
from ..tomography import InSlabs
from . import scale
from .outputs import check_outputs, figures, summary, write_metrics

_REFUSED = {
    "support": "takes a volume into memory",
    "in_slabs": "is for a series in memory",
    "overlap": "is for slabs in memory",
    "in_plane": "turns the tilts off a single axis",
    "stop": "looks at the whole volume, of which there is a slab at a time",
    "change": "is for a run in memory",
    "end_at": "is for a run in memory",
    "checkpoint": "is for a run in memory: the partial Zarr is one by itself",
}


def add_option(group: argparse._ArgumentGroup) -> None:
    """Add the option to those for large series."""
    group.add_argument(
        "--out-of-core",
        action="store_true",
        help="leave the series in its file and write the volume slab by slab, so that neither has to fit into memory: "
        "about one axis, OUTPUT a .zarr. --slices and --memory apply",
    )


def reconstruct(options: argparse.Namespace, algorithm: Any, slices: int, memory: float) -> int:
    """Reconstruct, or go on where the same command was interrupted before."""
    series = _series(options)
    check_outputs(options.output, options.metrics, inputs=[series.path])
    total = {"unit": "slab", "desc": algorithm.name, "disable": options.quiet, "file": sys.stderr}
    given: dict[str, Any] = {"slices": slices, "memory_limit": memory, "seed": getattr(options, "seed", 0)}
    with scale.workers(options) as engine, tqdm(**total) as bar:
        given |= {"engine": engine, "callback": lambda progress: show(bar, progress)}
        try:
            result: Any = reconstruct_out_of_core(algorithm, series, options.output, **given)
        except KeyboardInterrupt:
            return _interrupted(bar, partial_path(options.output))
    tell(result, options)
    return 0


def resume(options: argparse.Namespace) -> int:
    """Go on with what ``--out-of-core`` began."""
    target = str(whole_path(options.checkpoint))
    for name in ("output", "refined_angles"):
        if getattr(options, name, None):
            given = f"--{name.replace('_', '-')}"
            raise InputError(given, "given for a volume that is written slab by slab", "Leave it out")
    if len(options.input) > 1:
        raise InputError("--input", f"{len(options.input)} files", "Give the one that the volume is made of")
    course: dict[str, Any] = {"input": options.input[0] if options.input else None}
    total = {"unit": "slab", "desc": "slabs", "disable": options.quiet, "file": sys.stderr}
    with scale.workers(options) as engine, tqdm(**total) as bar:
        course |= {"engine": engine, "callback": lambda progress: show(bar, progress)}
        try:
            result: Any = resume_out_of_core(target, **course)
        except KeyboardInterrupt:
            return _interrupted(bar, partial_path(target))
    tell(result, argparse.Namespace(**vars(options) | {"output": target}))
    return 0


def _interrupted(bar: "tqdm[Any]", kept: Path) -> int:
    """Say, after Ctrl-C, where the finished slabs are; the exit code."""
    if not kept.is_dir():
        raise KeyboardInterrupt
    bar.close()
    print(f"proxiscope: interrupted. {kept} has what is done: the same command goes on.", file=sys.stderr)
    return 130


def show(bar: "tqdm[Any]", progress: SlabsDone) -> None:
    """Bring a bar up to date."""
    bar.total = progress.total
    bar.set_postfix_str(figures(progress.metrics), refresh=False)
    bar.update(progress.done - bar.n)


def tell(result: Result, options: argparse.Namespace) -> None:
    """Write the metrics where they are asked for, and say what the result is."""
    if getattr(options, "metrics", None):
        write_metrics(options.metrics, result)
    if not options.quiet:
        print(f"{options.output}: {summary(result)}")


def chosen(options: argparse.Namespace) -> tuple[int, float] | None:
    """Thickness of slabs and memory, taken out of the options, where the run is to be out of core; else None.

    Raises
    ------
    InputError
        If an option was given that does not go with it.
    """
    if not getattr(options, "out_of_core", False):
        return None
    if options.chain:
        raise InputError(
            "--step", "given with --out-of-core, and steps take the whole series", "Run proxiscope prepare first"
        )
    for name, why in _REFUSED.items():
        if getattr(options, name, None):
            raise InputError(f"--{name.replace('_', '-')}", f"given with --out-of-core: it {why}", "Leave it out")
    if Path(options.output).suffix.lower() != ".zarr":
        raise InputError(options.output, "given with --out-of-core", "Give a name that ends in .zarr")
    found = []
    for name, parameter in (("slices", "slices"), ("memory", "memory_limit")):
        text = getattr(options, name)
        known = next(p for p in parameters(InSlabs) if p.name == parameter)
        found.append(known.default if text is None else known.parse(text))
        setattr(options, name, None)
    return found[0], found[1]


def _series(options: argparse.Namespace) -> SeriesOnDisk:
    if len(options.input) > 1:
        raise InputError("INPUT", f"{len(options.input)} series with --out-of-core", "Give one, about a single axis")
    single = {}
    for name in ("angles", "tilt_axis", "mask"):
        values = getattr(options, name) or [None]
        if len(values) > 1:
            raise InputError(f"--{name.replace('_', '-')}", f"{len(values)} for one series", "Give one")
        single[name] = values[0]
    names = ("variable", "reverse_angles", "pixel_size", "hold_out_tilts")
    return SeriesOnDisk(options.input[0], **single, **{name: getattr(options, name) for name in names})

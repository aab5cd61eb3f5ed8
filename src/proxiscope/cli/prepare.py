"""``proxiscope prepare``: from raw to ready, into a file."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from ..core import InputError
from ..preparation.images import Family
from . import series, steps
from .interrupt import held
from .outputs import check_outputs, write_all
from .patterns import add_values

KINDS: dict[str, Family] = {"tilt-series": "tomography", "pattern": "phase"}


def add_parser(sub: "argparse._SubParsersAction[Any]") -> None:
    """Add the command to those of ``proxiscope``."""
    parser = sub.add_parser(
        "prepare",
        help="correct, centre or align raw data, and write what is ready to be reconstructed",
        description="Apply steps of preparation to a tilt series or a diffraction pattern, and write what comes of it, "
        "with its record. proxiscope steps lists the steps.",
    )
    add = parser.add_argument
    add("input", metavar="INPUT", help="file with the data")
    add("-o", "--output", metavar="OUTPUT", required=True, help="what is ready: .h5, .npz, .mrc, .zarr or .tif")
    add("--kind", choices=KINDS, help="what INPUT holds (default: what it says, else a tilt series if it has angles)")
    add("--variable", metavar="NAME", help="array to read from a file that holds several")
    add("--pixel-size", metavar="NM", type=float, help="pixel size, instead of what the file says")
    add("--quiet", action="store_true", help="no progress bar, no notes")
    steps.add_options(add)
    add_values(parser)
    series.add_options(add)
    parser.set_defaults(command=prepare)


def prepare(options: argparse.Namespace) -> int:
    """``proxiscope prepare``."""
    from ..io import write
    from ..io.contents import contents_of
    from ..io.load import kind_of, loaded
    from ..io.reading import read

    check_outputs(options.output, inputs=series.files(options))
    kind = kind_of(read(options.input, variable=options.variable), options.kind)
    chain = steps.chosen(options, KINDS[kind])
    check_outputs(options.output, inputs=steps.files(chain))
    if not chain:
        raise InputError("--step", "no step is given", "Give --step usual, or steps one by one")
    problem: Any
    with progress(options.quiet) as tick:
        if kind == "tilt-series":
            problem, notes = series.read_series(options, [options.input], steps=chain, tick=tick)
        else:
            mask = options.mask[0] if options.mask else None
            given = {"variable": options.variable, "pixel_size": options.pixel_size, "mask": mask}
            given |= {"intensities": options.intensities, "steps": chain, "tick": tick}
            problem, notes = loaded(options.input, kind="pattern", **given)
    lost: list[str] = []
    with held("Leaving when it is written.", options.quiet):
        failed = write_all({options.output: lambda path: lost.extend(write(path, contents_of(problem)))})
    if failed:
        raise failed
    if not options.quiet:
        for sentence in (*notes, *lost):
            print(sentence, file=sys.stderr)
        print(f"{options.output}: {problem!r}")
    return 0


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[float], None]]:
    """A bar on standard error for steps of preparation, and what tells it the fraction done."""
    with tqdm(total=100, desc="prepare", unit="%", disable=quiet, file=sys.stderr, leave=False) as bar:
        yield lambda fraction: bar.update(round(100 * fraction) - bar.n) and None

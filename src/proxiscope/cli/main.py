"""Arguments and exit codes. The options of each algorithm come from its parameters."""

import argparse
import os
import sys
import textwrap
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, NoReturn, cast, get_args

from tqdm import tqdm

from .._version import __version__
from ..core import PRESETS, Algorithm, InputError, Parameter, ProxiscopeError, algorithms, criteria, parameters
from ..phase.problem import Object
from . import (
    checkpointing,
    commands,
    info,
    out_of_core,
    patterns,
    prepare,
    quality,
    rerun,
    resume,
    scale,
    series,
    steps,
)

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


class _Help(argparse.HelpFormatter):
    """Help whose lines do not break inside the names of choices."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line, and that wants names in full: a new option must not change old lines."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **{"allow_abbrev": False, "formatter_class": _Help, **kwargs})
        self.set_defaults(parser=self)

    def print_help(self, file: Any = None) -> None:
        """Print it; argparse itself would not tell that the reader has left."""
        print(self.format_help(), end="", file=file)

    def error(self, message: str) -> NoReturn:
        if message.endswith("required: INPUT"):  # or an option that takes several files has taken it
            message += ". Give it before the options"
        self.exit(BAD_INPUT, f"{self.prog}: {' '.join(message.split())} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; those of the process by default.

    Returns
    -------
    int
        0 when done, 2 on bad input or too little memory, 130 when interrupted (what was computed is written),
        1 when an iteration diverged or the reader of the output left. A wrong command line, and --help, raise
        SystemExit instead.
    """
    output: Any = sys.stdout
    if arguments is None and output is not None:  # a file's name may not fit the terminal's encoding
        output.reconfigure(errors="backslashreplace")
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()  # here, where a reader that has left can be dealt with
    except BrokenPipeError:  # the reader of our output has left; nothing more can be said to it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _run(arguments: Sequence[str] | None) -> int:
    options, unknown = parser().parse_known_args(arguments)
    if unknown:
        options.parser.error(f"unknown: {' '.join(unknown)}")
    with warnings.catch_warnings():
        warnings.showwarning = _print_warning
        try:
            return options.command(options)
        except InputError as error:
            return _fail(error, BAD_INPUT)
        except MemoryError as error:
            return _fail(_memory_in_words(error), BAD_INPUT)
        except ProxiscopeError as error:
            return _fail(error, FAILED)
        except KeyboardInterrupt:
            return _fail("interrupted, nothing was written", INTERRUPTED)


def _fail(message: object, code: int) -> int:
    print(f"proxiscope: {' '.join(str(message).split())}", file=sys.stderr)
    return code


def _memory_in_words(error: MemoryError) -> str:
    """The error, with the options that would help."""
    options = [proposal.options for proposal in getattr(error, "proposals", ()) if proposal.options]
    text = str(error) or "the memory does not suffice. Bin or crop the data."
    return f"{text} Add {', or '.join(options)}." if options else text


def _print_warning(message: Warning | str, *where: Any, **more: Any) -> None:
    tqdm.write(f"proxiscope: warning: {' '.join(str(message).split())}", file=sys.stderr)


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line, with a sub-command for each registered algorithm."""
    root = _Parser(prog="proxiscope", description="Phase retrieval and tomography.")
    root.add_argument("--version", action="version", version=f"proxiscope {__version__}")
    sub = root.add_subparsers(required=True, metavar="COMMAND")

    listing = sub.add_parser("algorithms", help="list the algorithms")
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.set_defaults(command=commands.list_algorithms)

    reconstruct = sub.add_parser("reconstruct", help="reconstruct a diffraction pattern or a tilt series")
    choice = reconstruct.add_subparsers(required=True, metavar="ALGORITHM", dest="algorithm")
    for name, cls in algorithms().items():
        one = choice.add_parser(name, help=cls.title, description=f"{_summary(cls)} When to use it: {cls.use}")
        _add_run_options(one, cls)
        one.set_defaults(command=commands.reconstruct)

    prepare.add_parser(sub)
    steps.add_parser(sub)
    quality.add_parser(sub)
    rerun.add_parser(sub)
    resume.add_parser(sub)
    info.add_parser(sub)

    demo = sub.add_parser("demo", help="reconstruct a simulated pattern and a simulated tilt series")
    demo.add_argument("--output", metavar="DIR", default="demo-output", help="folder for the results (%(default)s)")
    demo.set_defaults(command=commands.demo)
    return root


def _summary(cls: type[Algorithm[Any, Any]]) -> str:
    return (cls.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")


_INPUTS = (
    "file with the tilt series, or a sample such as sample:tilt-series, before all options; several are joined, such "
    "as those of a double tilt"
)
_PIXEL_SIZE = {
    "phase": "pixel size of the reconstruction, for the record and the result's scale",
    "tomography": "pixel size, instead of what the file says",
}


def _add_run_options(parser: argparse.ArgumentParser, cls: type[Algorithm[Any, Any]]) -> None:
    add = parser.add_argument
    phase = cls.family == "phase"
    if phase:
        add("input", metavar="INPUT", help="file with the data; or a sample, such as sample:pattern")
    else:
        add("input", metavar="INPUT", nargs="+", help=_INPUTS)
    add("-o", "--output", metavar="OUTPUT", required=True, help="result: .mrc, .zarr, .h5, .cxi, .npz, .npy or .tif")
    add("--metrics", metavar="CSV", help="R-factor and other figures over iterations, as a table")
    add("--variable", metavar="NAME", help="array to read from a file that holds several")
    add("--pixel-size", metavar="NM", type=float, help=_PIXEL_SIZE[cls.family])
    add("--quiet", action="store_true", help="no progress bar, no notes")
    checkpointing.add_options(add)
    if scale.applies(cls):
        scale.add_option(add)
    steps.add_options(add)
    if phase:
        add("--mask", metavar="FILE", help="usable pixels: true or non-zero")
        _add_pattern_options(parser)
    else:
        series.add_options(add)
        add("--support", metavar="FILE", help="where the object may lie: (z, y, x), as large as the volume is to be")
        add("--hold-out-tilts", metavar="N", type=int, help="hold out every N-th tilt for a free R-factor, such as 10")
    if commands.refines_tilts(cls):
        add("--refined-angles", metavar="FILE", help="table of the tilts as refined, to be read by --angles: a .txt")
    if cls.random_start:
        add("--seed", type=int, default=0, help="seed of what is random: the start, or the tilts' order (%(default)s)")
    if cls.presets:
        titles = "; ".join(f"{name}: {PRESETS[name].lower()}" for name in cls.presets)
        add("--preset", choices=cls.presets, help=f"values for parameters that are not given by themselves. {titles}")
    for title, found in groupby(parameters(cls), key=lambda p: p.group):
        _add_parameters(parser.add_argument_group(title or "parameters"), found)
    if commands.takes_slabs(cls):
        group = parser.add_argument_group("large series", _SLABS)
        group.add_argument("--in-slabs", action="store_true", help="reconstruct in slabs, one after the other")
        out_of_core.add_option(group)
        _add_parameters(group, (replace(p, name=name) for name, p in commands.slab_parameters().items()))
    _add_course(parser)
    _add_criteria(parser, cls)
    if commands.takes_many_starts(cls):
        group = parser.add_argument_group("many starts", _MANY_STARTS)
        _add_parameters(group, commands.many_starts_parameters())


_STOPPING = "End a run before its last iteration: by the first criterion that is met, of one or several."


def _add_criteria(parser: argparse.ArgumentParser, cls: type[Algorithm[Any, Any]]) -> None:
    usable = criteria(cls)
    if not usable:
        return
    group = parser.add_argument_group("when to stop", _STOPPING)
    titles = "; ".join(f"{name}: {criterion.title}" for name, criterion in usable.items())
    about = f"what ends the run; may be repeated. {titles}"
    group.add_argument("--stop", choices=usable, action="append", default=[], help=about)
    for criterion in usable.values():
        _add_parameters(group, commands.criterion_parameters(criterion))


def _add_course(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("course of the run", _COURSE).add_argument
    add(
        "--change", metavar="CHANGE", action="append", default=[],
        help="what changes after an iteration, such as '57: step-size=1.5'; may be repeated",
    )  # fmt: skip
    add("--end-at", metavar="N", type=int, help="end after iteration N as if stopped there: schedules stay as they are")


_COURSE = "For repeating a run whose parameters were changed at a pause, or that somebody stopped."
_SUPPORT = (
    "where the object may lie: a file; or the word autocorrelation, rectangle:RATIO or ellipse:RATIO, with the pixels "
    "of the frame for each one of the support (default: the central box of half the frame)"
)
_SLABS = "A volume that does not fit into memory can be reconstructed in slabs along the tilt axis."
_MANY_STARTS = (
    "Run many random starts instead of one, with --starts, and keep the best. An .npz or .h5 also gets the mean, "
    "variance and modes of the best ones."
)


def _add_pattern_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    patterns.add_values(parser)
    add(
        "--object",
        choices=get_args(Object),
        help="what the object's values are (what the file says, else non-negative); complex ones need an .npz, .h5, "
        ".cxi or .npy for OUTPUT",
    )
    add("--support", metavar="FILE|SHAPE", help=_SUPPORT)
    add("--start", metavar="FILE", help="earlier result to start from instead of random phases")
    add(
        "--hold-out",
        metavar="FRACTION",
        type=float,
        default=0.0,
        help="share of the measured pixels, such as 0.05, held out for a free R-factor (%(default)s: none)",
    )


def _add_parameters(group: argparse._ArgumentGroup, found: Iterable[Parameter]) -> None:
    for parameter in found:
        group.add_argument(
            f"--{parameter.name.replace('_', '-')}",
            metavar=_metavar(parameter),
            help=_help(parameter).replace("%", "%%"),
            **cast(Any, {"nargs": "?", "const": "yes"} if parameter.kind == "bool" else {}),  # --film alone means yes
        )


def _help(parameter: Parameter) -> str:
    default = f"{parameter.format(parameter.default)}{_unit(parameter)}"
    return f"{parameter.doc} Give {parameter.expects}. Default: {default}."


def _metavar(parameter: Parameter) -> str:
    return "{" + ",".join(parameter.choices) + "}" if parameter.choices else parameter.kind.upper()


def _unit(parameter: Parameter) -> str:
    return f" {parameter.unit}" if parameter.unit else ""

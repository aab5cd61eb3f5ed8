"""``proxiscope rerun``: a result from its file alone, once more."""

import argparse
import sys
from typing import Any

from ..repetition import compared, planned
from . import commands
from .outputs import check_outputs, write_result


def add_parser(sub: "argparse._SubParsersAction[Any]") -> None:
    """Add the command to those of ``proxiscope``."""
    parser = sub.add_parser(
        "rerun",
        help="repeat a result from its file",
        description="Repeat a result with the input, parameters, seed and criteria on its record, and say whether it "
        "is the same bit for bit. Exits with 0 if it is, with 1 if it differs.",
    )
    add = parser.add_argument
    add("result", metavar="RESULT", help="file of a result that proxiscope wrote")
    add("-o", "--output", metavar="OUTPUT", help="write the new result (default: compare only)")
    add(
        "--input",
        metavar="FILE",
        nargs="+",
        action="extend",
        default=[],
        help="where the input lies now, if it has moved; of a joined series each",
    )
    add("--quiet", action="store_true", help="no progress bar, no notes")
    parser.set_defaults(command=rerun)


def rerun(options: argparse.Namespace) -> int:
    """``proxiscope rerun``."""
    if options.output:
        check_outputs(options.output, inputs=[options.result, *options.input])
    if not options.quiet and sys.stderr.isatty():  # preparing it anew takes its time
        print(f"Loading the input of {options.result} ...", file=sys.stderr)
    plan = planned(options.result, input=options.input)
    if not options.quiet:
        for note in plan.notes:
            print(note, file=sys.stderr)
    result, interrupted = commands.run(
        plan.algorithm, plan.problem, quiet=options.quiet, until=plan.ends_at, **plan.options
    )
    if interrupted:
        raise KeyboardInterrupt  # half a repetition compares with nothing
    found = compared(plan, result)
    if options.output:
        write_result(found.result, options)
    if not options.quiet:
        for note in found.notes[len(plan.notes) :]:
            print(note, file=sys.stderr)
    print(f"{options.result}: {found}")
    return 0 if found.identical else 1

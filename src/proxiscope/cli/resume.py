"""``proxiscope resume``: a run that was interrupted goes on from its checkpoint."""

import argparse
import os
import sys
from typing import Any

from ..checkpoints import load_run
from ..core.files import remove_leftovers
from ..out_of_core import is_partial
from . import commands, out_of_core, scale
from .checkpointing import outputs_of
from .outputs import check_holds_complex, check_outputs


def add_parser(sub: "argparse._SubParsersAction[Any]") -> None:
    """Add the command to those of ``proxiscope``."""
    parser = sub.add_parser(
        "resume",
        help="go on with a run that was interrupted",
        description="Go on with a run that was killed or interrupted, from its newest checkpoint that is in order, and "
        "write what its command was to write. The result is that of a run that never stopped, bit for bit.",
    )
    add = parser.add_argument
    add("checkpoint", metavar="FILE", help="checkpoint; or the result that it is of; or the folder of both")
    add(
        "--input", metavar="FILE", nargs="+", action="extend", default=[],
        help="where the input lies now, if it has moved; of a joined series each",
    )  # fmt: skip
    add("-o", "--output", metavar="OUTPUT", help="result, if it is to go elsewhere than the first command said")
    add("--metrics", metavar="CSV", help="table of the figures, if it is to go elsewhere")
    add("--refined-angles", metavar="FILE", help="table of the refined tilts, if it is to go elsewhere")
    scale.add_option(add)
    add("--quiet", action="store_true", help="no progress bar, no notes")
    parser.set_defaults(command=resume)


def resume(options: argparse.Namespace) -> int:
    """``proxiscope resume``."""
    options.checkpoint = os.path.abspath(options.checkpoint)
    if is_partial(options.checkpoint):
        return out_of_core.resume(options)
    saved = load_run(options.checkpoint)
    scale.check(options, saved.algorithm)
    wanted, until = outputs_of(saved, options), commands.until_from(argparse.Namespace(end_at=saved.end))
    inputs = [str(saved.path), *options.input, *(file["path"] for file in saved.input.get("files", ()))]
    check_outputs(wanted.output, wanted.metrics, wanted.refined_angles, inputs=inputs)
    for path in filter(None, (wanted.output, wanted.metrics, wanted.refined_angles)):
        remove_leftovers(path)  # of the process that was killed
    problem = saved.problem(options.input)
    check_holds_complex(wanted.output, getattr(problem, "object", ""))
    if not options.quiet:
        before = "" if saved.path == saved.home else f", by the checkpoint before {saved.home.name}, which is not whole"
        print(f"Going on with {saved.algorithm.name} from iteration {saved.iteration}{before}.", file=sys.stderr)
    course = {"seed": saved.seed, "stop": saved.stop, "until": until, "begin": saved}
    with scale.spread(options, saved.algorithm, saved.changes) as (algorithm, course["changes"]):
        return commands.run_and_write(algorithm, problem, wanted, saved.checkpoints(), **course)

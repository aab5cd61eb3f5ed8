"""``proxiscope info``: what a file holds, and how it came about."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..advice import Advice, PatternFacts, advise, missing_middle, series_facts
from ..checkpoints import load_run
from ..core.checkpoint import is_sealed
from ..io.lazy import is_lazy
from ..io.raw import RawData
from ..out_of_core import is_partial, state_of
from ..scripts import command_line, describe_record, python_code


def add_parser(sub: "argparse._SubParsersAction[Any]") -> None:
    """Add the command to those of ``proxiscope``."""
    parser = sub.add_parser(
        "info",
        help="say what a file holds and how it came about",
        description="Say what a file of data or of a result holds, with its record; or print what makes it again.",
    )
    add = parser.add_argument
    add("input", metavar="FILE", help="file of data or of a result")
    add("--variable", metavar="NAME", help="array to read from a file that holds several")
    code = parser.add_mutually_exclusive_group()
    code.add_argument("--python", action="store_true", help="print a Python script that makes the result again")
    code.add_argument("--command", dest="as_command", action="store_true", help="print a command line that does")
    parser.set_defaults(command=info)


def info(options: argparse.Namespace) -> int:
    """``proxiscope info``."""
    from ..io import read

    path = Path(options.input)
    if is_partial(path) or is_sealed(path):
        return _unfinished(path)
    raw = read(options.input, variable=options.variable)
    provenance, name = dict(raw.declared.provenance), Path(options.input).stem + "-again.h5"
    if options.python or options.as_command:
        print((python_code if options.python else command_line)(provenance, name).rstrip())
        return 0
    size = " x ".join(map(str, raw.data.shape))
    rows = [("Holds", raw.declared.kind or "data"), ("Shape", f"{size}, {raw.data.dtype}")]
    if raw.pixel_size:
        rows.append(("Pixel size", f"{raw.pixel_size:.5g} nm"))
    rows += [("Note", note) for note in raw.notes]
    advice = _advice(raw)
    if advice is not None:
        rows += [("Found", advice.found), ("Advice", f"proxiscope reconstruct {advice.options}"), ("", advice.why)]
    found = [(Path(options.input).name, rows), *describe_record(provenance, raw.declared.metrics)]
    _show(found)
    return 0


def _advice(raw: RawData) -> Advice | None:
    """Which algorithm goes with a tilt series or a pattern; of what is still on disk, by what goes with it."""
    kind, at_hand = raw.declared.kind, not is_lazy(raw.data)
    tilts = raw.angles if raw.rotations is None else raw.rotations
    if kind == "pattern":
        support = raw.declared.products.get("support")
        ratio = None if support is None else support.size / (int(np.count_nonzero(support)) or 1)
        missing = missing_middle(raw.data, raw.declared.valid) if at_hand else 0
        return advise(PatternFacts(raw.declared.object or "non-negative", ratio, missing, raw.data.ndim))
    if kind == "result" or tilts is None or raw.data.ndim != 3:
        return None
    return advise(series_facts(tilts, raw.data if at_hand else None))


def _unfinished(path: Path) -> int:
    """Say how far a run is that was interrupted, and how to go on."""
    if is_partial(path):
        method, done, slabs = state_of(path)
        rows = [("Holds", "a volume that is not complete"), ("Algorithm", method), ("Done", f"{done} of {slabs} slabs")]
    else:
        run = load_run(path)
        rows = [("Holds", "the checkpoint of a run"), ("Algorithm", run.algorithm.title or run.algorithm.name)]
        rows.append(("Done", f"{run.iteration} iterations, {run.seconds:.0f} s"))
        starts = getattr(run.state, "r_factors", None)
        if starts is not None:
            rows.append(("Starts", f"{np.isfinite(starts).sum()} of {len(starts)} have a result"))
        if run.record.rows:
            figures = run.record.rows[-1].figures
            rows.append(("Figures", ", ".join(f"{name} {value:.5g}" for name, value in figures.items())))
    rows.append(("To go on", f"proxiscope resume {shlex.quote(str(path))}"))
    _show([(path.name, rows)])
    return 0


def _show(found: Sequence[tuple[str, Sequence[tuple[str, str]]]]) -> None:
    width = max(len(title) for _, rows in found for title, _ in rows)
    for heading, rows in found:
        print(heading)
        for title, text in rows:
            print(f"    {title:{width}}  {text}")

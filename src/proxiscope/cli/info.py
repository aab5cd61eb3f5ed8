"""``proxiscope info``: what a file holds, and how it came about."""

import argparse
from pathlib import Path

from ..scripts import command_line, describe_record, python_code


def add_parser(sub: argparse._SubParsersAction) -> None:
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
    found = [(Path(options.input).name, rows), *describe_record(provenance, raw.declared.metrics)]
    width = max(len(title) for _, rows in found for title, _ in rows)
    for heading, rows in found:
        print(heading)
        for title, text in rows:
            print(f"    {title:{width}}  {text}")
    return 0

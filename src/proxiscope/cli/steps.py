"""Steps of preparation on the command line: what there is, and options that choose some."""

import argparse
import json
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from ..core import InputError, parameters
from ..preparation import Step, as_step, steps
from ..preparation.chains import load_steps
from ..preparation.images import Family
from ..preparation.presets import usual_chain
from ..preparation.step import step_from_words

USUAL = "usual"
"""The word for the chain that most data need."""

_MEANT = {"tomography": "tilt series", "phase": "diffraction"}


def add_parser(sub: "argparse._SubParsersAction[Any]") -> None:
    """Add the command ``steps`` to those of ``proxiscope``."""
    listing = sub.add_parser("steps", help="list the steps of preparation, with their parameters")
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.set_defaults(command=list_steps)


def add_options(add: Any) -> None:
    """Add, by a parser's `add_argument`, the option that chooses steps."""
    add(
        "--step", metavar="STEP", action="append", dest="chain", default=[],
        help="step of preparation, such as 'bin factor=2' (proxiscope steps lists them); a .json file of steps, as the "
        "panel saves them; or usual, for the chain that suits most such data. May be repeated: one follows the other",
    )  # fmt: skip


def chosen(options: argparse.Namespace, family: Family) -> list[Step]:
    """The steps that the options choose, in their order; raises InputError."""
    found: list[Step] = []
    for text in options.chain:
        if text == USUAL:
            found += map(as_step, usual_chain(family))
        elif text.lower().endswith(".json"):
            found += load_steps(text)
        else:
            _check_name(text)
            found.append(step_from_words(text))
    for step in found:
        if family not in step.families:
            raise InputError("--step", f"{step.name} is a step for {_MEANT[step.families[0]]} only", "Leave it out")
    return found


def _check_name(text: str) -> None:
    name = (text.split() or [""])[0]
    if name and name not in steps():
        close = " or ".join(get_close_matches(name, [USUAL, *steps()]))
        choose = f"Is it {close}? All are" if close else "All are"
        raise InputError("--step", f"there is no step {name!r}", f"{choose} listed by: proxiscope steps")


def files(chain: Iterable[Step]) -> list[str]:
    """Files that steps read."""
    found = ((one, p.name) for one in chain for p in parameters(one) if p.kind == "file")
    return [path for one, name in found if (path := getattr(one, name))]


def list_steps(options: argparse.Namespace) -> int:
    """``proxiscope steps``."""
    if options.json:
        found = {
            name: {
                "title": cls.title,
                "families": list(cls.families),
                "parameters": {
                    p.name: {"default": p.default, "expects": p.expects, "unit": p.unit, "doc": p.doc}
                    for p in parameters(cls)
                },
            }
            for name, cls in steps().items()
        }
        print(json.dumps(found, indent=2))
        return 0
    for name, cls in steps().items():
        only = "" if len(cls.families) > 1 else f" ({_MEANT[cls.families[0]]})"
        print(f"{name}: {cls.title}{only}")
        for p in parameters(cls):
            unit = f" {p.unit}" if p.unit else ""
            print(f"    {p.name}={p.format(p.default)}{unit}: {p.doc} Give {p.expects}.")
    return 0

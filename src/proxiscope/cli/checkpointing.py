"""Checkpoints on the command line: the options that ask for them, and what they say of the command's outputs."""

import argparse
import os
import re
import shlex
import sys
from pathlib import Path
from typing import Any

from ..checkpoints import END, PREVIOUS, Checkpoints, SavedRun, beside, checkpoint_of
from ..core import InputError
from ..core.checkpoint import is_sealed
from .outputs import check_writable, same_file

OUTPUTS = {"output": "-o", "metrics": "--metrics", "refined_angles": "--refined-angles"}
"""Files that a run writes, with the options that name them."""


def add_options(add: Any) -> None:
    """Add, by a parser's `add_argument`, the options that say when and where checkpoints are written."""
    add(
        "--checkpoint-every", metavar="SECONDS|Nit", default="60",
        help="keep the run on disk so often, for proxiscope resume: seconds, or longer where a checkpoint takes more "
        "than a 60th of that; or iterations, such as 100it; 0 for never (%(default)s)",
    )  # fmt: skip
    add("--checkpoint", metavar="FILE", help="checkpoint (default: OUTPUT with .checkpoint.h5 in place of its suffix)")


def checkpoints_from(options: argparse.Namespace) -> Checkpoints | None:
    """The checkpoints that the options ask for, if any.

    Raises
    ------
    InputError
        If the options make no sense, or nothing can be written there.
    """
    every = _every(options.checkpoint_every)
    if not any(every.values()):
        if options.checkpoint:
            raise InputError("--checkpoint", "given with --checkpoint-every 0", "Leave one of them out")
        return None
    path = Path(options.checkpoint or checkpoint_of(options.output)).absolute()
    outputs = {name: getattr(options, name, None) for name in OUTPUTS}
    for output in filter(None, outputs.values()):
        if os.path.realpath(output) == os.path.realpath(path) or same_file(output, path):
            raise InputError(str(path), "is to hold both the checkpoint and an output", "Give two names")
    settings = {name: _from(path.parent, output) for name, output in outputs.items() if output}
    found = Checkpoints(path, **every, settings=settings | {END: options.end_at})
    found.check()
    check_writable(path)
    return found


def _every(text: str) -> dict[str, Any]:
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*(it|s)?\s*", text)
    if not match or (match[2] == "it" and "." in match[1]):
        remedy = "Give seconds, such as 60, or iterations, such as 100it; 0 for none"
        raise InputError("--checkpoint-every", f"got {text!r}", remedy)
    if match[2] == "it":
        return {"seconds": 0.0, "iterations": int(match[1])}
    return {"seconds": float(match[1]), "iterations": 0}


def _from(folder: Path, output: str) -> str:
    """A file as seen from a folder that may be moved with what is in it; its full path where it lies elsewhere."""
    path = Path(output).absolute()
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def earlier_run(checkpoints: Checkpoints | None) -> list[str]:
    """A note on the checkpoint of an earlier run that this one is going to replace, if there is one."""
    if checkpoints is None or not any(is_sealed(p) for p in (checkpoints.path, beside(checkpoints.path, PREVIOUS))):
        return []
    return [f"An earlier run left a checkpoint. To go on with that: {command(checkpoints.path)}. This one begins anew."]


def command(path: Path) -> str:
    """The command that goes on from a checkpoint."""
    return f"proxiscope resume {shlex.quote(str(path))}"


def tell_how_to_go_on(checkpoints: Checkpoints | None) -> None:
    """Say, where there is a checkpoint, how to go on from it."""
    if checkpoints is not None and checkpoints.written:
        print(f"To go on from iteration {checkpoints.written}: {command(checkpoints.path)}", file=sys.stderr)


def outputs_of(saved: SavedRun, options: argparse.Namespace) -> argparse.Namespace:
    """The outputs of a run: those that the options name, and else those that the first command named.

    Raises
    ------
    InputError
        If there is no name, or one that comes from the checkpoint is that of a file outside its folder: a checkpoint
        from elsewhere must not replace one.
    """
    folder = Path(os.path.realpath(saved.path.parent))
    found = {name: getattr(options, name, None) or _named(saved, name, folder) for name in OUTPUTS}
    if not found["output"]:
        raise InputError(saved.path.name, "does not say where its result is to go", "Give -o OUTPUT")
    return argparse.Namespace(**found, quiet=options.quiet)


def _named(saved: SavedRun, name: str, folder: Path) -> str | None:
    text = saved.settings.get(name)
    if not text:
        return None
    if not isinstance(text, str) or "\0" in text:
        raise InputError(saved.path.name, f"its {name} is {text!r}", f"Give {OUTPUTS[name]} FILE")
    path = Path(os.path.realpath(folder / text))
    if path.exists() and not path.is_relative_to(folder):
        remedy = f"If it may be, say so by {OUTPUTS[name]} {shlex.quote(str(path))}"
        raise InputError(str(path), "would be replaced, and is not in the folder of the checkpoint", remedy)
    return str(path)

"""Chains of steps in files and in words."""

import json
import os
import shlex
from collections.abc import Iterable
from pathlib import Path

from ..core import InputError, parameters, to_dict
from ..core.files import atomic
from .step import Step, as_step, step, steps

LARGEST = 2**24
"""Bytes; the file of a chain has fewer."""


def save_steps(path: str | os.PathLike, chain: Iterable[Step]) -> None:
    """Write steps as a JSON list of their records; raises InputError if the file cannot be written."""
    records = [{"name": one.name, **to_dict(one)} for one in chain]
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")


def load_steps(path: str | os.PathLike) -> list[Step]:
    """The steps of a file that `save_steps` wrote; raises InputError."""
    name = Path(path).name
    try:
        if Path(path).stat().st_size > LARGEST:
            raise ValueError("too large")
        records = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            name, f"cannot be read as JSON ({error})", "Give a file of steps, as they are saved"
        ) from error
    if not isinstance(records, list) or not all(
        isinstance(r, dict) and isinstance(r.get("name"), str) for r in records
    ):
        raise InputError(name, "it is no list of steps", "Give a file of steps, as they are saved")
    return [as_step(record) for record in records]


def step_from_words(text: str) -> Step:
    """A step of its name and ``parameter=value`` words, such as ``"hot-pixels threshold=6 treatment=mask"``.

    Raises
    ------
    InputError
        If there is no such step or parameter, or a value is not accepted.
    """
    try:
        name, *words = shlex.split(text)
    except ValueError as error:  # none at all, or a quotation that does not end
        raise InputError("step", f"got {text!r}", "Give a name, and parameter=value after it") from error
    known = {p.name: p for p in parameters(steps()[name])} if name in steps() else {}
    values = {}
    for word in words:
        key, equals, value = word.partition("=")
        key = key.replace("-", "_")
        if not equals or (known and key not in known):
            listed = ", ".join(f"{p}=" for p in known) or "none"
            raise InputError(name, f"got {word!r}", f"Its parameters are {listed}")
        values[key] = known[key].parse(value) if known else value
    return step(name, values)

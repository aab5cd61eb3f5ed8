"""Chains of steps in files."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from ..core import InputError, to_dict
from ..core.files import atomic
from .step import Step, as_step

LARGEST = 2**24
"""Bytes; the file of a chain has fewer."""


def save_steps(path: str | os.PathLike[str], chain: Iterable[Step]) -> None:
    """Write steps as a JSON list of their records; raises InputError if the file cannot be written."""
    records = [{"name": one.name, **to_dict(one)} for one in chain]
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")


def load_steps(path: str | os.PathLike[str]) -> list[Step]:
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

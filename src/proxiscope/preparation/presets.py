"""Chains of steps that most data need, as records of steps."""

from collections.abc import Mapping
from typing import Any

from .images import Family
from .step import steps

USUAL: Mapping[Family, tuple[Mapping[str, Any], ...]] = {
    "tomography": (
        {"name": "hot-pixels"},
        {"name": "background"},
        {"name": "align"},
        {"name": "apply-shifts"},
    ),
    "phase": (
        {"name": "saturated"},
        {"name": "hot-pixels"},
        {"name": "centre"},
    ),
}
"""By what the images are to become. Each runs as it is: steps that need a file, as of dark frames, are in none."""


def usual_chain(family: Family) -> tuple[Mapping[str, Any], ...]:
    """The usual steps for images of a family, in their order."""
    known = steps(family)
    return tuple(record for record in USUAL[family] if record["name"] in known)

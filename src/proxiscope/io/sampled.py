"""Simulated samples in the place of files: ``"sample:pattern"`` is read as if `sample_pattern` had been saved.

Those that are several, such as the series of a double tilt, have a number after their name: ``"sample:double-tilt-2"``.
"""

import os
from inspect import isfunction
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from .contents import contents_of
from .declared import declare
from .raw import Found

PREFIX = "sample:"


def is_sample(path: Any) -> bool:
    """Whether a path stands for a sample."""
    return isinstance(path, str | os.PathLike) and os.fspath(path).startswith(PREFIX)


def sample_name(path: str | os.PathLike[str]) -> str:
    """The name of a sample, by its path."""
    return os.fspath(path).removeprefix(PREFIX)


def sample_path(name: str) -> Path:
    """The path that stands for a sample, by its name."""
    return Path(PREFIX + name)


def sample_names() -> list[str]:
    """The names of all samples that are a single thing, or the first of several."""
    return [name.removeprefix("sample_").replace("_", "-") for name in _makers()]


def sample(name: str) -> Any:
    """The sample called `name`: a `DiffractionPattern`, a `TiltSeries` or an array; raises InputError for another name.

    Of several the first, unless a number follows the name, as in ``"double-tilt-2"``.
    """
    stem, dash, number = name.rpartition("-")
    counted = bool(dash) and number in ("1", "2", "3")
    makers, wanted = _makers(), "sample_" + (stem if counted else name).replace("-", "_")
    found = makers[wanted]() if wanted in makers else ()
    several = found if isinstance(found, tuple) else (found,)
    i = int(number) - 1 if counted else 0
    if i >= len(several):
        raise InputError(PREFIX + name, "there is no such sample", f"Samples are {', '.join(sample_names())}")
    return several[i]


def read(path: Path) -> Found:
    """What a sample holds, as the reader of a format hands it over."""
    contents = contents_of(sample(sample_name(path)))
    found = Found(np.asarray(contents.array), pixel_size=contents.scale)
    return declare(found, contents.facts() | {"provenance": contents.provenance}, contents.arrays(), path)


def _makers() -> dict[str, Any]:
    from ..simulate import samples

    return {name: value for name, value in vars(samples).items() if name.startswith("sample_") and isfunction(value)}

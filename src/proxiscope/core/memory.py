"""How much memory a job may take, and what to do where that does not suffice."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psutil

from .errors import InputError

_limit = 0.0


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A way to do with the memory that there is, tried out beforehand.

    Attributes
    ----------
    text : str
        What to do, and what it takes, as part of a sentence: "bin the data by 2 (0.5 GB)".
    need : int
        Bytes at the peak.
    options : str
        What to add on the command line.
    algorithm : Algorithm or None
        To be run instead, on the same data.
    binning : int
        Factor by which to bin the data; 1 for the data as they are.
    """

    text: str
    need: int
    options: str = ""
    algorithm: Any = None
    binning: int = 1


def in_words(proposals: Iterable[Proposal]) -> str:
    """A sentence with all that fits, or nothing."""
    texts = [proposal.text for proposal in proposals]
    return f"What fits: {', or '.join(texts)}." if texts else ""


def gigabytes(nbytes: float) -> str:
    """ "0.52 GB"."""
    return f"{nbytes / 1e9:.3g} GB"


def set_memory_limit(gigabytes: float) -> None:
    """Let no job take more than so many GB from now on; 0 goes back to the default."""
    global _limit
    _limit = max(0.0, float(gigabytes))


def memory_limit() -> float:
    """The most that a job may take in GB, as set or in ``PROXISCOPE_MEMORY_LIMIT``; 0 for all that is free.

    Raises
    ------
    InputError
        If the variable holds no number.
    """
    return _limit or _environment_limit()


def available() -> int:
    """Bytes that a job may take: what is free, and no more than the limit."""
    free, limit = psutil.virtual_memory().available, memory_limit()
    return min(free, int(1e9 * limit)) if limit else free


def _environment_limit() -> float:
    text = os.environ.get("PROXISCOPE_MEMORY_LIMIT", "").strip() or "0"
    try:
        limit = float(text)
    except ValueError:
        limit = -1.0
    if not 0 <= limit < float("inf"):
        raise InputError("PROXISCOPE_MEMORY_LIMIT", f"got {text!r}", "Give a number of GB, 0 for all that is free")
    return limit

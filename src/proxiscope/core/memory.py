"""How much memory a job may take."""

import os

import psutil

from .errors import InputError

_limit = 0.0


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

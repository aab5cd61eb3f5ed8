"""What fits into memory in place of a phase retrieval that does not."""

from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from typing import Any, cast

import numpy as np

from ..core import Algorithm
from ..core.memory import Proposal, gigabytes
from .problem import DiffractionPattern

_MOST = 64  # the largest factor of binning
_FILLED = 0.75
"""Share of the frame that a support may fill along an axis."""


def proposals(algorithm: Algorithm[Any, Any], pattern: DiffractionPattern, have: int) -> Iterator[Proposal]:
    """What takes no more than `have` bytes: fewer starts at a time, and binning where the support has room."""
    yield from _smaller_batch(algorithm, pattern, have)
    yield from _binned(algorithm, pattern, have)


def _smaller_batch(algorithm: Algorithm[Any, Any], pattern: DiffractionPattern, have: int) -> Iterator[Proposal]:
    """The most that fit."""
    for batch in range(min(getattr(algorithm, "batch", 0), getattr(algorithm, "starts", 0)) - 1, 0, -1):
        fewer = replace(cast(Any, algorithm), batch=batch)
        need = fewer.memory(pattern)
        if need <= have:
            text = f"{batch} of the starts at a time: batch={batch}, or --batch {batch} ({gigabytes(need)})"
            yield Proposal(text=text, need=need, options=f"--batch {batch}", algorithm=fewer)
            return


def _binned(algorithm: Algorithm[Any, Any], pattern: DiffractionPattern, have: int) -> Iterator[Proposal]:
    """By the smallest factor that fits: a pattern binned by f has a frame f times smaller around the object."""
    extent = [int(np.ptp(np.flatnonzero(pattern.support.any(axis=_others(pattern, axis))))) + 1 for axis in
              range(pattern.support.ndim)]  # fmt: skip
    for factor in range(2, _MOST + 1):
        shape = tuple(n // factor for n in pattern.shape)
        if any(e > _FILLED * n for e, n in zip(extent, shape, strict=True)):
            return
        small = copy(pattern)
        small.__dict__.update(magnitudes=np.broadcast_to(np.float32(0), shape))
        need = algorithm.memory(small)
        if need <= have:
            text = f"bin the pattern by {factor} ({gigabytes(need)})"
            yield Proposal(text=text, need=need, options=f"--step 'bin factor={factor}'", binning=factor)
            return


def _others(pattern: DiffractionPattern, axis: int) -> tuple[int, ...]:
    return tuple(other for other in range(pattern.support.ndim) if other != axis)

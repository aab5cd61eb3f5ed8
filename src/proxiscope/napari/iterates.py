"""Iterates of a run: to be shown, and to go on from."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core import Record, State
from ..reconstruction import Result

Curve = list[tuple[int, float]]
"""Recorded iterations with a figure."""


class Frame(NamedTuple):
    """An estimate to be shown, with its range: looking through a volume for it would hold up the display."""

    data: NDArray
    low: float
    high: float


def frame(data: NDArray) -> Frame:
    """The frame of an estimate; of a complex one, its modulus."""
    data = np.abs(data) if np.iscomplexobj(data) else data
    return Frame(data, float(data.min()), float(data.max()))


class Kept(NamedTuple):
    """An iterate to go back to: the state with the record and the curves up to it.

    Also what it would be as a result, and as an image; not known of one that comes out of a checkpoint.
    """

    iteration: int
    r_factor: float
    state: State
    record: Record
    curves: Mapping[str, Curve]
    seconds: float
    result: Result | None
    frame: Frame | None


def curves_of(record: Record) -> dict[str, Curve]:
    """The figures of a record over iterations."""
    curves: dict[str, Curve] = {}
    for row in record.rows:
        for name, value in row.figures.items():
            curves.setdefault(name, []).append((row.iteration, value))
    return curves

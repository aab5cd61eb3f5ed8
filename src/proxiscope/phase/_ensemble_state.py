"""What an ensemble has found so far, and what is under way."""

import queue
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from ..core import State
from ._starts import Kept
from .base import PhaseRetrieval
from .problem import DiffractionPattern


@dataclass
class EnsembleState(State):
    """The best of each start so far, and the starts that are under way.

    `images` and `supports` (start, ...) with `r_factors`, `free_r_factors` and `deviances` (start,), infinite where not
    known yet; `eras` (start,) counts the updates of each support. `done` (start,) are those, by their places in the
    present sweep, that have run to its end. `chosen` are the starts that are refined, best first. `independent` are
    the best `keep` images before the starts learnt from each other, zero until they do.
    `guide` and `guide_support` are those of the best start when the generation began. `members` are the states of
    the starts under way. `seed` is that of the first start. `background` is that of the likelihood, told by the best
    start for all, whose deviances then compare.
    """

    images: NDArray[Any]
    r_factors: NDArray[Any]
    free_r_factors: NDArray[Any]
    deviances: NDArray[Any]
    supports: NDArray[Any]
    eras: NDArray[Any]
    done: NDArray[Any]
    chosen: NDArray[Any]
    independent: NDArray[Any]
    guide: NDArray[Any]
    guide_support: NDArray[Any]
    members: list[State]
    seed: int
    background: float = 0.0

    def kept(self, start: int) -> Kept:
        """The best of one start, not copied."""
        figures = self.eras[start], self.r_factors[start], self.free_r_factors[start], self.deviances[start]
        return Kept(self.images[start], self.supports[start], *(figure.item() for figure in figures))

    def keep(self, start: int, kept: Kept | None) -> None:
        """Take in what is better than the best of one start, if something is."""
        if kept is not None:
            self.images[start], self.supports[start], self.eras[start] = kept.image, kept.support, kept.era
            self.r_factors[start], self.free_r_factors[start] = kept.r_factor, kept.free_r_factor
            self.deviances[start] = kept.deviance


class Slots:
    """Work for each thread, of the algorithm that is due; or the results of an engine, as they come."""

    def __init__(self) -> None:
        self._algorithm: PhaseRetrieval[Any] | None = None
        self.idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.results: Iterator[Any] | None = None

    def provide(self, algorithm: PhaseRetrieval[Any], problem: DiffractionPattern, count: int) -> None:
        """Have work for so many threads."""
        if self._algorithm is not algorithm:
            self._algorithm, self.idle = algorithm, queue.SimpleQueue()
            for _ in range(count):
                self.idle.put(algorithm.prepare(problem))

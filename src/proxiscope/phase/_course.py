"""The course of an ensemble: which algorithm runs which starts at which iteration of the whole."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from .base import PhaseRetrieval


class Place(NamedTuple):
    """Where in the course an iteration is.

    `algorithm` is the one that is due, in the sweep `generation` of its kind (of the refinement if `refining`), which
    has `starts` and began after the iteration `began`. `first` to `last` are those of the batch that is due, and
    `iteration` is that of the algorithm itself.
    """

    algorithm: PhaseRetrieval[Any]
    refining: bool
    generation: int
    starts: int
    began: int
    first: int
    last: int
    iteration: int


@dataclass(frozen=True)
class Course:
    """Sweeps of a search over all starts, then sweeps of a refinement over the best; in each, one batch after another.

    Attributes
    ----------
    search, refinement : PhaseRetrieval
    starts, refined : int
        Of which there are so many in a sweep.
    generations, rounds : int
        Sweeps.
    batch : int
        Starts at a time.
    """

    search: PhaseRetrieval[Any]
    starts: int
    generations: int
    refinement: PhaseRetrieval[Any]
    refined: int
    rounds: int
    batch: int

    @property
    def iterations(self) -> int:
        """Iterations of a start, times batches and sweeps."""
        return self._searching + self.rounds * self._batches(self.refined) * self.refinement.iterations

    @property
    def _searching(self) -> int:
        return self.generations * self._batches(self.starts) * self.search.iterations

    def _batches(self, starts: int) -> int:
        return -(-starts // self.batch)

    def place(self, iteration: int) -> Place:
        """Where `iteration` is."""
        refining = iteration >= self._searching
        algorithm, starts = (self.refinement, self.refined) if refining else (self.search, self.starts)
        origin = self._searching if refining else 0
        generation, within = divmod(iteration - origin, self._batches(starts) * algorithm.iterations)
        batch, own = divmod(within, algorithm.iterations)
        first, last = batch * self.batch, min((batch + 1) * self.batch, starts)
        return Place(algorithm, refining, generation, starts, iteration - within, first, last, own)

    def reached(self, place: Place, done: int) -> int:
        """The iteration that `done` starts of the sweep stand for, whichever they are: batches and shares of one."""
        batches, rest = divmod(done, self.batch)
        size = min(self.batch, place.starts - batches * self.batch)
        share = rest * place.algorithm.iterations // size if rest else 0
        return place.began + batches * place.algorithm.iterations + share

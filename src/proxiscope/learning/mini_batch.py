"""Mini-batch k-means (D. Sculley, Proc. WWW 2010, 1177), called mini-batch EM in the thesis."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Doc, Label
from .clustering import ClusteringState, StochasticClustering, sample
from .problem import PointSet


@dataclass
class MiniBatchState(ClusteringState):
    """Centroids, each with the number of points `seen` (k,) of which it is the mean."""

    seen: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class MiniBatch(StochasticClustering[MiniBatchState], name="mini-batch", title="Mini-batch k-means"):
    """Each centroid is the running mean of the points that mini-batches have assigned to it so far."""

    use: ClassVar[str] = "For very many points. It ends near where Lloyd's algorithm ends, in less time."

    State: ClassVar[type] = MiniBatchState

    batch_size: Annotated[
        int, Interval(ge=1, le=100_000_000), Doc("Points of a mini-batch M, at most all that there are.")
    ] = 500
    max_iterations: Annotated[
        int, Interval(ge=1, le=1_000_000), Label("Iterations"), Doc("Mini-batches of a whole run.")
    ] = 100

    def init(self, problem: PointSet, seed: int) -> MiniBatchState:
        """The first centroids, which have seen nothing."""
        rng = np.random.default_rng(seed)
        return MiniBatchState(self.first_centroids(problem, rng), rng, np.zeros(self.n_clusters, np.int64))

    def step(self, problem: PointSet, state: MiniBatchState) -> MiniBatchState:
        """Take one mini-batch into the means."""
        work = self.workspace(problem, state)
        work.over(sample(state.rng, len(problem.points), self.batch(problem)), state.centroids)
        state.seen += work.counts
        state.centroids += work.pull / np.maximum(state.seen, 1)[:, None]
        state.iteration += 1
        return state

"""Lloyd's algorithm, known as EM in the thesis (S. Lloyd, IEEE Trans. Inf. Theory 28, 129 (1982))."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .clustering import Clustering, ClusteringState, Pass
from .problem import PointSet


@dataclass
class LloydState(ClusteringState):
    """Centroids with the points assigned to them.

    `pull` (k, d) and `counts` (k,) are the sum of p - c over the points p of each centroid c and their number,
    `changed` how many points have changed their cluster.
    """

    labels: NDArray[np.int32]
    pull: NDArray[np.float64]
    counts: NDArray[np.int64]
    objective: float = np.inf
    changed: int = 0


@dataclass(frozen=True, kw_only=True)
class Lloyd(Clustering[LloydState], name="lloyd", title="Lloyd (EM)"):
    """Alternate between assigning points to their nearest centroids and moving these to the mean of their points.

    The objective never rises, and the run ends where no point changes its cluster, at the nearest local minimum. A
    centroid without points stays where it is.
    """

    use: ClassVar[str] = "Quick, and as good as its start: it stops at the nearest minimum."

    State: ClassVar[type] = LloydState
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"thesis": {"max_iterations": 50}}

    def prepare(self, problem: PointSet) -> Pass:
        """Sums over all points."""
        return Pass(problem.points, self.n_clusters, len(problem.points))

    def init(self, problem: PointSet, seed: int) -> LloydState:
        """The first centroids with their points."""
        rng = np.random.default_rng(seed)
        centroids, labels = self.first_centroids(problem, rng), np.full(len(problem.points), -1, np.int32)
        state = LloydState(centroids, rng, labels, np.zeros(centroids.shape), np.zeros(len(centroids), np.int64))
        self._assign(problem, state)
        return state

    def step(self, problem: PointSet, state: LloydState) -> LloydState:
        """Move the centroids, and assign the points anew."""
        state.centroids += state.pull / np.maximum(state.counts, 1)[:, None]
        self._assign(problem, state)
        state.iteration += 1
        return state

    def _assign(self, problem: PointSet, state: LloydState) -> None:
        work = self.workspace(problem, state)
        state.changed = work.over_all(state.centroids, state.labels)
        state.pull[...], state.counts[...], state.objective = work.pull, work.counts, work.objective

    def metrics(self, problem: PointSet, state: LloydState) -> Mapping[str, float]:
        """The objective."""
        return {"objective": state.objective}

    def products(self, problem: PointSet, state: LloydState) -> Mapping[str, NDArray[Any]]:
        """``labels``, int32 (n,): the nearest centroid of each point."""
        return {"labels": state.labels.copy()}

    def finished(self, state: LloydState) -> bool:
        """Whether no point has changed its cluster."""
        return state.changed == 0

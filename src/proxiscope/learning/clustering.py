"""What all k-means algorithms share: points and centroids, the objective (eq. 4.4), and how it is computed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Algorithm, Doc, InputError, Iterative, Label, State
from ..core.threads import parallel
from . import kernels
from .problem import PointSet

_BLOCK = 2**17
"""Coordinates of points that a thread takes at least."""
_BLOCKS = 32
_TILE = 64
"""Points that are copied together."""


@dataclass
class ClusteringState(State):
    """Centroids (k, d), and the generator that chose them and goes on choosing points."""

    centroids: NDArray[Any]
    rng: np.random.Generator


S = TypeVar("S", bound=ClusteringState)


class Pass:
    """Passes over points, in blocks whose number does not depend on that of the threads.

    Parameters
    ----------
    points : NDArray, (n, d)
    k : int
        Number of centroids.
    count : int
        Points of a pass.

    Attributes
    ----------
    pull : NDArray of float64, (k, d)
        After a pass, the sum of p - c over the points p that are nearest to each centroid c.
    counts : NDArray of int64, (k,)
        Their numbers.
    objective : float
        Half the mean squared distance.
    """

    def __init__(self, points: NDArray[Any], k: int, count: int):
        self.points, d = points, points.shape[1]
        blocks = blocks_of(count, d)
        edges = [count * b // blocks for b in range(blocks + 1)]
        self._parts = [(b, slice(*edges[b : b + 2])) for b in range(blocks)]
        self._count = count
        self._pull, self._counts = np.empty((blocks, k, d)), np.empty((blocks, k), np.int64)
        self._found = np.empty((blocks, 2))
        self.pull, self.counts, self.objective = self._pull[0], self._counts[0], np.inf

    @cached_property
    def _scratch(self) -> tuple[NDArray[Any], NDArray[Any]]:
        blocks, _, d = self._pull.shape
        return np.empty((blocks, _TILE, d), self.points.dtype), np.zeros((blocks, _TILE), np.int32)

    def over_all(self, centroids: NDArray[Any], labels: NDArray[np.int32]) -> int:
        """Visit all points; fills `labels` (n,) and returns how many of them changed."""

        def task(b: int, part: slice) -> None:
            pull, counts = self._cleared(b)
            self._found[b] = kernels.draw(self.points[part], centroids, labels[part], pull, counts)

        parallel(task, self._parts)
        self._gather()
        return int(self._found[:, 1].sum())

    def over(self, indices: NDArray[np.int64], centroids: NDArray[Any]) -> None:
        """Visit the points with such indices."""
        tiles, labels = self._scratch

        def task(b: int, part: slice) -> None:
            pull, counts = self._cleared(b)
            total = kernels.draw_some(self.points, indices[part], tiles[b], centroids, labels[b], pull, counts)
            self._found[b, 0] = total

        parallel(task, self._parts)
        self._gather()

    def _cleared(self, b: int) -> tuple[NDArray[Any], NDArray[Any]]:
        pull, counts = self._pull[b], self._counts[b]
        pull.fill(0)
        counts.fill(0)
        return pull, counts

    def _gather(self) -> None:
        if len(self._parts) > 1:
            self.pull, self.counts = self._pull.sum(axis=0), self._counts.sum(axis=0)
        self.objective = float(self._found[:, 0].sum()) / (2 * self._count)


def blocks_of(count: int, d: int) -> int:
    """Blocks into which a pass over `count` points of `d` coordinates is split."""
    return min(_BLOCKS, -(-count * d // _BLOCK), count)


def assign(points: NDArray[Any], centroids: NDArray[Any]) -> tuple[NDArray[np.int32], float]:
    """The nearest centroid of each point, and the objective (eq. 4.4).

    Parameters
    ----------
    points : NDArray, (n, d)
    centroids : NDArray, (k, d)
        Of the same dtype, float32 or float64; both contiguous.

    Returns
    -------
    labels : NDArray of int32, (n,)
    objective : float
        Half the mean squared distance to the nearest centroid.
    """
    visit, labels = Pass(points, len(centroids), len(points)), np.full(len(points), -1, np.int32)
    visit.over_all(centroids, labels)
    return labels, visit.objective


def sample(rng: np.random.Generator, n: int, count: int) -> NDArray[np.int64]:
    """Indices of `count` different points out of `n`."""
    return rng.choice(n, count, replace=False, shuffle=False)


def distinct(points: NDArray[Any], count: int, rng: np.random.Generator) -> list[int]:
    """Indices of `count` points at different places, drawn at random; of others too where there are too few such."""
    order, places = rng.permutation(len(points)), dict[Any, Any]()
    for i in order:
        places.setdefault(points[i].tobytes(), i)
        if len(places) == count:
            break
    chosen = set(places.values())
    return [*places.values(), *islice((i for i in order if i not in chosen), count - len(chosen))]


def partition(points: NDArray[Any], k: int, rng: np.random.Generator) -> NDArray[Any]:
    """Means (k, d) of the equal parts into which chance divides points (n, d)."""
    parts = rng.permutation(len(points)) % k
    means = [points[parts == j].mean(axis=0, dtype=np.float64) for j in range(k)]
    return np.stack(means).astype(points.dtype)


Start = Annotated[
    Literal["random", "partition", "k-means++"],
    Label("Start from"),
    Doc("Points drawn at random; means of random parts, all near the middle; or points far apart, by k-means++."),
]


@dataclass(frozen=True, kw_only=True)
class Clustering(Iterative, Algorithm[PointSet, S]):
    """Base of the k-means algorithms. Their problem is a `PointSet`, their estimate the centroids (k, d).

    The estimate has the dtype of the points. Recorded is the objective (eq. 4.4), half the mean squared distance of
    the points to their nearest centroids.
    """

    family: ClassVar[str] = "learning"
    Problem: ClassVar[type] = PointSet
    State: ClassVar[type] = ClusteringState
    merit: ClassVar[str] = "objective"
    random_start: ClassVar[bool] = True
    remedy: ClassVar[str] = "Take fewer points, or fewer coordinates of each."

    n_clusters: Annotated[int, Interval(ge=1, le=10_000), Label("Clusters"), Doc("Number of clusters K.")] = 8
    start: Start = "random"

    def check_problem(self, problem: PointSet) -> None:
        """Raise InputError where there are fewer points than clusters, or starting centroids of another number."""
        if len(problem.points) < self.n_clusters:
            found = f"{self.n_clusters} for {len(problem.points)} points"
            raise InputError("n_clusters", found, "Give at most as many clusters as points")
        if problem.start is not None and len(problem.start) != self.n_clusters:
            found = f"{len(problem.start)} centroids for {self.n_clusters} clusters"
            raise InputError("start", found, "Give as many centroids as clusters")

    def first_centroids(self, problem: PointSet, rng: np.random.Generator) -> NDArray[Any]:
        """Those given, or chosen as `start` says; (k, d), fresh."""
        if problem.start is not None:
            return problem.start.copy()
        if self.start == "random":
            return problem.points[distinct(problem.points, self.n_clusters, rng)]
        if self.start == "partition":
            return partition(problem.points, self.n_clusters, rng)
        from sklearn.cluster import kmeans_plusplus

        seed = int(rng.integers(2**32))
        return kmeans_plusplus(problem.points, self.n_clusters, random_state=seed)[0].astype(problem.points.dtype)

    def init(self, problem: PointSet, seed: int) -> S:
        """The first centroids."""
        rng = np.random.default_rng(seed)
        return self.State(self.first_centroids(problem, rng), rng)

    def metrics(self, problem: PointSet, state: S) -> Mapping[str, float]:
        """The objective over all points."""
        return {"objective": assign(problem.points, state.centroids)[1]}

    def estimate(self, problem: PointSet, state: S) -> NDArray[Any]:
        """The centroids (k, d), fresh, in the dtype of the points."""
        return state.centroids.copy()

    def products(self, problem: PointSet, state: S) -> Mapping[str, NDArray[Any]]:
        """``labels``, int32 (n,): the nearest centroid of each point."""
        return {"labels": assign(problem.points, state.centroids)[0]}

    def memory(self, problem: PointSet) -> int:
        """Bytes at the peak: what the start needs, labels, and centroids with their sums in each block."""
        (n, d), k = problem.shape, self.n_clusters
        trials = 2 + int(math.log(k))  # of k-means++ for each centroid, all points compared with each
        start = n * (32 + 16 * trials) + problem.points.nbytes // k  # or one of k equal parts
        return start + (2 * blocks_of(n, d) + 8) * (k + _TILE) * 8 * (d + 1)

    def work(self, problem: PointSet) -> float:
        """Coordinates compared."""
        return float(self.n_clusters * self.visited(problem) * problem.shape[1])

    def visited(self, problem: PointSet) -> int:
        """Points visited by an iteration."""
        return len(problem.points)


@dataclass(frozen=True, kw_only=True)
class StochasticClustering(Clustering[S]):
    """Base of those that see a mini-batch of points at a time."""

    batch_size: Annotated[
        int, Interval(ge=1, le=100_000_000), Doc("Points of a mini-batch M, at most all that there are.")
    ] = 1000
    check_every: Annotated[
        int,
        Interval(ge=1, le=1_000_000),
        Label("Record every"),
        Doc("Iterations between two evaluations of the objective, which visit all points."),
    ] = 10

    def records(self, iteration: int) -> bool:
        """Every `check_every` iterations."""
        return iteration % self.check_every == 0

    def batch(self, problem: PointSet) -> int:
        """Points of a mini-batch."""
        return min(self.batch_size, len(problem.points))

    def prepare(self, problem: PointSet) -> Pass:
        """Sums over a mini-batch."""
        return Pass(problem.points, self.n_clusters, self.batch(problem))

    def visited(self, problem: PointSet) -> int:
        """Points visited by an iteration."""
        return self.batch(problem)

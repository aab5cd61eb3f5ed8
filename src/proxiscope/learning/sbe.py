"""Stochastic backward Euler k-means (thesis chapter 4, algorithm 4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import DivergedError, Doc, Label, Zero
from . import kernels
from .clustering import ClusteringState, Pass, Start, StochasticClustering, sample
from .problem import PointSet


class SBEWork(Pass):
    """Sums over a mini-batch, and the box around the points and their start that no centroid should leave far behind.

    Attributes
    ----------
    middle : NDArray, (d,)
        Of the box.
    reach : float
        Its diagonal, and a little for rounding. Runs that end well stay within half of it, but for short excursions; a
        diverging one grows geometrically.
    """

    def __init__(self, problem: PointSet, k: int, count: int):
        super().__init__(problem.points, k, count)
        low, high = problem.points[0].copy(), problem.points[0].copy()
        for points in (problem.points, problem.start):
            if points is not None:
                kernels.bounds(points, low, high)
        self.middle = (low + high) / 2
        rounding = np.finfo(low.dtype).eps ** 0.5 * np.maximum(abs(low), abs(high)).astype(float)
        self.reach = float(np.linalg.norm(high.astype(float) - low) + np.linalg.norm(rounding))

    def left_behind(self, centroids: NDArray[Any]) -> bool:
        """Whether a centroid is farther away than a run that converges would take it, or not finite."""
        with np.errstate(over="ignore", invalid="ignore"):
            return not np.linalg.norm(centroids.astype(float) - self.middle, axis=1).max() <= self.reach


@dataclass(frozen=True, kw_only=True)
class SBE(StochasticClustering[ClusteringState], name="sbe", title="Stochastic backward Euler (SBE)"):
    """K-means by implicit gradient descent x <- x - gamma grad phi(x_new), by a stochastic fixed-point iteration.

    Each inner iteration moves the trial centroids y <- x - gamma grad_l phi(y) along the gradient of a fresh
    mini-batch; the running mean over their trajectory becomes the next x. Then gamma shrinks by beta. Early, long steps
    carry centroids over hills of the objective that hold Lloyd's algorithm.

    Clusters are taken to be of about equal size. Then gamma0 = K is safe, 1.5 K leaves bad starts more surely, and
    from 2 K on runs may diverge. Where one cluster has most points, already K may be too long. From the means of a
    random partition, all near the middle of the points, more runs end in the global optimum than from random points.
    """

    use: ClassVar[str] = (
        "For many points in clusters of about equal size, or to leave a bad start behind. The best of several starts "
        "by k-means++ does as well, sooner for few coordinates and later for many; and better where sizes differ much."
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "thesis": {},
        "fast": {"batch_size": 500, "max_iterations": 100, "inner_iterations": 5},
    }

    start: Start = "partition"
    gamma0: Annotated[
        float, Interval(ge=0, le=1e6), Label("First step gamma0"), Zero("K"), Doc("First step size gamma, about K.")
    ] = 0.0
    alpha: Annotated[
        float,
        Interval(ge=0, le=0.999),
        Label("Averaging alpha"),
        Doc("Weight of the past in the mean over the trajectory of trial centroids."),
    ] = 0.75
    beta: Annotated[
        float, Interval(ge=0.5, le=1), Label("Decay beta"), Doc("Factor on gamma after each outer iteration.")
    ] = 1 / 1.01
    inner_iterations: Annotated[
        int, Interval(ge=1, le=10_000), Doc("Fixed-point iterations in each step, each on a fresh mini-batch.")
    ] = 10
    max_iterations: Annotated[
        int, Interval(ge=1, le=1_000_000), Label("Outer iterations"), Doc("Implicit steps of a whole run.")
    ] = 150

    def gamma(self, iteration: int) -> float:
        """Step size of the step after so many."""
        return (self.gamma0 or self.n_clusters) * self.beta**iteration

    def prepare(self, problem: PointSet) -> SBEWork:
        """Sums over a mini-batch, and how far centroids may go."""
        return SBEWork(problem, self.n_clusters, self.batch(problem))

    def step(self, problem: PointSet, state: ClusteringState) -> ClusteringState:
        """One implicit step.

        Raises
        ------
        DivergedError
            If it takes a centroid far away from all points.
        """
        work = self.workspace(problem, state)
        n, batch = len(problem.points), self.batch(problem)
        gain = self.gamma(state.iteration) / batch
        anchor = state.centroids
        trial, average = anchor.copy(), anchor.copy()
        for _ in range(self.inner_iterations):
            work.over(sample(state.rng, n, batch), trial)
            kernels.inner_step(anchor, work.pull, gain, self.alpha, trial, average)
        state.centroids = average
        state.iteration += 1
        if work.left_behind(average):
            raise DivergedError(
                f"{self.name} diverged at iteration {state.iteration}: a centroid left the data far behind, as steps "
                f"from gamma0 = {self.gamma(0):g} on are too long. {self._shorter()}."
            )
        return state

    def _shorter(self) -> str:
        """What to do about steps that are too long."""
        if self.gamma(0) > self.n_clusters:
            return f"Take gamma0 = {self.n_clusters}"
        return f"The clusters differ too much in size: take gamma0 = {self.gamma(0) / 2:g}, or Lloyd's algorithm"

    def visited(self, problem: PointSet) -> int:
        """Points visited by an iteration."""
        return self.inner_iterations * self.batch(problem)

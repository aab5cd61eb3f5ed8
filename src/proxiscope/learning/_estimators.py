"""K-means estimators with the interface of scikit-learn: stochastic backward Euler, and two to compare it with."""

from numbers import Integral
from typing import Any

import numpy as np
import sklearn.cluster
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ..core import DivergedError, InputError, iterate
from .clustering import assign
from .problem import PointSet
from .sbe import SBE

_NAMES = {"start": "init", "max_iterations": "max_iter", "inner_iterations": "inner_iter"}
"""Parameters of `SBE` that are called otherwise here."""


class SBEKMeans(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """K-means by stochastic backward Euler (thesis algorithm 4), see `proxiscope.learning.SBE`.

    It leaves bad starts behind where clusters are of about equal size. `sklearn.cluster.KMeans` with several starts by
    k-means++ does as well, sooner for few coordinates and later for many.

    Parameters
    ----------
    n_clusters : int
    init : {"partition", "random", "k-means++"} or array_like, (n_clusters, n_features)
        First centroids: means of a random partition, from which it is at its best; random points; points far apart.
    gamma0 : float, optional
        First step size; `n_clusters` when omitted.
    batch_size : int
        Points of a mini-batch; all points where there are fewer.
    alpha : float
        Weight of the past in the mean over the trajectory of an outer iteration.
    beta : float
        Factor on the step size after each outer iteration.
    max_iter : int
        Outer iterations.
    inner_iter : int
        Fixed-point iterations in each, one mini-batch each.
    n_init : int
        Runs, of which the one with the lowest objective is kept.
    random_state : int, RandomState or None

    Attributes
    ----------
    cluster_centers_ : ndarray, (n_clusters, n_features)
        float32 for points in float32, else float64.
    labels_ : ndarray of int32, (n_samples,)
    inertia_ : float
        Sum of the squared distances of the points to their centroids.
    objective_ : float
        Half their mean (thesis eq. 4.4).
    n_iter_ : int
        Outer iterations of the run that was kept.
    n_features_in_ : int

    Raises
    ------
    InputError
        If a parameter is out of range, or there are fewer points than clusters.
    DivergedError
        If the steps are too long for the data, in all runs.
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: str | ArrayLike = "partition",
        gamma0: float | None = None,
        batch_size: int = 1000,
        alpha: float = 0.75,
        beta: float = 1 / 1.01,
        max_iter: int = 150,
        inner_iter: int = 10,
        n_init: int = 1,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.n_clusters = n_clusters
        self.init = init
        self.gamma0 = gamma0
        self.batch_size = batch_size
        self.alpha = alpha
        self.beta = beta
        self.max_iter = max_iter
        self.inner_iter = inner_iter
        self.n_init = n_init
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: None = None) -> "SBEKMeans":
        """Find the centroids of points X (n_samples, n_features); raises InputError for unfit parameters."""
        points = validate_data(self, X, dtype=[np.float64, np.float32], order="C")
        if not (isinstance(self.n_init, Integral) and self.n_init >= 1):
            raise InputError("n_init", f"got {self.n_init!r}", "Give a whole number >= 1")
        random = check_random_state(self.random_state)
        try:
            best = self._best(points, random)
        except InputError as error:
            raise InputError(_NAMES.get(error.field, error.field), error.found, error.remedy) from None
        self.objective_: float = best[0]
        self.cluster_centers_: NDArray[Any] = best[1]
        self.labels_, self.n_iter_ = best[2:]
        self.inertia_ = 2 * len(points) * self.objective_
        return self

    def _best(
        self, points: NDArray[Any], random: np.random.RandomState
    ) -> tuple[float, NDArray[Any], NDArray[np.int32], int]:
        """The run with the lowest objective; those that diverge are left out, unless all do."""
        runs: list[Any] = []
        diverged = DivergedError()
        for _ in range(self.n_init):
            try:
                runs.append(self._run(points, random))
            except DivergedError as error:
                diverged = error
        if not runs:
            raise diverged
        return min(runs, key=lambda run: run[0])

    def _run(
        self, points: NDArray[Any], random: np.random.RandomState
    ) -> tuple[float, NDArray[Any], NDArray[np.int32], int]:
        """The objective, centroids, labels and number of iterations of one run."""
        init: Any = self.init
        given = not isinstance(init, str)
        problem = PointSet(points, init if given else None)
        algorithm = self._algorithm("random" if given else init)
        *_, progress = iterate(algorithm, problem, seed=int(random.randint(np.iinfo(np.int32).max)))
        centroids = progress.estimate()
        labels, objective = assign(points, centroids)
        return objective, centroids, labels, progress.iteration

    def _algorithm(self, start: Any) -> SBE:
        return SBE(
            n_clusters=self.n_clusters,
            start=start,
            gamma0=0 if self.gamma0 is None else self.gamma0,
            batch_size=self.batch_size,
            alpha=self.alpha,
            beta=self.beta,
            max_iterations=self.max_iter,
            inner_iterations=self.inner_iter,
            check_every=self.max_iter,
        )

    def predict(self, X: ArrayLike) -> NDArray[np.int32]:
        """Index of the nearest centroid of each point, (n_samples,)."""
        return assign(self._checked(X), self.cluster_centers_)[0]

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """Distances of the points to the centroids, (n_samples, n_clusters)."""
        return euclidean_distances(self._checked(X), self.cluster_centers_)

    def score(self, X: ArrayLike, y: None = None) -> float:
        """Minus the sum of the squared distances of the points to their nearest centroids."""
        points = self._checked(X)
        return -2 * len(points) * assign(points, self.cluster_centers_)[1]

    def _checked(self, X: ArrayLike) -> NDArray[Any]:
        check_is_fitted(self)
        return validate_data(self, X, dtype=self.cluster_centers_.dtype, order="C", reset=False)

    @property
    def _n_features_out(self) -> int:
        return len(self.cluster_centers_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class _Objective:
    inertia_: float
    labels_: NDArray[np.int32]

    @property
    def objective_(self) -> float:
        """Half the mean squared distance of the points to their centroids (thesis eq. 4.4), fitted without weights."""
        return self.inertia_ / (2 * len(self.labels_))


class LloydKMeans(_Objective, sklearn.cluster.KMeans):  # type: ignore[misc]
    """`sklearn.cluster.KMeans` as the thesis runs EM: one start from points drawn at random, Lloyd's algorithm.

    Parameters
    ----------
    n_clusters, init, n_init, max_iter, tol, random_state : optional
        As there.
    """

    def __init__(
        self, n_clusters: int = 8, *, init: Any = "random", n_init: Any = 1, max_iter: int = 300, tol: float = 1e-4,
        random_state: Any = None,
    ):  # fmt: skip
        super().__init__(
            n_clusters, init=init, n_init=n_init, max_iter=max_iter, tol=tol, random_state=random_state,
            algorithm="lloyd",
        )  # fmt: skip


class MiniBatchKMeans(_Objective, sklearn.cluster.MiniBatchKMeans):  # type: ignore[misc]
    """`sklearn.cluster.MiniBatchKMeans` from one start of points drawn at random, with batches of 500 as in the thesis.

    Unlike `proxiscope.learning.MiniBatch` it moves centroids that lose their points, and stops early.

    Parameters
    ----------
    n_clusters, init, max_iter, batch_size, compute_labels, n_init, random_state : optional
        As there; `max_iter` counts passes over the data.
    """

    def __init__(
        self, n_clusters: int = 8, *, init: Any = "random", max_iter: int = 100, batch_size: int = 500,
        compute_labels: bool = True, n_init: Any = 1, random_state: Any = None,
    ):  # fmt: skip
        super().__init__(
            n_clusters, init=init, max_iter=max_iter, batch_size=batch_size, compute_labels=compute_labels,
            n_init=n_init, random_state=random_state,
        )  # fmt: skip

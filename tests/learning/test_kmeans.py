"""The k-means algorithms against their formulas, and against scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
import sklearn.cluster

from proxiscope.core import DivergedError, InputError, Record, iterate
from proxiscope.learning import SBE, Lloyd, MiniBatch, PointSet
from proxiscope.learning.clustering import assign, sample
from proxiscope.learning.gaussians import START, four_gaussians

POINTS = four_gaussians(np.random.default_rng(0), each=250)


def last(algorithm, problem, seed=0):
    """The end of a run."""
    *_, progress = iterate(algorithm, problem, seed=seed)
    return progress


def blobs(sizes, dimensions, spread, seed=0):
    """Clusters of such sizes and unit variance."""
    rng = np.random.default_rng(seed)
    parts = [rng.standard_normal((n, dimensions)) + spread * rng.standard_normal(dimensions) for n in sizes]
    return np.concatenate(parts)


def gradient(points, centroids):
    """Eq. 4.5 with loops."""
    found = np.zeros_like(centroids)
    for p in points:
        j = min(range(len(centroids)), key=lambda j: np.sum((centroids[j] - p) ** 2))
        found[j] += (centroids[j] - p) / len(points)
    return found


class TestSBE:
    def test_is_algorithm_4(self):
        lengths = {"batch_size": 30, "inner_iterations": 3, "max_iterations": 4}
        algorithm = SBE(n_clusters=4, gamma0=3, alpha=0.6, beta=0.9, **lengths)
        found = last(algorithm, PointSet(POINTS, START), seed=5).estimate()
        rng, x, gamma = np.random.default_rng(5), START, 3.0
        for _ in range(4):
            y = mean = x
            for _ in range(3):
                batch = POINTS[sample(rng, len(POINTS), 30)]
                y = x - gamma * gradient(batch, y)
                mean = 0.6 * mean + 0.4 * y
            x, gamma = mean, 0.9 * gamma
        np.testing.assert_allclose(found, x, rtol=1e-12)

    def test_the_first_step_is_as_long_as_there_are_clusters(self):
        one, other = (
            last(SBE(n_clusters=4, gamma0=gamma, max_iterations=3), PointSet(POINTS, START)).estimate()
            for gamma in (0, 4)
        )
        np.testing.assert_array_equal(one, other)

    def test_a_batch_of_more_than_all_points_is_all(self):
        one, other = (
            last(SBE(n_clusters=4, batch_size=size, max_iterations=5), PointSet(POINTS)).estimate()
            for size in (1000, 10**8)
        )
        np.testing.assert_array_equal(one, other)

    def test_the_objective_is_recorded_now_and_then_and_at_the_end(self):
        algorithm = SBE(n_clusters=4, max_iterations=25, check_every=10)
        record = Record(algorithm)
        for progress in iterate(algorithm, PointSet(POINTS)):
            record.add(progress)
        assert record.metrics()["iteration"].tolist() == [10, 20, 25]


DATA = {
    "equal clusters": (blobs([300] * 5, 10, 4), 5),
    "single precision": (blobs([300] * 5, 10, 4).astype(np.float32), 5),
    "unequal clusters": (blobs([4500, 150, 150, 200], 2, 8), 4),
    "one cluster": (blobs([500], 3, 1), 1),
    "few dimensions": (blobs([700, 700], 1, 3), 2),
}
"""Points, and their number of clusters."""


class TestDivergence:
    @pytest.mark.parametrize("name", DATA)
    def test_steps_that_are_too_long_are_refused_early_with_a_remedy(self, name):
        points, k = DATA[name]
        for seed in range(5):
            with pytest.raises(DivergedError, match=rf"left the data.* Take gamma0 = {k}\.") as caught:
                last(SBE(n_clusters=k, gamma0=5 * k, batch_size=200), PointSet(points), seed)
            assert int(str(caught.value).split("iteration ")[1].split(":")[0]) <= 10

    @pytest.mark.parametrize("name", DATA)
    def test_the_step_that_is_advised_is_short_enough(self, name):
        points, k = DATA[name]
        for seed in range(5):
            assert np.isfinite(last(SBE(n_clusters=k, batch_size=200), PointSet(points), seed).metrics["objective"])

    def test_where_one_cluster_has_nearly_all_points_the_remedy_is_another(self):
        points = np.random.default_rng(0).standard_t(1.2, (5000, 2))
        with pytest.raises(DivergedError, match=r"differ too much in size: take gamma0 = 8, or Lloyd's"):
            last(SBE(n_clusters=16, start="k-means++"), PointSet(points))

    def test_clusters_of_equal_size_stand_steps_that_are_longer_by_half(self):
        points, k = DATA["equal clusters"]
        best = last(Lloyd(n_clusters=k, start="k-means++"), PointSet(points)).metrics["objective"]
        for seed in range(5):
            progress = last(SBE(n_clusters=k, gamma0=1.5 * k, batch_size=200), PointSet(points), seed)
            assert progress.metrics["objective"] < 1.02 * best

    @pytest.mark.parametrize(("gamma0", "advice"), [(4.01, "Take gamma0 = 4"), (4, "take gamma0 = 2, or Lloyd's")])
    def test_the_advice_is_k_where_the_first_step_is_longer(self, gamma0, advice):
        assert advice in SBE(n_clusters=4, gamma0=gamma0)._shorter()

    def test_a_start_far_from_the_points_is_no_divergence(self):
        points, start = np.ones((50, 2)) + np.eye(50, 2), np.array([[1.0, 1.0], [1e6, 0.0]])
        algorithm = SBE(n_clusters=2, gamma0=0.5, max_iterations=30)  # one cluster has all points: K were too long
        centroids = last(algorithm, PointSet(points, start)).estimate()
        np.testing.assert_allclose(centroids, [points.mean(0), start[1]], rtol=1e-3)  # no point draws the second

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("value", [2.5, 0.1, -1 / 3])
    def test_points_at_one_place_even_where_their_mean_is_rounded(self, value, dtype):
        for k in (1, 2, 3, 7):
            centroids = last(SBE(n_clusters=k), PointSet(np.full((23, 3), value, dtype))).estimate()
            np.testing.assert_allclose(centroids, value, rtol=1e-6)


class TestLloyd:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("k", [1, 4, 9])
    def test_ends_where_that_of_scikit_learn_ends(self, k, dtype):
        points = blobs([200] * 5, 6, 2).astype(dtype)
        start = points[::100][:k].copy()
        progress = last(Lloyd(n_clusters=k, max_iterations=300), PointSet(points, start))
        peer = sklearn.cluster.KMeans(k, init=start, n_init=1, algorithm="lloyd", tol=0, max_iter=300).fit(points)
        np.testing.assert_array_equal(progress.state.labels, peer.labels_)
        tolerance = 2e-6 if dtype == np.float32 else 1e-12
        np.testing.assert_allclose(progress.estimate(), peer.cluster_centers_, atol=tolerance)
        assert progress.metrics["objective"] == pytest.approx(peer.inertia_ / (2 * len(points)), rel=1e-6)

    def test_the_objective_never_rises_and_the_run_ends_when_nothing_moves(self):
        algorithm = Lloyd(n_clusters=6, max_iterations=500)
        record = Record(algorithm)
        for progress in iterate(algorithm, PointSet(POINTS), seed=1):
            record.add(progress)
        objective = record.metrics()["objective"]
        assert (np.diff(objective) <= 1e-14).all()
        assert progress.iteration < 500
        means = [POINTS[progress.state.labels == j].mean(0) for j in range(6)]
        np.testing.assert_allclose(progress.estimate(), means, rtol=1e-12)

    def test_a_centroid_without_points_stays(self):
        start = np.array([[0.0, 0.0], [100.0, 100.0]])
        centroids = last(Lloyd(n_clusters=2), PointSet(POINTS, start)).estimate()
        np.testing.assert_array_equal(centroids[1], start[1])
        np.testing.assert_allclose(centroids[0], POINTS.mean(0), rtol=1e-12)


class TestMiniBatch:
    def test_is_the_algorithm_of_sculley(self):
        algorithm = MiniBatch(n_clusters=4, batch_size=20, max_iterations=6)
        found = last(algorithm, PointSet(POINTS, START), seed=3).estimate()
        rng, centroids, seen = np.random.default_rng(3), START.copy(), np.zeros(4)
        for _ in range(6):
            batch = POINTS[sample(rng, len(POINTS), 20)]
            nearest = [np.square(centroids - p).sum(1).argmin() for p in batch]
            for p, j in zip(batch, nearest, strict=True):
                seen[j] += 1
                centroids[j] += (p - centroids[j]) / seen[j]
        np.testing.assert_allclose(found, centroids, rtol=1e-12)

    def test_does_as_well_as_that_of_scikit_learn(self):
        """From the same starts, with as many batches: means of 30 runs agree within their standard error."""
        points = blobs([300] * 6, 5, 2)
        ours, peers = [], []
        for seed in range(30):
            start = points[np.random.default_rng(seed).choice(len(points), 6, replace=False)]
            algorithm = MiniBatch(n_clusters=6, batch_size=90, max_iterations=100, check_every=100)
            ours.append(last(algorithm, PointSet(points, start), seed).metrics["objective"])
            peer = sklearn.cluster.MiniBatchKMeans(
                6, init=start, n_init=1, batch_size=90, max_iter=5, max_no_improvement=None, reassignment_ratio=0,
                random_state=seed,
            ).fit(points)  # fmt: skip
            peers.append(peer.inertia_ / (2 * len(points)))
        difference = np.array(ours) - peers
        assert abs(difference.mean()) < 3 * difference.std() / np.sqrt(30)
        assert difference.std() > 0


class TestStart:
    @pytest.mark.parametrize("start", ["random", "k-means++"])
    def test_centroids_are_points_at_different_places(self, start):
        points = np.repeat(POINTS[:30], 10, axis=0)
        centroids = Lloyd(n_clusters=20, start=start).init(PointSet(points), 1).centroids
        assert len(np.unique(centroids, axis=0)) == 20
        assert {tuple(c) for c in centroids} <= {tuple(p) for p in points}

    def test_means_of_a_random_partition_lie_near_the_middle(self):
        points = np.random.default_rng(0).standard_normal((4000, 3)) + 5
        first, second = (SBE(n_clusters=4).init(PointSet(points), seed).centroids for seed in (1, 2))
        np.testing.assert_allclose(first, np.broadcast_to(points.mean(axis=0), (4, 3)), atol=0.1)
        np.testing.assert_allclose(first.mean(axis=0), points.mean(axis=0))  # all points, in equal parts
        assert not np.array_equal(first, second)

    def test_k_means_plus_plus_lies_far_apart(self):
        points = blobs([500] * 8, 2, 30, seed=3)

        def objective(start):
            algorithm = SBE(n_clusters=8, start=start)
            return np.median([assign(points, algorithm.init(PointSet(points), s).centroids)[1] for s in range(20)])

        assert objective("k-means++") < objective("random") / 3

    def test_given_centroids_are_taken_and_left_as_they_are(self):
        problem = PointSet(POINTS, START)
        last(SBE(n_clusters=4, max_iterations=3), problem)
        np.testing.assert_array_equal(problem.start, START)

    def test_of_another_number_they_are_refused(self):
        with pytest.raises(InputError, match="start: 4 centroids for 3 clusters"):
            iterate(SBE(n_clusters=3), PointSet(POINTS, START))

    def test_more_clusters_than_points_are_refused(self):
        with pytest.raises(InputError, match="n_clusters: 8 for 7 points"):
            iterate(SBE(), PointSet(POINTS[:7]))

    def test_a_state_goes_on_only_with_as_many_clusters(self):
        state = last(SBE(n_clusters=4, max_iterations=2), PointSet(POINTS)).state
        with pytest.raises(InputError, match="centroids"):
            next(iterate(SBE(n_clusters=5), PointSet(POINTS), state=replace(state)))

"""The passes over points, against plain NumPy in double precision."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxiscope.core.threads import set_num_threads
from proxiscope.learning import kernels
from proxiscope.learning.clustering import Pass, assign, blocks_of, distinct, sample

TOLERANCE = {np.float32: 1e-6, np.float64: 1e-12}


def plain(points, centroids):
    """Labels, pull, counts and summed squared distances by their definition."""
    points, centroids = points.astype(float), centroids.astype(float)
    distances = np.square(points[:, None] - centroids).sum(-1)
    labels = distances.argmin(1)
    chosen = labels[:, None] == np.arange(len(centroids))
    pull = np.stack([(points[one] - c).sum(0) for one, c in zip(chosen.T, centroids, strict=True)])
    return labels, pull, chosen.sum(0), distances.min(1).sum()


def data(seed, n, d, k, dtype):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)).astype(dtype), rng.standard_normal((k, d)).astype(dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
class TestDraw:
    def test_sums_and_labels(self, dtype):
        @settings(max_examples=40, deadline=None, derandomize=True)
        @given(st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 40), st.integers(1, 13))
        def check(seed, n, d, k):
            points, centroids = data(seed, n, d, k, dtype)
            labels = np.full(n, -1, np.int32)
            pull, counts = np.zeros((k, d)), np.zeros(k, np.int64)
            total, changed = kernels.draw(points, centroids, labels, pull, counts)
            expected_labels, expected_pull, expected_counts, expected_total = plain(points, centroids)
            np.testing.assert_array_equal(labels, expected_labels)
            np.testing.assert_array_equal(counts, expected_counts)
            np.testing.assert_allclose(pull, expected_pull, atol=TOLERANCE[dtype] * n)
            assert total == pytest.approx(expected_total, rel=TOLERANCE[dtype])
            assert changed == n

        check()

    def test_far_from_the_origin_nothing_cancels(self, dtype):
        points, centroids = data(1, 200, 6, 5, dtype)
        points, centroids = np.round(64 * points) / 64 + dtype(4096), np.round(64 * centroids) / 64 + dtype(4096)
        labels, objective = assign(points, centroids)
        expected_labels, _, _, total = plain(points, centroids)
        np.testing.assert_array_equal(labels, expected_labels)
        assert objective == pytest.approx(total / 400, rel=TOLERANCE[dtype])

    def test_a_tie_goes_to_the_first(self, dtype):
        points = np.array([[0, 0], [1, 0]], dtype)
        labels, objective = assign(points, np.array([[5, 5], [0, 1], [0, -1], [0, 1]], dtype))
        assert labels.tolist() == [1, 1]
        assert objective == pytest.approx((1 + 2) / 4)


def test_only_labels_that_change_are_counted():
    points, centroids = data(0, 50, 3, 4, np.float64)
    visit, labels = Pass(points, 4, 50), np.full(50, -1, np.int32)
    assert visit.over_all(centroids, labels) == 50
    assert visit.over_all(centroids, labels) == 0
    labels[[3, 7]] += 1
    assert visit.over_all(centroids, labels) == 2


@pytest.mark.parametrize("count", [1, 63, 64, 65, 2000])
def test_a_batch_is_a_pass_over_its_points(count):
    points, centroids = data(2, 3000, 90, 5, np.float32)
    indices = sample(np.random.default_rng(0), 3000, count)
    batch, whole = Pass(points, 5, count), Pass(points[indices], 5, count)
    batch.over(indices, centroids)
    whole.over_all(centroids, np.empty(count, np.int32))
    np.testing.assert_array_equal(batch.pull, whole.pull)
    np.testing.assert_array_equal(batch.counts, whole.counts)
    assert batch.objective == whole.objective


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_blocks_on_any_number_of_threads_give_the_same(dtype):
    points, centroids = data(3, 9000, 60, 7, dtype)
    assert blocks_of(*points.shape) > 3
    found = []
    try:
        for threads in (1, 2, 3):
            set_num_threads(threads)
            visit, labels = Pass(points, 7, len(points)), np.empty(len(points), np.int32)
            visit.over_all(centroids, labels)
            found.append((visit.pull, visit.counts, labels, visit.objective))
    finally:
        set_num_threads(0)
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, two)
    labels, pull, counts, total = plain(points, centroids)
    np.testing.assert_array_equal(found[0][2], labels)
    np.testing.assert_array_equal(found[0][1], counts)
    np.testing.assert_allclose(found[0][0], pull, atol=TOLERANCE[dtype] * len(points))
    assert found[0][3] == pytest.approx(total / 18000, rel=TOLERANCE[dtype])


def test_bounds_are_the_least_and_the_largest():
    points = data(4, 40, 7, 1, np.float32)[0]
    low, high = points[0].copy(), points[0].copy()
    kernels.bounds(points, low, high)
    np.testing.assert_array_equal(low, points.min(0))
    np.testing.assert_array_equal(high, points.max(0))


class TestDistinct:
    def test_no_place_is_taken_twice_where_there_are_enough(self):
        points = np.repeat(np.arange(5.0), 200)[:, None]
        for seed in range(20):
            chosen = distinct(points, 5, np.random.default_rng(seed))
            assert sorted(points[chosen, 0]) == [0, 1, 2, 3, 4]

    def test_else_they_are_different_points(self):
        points = np.repeat(np.arange(2.0), 10)[:, None]
        chosen = distinct(points, 5, np.random.default_rng(0))
        assert len(chosen) == len(set(chosen)) == 5
        assert set(points[chosen, 0]) == {0, 1}

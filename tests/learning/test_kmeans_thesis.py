"""Thesis sections 4.3.1 and 4.3.2, run from many seeds: how often, and where, runs end.

A fraction is held to the band that holds 99.9 % of repetitions of what long runs found: 300 draws of the points in the
plane, 1000 to 3000 starts for Iris.
"""

from functools import cache

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.datasets import load_iris

from proxiscope.core import iterate
from proxiscope.learning import SBE, Lloyd, PointSet
from proxiscope.learning.gaussians import MEANS, START, four_gaussians


def last(algorithm, problem, seed=0):
    """The end of a run."""
    *_, progress = iterate(algorithm, problem, seed=seed)
    return progress


def in_band(count, trials, probability):
    """Whether so many of all trials may be, where each is one with such a probability."""
    low, high = binom.ppf([0.0005, 0.9995], trials, probability)
    return low <= count <= high


@cache
def drawn(seed):
    """Points in the plane, the centroids where Lloyd's algorithm is stuck, and the objective there."""
    points = four_gaussians(np.random.default_rng(seed))
    end = last(Lloyd(n_clusters=4, max_iterations=300), PointSet(points, START))
    return points, end.estimate(), end.metrics["objective"]


def escapes(trials, **parameters):
    """How many runs of SBE, each on another draw, get from there to the global optimum."""
    count = 0
    for seed in range(trials):
        points, stuck, _ = drawn(seed)
        algorithm = SBE(n_clusters=4, check_every=10_000, **parameters)
        after = last(algorithm, PointSet(points, stuck), seed).metrics["objective"]
        best = last(Lloyd(n_clusters=4), PointSet(points, MEANS)).metrics["objective"]
        assert after > 1.25 or after == pytest.approx(best, rel=1e-2)  # nothing lies between
        count += after < 1.25
    return count


class TestFourGaussians:
    def test_the_points_are_those_of_the_thesis(self):
        points = four_gaussians(np.random.default_rng(0), each=20_000).reshape(4, -1, 2)
        np.testing.assert_allclose(points.mean(1), [[-5, -3], [5, -3], [0, 5], [2.5, 4]], atol=0.04)
        np.testing.assert_allclose(np.cov(points[1].T), [[1.2, 0.6], [0.6, 0.7]], atol=0.04)
        np.testing.assert_allclose(np.cov(points[3].T), [[1.5, 0.05], [0.05, 0.6]], atol=0.04)

    def test_lloyds_algorithm_is_stuck(self):
        """In 1500 draws it was 1.276 to 1.422, with a mean of 1.343 and a deviation of 0.022."""
        objective = [drawn(seed)[2] for seed in range(30)]
        assert np.mean(objective) == pytest.approx(1.344, abs=4 * 0.022 / np.sqrt(30))
        assert min(objective) > 1.25
        assert max(objective) < 1.44

    @pytest.mark.slow
    def test_sbe_leaves_the_trap_most_times(self):
        assert in_band(escapes(24), 24, 0.873)

    def test_shorter_runs_on_smaller_batches_leave_it_every_other_time(self):
        assert in_band(escapes(30, batch_size=500, max_iterations=100, inner_iterations=5), 30, 0.483)

    @pytest.mark.slow
    def test_longer_steps_leave_it_always(self):
        assert escapes(12, gamma0=6) == 12

    @pytest.mark.slow
    def test_short_steps_never_do(self):
        assert escapes(8, gamma0=2) == 0


class TestIris:
    POINTS = PointSet(load_iris().data)

    def objectives(self, algorithm, trials):
        return np.array([last(algorithm, self.POINTS, seed).metrics["objective"] for seed in range(trials)])

    def test_lloyds_algorithm_is_stuck_from_one_start_in_five(self):
        """The thesis says 29 %; 100 runs with a chance of 21 % hardly come to that."""
        found = self.objectives(Lloyd(n_clusters=3, max_iterations=300), 400)
        stuck = found > 0.4
        assert in_band(stuck.sum(), 400, 0.208)
        assert ((found[stuck] > 0.475) & (found[stuck] < 0.487)).all()
        np.testing.assert_allclose(found[~stuck], 0.2628, atol=2e-4)

    @pytest.mark.parametrize(("outer", "inner", "median"), [(10, 40, 0.2674), (40, 10, 0.2633)])
    def test_sbe_never_is(self, outer, inner, median):
        algorithm = SBE(
            n_clusters=3, start="random", batch_size=60, max_iterations=outer, inner_iterations=inner, check_every=1000
        )
        found = self.objectives(algorithm, 60)
        assert found.max() < 0.28
        assert np.median(found) == pytest.approx(median, abs=6e-4)

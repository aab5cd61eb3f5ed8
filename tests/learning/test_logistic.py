"""Logistic regression against formulas, explicit matrices and a plain loop; what smoothing does to its spread."""

import numpy as np
import pytest
from numpy.typing import NDArray

from proxiscope.core import DivergedError, iterate
from proxiscope.learning import LabelledSet, LogisticRegression
from proxiscope.learning.datasets import digits
from proxiscope.learning.logistic import standardised

CLASSES, SIZE = 4, 6


@pytest.fixture(scope="module")
def problem() -> LabelledSet:
    """300 points, which is no multiple of the batches, the blocks or four."""
    rng = np.random.default_rng(0)
    labels, test_labels = rng.integers(CLASSES, size=(2, 303))
    centres = 2 * rng.normal(size=(CLASSES, SIZE))
    points, test_points = (centres[each] + rng.normal(size=(303, SIZE)) for each in (labels, test_labels))
    return LabelledSet(points, labels, test_points, test_labels)


def estimate(problem: LabelledSet, seed: int = 0, **values) -> NDArray:
    *_, last = iterate(LogisticRegression(**values), problem, seed=seed)
    return last.estimate()


def probabilities(points: NDArray, weights: NDArray) -> NDArray:
    logits = points @ weights[:, :-1].T + weights[:, -1]
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def gradient(points: NDArray, labels: NDArray, weights: NDArray) -> NDArray:
    residuals = (probabilities(points, weights) - np.eye(CLASSES)[labels]) / len(points)
    return np.column_stack([residuals.T @ points, residuals.sum(axis=0)])


def plain_descent(problem: LabelledSet, epochs: int, step: float, batch: int, svrg: bool = False) -> NDArray:
    """The same in double precision with nothing clever."""
    rng, points, labels = np.random.default_rng(0), problem.points.astype(float), problem.labels
    weights = np.zeros((CLASSES, SIZE + 1))
    for _ in range(epochs):
        anchor, order = weights, rng.permutation(len(points))
        for begin in range(0, len(points), batch):
            chosen = order[begin : begin + batch]
            change = gradient(points[chosen], labels[chosen], weights)
            if svrg:
                change -= gradient(points[chosen], labels[chosen], anchor)
                change += gradient(points, labels, anchor)
            weights = weights - step * change
    return weights


@pytest.mark.parametrize("method", ["sgd", "svrg"])
@pytest.mark.parametrize("batch", [1, 50, 303])
def test_it_is_what_a_plain_loop_does(problem, method, batch):
    found = estimate(problem, method=method, max_iterations=3, step_size=0.1, batch_size=batch)
    expected = plain_descent(problem, 3, 0.1, batch, method == "svrg")
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize("order", [1, 2, 3])
def test_weights_and_bias_are_smoothed_each_by_itself(problem, order):
    step = gradient(problem.points, problem.labels, np.zeros((CLASSES, SIZE + 1)))
    found = -estimate(problem, max_iterations=1, step_size=1.0, batch_size=10**6, sigma=2.0, order=order)
    for part, sharp in ((found[:, :-1], step[:, :-1]), (found[:, -1], step[:, -1])):
        size = part.size
        laplacian = np.roll(np.eye(size), 1, 0) + np.roll(np.eye(size), -1, 0) - 2 * np.eye(size)
        operator = np.eye(size) + (-1) ** order * 2.0 * np.linalg.matrix_power(laplacian, order)
        np.testing.assert_allclose(part.ravel(), np.linalg.solve(operator, sharp.ravel()), atol=1e-6)


def test_loss_and_accuracy_are_those_of_the_estimate(problem):
    *_, last = iterate(LogisticRegression(max_iterations=4, check_every=2), problem)
    weights = last.estimate().astype(float)
    likelihood = probabilities(problem.points, weights)[np.arange(303), problem.labels]
    right = probabilities(problem.test_points, weights).argmax(axis=1) == problem.test_labels
    assert last.metrics["loss"] == pytest.approx(-np.log(likelihood).mean(), rel=1e-5)
    assert last.metrics["accuracy"] == pytest.approx(right.mean())
    assert 0.8 < last.metrics["accuracy"] < 1


def test_figures_are_recorded_now_and_then_and_at_the_end(problem):
    recorded = [p.iteration for p in iterate(LogisticRegression(max_iterations=7, check_every=3), problem) if p.metrics]
    assert recorded == [3, 6, 7]


def test_the_step_decays_as_it_is_told():
    algorithm = LogisticRegression(step_size=0.5)
    assert [algorithm.rate(i) for i in (0, 49, 50, 199)] == pytest.approx([0.5, 0.5, 0.05, 0.0005])
    assert LogisticRegression(step_size=0.5, decay_every=0).rate(10**6) == 0.5
    assert LogisticRegression(decay_every=1).rate(10**6) == 0


@pytest.mark.parametrize("values", [{}, {"method": "svrg"}, {"sigma": 1.0}], ids=["sgd", "svrg", "smoothed"])
def test_a_run_taken_up_again_goes_on_bit_for_bit(problem, values):
    algorithm = LogisticRegression(max_iterations=6, **values)
    *_, whole = iterate(algorithm, problem, seed=3)
    for part in iterate(algorithm, problem, seed=3):
        if part.iteration == 2:
            break
    *_, rest = iterate(algorithm, problem, state=part.state)
    assert rest.iteration == 6
    np.testing.assert_array_equal(rest.estimate(), whole.estimate())


def test_a_run_that_diverges_says_so():
    points = np.full((8, 2), 1e25)
    problem = LabelledSet(points * [[1, -1]], np.arange(8) % 2, points, np.arange(8) % 2)
    with pytest.raises(
        DivergedError, match=r"logistic-regression diverged at iteration \d+: its loss .* Reduce the st"
    ):
        list(iterate(LogisticRegression(step_size=1e6, batch_size=1, check_every=1), problem))


def test_standardised_points_have_mean_zero_and_deviation_one(problem):
    found = standardised(problem)
    assert found.points.mean() == pytest.approx(0, abs=1e-6)
    assert found.points.std() == pytest.approx(1, rel=1e-6)
    scale = (found.test_points[0] - found.test_points[1]) / (problem.test_points[0] - problem.test_points[1])
    np.testing.assert_allclose(scale, 1 / problem.points.std(), rtol=1e-4)


def test_coordinates_are_standardised_each_unless_they_never_vary():
    found = standardised(digits(), each=True).points
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-5)
    deviations = found.std(axis=0)
    assert (np.isclose(deviations, 1, atol=1e-5) | (deviations == 0)).all()
    assert (deviations == 0).sum() == (np.ptp(digits().points, axis=0) == 0).sum() > 0


def spread(problem: LabelledSet, seeds: int, **values) -> float:
    """Standard deviation of the loss over seeds, its mean over the epochs."""
    algorithm = LogisticRegression(**values, max_iterations=5, check_every=1)
    losses = [[p.metrics["loss"] for p in iterate(algorithm, problem, seed=seed)] for seed in range(seeds)]
    return float(np.std(losses, axis=0).mean())


def test_smoothing_lessens_the_spread_of_too_long_steps_and_a_fifth_of_the_step_does_better():
    problem = standardised(digits(), each=True)
    sharp = spread(problem, 12, batch_size=10)
    assert spread(problem, 12, batch_size=10, sigma=1.0) < 0.6 * sharp
    assert spread(problem, 12, batch_size=10, step_size=0.1) < 0.15 * sharp


def test_reduced_variance_lessens_the_spread_of_short_steps_and_smoothing_does_not():
    problem = digits()
    sharp = spread(problem, 6)
    assert spread(problem, 6, method="svrg") < 0.4 * sharp
    assert spread(problem, 6, sigma=1.0) > 0.8 * sharp

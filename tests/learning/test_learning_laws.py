"""Laws that every algorithm that learns obeys."""

from dataclasses import replace
from functools import cache

import numpy as np
import psutil
import pytest
from hypothesis import given, settings

from proxiscope.core import InputError, NotEnoughMemoryError, algorithms, build, iterate, parameters, to_dict
from proxiscope.core.checkpoint import load_checkpoint, save_checkpoint
from proxiscope.core.threads import set_num_threads
from proxiscope.learning import LabelledSet, PointSet
from tests.laws.test_laws import instances, run
from tests.projections import peak

LEARNING = algorithms("learning")
CLUSTERINGS = {name: cls for name, cls in LEARNING.items() if cls.Problem is PointSet}

every_algorithm = pytest.mark.parametrize("cls", LEARNING.values(), ids=LEARNING.keys())
every_clustering = pytest.mark.parametrize("cls", CLUSTERINGS.values(), ids=CLUSTERINGS.keys())


@cache
def problem_for(cls, dtype=np.float32):
    """A problem that `cls` takes: four clusters of 90 points in five dimensions, off the origin."""
    rng = np.random.default_rng(5)
    labels = np.arange(360) % 4
    points = (1.5 * rng.standard_normal((4, 5))[labels] + rng.standard_normal((360, 5)) + 2).astype(dtype)
    if cls.Problem is LabelledSet:
        return LabelledSet(points[:300], labels[:300], points[300:], labels[300:])
    return PointSet(points)


def random_problem(cls):
    """Noise."""
    problem = problem_for(cls)
    return replace(problem, points=np.random.default_rng(1).standard_normal(problem.shape).astype(np.float32))


def quick(cls, iterations=25):
    """The algorithm with a short run that records every iteration."""
    wanted = {"max_iterations": iterations, "n_clusters": 4, "batch_size": 100, "check_every": 1, "step_size": 0.05}
    return cls(**{p.name: wanted[p.name] for p in parameters(cls) if p.name in wanted})


def merit_of(problem, estimate):
    """The figure of merit by its definition, in double precision."""
    points = problem.points.astype(float)
    if isinstance(problem, PointSet):
        return (np.square(points[:, None] - estimate).sum(-1).min(1)).mean() / 2
    logits = points @ estimate[:, :-1].T + estimate[:, -1]
    return (np.log(np.exp(logits).sum(1)) - logits[np.arange(len(points)), problem.labels]).mean()


def test_the_family_holds_what_the_thesis_compares():
    assert {"sbe", "lloyd", "mini-batch", "logistic-regression"} <= set(LEARNING)


def test_the_family_is_not_among_the_reconstructions():
    assert not set(LEARNING) & set(algorithms())


@every_algorithm
def test_stays_finite_on_noise(cls):
    estimate, metrics, _ = run(quick(cls), random_problem(cls))
    assert np.isfinite(estimate).all()
    assert all(np.isfinite(values).all() for values in metrics.values())


@every_algorithm
def test_the_estimate_is_fresh(cls):
    for progress in iterate(quick(cls, 3), problem_for(cls)):
        first = progress.estimate()
        kept = first.copy()
        first[...] = -1
        np.testing.assert_array_equal(progress.estimate(), kept)


@every_clustering
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_centroids_have_the_precision_of_the_points(cls, dtype):
    algorithm = quick(cls)
    estimate, _, progress = run(algorithm, problem_for(cls, dtype))
    assert estimate.dtype == dtype
    assert estimate.shape == (4, 5)
    labels = algorithm.products(problem_for(cls, dtype), progress.state)["labels"]
    assert labels.dtype == np.int32
    distances = np.square(problem_for(cls, dtype).points[:, None] - estimate).sum(-1)
    np.testing.assert_array_equal(labels, distances.argmin(1))


@every_algorithm
def test_a_seeded_run_repeats_and_another_seed_differs(cls):
    problem = problem_for(cls)
    first, _, _ = run(quick(cls, 2), problem, seed=3)
    second, _, _ = run(quick(cls, 2), problem, seed=3)
    other, _, _ = run(quick(cls, 2), problem, seed=4)
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


@every_algorithm
def test_resume_from_a_checkpoint_is_bit_identical(cls, tmp_path):
    algorithm, problem = quick(cls), problem_for(cls)
    whole, whole_metrics, last = run(algorithm, problem, seed=2)
    for stop in (1, 3):
        assert stop < last.iteration
        for progress in iterate(algorithm, problem, seed=2):
            if progress.iteration == stop:
                break
        save_checkpoint(tmp_path / "run.h5", algorithm, progress.state)
        loaded, state = load_checkpoint(tmp_path / "run.h5")
        assert loaded == algorithm
        resumed, metrics, _ = run(loaded, problem, state=state)
        np.testing.assert_array_equal(resumed, whole)
        np.testing.assert_array_equal(metrics[cls.merit], whole_metrics[cls.merit][stop:])


@every_algorithm
def test_the_number_of_threads_changes_nothing(cls):
    rng = np.random.default_rng(0)
    many = rng.standard_normal((3000, 100)).astype(np.float32)  # several blocks
    labels = np.arange(3000) % 4
    problem = LabelledSet(many, labels, many, labels) if cls.Problem is LabelledSet else PointSet(many)
    algorithm = replace(quick(cls, 3), batch_size=2500) if hasattr(cls, "batch_size") else quick(cls, 3)
    found = []
    try:
        for count in (1, 2):
            set_num_threads(count)
            found.append(run(algorithm, problem))
    finally:
        set_num_threads(0)
    (one, metrics, _), (two, other_metrics, _) = found
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(metrics[cls.merit], other_metrics[cls.merit])


@every_clustering
@pytest.mark.parametrize("factor", [2.0**-13, 2.0**15])
def test_scaling_the_points_scales_the_centroids(cls, factor):
    """Powers of two change no rounding error."""
    problem = problem_for(cls)
    plain, metrics, _ = run(quick(cls), problem)
    other, other_metrics, _ = run(quick(cls), PointSet(factor * problem.points))
    np.testing.assert_array_equal(other, np.float32(factor) * plain)
    np.testing.assert_array_equal(other_metrics["objective"], factor**2 * metrics["objective"])


@every_algorithm
def test_the_reported_merit_is_that_of_the_estimate(cls):
    problem = problem_for(cls)
    for progress in iterate(quick(cls, 5), problem):
        assert progress.metrics[cls.merit] == pytest.approx(merit_of(problem, progress.estimate()), rel=2e-6)


@every_algorithm
def test_the_merit_falls(cls):
    _, metrics, _ = run(quick(cls), problem_for(cls), seed=1)
    assert metrics[cls.merit][-1] < 0.9 * metrics[cls.merit][0]


@every_algorithm
def test_parameters_survive_json_and_a_checkpoint(cls, tmp_path):
    state = quick(cls).init(problem_for(cls), 0)

    @settings(max_examples=10, deadline=None, derandomize=True)
    @given(instances(cls))
    def check(algorithm):
        assert build(cls, to_dict(algorithm)) == algorithm
        save_checkpoint(tmp_path / "c.h5", algorithm, state)
        assert load_checkpoint(tmp_path / "c.h5")[0] == algorithm

    check()


@every_algorithm
def test_every_parameter_is_explained_and_checked(cls):
    assert cls.__doc__
    assert cls.title
    assert cls.use
    for parameter in parameters(cls):
        assert parameter.doc.endswith(".")
        with pytest.raises(InputError, match=parameter.name):
            cls(**{parameter.name: "nonsense"})


@every_algorithm
def test_presets_are_instances(cls):
    for name in cls.presets:
        assert isinstance(cls.preset(name), cls)


@every_algorithm
def test_the_wrong_problem_is_refused(cls):
    other = next(c for c in LEARNING.values() if c.Problem is not cls.Problem)
    with pytest.raises(InputError, match=cls.Problem.__name__):
        iterate(cls(), problem_for(other))


@every_algorithm
@pytest.mark.parametrize(("n", "d", "k"), [(20_000, 5, 100), (8000, 100, 2)])
def test_a_run_takes_no_more_memory_than_it_says(cls, n, d, k):
    points, labels = np.random.default_rng(0).standard_normal((n, d)), np.arange(n) % k
    problem = PointSet(points) if cls.Problem is PointSet else LabelledSet(points, labels, points, labels)
    choice = {"start": ["random", "partition", "k-means++"]} if cls.Problem is PointSet else {"method": ["sgd", "svrg"]}
    ((name, values),) = choice.items()
    for value in values:
        algorithm = replace(quick(cls, 2), **{name: value} | ({"n_clusters": k} if name == "start" else {}))
        run(algorithm, problem)  # else it holds what it imports and compiles
        assert peak(lambda algorithm=algorithm: run(algorithm, problem)) < algorithm.memory(problem)


@every_algorithm
def test_too_little_memory_is_said_before_anything_is_allocated(cls, monkeypatch):
    class Full:
        available = 1000

    monkeypatch.setattr(psutil, "virtual_memory", lambda: Full)
    with pytest.raises(NotEnoughMemoryError, match="available"):
        iterate(quick(cls), problem_for(cls))

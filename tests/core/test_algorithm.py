"""The one loop that runs all algorithms, and what it records."""

import tracemalloc
from dataclasses import replace

import numpy as np
import psutil
import pytest

from proxiscope import phase, tomography
from proxiscope.core import (
    DivergedError,
    InputError,
    NotEnoughMemoryError,
    Progress,
    ProxiscopeError,
    Record,
    algorithms,
    iterate,
)
from proxiscope.phase import ER, GPSF, DiffractionPattern
from proxiscope.tomography import FBP, RESIRE, TiltSeries
from tests.problems import Walkers, WalkState, problem_for, quick, random_walk, small_pattern, small_series


@pytest.fixture
def walk():
    with random_walk() as cls:
        yield cls


def at(algorithm, problem, iteration, **options):
    """The progress of a run at an iteration."""
    return next(p for p in iterate(algorithm, problem, **options) if p.iteration == iteration)


def test_every_iteration_is_yielded_once(walk):
    progress = list(iterate(walk(max_iterations=7), Walkers()))
    assert [p.iteration for p in progress] == list(range(1, 8))
    assert {p.total for p in progress} == {7}


def test_nothing_runs_that_nobody_asked_for(walk):
    run = iterate(walk(max_iterations=100), Walkers())
    assert walk.asked == []
    next(run)
    progress = next(run)
    assert walk.asked == ["step", "prepare", "metrics", "step", "metrics"]
    progress.estimate()
    assert walk.asked[-1] == "estimate"
    assert walk.asked.count("estimate") == 1


def test_metrics_are_recorded_when_due_and_at_the_end(walk):
    progress = list(iterate(walk(max_iterations=8, every=3), Walkers()))
    assert [p.iteration for p in progress if p.metrics] == [3, 6, 8]
    assert set(progress[2].metrics) == {"r_factor", "furthest"}


def test_progress_gives_the_estimate_of_its_iteration(walk):
    for progress in iterate(walk(max_iterations=4), Walkers()):
        np.testing.assert_array_equal(progress.estimate()[0], progress.state.position.astype(np.float32))


def test_a_seed_decides_the_run(walk):
    ends = [at(walk(), Walkers(), 10, seed=seed).estimate() for seed in (0, 0, 1)]
    np.testing.assert_array_equal(ends[0], ends[1])
    assert (ends[0] != ends[2]).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_figure_that_is_not_finite_ends_the_run_and_says_where(walk, monkeypatch, value):
    def metrics(self, problem, state):
        return {"r_factor": 0.1, "other": value if state.iteration == 3 else 1.0}

    monkeypatch.setattr(walk, "metrics", metrics)
    run, seen = iterate(walk(), Walkers()), []
    with pytest.raises(DivergedError, match=r"walk diverged at iteration 3: .* Reduce the step size"):
        seen.extend(p.iteration for p in run)
    assert seen == [1, 2]


def test_a_problem_of_another_kind_is_refused_at_once(walk):
    with pytest.raises(InputError, match=r"walk got a DiffractionPattern. It takes a Walkers"):
        iterate(walk(), small_pattern())


def test_a_problem_that_the_algorithm_cannot_take_is_refused_at_once():
    tilted = TiltSeries(np.ones((2, 3, 3)), rotations=[(0, 0, 0), (0, 10, 5)])
    with pytest.raises(InputError, match="single tilt axis"):
        iterate(FBP(), tilted)


def test_lack_of_memory_is_said_at_once_with_both_figures(walk, monkeypatch):
    class Little:
        available = 3_000_000_000

    monkeypatch.setattr(psutil, "virtual_memory", lambda: Little)
    iterate(walk(), Walkers(375_000_000))
    with pytest.raises(NotEnoughMemoryError, match=r"walk needs about 8 GB .* 3 GB are available") as caught:
        iterate(walk(), Walkers(10**9))
    assert isinstance(caught.value, MemoryError)
    assert isinstance(caught.value, ProxiscopeError)
    assert walk.asked == []


def test_a_finished_state_yields_nothing(walk):
    end = at(walk(max_iterations=3), Walkers(), 3).state
    assert list(iterate(walk(max_iterations=3), Walkers(), state=end)) == []


def test_a_longer_run_goes_on_from_a_finished_one(walk):
    end = at(walk(max_iterations=3), Walkers(), 3).state
    longer = list(iterate(walk(max_iterations=5), Walkers(), state=end))
    assert [p.iteration for p in longer] == [4, 5]
    np.testing.assert_array_equal(longer[-1].estimate(), at(walk(max_iterations=5), Walkers(), 5).estimate())


def test_the_state_of_a_larger_problem_is_refused(walk):
    state = at(walk(), Walkers(6), 1).state
    with pytest.raises(InputError, match=r"state: its position is float64 of shape \(6,\).* takes .*\(5,\)"):
        next(iterate(walk(), Walkers(5), state=state))


@pytest.mark.parametrize("name", algorithms())
def test_states_never_reach_kernels_of_another_shape(name):
    """They would write beyond the end of their arrays."""
    algorithm, small = quick(algorithms()[name]), problem_for(algorithms()[name])
    if algorithm.family == "phase":
        start = None if small.start is None else np.ones((90, 80))
        large = DiffractionPattern(np.ones((90, 80)), start=start)
    else:
        large = TiltSeries(np.ones((4, 60, 60)), np.arange(4))
    state = next(iterate(algorithm, large)).state
    with pytest.raises(InputError, match="state"):
        list(iterate(algorithm, small, state=state))


def test_a_state_of_another_depth_is_refused():
    state = next(iterate(RESIRE(depth=9), small_series())).state
    with pytest.raises(InputError, match="its volume is float32"):
        next(iterate(RESIRE(depth=8), small_series(), state=state))


def test_the_state_of_another_algorithm_is_refused():
    state = next(iterate(GPSF(), small_pattern())).state
    with pytest.raises(InputError, match=r"state: a GPSFState. er goes on from a ProjectionState"):
        next(iterate(ER(), small_pattern(), state=state))


@pytest.mark.parametrize("iteration", [-1, 1.0, float("nan"), "1", None])
def test_a_state_with_a_senseless_iteration_is_refused(walk, iteration):
    state = WalkState(np.zeros(5), np.random.default_rng(0), iteration=iteration)
    with pytest.raises(InputError, match="iteration"):
        next(iterate(walk(), Walkers(5), state=state))


def test_a_state_taken_to_other_data_works_on_those_data():
    algorithm, pattern = ER(max_iterations=9), small_pattern()
    other = DiffractionPattern(np.roll(pattern.magnitudes, 3), pattern.support)
    state = at(algorithm, pattern, 4).state
    copy = replace(state, image=state.image.copy(), work=None)
    ends = [list(iterate(algorithm, other, state=s))[-1].estimate() for s in (state, copy)]
    np.testing.assert_array_equal(*ends)


def progress_of(iteration, state=None, **metrics):
    return Progress(iteration, 9, metrics, state, lambda: np.full((1, 1), iteration, np.float32))


def test_a_record_keeps_figures_over_the_recorded_iterations(walk):
    record = Record(walk())
    for progress in (progress_of(1), progress_of(2, r_factor=0.5), progress_of(3), progress_of(4, r_factor=0.25)):
        record.add(progress)
    metrics = record.metrics()
    assert {name: values.dtype for name, values in metrics.items()} == {"iteration": np.int64, "r_factor": np.float64}
    np.testing.assert_array_equal(metrics["iteration"], [2, 4])
    np.testing.assert_array_equal(metrics["r_factor"], [0.5, 0.25])


def test_the_result_is_the_best_iterate_where_the_algorithm_says_so(walk, monkeypatch):
    for keeps_best, expected in ((True, 2), (False, 3)):
        monkeypatch.setattr(walk, "result_is_best", keeps_best)
        record = Record(walk())
        for progress in (progress_of(1, r_factor=0.5), progress_of(2, r_factor=0.2), progress_of(3, r_factor=0.2)):
            record.add(progress)
        estimate, iteration = record.result(progress)
        assert iteration == expected
        assert estimate == expected


def test_the_result_is_the_best_iterate_of_the_last_era(walk, monkeypatch):
    """In which iterates can be compared; here the state is the era."""
    monkeypatch.setattr(walk, "result_is_best", True)
    monkeypatch.setattr(walk, "era", lambda self, state: state)
    record, found = Record(walk()), []
    for i, (era, r_factor) in enumerate([(0, 0.3), (0, 0.1), (1, 0.9), (1, 0.5), (1, 0.7), (4, 0.8), (4, None)], 1):
        progress = progress_of(i, era, **({} if r_factor is None else {"r_factor": r_factor}))
        record.add(progress)
        found.append((record.best, record.best_r_factor))
        assert record.result(progress) == (np.full((1, 1), record.best), record.best)
    assert found == [(1, 0.3), (2, 0.1), (3, 0.9), (4, 0.5), (4, 0.5), (6, 0.8), (6, 0.8)]


def test_a_run_that_is_taken_up_in_a_later_era_records_from_there(walk, monkeypatch):
    monkeypatch.setattr(walk, "result_is_best", True)
    monkeypatch.setattr(walk, "era", lambda self, state: 3)
    record = Record(walk())
    record.add(progress_of(7, r_factor=0.4))
    record.add(progress_of(8, r_factor=0.5))
    assert (record.best, record.best_r_factor) == (7, 0.4)


def test_the_result_is_the_last_iterate_when_nothing_was_recorded(walk, monkeypatch):
    monkeypatch.setattr(walk, "result_is_best", True)
    record = Record(walk())
    record.add(progress_of(1))
    assert record.result(progress_of(1)) == (np.ones((1, 1)), 1)
    assert record.best == 0
    assert list(record.metrics()) == ["iteration"]


@pytest.mark.parametrize("name", algorithms())
def test_looking_changes_nothing_and_shows_the_present_estimate(name):
    cls = algorithms()[name]
    algorithm, problem = quick(cls, 23), problem_for(cls)
    recomputed = phase.metrics.r_factor if cls.Problem is DiffractionPattern else tomography.metrics.r_factor
    *_, unseen = iterate(algorithm, problem)
    for progress in iterate(algorithm, problem):
        shown = algorithm.metrics(problem, progress.state)["r_factor"]
        seen = algorithm.series(problem, progress.state) if hasattr(algorithm, "series") else problem
        assert shown == pytest.approx(recomputed(progress.estimate(), seen), rel=2e-4)
    np.testing.assert_array_equal(progress.estimate(), unseen.estimate())
    assert progress.metrics == unseen.metrics


@pytest.mark.parametrize("name", algorithms())
def test_no_run_takes_more_memory_than_it_says(name):
    cls = algorithms()[name]
    rng = np.random.default_rng(0)
    if cls.Problem is DiffractionPattern:
        magnitudes, start = rng.random((160, 128), np.float32), None
        if getattr(cls, "needs_start", False):
            start = rng.random((160, 128), np.float32)
        problems = [DiffractionPattern(magnitudes, object=kind, start=start) for kind in ("real", "complex-positive")]
    else:
        projections, angles = rng.random((31, 64, 64), np.float32), np.linspace(-60, 60, 31)
        masked = rng.random(projections.shape) > 0.1
        problems = [TiltSeries(projections, angles), TiltSeries(projections, angles, valid=masked)]
    algorithm = quick(cls, 11)

    def run(problem):
        record = Record(algorithm)
        for progress in iterate(algorithm, problem):
            record.add(progress)
        return record.result(progress)

    for problem in problems:
        run(problem)  # so that imports and compiled kernels do not count
        tracemalloc.start()
        try:
            run(problem)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert 0.3 * algorithm.memory(problem) < peak <= algorithm.memory(problem)

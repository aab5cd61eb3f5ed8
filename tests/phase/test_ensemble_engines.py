"""An engine runs the starts of an ensemble, and nothing in the result tells which one, or in which order they came."""

import random
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxiscope import load, load_checkpoint, reconstruct, rerun, save, save_checkpoint
from proxiscope.core import InputError, build, iterate, parameters, to_dict
from proxiscope.core.algorithm import copy_of
from proxiscope.core.engine import InProcess
from proxiscope.phase import ER, GPSF, HIO, Ensemble
from tests.problems import small_pattern

INNER = GPSF(max_iterations=20, check_every=10)
SHRINKING = HIO(max_iterations=30, shrink_every=10, polish=10, check_every=5)
WHOLE = Ensemble(algorithm=INNER, starts=5, batch=2, generations=2, refined=2, exchanges=1, keep=3)
RAN = {"deadline": None, "derandomize": True}


@dataclass(frozen=True)
class Shuffling:
    """Yields the results in another order than the items came, as workers of different speed do."""

    seed: int = 0
    workers: int = 3

    def run(self, task, shared, items):
        rng, waiting = random.Random(self.seed), []
        for item in items:
            waiting.append(item)
            while len(waiting) > rng.randrange(self.workers + 1):
                item = waiting.pop(rng.randrange(len(waiting)))
                yield item, task(shared, item)
        rng.shuffle(waiting)
        for item in waiting:
            yield item, task(shared, item)


@dataclass
class Watched:
    """Counts what is begun, and whether it is closed."""

    workers: int = 1
    begun: int = 0
    closed: int = 0

    def run(self, task, shared, items):
        try:
            for item in items:
                self.begun += 1
                yield item, task(shared, item)
        finally:
            self.closed += 1


def last(algorithm, problem, **options):
    """The last progress of a run."""
    for progress in iterate(algorithm, problem, **options):  # noqa: B007
        pass
    return progress


def assert_same(found, expected):
    """All of two states, bit for bit."""
    for f in fields(expected):
        if f.name != "work":
            np.testing.assert_array_equal(getattr(found, f.name), getattr(expected, f.name), err_msg=f.name)


@pytest.fixture(scope="module")
def problem():
    return small_pattern().hold_out(0.1)


@pytest.fixture(scope="module")
def expected(problem):
    """The last state of `WHOLE` in process."""
    return last(WHOLE, problem, seed=3).state


@pytest.mark.parametrize("engine", [InProcess(1), InProcess(3)], ids=["one thread", "three threads"])
def test_the_state_at_the_end_is_the_same(engine, problem, expected):
    assert_same(last(replace(WHOLE, engine=engine), problem, seed=3).state, expected)


@settings(max_examples=5, **RAN)
@given(seed=st.integers(0, 10**6), workers=st.integers(1, 5))
def test_the_order_in_which_starts_are_done_changes_nothing(seed, workers, problem, expected):
    assert_same(last(replace(WHOLE, engine=Shuffling(seed, workers)), problem, seed=3).state, expected)


@pytest.mark.parametrize("inner", [SHRINKING, ER(max_iterations=7, check_every=3)], ids=["shrink-wrap", "odd"])
@pytest.mark.parametrize("kind", ["non-negative", "complex"])
def test_supports_that_change_and_complex_objects(inner, kind):
    ensemble, problem = (
        Ensemble(algorithm=inner, starts=4, batch=3, generations=2, refined=1),
        replace(small_pattern(), object=kind),
    )
    expected = last(ensemble, problem, seed=1).state
    assert_same(last(replace(ensemble, engine=Shuffling()), problem, seed=1).state, expected)


def test_the_result_is_the_same_with_its_products(problem):
    expected = reconstruct(WHOLE, problem, seed=3)
    found = reconstruct(replace(WHOLE, engine=Shuffling(5)), problem, seed=3)
    np.testing.assert_array_equal(found.array, expected.array)
    assert found.products.keys() == expected.products.keys()
    for name in expected.products:
        np.testing.assert_array_equal(found.products[name], expected.products[name], err_msg=name)
    assert found.provenance["parameters"] == expected.provenance["parameters"]
    assert (found.iteration, found.r_factor) == (expected.iteration, expected.r_factor)


@settings(max_examples=8, **RAN)
@given(
    stop=st.integers(1, WHOLE.iterations - 1), first=st.sampled_from([None, Shuffling(1), InProcess(2)]),
    second=st.sampled_from([None, Shuffling(2), InProcess(2)]), seed=st.integers(0, 5),
)  # fmt: skip
def test_going_on_from_anywhere_with_another_engine(tmp_path_factory, stop, first, second, seed, problem, expected):
    first = replace(first, seed=seed) if isinstance(first, Shuffling) else first
    for progress in iterate(replace(WHOLE, engine=first), problem, seed=3):
        if progress.iteration >= stop:
            break
    path = tmp_path_factory.mktemp("run") / "run.h5"
    save_checkpoint(path, replace(WHOLE, engine=first), progress.state)
    algorithm, state = load_checkpoint(path)
    assert algorithm == WHOLE
    assert algorithm.engine is None
    found = last(replace(algorithm, engine=second), problem, state=state)
    assert_same(found.state, expected)


def test_starts_that_are_done_are_not_run_again(problem):
    ensemble = Ensemble(algorithm=INNER, starts=6, engine=Shuffling(7))
    run = iterate(ensemble, problem)
    for _ in range(4):
        progress = next(run)
    assert progress.state.done.sum() == 4
    watched = Watched()
    last(replace(ensemble, engine=watched), problem, state=copy_of(progress.state))
    assert watched.begun == 2


def test_each_step_takes_in_one_start_and_iterations_grow_to_the_same_total(problem):
    ensemble = Ensemble(algorithm=INNER, starts=5, batch=2, generations=2, engine=Shuffling(3))
    seen = [(p.iteration, p.total, int(p.state.done.sum())) for p in iterate(ensemble, problem)]
    assert [iteration for iteration, _, _ in seen] == [10, 20, 30, 40, 60, 70, 80, 90, 100, 120]
    assert [done for _, _, done in seen] == [1, 2, 3, 4, 0] * 2
    assert {total for _, total, _ in seen} == {replace(ensemble, engine=None).iterations}


def test_fewer_iterations_than_starts(problem):
    ensemble = Ensemble(algorithm=replace(INNER, max_iterations=2), starts=9, batch=8)
    expected = last(ensemble, problem)
    seen = list(iterate(replace(ensemble, engine=Shuffling()), problem))
    assert [p.iteration for p in seen] == [1, 2, 4]
    assert_same(seen[-1].state, expected.state)


def test_dropping_the_run_closes_the_engine(problem):
    watched = Watched()
    run = iterate(Ensemble(algorithm=INNER, starts=50, engine=watched), problem)
    next(run)
    assert not watched.closed
    del run
    assert watched.closed == 1
    assert watched.begun < 5


def test_an_exception_of_a_start_is_raised_and_the_engine_closed(problem, monkeypatch):
    def fails(self, problem, state):
        raise ZeroDivisionError("so")

    watched = Watched()
    monkeypatch.setattr(GPSF, "metrics", fails)
    with pytest.raises(ZeroDivisionError, match="so"):
        last(Ensemble(algorithm=INNER, starts=3, engine=watched), problem)
    assert watched.closed == 1


def test_a_start_that_blew_up_and_is_refined_as_the_best_once_more_counts_once(problem, monkeypatch):
    usual = GPSF.metrics

    def blown_up(self, problem, state):
        return usual(self, problem, state) | ({"r_factor": np.nan} if state.z[0, 0] in marked else {})

    monkeypatch.setattr(GPSF, "metrics", blown_up)
    marked = ()
    inner = replace(INNER, check_every=20)
    marked = [last(inner, problem, seed=seed).state.z[0, 0] for seed in (1, 2, 3)]
    ensemble = Ensemble(algorithm=inner, starts=4, refined=3, exchanges=1, batch=2)
    expected = last(ensemble, problem).state
    assert set(expected.chosen) == {0}
    for other in (replace(ensemble, engine=Shuffling()), replace(ensemble, batch=1)):
        found = last(other, problem).state
        np.testing.assert_array_equal(found.images, expected.images)
        np.testing.assert_array_equal(found.deviances, expected.deviances)


def test_one_that_was_stopped_says_which_starts_were_done_and_is_not_repeated(tmp_path):
    save(tmp_path / "pattern.npz", small_pattern())
    problem, ensemble = load(tmp_path / "pattern.npz"), Ensemble(algorithm=INNER, starts=6, engine=Shuffling(seed=5))
    stopped = reconstruct(ensemble, problem, callback=lambda progress: progress.state.done.sum() >= 3)
    done = stopped.provenance["starts_done"]
    assert np.flatnonzero(np.isfinite(stopped.products["r_factors"])).tolist() == done != [0, 1, 2]
    save(tmp_path / "result.npz", stopped)
    with pytest.raises(InputError, match="stopped after 3 starts on several workers"):
        rerun(tmp_path / "result.npz")
    assert "starts_done" not in reconstruct(ensemble, problem).provenance


def test_the_engine_is_no_parameter():
    ensemble = Ensemble(starts=3, engine=InProcess(2))
    assert ensemble == Ensemble(starts=3)
    assert hash(ensemble) == hash(Ensemble(starts=3))
    assert "engine" not in repr(ensemble)
    assert "engine" not in {p.name for p in parameters(Ensemble)}
    assert to_dict(ensemble) == to_dict(Ensemble(starts=3))
    with pytest.raises(InputError, match="not a parameter"):
        build(Ensemble, {"engine": None})


def test_a_state_with_too_many_starts_done_is_refused(problem):
    ensemble = Ensemble(algorithm=INNER, starts=4, engine=Shuffling())
    state = copy_of(next(iterate(ensemble, problem)).state)
    state.done[:] = True
    with pytest.raises(InputError, match="another ensemble"):
        last(ensemble, problem, state=state)

"""The thread that runs a reconstruction, without Qt."""

import threading
import time

import numpy as np
import pytest
from tests.problems import small_pattern, small_series

from proxiscope.core import InputError
from proxiscope.napari.run import Run, Status
from proxiscope.phase import HIO
from proxiscope.reconstruction import reconstruct
from proxiscope.tomography import RESIRE

LONG = 1_000_000


def wait(condition, timeout=30):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.fixture
def run_of(request):
    """``run_of(algorithm, problem)``: a started run that is ended at teardown."""
    runs = []

    def start(algorithm, make_problem, **options):
        run = Run(algorithm, make_problem, **options)
        runs.append(run)
        run.start()
        return run

    yield start
    for run in runs:
        run.cancel()
        assert run.wait(10)


def test_a_run_gives_what_reconstruct_gives(run_of):
    run = run_of(HIO(max_iterations=40), small_pattern, seed=5)
    assert run.wait(30)
    expected = reconstruct(HIO(max_iterations=40), small_pattern(), seed=5)
    assert run.status is Status.DONE
    np.testing.assert_array_equal(run.result.array, expected.array)
    assert [i for i, _ in run.curve] == expected.metrics["iteration"].tolist()


def test_pause_holds_and_resume_goes_on(run_of):
    run = run_of(HIO(max_iterations=LONG), small_pattern)
    wait(lambda: run.iteration > 5)
    run.pause()
    wait(lambda: run.status is Status.PAUSED)
    time.sleep(0.1)
    held = run.iteration
    time.sleep(0.2)
    assert run.iteration == held
    run.resume()
    wait(lambda: run.iteration > held)
    assert run.status is Status.RUNNING


def test_a_paused_run_still_gives_an_estimate(run_of):
    run = run_of(HIO(max_iterations=LONG), small_pattern)
    wait(lambda: run.iteration > 5)
    run.pause()
    wait(lambda: run.status is Status.PAUSED)
    run.request_estimate()
    estimates = []
    wait(lambda: estimates.append(run.take_estimate()) or estimates[-1] is not None)
    data, low, high = estimates[-1]
    assert data.shape == small_pattern().shape
    assert (low, high) == (data.min(), data.max())


def test_stop_keeps_and_cancel_drops(run_of):
    kept = run_of(RESIRE(max_iterations=LONG), small_series)
    dropped = run_of(RESIRE(max_iterations=LONG), small_series)
    wait(lambda: kept.iteration > 3 and dropped.iteration > 3)
    kept.stop()
    dropped.cancel()
    assert kept.wait(10)
    assert dropped.wait(10)
    assert (kept.status, dropped.status) == (Status.STOPPED, Status.CANCELLED)
    assert kept.result.iteration == kept.iteration
    assert dropped.result is None


def test_stop_ends_a_paused_run(run_of):
    run = run_of(HIO(max_iterations=LONG), small_pattern)
    wait(lambda: run.iteration > 20)
    run.pause()
    run.stop()
    assert run.wait(10)
    assert run.status is Status.STOPPED


def test_an_unusable_problem_fails_with_its_reason(run_of):
    def broken():
        raise InputError("pattern", "nothing", "Give something")

    run = run_of(HIO(), broken)
    assert run.wait(10)
    assert run.status is Status.FAILED
    assert "Give something" in str(run.error)


def test_even_a_runtime_error_ends_the_run(run_of):
    def broken():
        raise RuntimeError("unforeseen")

    run = run_of(HIO(), broken)
    assert run.wait(10)
    assert isinstance(run.error, RuntimeError)


def test_a_failure_on_the_way_keeps_what_was_computed(run_of, monkeypatch):
    step = HIO.step

    def step_that_breaks(self, problem, state):
        if state.iteration == 35:
            raise MemoryError("no more")
        return step(self, problem, state)

    monkeypatch.setattr(HIO, "step", step_that_breaks)
    run = run_of(HIO(max_iterations=100), small_pattern)
    assert run.wait(10)
    assert run.status is Status.FAILED
    assert run.result.iteration in (10, 20, 30)


def test_no_thread_is_left_behind(run_of):
    before = threading.active_count()
    for _ in range(5):
        run = run_of(HIO(max_iterations=LONG), small_pattern)
        run.cancel()
        assert run.wait(10)
    assert threading.active_count() <= before


def test_stop_wins_over_a_pause_that_comes_after_it(run_of):
    run = run_of(RESIRE(max_iterations=LONG), small_series)
    wait(lambda: run.iteration > 3)
    run.stop()
    run.pause()
    assert run.wait(10)
    assert run.status is Status.STOPPED


def test_a_result_that_cannot_be_made_ends_the_run_all_the_same(run_of, monkeypatch):
    def no_memory(*arguments, **options):
        raise MemoryError("no more")

    monkeypatch.setattr("proxiscope.napari.run.conclude", no_memory)
    run = run_of(HIO(max_iterations=20), small_pattern)
    assert run.wait(10)
    assert run.status is Status.FAILED
    assert run.result is None
    assert isinstance(run.error, MemoryError)

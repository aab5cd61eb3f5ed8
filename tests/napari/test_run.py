"""The thread that runs a reconstruction, without Qt."""

import threading
import time

import numpy as np
import pytest
from tests.problems import small_pattern, small_series

from proxiscope.core import InputError, Plateau
from proxiscope.napari.previewing import PreviewRun
from proxiscope.napari.run import Run, Status
from proxiscope.phase import HIO, Ensemble
from proxiscope.reconstruction import reconstruct
from proxiscope.tomography import RESIRE, AcceleratedRESIRE

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


@pytest.mark.parametrize("end", ["cancel", "interrupt"])
def test_starts_are_left_in_the_middle_of_what_would_take_long(run_of, monkeypatch, end):
    monkeypatch.setattr("proxiscope.napari.run.PATIENCE", 0.2)
    rare = HIO(max_iterations=10_000, check_every=10_000)  # minutes until the starts are looked at
    begun = threading.Event()
    run = run_of(Ensemble(algorithm=rare, starts=50, batch=50), lambda: begun.set() or small_pattern())
    assert begun.wait(10)
    time.sleep(0.5)
    getattr(run, end)()
    assert run.wait(3)
    assert run.status is Status.CANCELLED
    assert run.error is None


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


def held(run, at=5):
    """The run, paused after some iterations."""
    wait(lambda: run.iteration > at)
    run.pause()
    wait(lambda: run.status is Status.PAUSED)
    return run.iteration


def test_parameters_change_at_a_pause_and_the_record_repeats_it(run_of):
    run = run_of(RESIRE(max_iterations=LONG), small_series)
    at = held(run)
    other = RESIRE(max_iterations=at + 7, step_size=0.5)
    run.amend(other)
    run.resume()
    assert run.wait(10)
    assert run.status is Status.DONE
    assert (run.present, run.changes, run.iteration) == (other, {at: other}, at + 7)
    repeated = reconstruct(RESIRE(max_iterations=LONG), small_series(), changes={at: other})
    np.testing.assert_array_equal(run.result.array, repeated.array)
    assert run.result.provenance["changes"] == repeated.provenance["changes"]


def test_a_change_that_cannot_be_made_leaves_the_run_paused(run_of):
    run = run_of(RESIRE(max_iterations=LONG), small_series)
    at = held(run)
    run.amend(AcceleratedRESIRE())
    run.resume()
    wait(lambda: run.refused is not None)
    wait(lambda: run.status is Status.PAUSED)
    assert run.iteration == at
    assert run.changes == {}
    run.resume()
    wait(lambda: run.iteration > at)


def test_a_kept_iterate_is_where_another_run_can_begin(run_of, monkeypatch):
    note = Run._note

    def noted(run, progress, record):
        note(run, progress, record)
        if progress.iteration == at:
            run.pause()

    monkeypatch.setattr(Run, "_note", noted)
    run, at = run_of(HIO(max_iterations=60), small_pattern, seed=3), 16
    wait(lambda: run.status is Status.PAUSED)
    monkeypatch.setattr(Run, "_note", note)
    run.keep()
    run.keep()
    wait(lambda: run.kept)
    run.resume()
    assert run.wait(10)
    (kept,) = run.kept
    assert kept.iteration == at
    again = run_of(HIO(max_iterations=60), small_pattern, seed=3, begin=kept)
    other = HIO(max_iterations=60, beta=0.5)
    changed = run_of(HIO(max_iterations=60), small_pattern, seed=3, begin=kept, changes={at: other})
    assert again.wait(10)
    assert changed.wait(10)
    np.testing.assert_array_equal(again.result.array, run.result.array)
    assert again.curves == run.curves
    assert changed.curve[: at // 10] == run.curve[: at // 10]
    expected = reconstruct(HIO(max_iterations=60), small_pattern(), seed=3, changes={at: other})
    np.testing.assert_array_equal(changed.result.array, expected.array)
    np.testing.assert_array_equal(changed.result.metrics["r_factor"], expected.metrics["r_factor"])


def test_a_run_goes_on_from_its_end_with_more_iterations(run_of):
    run = run_of(RESIRE(max_iterations=6), small_series)
    assert run.wait(10)
    more = RESIRE(max_iterations=9)
    longer = run_of(RESIRE(max_iterations=6), small_series, begin=run.final, changes={6: more})
    assert longer.wait(10)
    assert longer.status is Status.DONE
    np.testing.assert_array_equal(longer.result.array, reconstruct(more, small_series()).array)
    assert run.final.iteration == 6
    nothing = run_of(RESIRE(max_iterations=6), small_series, begin=run.final)
    assert nothing.wait(10)
    assert "Ask for more" in str(nothing.error)


def test_a_preview_ends_in_time_and_shows_one_section(run_of):
    class Quick(PreviewRun):
        limit = 0.1

    run = Quick(RESIRE(max_iterations=LONG), small_series)
    run.row = 7
    run.start()
    assert run.wait(20)
    assert run.status is Status.STOPPED
    whole = reconstruct(RESIRE(max_iterations=run.iteration), small_series()).volume
    assert "7" in run.shows
    np.testing.assert_allclose(run.result.array[:, 0], whole[:, 7], atol=2e-5 * whole.max())


def test_the_image_of_a_start_is_shown_on_the_way_and_at_the_end(run_of):
    algorithm = Ensemble(algorithm=HIO(max_iterations=40), starts=3, batch=1)
    run = run_of(algorithm, small_pattern)
    found = []
    run.request_start(0)
    wait(lambda: found.append(run.take_start()) or found[-1] is not None)
    assert found[-1][0] == 0
    assert run.wait(20)
    run.request_start(2)
    start, (image, *_) = run.take_start()
    assert start == 2
    single = reconstruct(HIO(max_iterations=40), small_pattern(), seed=2)
    np.testing.assert_array_equal(image, single.array)


def test_a_run_that_a_criterion_ended_goes_on_and_the_record_repeats_it(run_of):
    algorithm, stop = HIO(max_iterations=400), [Plateau(patience=2, tolerance=0.5)]
    first = run_of(algorithm, small_pattern, stop=stop)
    assert first.wait(20)
    at = first.iteration
    assert at < 400
    second = run_of(algorithm, small_pattern, stop=stop, begin=first.final, changes={at: algorithm})
    assert second.wait(20)
    assert at < second.iteration < 400
    repeated = reconstruct(algorithm, small_pattern(), stop=stop, changes={at: algorithm})
    assert repeated.provenance["iterations"] == second.iteration
    np.testing.assert_array_equal(second.result.array, repeated.array)


def test_fewer_iterations_than_are_done_are_refused(run_of):
    run = run_of(RESIRE(max_iterations=LONG), small_series)
    at = held(run)
    run.amend(RESIRE(max_iterations=at))
    run.resume()
    wait(lambda: run.refused is not None)
    assert "Ask for more" in str(run.refused)
    assert run.changes == {}

"""The thread pool of the kernels."""

import multiprocessing
import sys
import threading
import time

import numpy as np
import pytest
from numba import njit

from proxiscope.core import InputError
from proxiscope.core.threads import BLOCK, elementwise, num_threads, parallel, set_num_threads

LONG = 20  # seconds, after which a deadlock is taken for one


@pytest.fixture(autouse=True)
def _default_threads(monkeypatch):
    monkeypatch.delenv("PROXISCOPE_NUM_THREADS", raising=False)
    yield
    monkeypatch.undo()
    set_num_threads(0)


def count(done, i):
    done[i] += 1


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("tasks", [0, 1, 2, 7, 200])
def test_every_task_runs_once(threads, tasks):
    set_num_threads(threads)
    done = [0] * tasks
    parallel(count, [(done, i) for i in range(tasks)])
    assert done == [1] * tasks


def test_tasks_run_at_the_same_time_as_many_as_there_are_threads():
    set_num_threads(3)
    together = threading.Barrier(3, timeout=LONG)  # breaks unless three tasks wait at once
    parallel(lambda: together.wait(), [()] * 3)
    names = []
    together = threading.Barrier(3, timeout=LONG)

    def task():
        names.append(threading.current_thread().name)
        together.wait()

    parallel(task, [()] * 3)
    assert threading.current_thread().name in names
    assert sum(name.startswith("proxiscope-kernel") for name in names) == 2


def test_one_thread_means_the_calling_thread_in_order():
    set_num_threads(1)
    seen = []
    parallel(lambda i: seen.append((i, threading.current_thread())), [(i,) for i in range(5)])
    assert seen == [(i, threading.current_thread()) for i in range(5)]


@pytest.mark.parametrize("threads", [1, 4])
def test_an_exception_of_a_task_reaches_the_caller(threads):
    set_num_threads(threads)

    def task(i):
        if i == 5:
            raise KeyError(i)

    with pytest.raises(KeyError, match="5"):
        parallel(task, [(i,) for i in range(10)])


@pytest.mark.parametrize("in_caller", [True, False])
def test_an_exception_waits_for_the_tasks_that_still_write(in_caller):
    set_num_threads(2)
    caller = threading.current_thread()
    both, ended = threading.Barrier(2, timeout=LONG), []

    def task():
        both.wait()
        if (threading.current_thread() is caller) is in_caller:
            raise ValueError("broken")
        time.sleep(0.05)
        ended.append(True)

    with pytest.raises(ValueError, match="broken"):
        parallel(task, [()] * 2)
    assert ended == [True]


def test_the_pool_is_as_good_as_new_after_an_exception():
    set_num_threads(3)
    for _ in range(20):
        with pytest.raises(ZeroDivisionError):
            parallel(lambda i: 1 // i, [(i,) for i in range(6)])
    test_every_task_runs_once(3, 50)


def run_together(*targets):
    failures = []

    def guarded(target):
        try:
            target()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(t,), daemon=True) for t in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert not any(thread.is_alive() for thread in threads)
    assert failures == []


def test_two_threads_may_call_at_once():
    set_num_threads(2)
    done = [[0] * 30 for _ in range(4)]

    def work(mine):
        for _ in range(50):
            parallel(count, [(mine, i) for i in range(30)])

    run_together(*(lambda mine=mine: work(mine) for mine in done))
    assert done == [[50] * 30] * 4


def test_a_call_does_not_wait_for_the_tasks_of_another():
    set_num_threads(2)
    go, finished = threading.Event(), []

    def slow():
        parallel(lambda: go.wait(LONG), [()] * 4)

    def quick():
        parallel(finished.append, [(1,)] * 4)
        go.set()  # never, if the pool were held by the slow tasks

    run_together(slow, quick)
    assert finished == [1] * 4


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_inside_a_task_everything_runs_in_its_thread(threads):
    set_num_threads(threads)
    seen = [[] for _ in range(6)]

    def inner(i, depth):
        seen[i].append(threading.current_thread())
        if depth:
            parallel(inner, [(i, depth - 1)] * 3)

    parallel(inner, [(i, 2) for i in range(6)])
    assert [len(set(names)) for names in seen] == [1] * 6
    assert [len(names) for names in seen] == [1 + 3 + 9] * 6


def test_an_exception_inside_nested_tasks_reaches_the_caller_and_the_next_call_is_parallel_again():
    set_num_threads(3)
    for _ in range(5):
        with pytest.raises(ZeroDivisionError):
            parallel(lambda i: parallel(lambda j: i // j, [(1,), (0,)]), [(i,) for i in range(6)])
    test_tasks_run_at_the_same_time_as_many_as_there_are_threads()


def test_the_number_of_threads_may_change_while_tasks_run():
    done = [0] * 40

    def work():
        for _ in range(100):
            parallel(count, [(done, i) for i in range(40)])

    def change():
        for i in range(100):
            set_num_threads(1 + i % 4)

    run_together(work, change)
    assert done == [100] * 40


def test_the_number_of_threads_is_what_was_set():
    set_num_threads(5)
    assert num_threads() == 5
    set_num_threads(0)
    assert num_threads() >= 1


def test_the_environment_decides_when_nothing_was_set(monkeypatch):
    default = num_threads()
    for text, expected in (("3", 3), (" 2 ", 2), ("", default), ("0", default)):
        monkeypatch.setenv("PROXISCOPE_NUM_THREADS", text)
        assert num_threads() == expected
    set_num_threads(4)
    assert num_threads() == 4


@pytest.mark.parametrize("text", ["many", "-1", "2.5"])
def test_a_senseless_environment_is_named(monkeypatch, text):
    monkeypatch.setenv("PROXISCOPE_NUM_THREADS", text)
    with pytest.raises(InputError, match=f"PROXISCOPE_NUM_THREADS: got '{text}'"):
        parallel(print, [(), ()])


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
@pytest.mark.skipif(sys.platform == "darwin", reason="forking after threads may crash in the system's own libraries")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_does_not_hang_on_threads_that_it_lacks():
    set_num_threads(3)
    test_every_task_runs_once(3, 50)
    child = multiprocessing.get_context("fork").Process(target=test_every_task_runs_once, args=(3, 50))
    child.start()
    child.join(LONG)
    if child.is_alive():
        child.kill()
    assert child.exitcode == 0


@njit(nogil=True)
def axpy(y, x, a):
    """y <- x / a + sqrt|y|."""
    for i in range(y.size):
        y[i] = x[i] / a + np.sqrt(abs(y[i]))


@njit(nogil=True)
def weigh_rows(values, rows):
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            values[i, j] *= rows[i]


@pytest.mark.parametrize("shape", [(7,), (3, 5), (2 * BLOCK,), (2 * BLOCK + 1,), (1100, 1001), (120, 80, 77)], ids=str)
def test_elementwise_is_the_kernel_bit_for_bit_with_any_number_of_threads(shape):
    rng = np.random.default_rng(0)
    y, x = (rng.standard_normal(shape, np.float32) for _ in range(2))
    expected = y.copy()
    axpy(expected.reshape(-1), x.reshape(-1), np.float32(3))
    for threads in (1, 2, 3):
        set_num_threads(threads)
        found = y.copy()
        elementwise(axpy, (found, x), np.float32(3))
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("shape", [(3, 4), (9000, 61), (61, 9000), (1, 600_000), (600_000, 1)], ids=str)
def test_elementwise_takes_arrays_of_one_length_and_different_shapes(shape):
    rng = np.random.default_rng(0)
    values, rows = rng.random(shape, np.float32), rng.random(shape[0], np.float32)
    for threads in (1, 2, 3):
        set_num_threads(threads)
        found = values.copy()
        elementwise(weigh_rows, (found, rows))
        np.testing.assert_array_equal(found, values * rows[:, None])


def test_elementwise_splits_large_arrays_alone():
    set_num_threads(2)
    sizes = []
    for count in (1, 2 * BLOCK, 2 * BLOCK + 1, 5 * BLOCK):
        sizes.append([])
        elementwise(lambda a, seen: seen.append(a.size), (np.zeros(count, np.int8),), sizes[-1])
    assert [sorted(s, reverse=True) for s in sizes] == [[1], [2 * BLOCK], [BLOCK, BLOCK, 1], [BLOCK] * 5]


def test_elementwise_works_inside_a_task():
    set_num_threads(2)
    arrays = [np.zeros(3 * BLOCK, np.float32) for _ in range(3)]
    ones = np.ones(3 * BLOCK, np.float32)
    parallel(lambda y: elementwise(axpy, (y, ones), np.float32(2)), [(y,) for y in arrays])
    assert all((y == 0.5).all() for y in arrays)

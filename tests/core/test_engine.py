"""Pieces of work side by side in this process."""

import threading
from collections import Counter

import pytest

from proxiscope.core.engine import InProcess, dropped
from proxiscope.core.threads import num_threads, set_num_threads

LONG = 20  # seconds, after which a deadlock is taken for one


def scaled(factor, item):
    return factor * item


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("items", [0, 1, 4, 100])
def test_each_item_comes_once_with_its_result(threads, items):
    found = list(InProcess(threads).run(scaled, 3, iter(range(items))))
    assert sorted(found) == [(i, 3 * i) for i in range(items)]


def test_as_many_at_a_time_as_there_are_workers_each_with_one_thread():
    together = threading.Barrier(3, timeout=LONG)  # breaks unless three wait at once

    def piece(shared, item):
        together.wait()
        return num_threads()

    assert [threads for _, threads in InProcess(3).run(piece, None, range(6))] == [1] * 6


def test_workers_are_as_many_as_kernels_have_threads():
    try:
        set_num_threads(3)
        assert InProcess().workers == 3
        set_num_threads(1)
        assert InProcess().workers == 1
    finally:
        set_num_threads(0)


def test_a_result_is_there_before_others_are_done():
    begun, released = threading.Event(), threading.Event()

    def piece(shared, item):
        if item == 0:
            begun.set()
            assert released.wait(LONG)
        else:
            assert begun.wait(LONG)
        return item

    results = InProcess(2).run(piece, None, range(3))
    assert next(results)[0] == 1
    assert next(results)[0] == 2
    released.set()
    assert [item for item, _ in results] == [0]


def test_few_pieces_are_taken_up_ahead_of_the_one_that_is_asked_for():
    taken = []
    items = (taken.append(i) or i for i in range(100))
    results = InProcess(2).run(scaled, 1, items)
    for done in range(1, 6):
        next(results)
        assert len(taken) <= done + 2
    results.close()


@pytest.mark.parametrize("threads", [1, 2])
def test_the_exception_of_a_piece_is_raised_and_the_others_are_dropped(threads):
    calls = Counter()

    def piece(shared, item):
        calls[item] += 1
        if item == 3:
            raise ZeroDivisionError("the third")
        return item

    with pytest.raises(ZeroDivisionError, match="the third"):
        list(InProcess(threads).run(piece, None, range(100)))
    assert sum(calls.values()) < 10
    assert not any(thread.name.startswith("proxiscope-piece") for thread in threading.enumerate())


def test_closing_drops_what_has_not_begun_and_tells_what_has():
    calls, begun = Counter(), threading.Event()

    def piece(shared, item):
        calls[item] += 1
        if item == 0:
            return
        begun.set()
        while not dropped():
            assert not released.wait(0.001)

    released = threading.Event()
    results = InProcess(2).run(piece, None, range(100))
    next(results)
    assert begun.wait(LONG)
    results.close()
    assert sum(calls.values()) <= 4
    assert not any(thread.name.startswith("proxiscope-piece") for thread in threading.enumerate())
    assert not dropped()

"""Where independent pieces of work are done: in this process, or by workers elsewhere."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol, TypeVar

from .threads import num_threads, single_threaded

T = TypeVar("T")
R = TypeVar("R")

_here = threading.local()


class Engine(Protocol):
    """Does pieces of work that do not depend on each other.

    Attributes
    ----------
    workers : int
        Pieces that are under way at a time.
    """

    workers: int

    def run(self, task: Callable[[Any, T], R], shared: Any, items: Iterable[T]) -> Iterator[tuple[T, R]]:
        """Call ``task(shared, item)`` for every item, and yield each item with its result as it is there.

        `shared` goes to each worker once. Only a few more pieces than there are workers are taken up before somebody
        asks for their results. The first exception of a piece is raised, once the others have been dropped. Closing the
        iterator drops what has not begun; a long piece that looks at `dropped` ends early, too.
        """


class Dropped(Exception):
    """Raised by a piece of work that nobody waits for any more."""


def dropped() -> bool:
    """Whether nobody waits any more for the piece of work that this thread is at: a long one looks now and then."""
    return asked()()


def asked() -> Callable[[], bool]:
    """What `dropped` asks in this thread, for threads that help it."""
    return getattr(_here, "dropped", _never)


def _never() -> bool:
    return False


@contextmanager
def dropping(is_dropped: Callable[[], bool]) -> Iterator[None]:
    """Inside, `dropped` asks `is_dropped`."""
    before = asked()
    _here.dropped = is_dropped
    try:
        yield
    finally:
        _here.dropped = before


@contextmanager
def piece(is_dropped: Callable[[], bool]) -> Iterator[None]:
    """What an engine puts around a piece of work: it has one thread, and `dropped` asks `is_dropped`."""
    with dropping(is_dropped), single_threaded():
        yield


@dataclass(frozen=True)
class InProcess:
    """An engine of threads in this process.

    Parameters
    ----------
    threads : int
        Pieces at a time, each of which has one thread; 0 for as many as kernels use. With 1 the pieces follow each
        other in the thread that asks for them, each when it is asked for, and may use all threads.
    """

    threads: int = 0

    def __enter__(self) -> "InProcess":
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    @property
    def workers(self) -> int:
        """Pieces that are under way at a time."""
        return self.threads or num_threads()

    def run(self, task: Callable[[Any, T], R], shared: Any, items: Iterable[T]) -> Iterator[tuple[T, R]]:
        """As `Engine.run` says; closing the iterator waits for the pieces that have begun."""
        if self.workers == 1:
            return ((item, task(shared, item)) for item in items)
        return _side_by_side(self.workers, task, shared, iter(items))


def _side_by_side(workers: int, task: Callable[[Any, T], R], shared: Any, items: Iterator[T]) -> Iterator[tuple[T, R]]:
    closed = threading.Event()

    def one(item: T) -> R:
        with piece(closed.is_set):
            return task(shared, item)

    pool = ThreadPoolExecutor(workers, thread_name_prefix="proxiscope-piece")
    try:
        pending: dict[Future[Any], T] = {}
        while True:
            for item in islice(items, workers + 1 - len(pending)):  # one more, so that no thread waits for the caller
                pending[pool.submit(one, item)] = item
            if not pending:
                return
            done = wait(pending, return_when=FIRST_COMPLETED).done
            future = next(future for future in pending if future in done)
            yield pending.pop(future), future.result()
    finally:
        closed.set()
        pool.shutdown(cancel_futures=True)

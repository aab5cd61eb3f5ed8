"""The engine of dask's workers."""

import queue
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from ..core.engine import Dropped, piece
from .failures import PACKAGES, PATIENCE, ClusterError, check_versions, killed, lost, no_workers

if TYPE_CHECKING:
    from distributed import Future

T = TypeVar("T")
R = TypeVar("R")

_LOSSES = 3
"""How often in a row all workers that have the shared data may die before any piece is done."""
_LOOK = 2.0
"""Seconds between two looks at who is there."""


class _Pending(NamedTuple):
    """An item that a future is for, and the number of the copy of the shared data that it needs."""

    item: Any
    copy: int


class Cluster:
    """An engine of dask's workers, as `connect` makes it.

    Each thread of a worker does one piece at a time, and a piece has one thread. The shared data go to all workers
    once. The pieces of a worker that dies are done by another, by dask, up to its ``allowed-failures`` times.

    Parameters
    ----------
    client : distributed.Client
        Connected to the scheduler.
    closing : ExitStack, optional
        What `close` ends.
    """

    def __init__(self, client: Any, closing: ExitStack | None = None):
        self.client = client
        self._closing = closing or ExitStack()

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the scheduler; end it and its workers if they were started by `connect`."""
        self._closing.close()

    @property
    def workers(self) -> int:
        """Threads of all workers; at least 1, since one may be about to come. Raises ClusterError as `run` does."""
        return max(1, self._threads())

    def run(self, task: Callable[[Any, T], R], shared: Any, items: Iterable[T]) -> Iterator[tuple[T, R]]:
        """As `Engine.run` says. `task` is a function of a module, and what it takes and returns can be pickled.

        Raises
        ------
        ClusterError
            If the scheduler is lost, no worker is there for `PATIENCE` seconds, or a piece kills its workers.
        InputError
            If the workers have another version of Python or of proxiscope.
        """
        run: _Run[T, R] = _Run(self, task, shared, iter(items))
        try:
            while (done := run.next()) is not None:
                yield done
        except RuntimeError as error:  # of dask, whose client closes itself while it is asked
            if isinstance(error, ClusterError) or self._connected():
                raise
            raise lost() from error
        finally:
            run.drop()

    def _threads(self) -> int:
        """Threads of the workers that are there now; raises ClusterError if the scheduler is lost."""
        deadline = time.monotonic() + self.client._timeout + _LOOK  # in which the client tries to find it again
        while time.monotonic() < deadline and self._connected():
            with suppress(OSError, TimeoutError, ValueError, RuntimeError):
                return sum(self.client.nthreads(callback_timeout=10).values())
            time.sleep(0.1)
        raise lost()

    def _connected(self) -> bool:
        return self.client.status in ("running", "connecting")

    def _wait_for_workers(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self._threads():
            if time.monotonic() > deadline:
                raise no_workers()
            time.sleep(0.1)


class _Run(Generic[T, R]):
    """What is under way of the pieces of one `Cluster.run`."""

    def __init__(self, cluster: Cluster, task: Callable[[Any, T], R], shared: Any, items: Iterator[T]):
        self._cluster, self._client = cluster, cluster.client
        self._task, self._shared, self._items = task, shared, items
        self._pending: dict[Any, _Pending] = {}
        self._done: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self._copy, self._copies, self._losses = None, 0, 0
        self._threads, self._looked = 0, -_LOOK
        self._deserted: float | None = None

    def next(self) -> tuple[T, R] | None:
        """The next item that is done, with its result."""
        if not self._copies:
            self._cluster._wait_for_workers()
            check_versions(self._client.get_versions(packages=list(PACKAGES)))
        while True:
            self._look()
            for item in islice(self._items, max(0, 2 * self._threads + 1 - len(self._pending))):
                self._submit(item)
            if not self._pending:
                return None
            with suppress(queue.Empty):
                future = self._done.get(timeout=_LOOK)
                if (done := self._result(future)) is not None:
                    return done

    def drop(self) -> None:
        """Let go of all that is under way. The scheduler forgets what nobody waits for, and tells its workers."""
        for future in self._pending:
            future.release()
        self._pending.clear()
        self._copy = None

    def _look(self) -> None:
        """See now and then that there are workers, and how many."""
        now = time.monotonic()
        if now - self._looked < _LOOK:
            return
        self._looked, self._threads = now, self._cluster._threads()
        self._deserted = None if self._threads else self._deserted or now
        if self._deserted is not None and now - self._deserted > PATIENCE:
            raise no_workers()

    def _submit(self, item: T) -> None:
        if self._copy is None:
            self._scatter()
        future = self._client.submit(_piece, self._task, self._copy, item, pure=False)
        self._pending[future] = _Pending(item, self._copies)
        future.add_done_callback(self._done.put)

    def _scatter(self) -> None:
        """Bring the shared data to all workers; under another name each time, since the last may have been lost."""
        for _ in range(10):
            self._cluster._wait_for_workers()
            with suppress(OSError, TimeoutError, ValueError):  # a worker went in between
                (self._copy,) = self._client.scatter([self._shared], broadcast=True, hash=False)
                self._copies += 1
                return
        raise ClusterError("The data do not get to the dask workers. See their logs: they may lack memory.")

    def _result(self, future: Any) -> tuple[T, R] | None:
        """An item with its result; None for one that has to be done once more."""
        item, copy = self._pending.pop(future)
        if future.status == "error":  # of the work itself, even where it is one of reading or writing
            raise _in_words(future.exception())
        try:
            result = future.result(timeout=PATIENCE)
        except BaseException as error:
            if not (future.cancelled() or _is_lost(error)):
                raise
            if copy == self._copies:  # the first that tells of it
                self._copy, self._losses = None, self._losses + 1
                self._cluster._threads()
            if self._losses > _LOSSES:
                raise killed() from error
            self._submit(item)
            return None
        self._losses = 0
        return item, result


def _piece(task: Callable[[Any, T], R], shared: Any, item: T) -> R:
    """What a worker does."""
    from distributed import Reschedule, get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def is_dropped() -> bool:
        known = worker.state.tasks.get(key)
        return known is None or known.state == "cancelled"

    with piece(is_dropped):
        try:
            return task(shared, item)
        except Dropped:  # should somebody want it again meanwhile
            raise Reschedule from None


def _is_lost(error: BaseException) -> bool:
    """Whether an error tells of the way to the workers, rather than of the work or of us."""
    return isinstance(error, CancelledError | OSError | TimeoutError)


def _in_words(error: BaseException) -> BaseException:
    from distributed.scheduler import KilledWorker

    return killed() if isinstance(error, KilledWorker) else error

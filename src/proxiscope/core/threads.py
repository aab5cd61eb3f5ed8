"""One thread pool for the kernels that release the GIL.

numba's own parallel layer aborts the process when two Python threads enter it at once, so parallel work is
split here instead, over plain threads that run ``nogil`` kernels. Any number of Python threads may call
`parallel` at the same time; inside one of its tasks it runs in that task's thread.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

_lock = threading.Lock()
_inside = threading.local()
_pool: ThreadPoolExecutor | None = None
_count = 0


def _default_count() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows
        return os.cpu_count() or 1


def num_threads() -> int:
    """Number of threads that kernels use: ``PROXISCOPE_NUM_THREADS`` or the processors at hand; 1 inside a task."""
    return 1 if getattr(_inside, "task", False) else _count or _environment_count() or _default_count()


def _environment_count() -> int:
    text = os.environ.get("PROXISCOPE_NUM_THREADS", "").strip() or "0"
    if not text.isdecimal():
        raise InputError(
            "PROXISCOPE_NUM_THREADS", f"got {text!r}", "Give a whole number, 0 for as many as there are processors"
        )
    return int(text)


def set_num_threads(count: int) -> None:
    """Set the number of threads that kernels use from now on; 0 goes back to the default."""
    global _pool, _count
    with _lock:
        old, _pool, _count = _pool, None, max(0, int(count))
    if old is not None:
        old.shutdown(wait=False)


@contextmanager
def single_threaded() -> Iterator[None]:
    """Inside, kernels use no other thread than the calling one, which then has others like it beside it."""
    before = getattr(_inside, "task", False)
    _inside.task = True
    try:
        yield
    finally:
        _inside.task = before


def parallel(task: Callable[..., object], arguments: Sequence[tuple[Any, ...]]) -> None:
    """Call ``task(*a)`` for every `a` in `arguments` over the pool, and wait for all.

    The calling thread works too, so one thread needs no pool at all. The first exception is raised again.
    """
    if len(arguments) <= 1 or num_threads() == 1:
        for a in arguments:
            task(*a)
        return
    todo = iter(arguments)
    take = threading.Lock()

    def work() -> None:
        with single_threaded():
            while True:
                with take:
                    a = next(todo, None)
                if a is None:
                    return
                task(*a)

    with _lock:
        global _pool
        if _pool is None:
            _pool = ThreadPoolExecutor(num_threads(), thread_name_prefix="proxiscope-kernel")
        helpers = [_pool.submit(work) for _ in range(min(num_threads(), len(arguments)) - 1)]
    try:
        work()
    finally:  # wait even after an error: the tasks still write into the caller's arrays
        running = [helper for helper in helpers if not helper.cancel()]
        wait(running)
    for helper in running:
        helper.result()


BLOCK = 2**18
"""Elements that one thread takes at a time; arrays of up to twice as many are not split."""


def elementwise(kernel: Callable[..., object], arrays: Sequence[NDArray[Any]], *scalars: object) -> None:
    """Call ``kernel(*arrays, *scalars)``, in parallel blocks along the first axis where the arrays are large.

    Arrays of one shape are passed flat. Where they differ in shape they must be equally long, and stay as they are.
    Arrays of another library than NumPy go whole to the kernel that is `suited` to them.
    """
    if not isinstance(arrays[0], np.ndarray):
        suited(kernel, arrays[0])(*arrays, *(s.item() if isinstance(s, np.generic) else s for s in scalars))
        return
    if len({a.shape for a in arrays}) == 1:
        arrays = [a.reshape(-1) for a in arrays]
    if arrays[0].size <= 2 * BLOCK:
        kernel(*arrays, *scalars)
        return
    length = len(arrays[0])
    size = max(1, BLOCK * length // arrays[0].size)
    parts = [(slice(i, i + size),) for i in range(0, length, size)]
    parallel(lambda part: kernel(*(a[part] for a in arrays), *scalars), parts)


def suited(kernel: Callable[..., Any], array: Any) -> Callable[..., Any]:
    """A compiled kernel, which takes arrays of NumPy, or for others its counterpart.

    That has the same name and signature and is in the module ``array_kernels`` beside the kernel's own.
    """
    if isinstance(array, np.ndarray):
        return kernel
    package = kernel.__module__.rpartition(".")[0]
    return getattr(import_module(f"{package}.array_kernels"), kernel.__name__)

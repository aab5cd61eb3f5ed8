"""Times that can be compared: calls that take turns, and the median of each."""

import time
from collections.abc import Callable, Mapping
from statistics import median


def alternate(
    calls: Mapping[str, Callable], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Median seconds of each call over rounds that take them in turn, after a first one that warms up."""
    times = {name: [] for name in calls}
    for i in range(rounds + 1):
        for name, call in calls.items():
            begin = clock()
            call()
            if i:
                times[name].append(clock() - begin)
    return {name: median(values) for name, values in times.items()}

"""What dask costs an ensemble: 500 starts in process and by two worker processes, of which one is killed on the way.

    python benchmarks/cluster.py [--starts 500] [--size 256] [--iterations 200]

Times are those of whole runs by two threads or two workers with a thread each; those of the workers with and without
their start. The kernels are compiled before, and each worker loads them as it begins.
"""

import argparse
import os
import signal
import time
from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np

from proxiscope.cluster import connect
from proxiscope.core import Progress, State, iterate
from proxiscope.core.threads import set_num_threads
from proxiscope.phase import GPSF, DiffractionPattern, Ensemble
from proxiscope.simulate import diffraction_pattern, vesicle

WORKERS = 2


def run(ensemble: Ensemble, problem: DiffractionPattern, look: Callable[[Progress], None]) -> State:
    """The state at the end."""
    for progress in iterate(ensemble, problem):
        look(progress)
    return progress.state


def by_workers(ensemble: Ensemble, problem: DiffractionPattern, kill: bool) -> tuple[State, float, float]:
    """The state at the end, and the seconds from the first start and from the start of the workers on."""
    begin = time.perf_counter()
    with connect(f"local:{WORKERS}") as engine:
        victims = list(engine.client.run(os.getpid).values())[:1] if kill else []
        up = time.perf_counter()

        def look(progress: Progress) -> None:
            if victims and progress.state.done.sum() >= ensemble.starts // 2:
                os.kill(victims.pop(), signal.SIGKILL)

        state = run(replace(ensemble, engine=engine), problem, look)
        ran = time.perf_counter() - up
    return state, ran, time.perf_counter() - begin


def identical(a: State, b: State) -> bool:
    """Whether all of two states is the same, bit for bit."""
    names = [f.name for f in fields(a) if f.name != "work"]
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in names)


def main() -> None:
    """Print the times, and whether the results are the same."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--starts", type=int, default=500)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--iterations", type=int, default=200)
    options = parser.parse_args()
    half = (options.size * 2 // 5,) * 2
    problem = diffraction_pattern(vesicle(half), (options.size,) * 2, flux=1e7)
    ensemble = Ensemble(algorithm=GPSF(max_iterations=options.iterations), starts=options.starts)
    set_num_threads(WORKERS)
    run(replace(ensemble, starts=WORKERS), problem, lambda progress: None)  # compiles the kernels

    begin = time.perf_counter()
    expected = run(ensemble, problem, lambda progress: None)
    here = time.perf_counter() - begin
    print(f"{options.starts} starts of {options.size} x {options.size}, {options.iterations} iterations of GPS-F")
    print(f"in process, {WORKERS} threads: {here:.2f} s")
    for kill, words in ((False, "none killed"), (True, "one killed half-way")):
        state, ran, whole = by_workers(ensemble, problem, kill)
        same = "identical" if identical(state, expected) else "NOT IDENTICAL"
        print(
            f"{WORKERS} workers, {words}: {ran:.2f} s ({ran / here - 1:+.1%}); with their start {whole:.2f} s "
            f"({whole / here - 1:+.1%}); {same}"
        )


if __name__ == "__main__":
    main()

"""Time of a phase-retrieval iteration on each device that is there.

    python benchmarks/device.py [--sizes 512 1024] [--volumes] [--iterations 20] [--rounds 5] [--algorithms hio gps-r]

Each figure is the median of rounds that alternate between the devices, evaluations of the R-factor included; a GPU has
finished when the time is taken, since the R-factor at the end of a round is fetched from it. The number of threads is
that of the environment (PROXISCOPE_NUM_THREADS for cpu, OMP_NUM_THREADS for torch-cpu).
"""

import argparse
import platform

import numpy as np
from _timing import alternate

from proxiscope.core import InputError, algorithms
from proxiscope.core.algorithm import copy_of
from proxiscope.core.arrays import namespace
from proxiscope.core.threads import num_threads
from proxiscope.phase import PoissonML
from proxiscope.simulate import diffraction_pattern, vesicle

DEVICES = ("cpu", "torch-cpu", "cuda", "cupy")


def devices():
    """Those that are there; prints what is said of the others."""
    found = []
    for device in DEVICES:
        try:
            namespace(device)
            found.append(device)
        except InputError as error:
            print(f"not measured: {error}")
    if not {"cuda", "cupy"} & set(found):
        print("There is no GPU here: what follows says nothing of one.")
    return found


class Running:
    """The first iterations of a run on a device, again at each call."""

    def __init__(self, cls, device, problem, iterations):
        if cls is PoissonML:
            problem = problem.starting_from(np.float32(problem.support))
        self.algorithm, self.problem, self.iterations = cls(device=device), problem, iterations
        self.begin = self.algorithm.init(problem, 0)

    def __call__(self):
        state = copy_of(self.begin)
        state.work = self.begin.work
        for _ in range(self.iterations):
            state = self.algorithm.step(self.problem, state)
        return self.algorithm.metrics(self.problem, state)


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", type=int, default=[512, 1024])
    parser.add_argument("--volumes", action="store_true", help="volumes of these sizes instead of images")
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--algorithms", nargs="+", default=["hio", "gps-r", "poisson-ml"])
    options = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {num_threads()} threads")
    there, ndim = devices(), 3 if options.volumes else 2
    for size in options.sizes:
        problem = diffraction_pattern(vesicle((2 * size // 5,) * ndim), (size,) * ndim, flux=1e8)
        for name in options.algorithms:
            cls = algorithms()[name]
            calls = {device: Running(cls, device, problem, options.iterations) for device in there}
            times = alternate(calls, options.rounds)
            shown = (f"{device} {1e3 * t / options.iterations:.2f} ms" for device, t in times.items())
            print(f"{size}^{ndim} {name:12}", *shown, sep="  ", flush=True)


if __name__ == "__main__":
    main()

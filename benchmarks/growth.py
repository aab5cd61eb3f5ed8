"""How time and memory grow: with the size of a volume or pattern, the number of tilts, and the number of starts.

    python benchmarks/growth.py [--rounds 5] [--quick] [--picture docs/images/growth.png] [--json FILE]

Times of an iteration, R-factor included, are medians of rounds in which all sizes take turns, on one thread, with the
quickest and the slowest round beside them; of starts, of whole runs. Exponents are slopes of straight lines through the
logarithms: a volume of n voxels along each axis costs n^3 for each tilt, a pattern n^2 log n. Memory is what the
algorithm declares, beside the growth of the process' peak, each size in a process of its own.
"""

# ruff: noqa: E402

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

for _library in ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"  # before NumPy starts its threads
os.environ["PROXISCOPE_NUM_THREADS"] = "1"

import _memory
import numpy as np
from _timing import alternate

from proxiscope import TiltSeries, reconstruct
from proxiscope.phase import GPSR, HIO, Ensemble
from proxiscope.simulate import diffraction_pattern, vesicle
from proxiscope.tomography import GENFIRE, RESIRE, SIRT, AcceleratedRESIRE

SIZES = {"tomography": (64, 96, 128, 192, 256), "phase": (128, 256, 512, 1024, 2048)}
TILTS, STARTS = (15, 30, 60, 120), (1, 2, 4, 8, 16)
TOMOGRAPHY = (RESIRE, AcceleratedRESIRE, SIRT, GENFIRE)
PHASE = (HIO, GPSR)


def series(n: int, tilts: int) -> TiltSeries:
    """Projections of noise: what they show costs nothing."""
    projections = np.random.default_rng(0).random((tilts, n, n), np.float32)
    return TiltSeries(projections, np.linspace(-75, 75, tilts))


def pattern(n: int):
    """A pattern of a vesicle that spans 0.4 of the frame."""
    return diffraction_pattern(vesicle((2 * n // 5,) * 2), (n, n), flux=1e8)


class Iteration:
    """An algorithm in the middle of a run, an iteration with its R-factor a call."""

    def __init__(self, algorithm, problem, times: int = 1):
        self.algorithm, self.problem, self.times = algorithm, problem, times
        self.state = algorithm.init(problem, 0)
        for _ in range(2):  # touches all memory, also of methods that change between two volumes
            self.state = algorithm.step(problem, self.state)

    def __call__(self) -> None:
        for _ in range(self.times):
            self.state = self.algorithm.step(self.problem, self.state)
        self.algorithm.metrics(self.problem, self.state)


def timed(calls: dict, rounds: int, times: int = 1) -> dict:
    """Processor seconds of each call over rounds in which they take turns."""
    return {key: seconds * (1 / times) for key, seconds in alternate(calls, rounds, time.process_time).items()}


def over_sizes(classes, sizes, problem: Callable, rounds: int, times: int) -> dict:
    """Seconds of an iteration by algorithm and size."""
    return {cls.name: timed({n: Iteration(cls(), problem(n), times) for n in sizes}, rounds, times) for cls in classes}


def over_starts(rounds: int, iterations: int = 100) -> dict:
    """Seconds of whole runs of GPS-R, 256 x 256, by the number of starts."""
    problem, one = pattern(256), GPSR(max_iterations=iterations)
    runs = {n: lambda n=n: reconstruct(Ensemble(algorithm=one, starts=n), problem) for n in STARTS}
    return {"gps-r, 100 iterations": timed(runs, rounds)}


def exponent(times: dict) -> float:
    """Slope of the straight line through the logarithms of sizes and times."""
    x, y = np.log(list(times)), np.log(list(times.values()))
    return float(np.polyfit(x, y, 1)[0])


def peak(n: int) -> tuple[float, float]:
    """Declared and measured megabytes of RESIRE on 60 tilts, measured by a process of its own."""
    code = f"import growth; growth.measure_peak({n})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parent
    )
    declared, measured = done.stdout.split()[-2:]
    return float(declared), float(measured)


def measure_peak(n: int) -> None:
    """Print what RESIRE declares and by how much the peak of this process grows, in MB."""
    small, problem, algorithm = series(16, 3), series(n, 60), RESIRE(max_iterations=3)
    reconstruct(algorithm, small)  # compiles, and loads what is loaded late
    before = _memory.peak()
    reconstruct(algorithm, problem)
    print(algorithm.memory(problem) / 1e6, (_memory.peak() - before) / 1e6)


def table(title: str, unit: str, found: dict) -> None:
    """A table of the times, in Markdown."""
    sizes = list(next(iter(found.values())))
    print(f"\n| {title} | {' | '.join(map(str, sizes))} | grows as |\n|{'---|' * (len(sizes) + 2)}")
    for name, times in found.items():
        cells = [f"{ms:.3g} {ms.spread}" for ms in (1e3 * seconds for seconds in times.values())]
        print(f"| {name} | {' | '.join(cells)} | {unit}^{exponent(times):.2f} |")


def draw(found: dict, path: Path) -> None:
    """A picture of all times on logarithmic axes."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator

    figure = Figure(figsize=(10, 3.2), layout="constrained")
    axes = figure.subplots(1, 4, sharey=False)
    for axis, (title, curves) in zip(axes, found.items(), strict=True):
        for name, times in curves.items():
            rounds = 1e3 * np.array([seconds.rounds for seconds in times.values()])
            middle = np.median(rounds, axis=1)
            apart = (middle - rounds.min(axis=1), rounds.max(axis=1) - middle)
            axis.errorbar(list(times), middle, apart, marker="o", ms=3, lw=1.2, label=name)
        axis.set(xscale="log", yscale="log", xlabel=title)
        axis.set_xticks(list(times), list(map(str, times)))
        axis.minorticks_off()
        axis.grid(alpha=0.3)
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter("{x:g}")
        axis.legend(fontsize=7)
    axes[0].set_ylabel("milliseconds")
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="the three smallest sizes only")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    few = slice(3) if given.quick else slice(None)
    print(f"{platform.machine()}, Python {platform.python_version()}, one thread; median (least to most) in ms")
    volumes, patterns = SIZES["tomography"][few], SIZES["phase"][few]
    found = {
        "voxels along an axis, 60 tilts": over_sizes(TOMOGRAPHY, volumes, lambda n: series(n, 60), given.rounds, 1),
        "tilts, 128 voxels along an axis": over_sizes(TOMOGRAPHY[:3], TILTS, lambda n: series(128, n), given.rounds, 1),
        "pixels along an axis": over_sizes(PHASE, patterns, pattern, given.rounds, 10),
        "starts, 256 x 256": over_starts(given.rounds),
    }
    for (title, times), unit in zip(found.items(), "ntns", strict=True):
        table(title, unit, times)
    print("\n| RESIRE, 60 tilts, voxels along an axis | declared, MB | peak, MB |\n|---|---|---|")
    for n in volumes:
        print("| {} | {:.0f} | {:.0f} |".format(n, *peak(n)))
    if given.json:
        given.json.write_text(json.dumps(found), encoding="utf-8")
    if given.picture:
        draw(found, given.picture)


if __name__ == "__main__":
    main()

"""Time of a projection pair and of an iteration by the Fourier slice theorem on each device that is there.

    python benchmarks/device_tomography.py [--sizes 128 256] [--tilts 60] [--rounds 5] [--algorithms resire-accelerated]

Figures are medians of rounds that alternate between the devices, in milliseconds: of processor time where there is no
GPU, which other jobs hardly change. ``cpu`` is finufft with compiled kernels. A GPU has finished when the time is
taken, since a number is fetched from it. The number of threads is that of the environment (PROXISCOPE_NUM_THREADS for
cpu, OMP_NUM_THREADS for torch-cpu). What the projections of the devices differ by from those of cpu is printed beside.
"""

import argparse
import platform
import time

import numpy as np
from _timing import alternate
from device import devices

from proxiscope.core import algorithms
from proxiscope.core.arrays import on_host
from proxiscope.core.threads import num_threads
from proxiscope.physics.projectors import projector
from proxiscope.tomography import TiltSeries


class Pair:
    """A projector with a volume and projections on its device."""

    def __init__(self, device, series, volume):
        self.a = projector("fourier-slice", series.rotations, series.shape[1:], volume.shape, device=device)
        self.volume, self.projections = self.a.pack_volume(volume), self.a.pack_projections(series.projections)

    def forward(self):
        """Project."""
        self.projected = self.a.forward(self.volume)
        float(self.projected[0, 0, 0])

    def adjoint(self):
        """Back-project."""
        float(self.a.adjoint(self.projections)[0, 0, 0])


class Running:
    """A run on a device, an iteration at each call."""

    def __init__(self, cls, device, series):
        self.algorithm, self.series = cls(projector="fourier-slice", device=device), series
        self.state = self.algorithm.init(series, 0)

    def __call__(self):
        self.state = self.algorithm.step(self.series, self.state)


def show(what, times):
    """Print milliseconds."""
    print(f"  {what:20}", *(f"{device} {1e3 * t:.1f}" for device, t in times.items()), sep="  ", flush=True)


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", type=int, default=[128, 256])
    parser.add_argument("--tilts", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--algorithms", nargs="+", default=["resire", "resire-accelerated", "sirt", "resire-tv"])
    options = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {num_threads()} threads; milliseconds")
    there = devices()
    clock = time.perf_counter if {"cuda", "cupy"} & set(there) else time.process_time
    for size in options.sizes:
        rng = np.random.default_rng(0)
        volume = rng.random((size, size, size), np.float32)
        projections = rng.random((options.tilts, size, size), np.float32)
        series = TiltSeries(projections, np.linspace(-70, 70, options.tilts))
        print(f"{size}^3, {options.tilts} tilts")
        pairs = {device: Pair(device, series, volume) for device in there}
        for way in ("forward", "adjoint"):
            show(way, alternate({device: getattr(pair, way) for device, pair in pairs.items()}, options.rounds, clock))
        exact = pairs["cpu"].projected
        for device, pair in pairs.items():
            apart = np.linalg.norm(on_host(pair.projected) - exact) / np.linalg.norm(exact)
            print(f"  {device} differs from cpu by {apart:.1e}")
        del pairs, exact
        for name in options.algorithms:
            runs = {device: Running(algorithms()[name], device, series) for device in there}
            show(name, alternate(runs, options.rounds, clock))


if __name__ == "__main__":
    main()

"""Forward plus back projection of a single-axis series: proxiscope against ASTRA's CPU projector.

CPU seconds on one thread for all slices of an N^3 volume; medians over the repeats. ASTRA's `linear` is the
same Joseph projector, so the two must agree. The demand: at most 1/20 of ASTRA's time.

    python benchmarks/projector.py [--size 256] [--tilts 60] [--repeats 3] [--json FILE]
"""

# ruff: noqa: E402

import argparse
import json
import os
import platform
import sys
import time
from statistics import median

for _library in ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"  # before NumPy starts its threads

import _peers
import numpy as np

from proxiscope.core.threads import set_num_threads
from proxiscope.physics.projectors import FourierSliceProjector, SingleAxisProjector

DEMAND = 20
RANGES = {"-75 to 75": lambda n: np.linspace(-75, 75, n), "0 to 180": lambda n: np.arange(n) * 180 / n}


def cpu_seconds(call, repeats):
    """Median CPU time of `call`, after one call that compiles and warms up."""
    call()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return median(times)


def time_ours(projector, angles, volume, repeats):
    """(forward, adjoint) in the projector's own layout, as an iteration uses it, and both copies in and out."""
    a = projector(angles, volume.shape[1:], len(volume))
    x = a.pack_volume(volume)
    y, back = a.forward(x), a.adjoint(a.forward(x))
    forward = cpu_seconds(lambda: a.forward(x, y), repeats)
    adjoint = cpu_seconds(lambda: a.adjoint(y, back), repeats)
    packing = cpu_seconds(lambda: (a.pack_volume(volume), a.unpack_volume(back)), repeats)
    return forward, adjoint, packing


class Astra:
    """ASTRA's projector of one slice, with its buffers shared so that only the projection is timed."""

    def __init__(self, astra, angles, size):
        self.slice = np.zeros((size, size), np.float32)
        self.lines = np.zeros((len(angles), size), np.float32)
        volume = astra.create_vol_geom(size, size)
        detector = astra.create_proj_geom("parallel", 1.0, size, np.deg2rad(angles))
        projector = astra.create_projector("linear", detector, volume)
        image = astra.data2d.link("-vol", volume, self.slice)
        data = {"ProjectorId": projector, "ProjectionDataId": astra.data2d.link("-sino", detector, self.lines)}
        forward = astra.astra_dict("FP") | data | {"VolumeDataId": image}
        back = astra.astra_dict("BP") | data | {"ReconstructionDataId": image}
        self._run = astra.algorithm.run
        self._forward, self._back = astra.algorithm.create(forward), astra.algorithm.create(back)

    def forward(self):
        self._run(self._forward)

    def back(self):
        self._run(self._back)


def time_astra(astra, angles, volume, n_slices, repeats):
    """(forward, back) over `n_slices` slices, scaled to all of them."""
    one = Astra(astra, angles, volume.shape[2])
    one.slice[:] = volume[:, 0]
    scale = volume.shape[1] / n_slices
    return tuple(
        scale * cpu_seconds(lambda run=run: [run() for _ in range(n_slices)], repeats)
        for run in (one.forward, one.back)
    )


def agreement(astra, angles, size):
    """Relative differences of projections and back projections of one random slice."""
    size -= 1 - size % 2  # an odd size: both then turn about the central pixel
    one, ours = Astra(astra, angles, size), SingleAxisProjector(angles, (1, size))
    one.slice[:] = image = np.random.default_rng(0).random((size, size), np.float32)
    one.forward()
    lines = ours.unpack_projections(ours.forward(ours.pack_volume(image[:, None])))[:, 0]
    one.back()
    back = ours.unpack_volume(ours.adjoint(ours.pack_projections(one.lines[:, None])))[:, 0]
    return tuple(float(np.linalg.norm(a - b) / np.linalg.norm(b)) for a, b in ((lines, one.lines), (back, one.slice)))


def floors(angles, size, repeats):
    """Seconds that this processor needs at the least for the multiply-adds, and to move the arrays once."""
    t = np.deg2rad(angles)
    work = 4 * size**3 * np.maximum(abs(np.cos(t)), abs(np.sin(t))).sum()
    a, b = np.random.default_rng(0).random((2, 1024, 1024), np.float32)
    per_fma = cpu_seconds(lambda: a @ b, 5 * repeats) / 1024**3
    arrays = np.ones(size**3 + len(angles) * size**2, np.float32)
    return work, work * per_fma, cpu_seconds(lambda: np.copyto(arrays, arrays[::-1]), repeats)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=256, help="voxels along each axis")
    parser.add_argument("--tilts", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--slices", type=int, help="slices that ASTRA projects, scaled to all; all by default")
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    options = parser.parse_args()
    n_slices = min(options.slices or options.size, options.size)

    astra = _peers.load("astra-toolbox", "astra")
    set_num_threads(1)
    versions = {name: _peers.version(name) for name in ("napari-proxiscope", "astra-toolbox", "numpy", "numba")}
    print(f"{options.size}^3 voxels, {options.tilts} tilts, one thread, median CPU seconds of {options.repeats}")
    print(", ".join(f"{name} {v}" for name, v in versions.items()), f"on {platform.machine()}")
    if n_slices < options.size:
        print(f"ASTRA projected {n_slices} of {options.size} slices; its times are scaled to all.")
    results = {"size": options.size, "tilts": options.tilts, "astra_slices": n_slices, "versions": versions}

    volume = np.random.default_rng(0).random((options.size,) * 3, np.float32)
    for name, choose in RANGES.items():
        angles = choose(options.tilts)
        peer = time_astra(astra, angles, volume, n_slices, options.repeats)
        ours = time_ours(SingleAxisProjector, angles, volume, options.repeats)
        exact = time_ours(FourierSliceProjector, angles, volume, options.repeats)
        difference = agreement(astra, angles, options.size)
        work, compute, copy = floors(angles, options.size, options.repeats)
        ratio = sum(peer) / sum(ours[:2])
        print(f"\ntilts {name} degrees           forward     back      sum   ASTRA / ours")
        for label, (forward, back) in {
            "ASTRA linear": peer,
            "proxiscope Joseph": ours[:2],
            "proxiscope Fourier slice": exact[:2],
        }.items():
            print(f"  {label:26}{forward:9.3f}{back:9.3f}{forward + back:9.3f}{sum(peer) / (forward + back):12.1f}")
        print(f"  packing and unpacking a volume once, outside the iterations: {ours[2]:.3f}")
        print(f"  relative difference from ASTRA: forward {difference[0]:.1e}, back {difference[1]:.1e}")
        print(
            f"  floor: {work / 1e9:.2f} G multiply-adds take {compute:.3f} s in a matrix product here"
            f" (ours {sum(ours[:2]) / compute:.1f} x); moving the arrays once takes {copy:.3f} s"
        )
        passed = ratio >= DEMAND and max(difference) < 1e-3
        print(f"  demand: at most 1/{DEMAND} of ASTRA's time: {'PASS' if passed else 'FAIL'} (1/{ratio:.0f})")
        results[name] = {
            "astra": peer,
            "joseph": ours,
            "fourier_slice": exact,
            "ratio": ratio,
            "difference": difference,
            "floor_compute": compute,
            "floor_copy": copy,
            "passed": passed,
        }

    if options.json:
        with open(options.json, "w") as file:
            json.dump(results, file, indent=1)
    return 0 if all(results[name]["passed"] for name in RANGES) else 1


if __name__ == "__main__":
    sys.exit(main())

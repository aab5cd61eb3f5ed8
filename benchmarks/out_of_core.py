"""A volume of more than the memory: its reconstruction out of core, its peak, and whether it is that in core.

A series of 64 tilts of spheres is written as MRC or Zarr, and reconstructed slab by slab in a fresh process, which says
what it has held at most: VmHWM, the resident set with its file pages and all libraries. Again with half as many slices,
whose peak has to be the same. Two slabs are compared with the reconstruction of their rows in core, and at 1/8 of the
size all of the volume.

    python benchmarks/out_of_core.py [--size 1024] [--iterations 10] [--memory 1.0] [--format mrc zarr] [--folder DIR]
    [--method sirt]

Demands: a peak below 2 GB at 1024^3 voxels, within 5 % of that with half the slices, and the same bits. The folder
needs room for the volume, 4.3 GB.
"""

# ruff: noqa: E402

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

for _library in ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"  # before NumPy starts its threads

import _memory
import numpy as np

import proxiscope
from proxiscope.core import algorithm
from proxiscope.io import read
from proxiscope.tomography import TiltSeries

TILTS = np.linspace(-63, 63, 64)


def spheres(rows: int, columns: int, seed: int = 0):
    """Projections (tilt, y, x) of spheres, whose shadows are known, with noise."""
    rng = np.random.default_rng(seed)
    images = np.zeros((len(TILTS), rows, columns), np.float32)
    radii = columns * rng.uniform(0.02, 0.08, 60)
    places = rng.uniform(-0.28, 0.28, (60, 3)) * [columns, rows * 1.5, columns]
    for image, tilt in zip(images, np.deg2rad(TILTS), strict=True):
        for radius, (x, y, z) in zip(radii, places, strict=True):
            u, v = x * np.cos(tilt) - z * np.sin(tilt) + columns // 2, y + rows // 2
            across, along = (slice(max(int(c - radius), 0), int(c + radius) + 2) for c in (u, v))
            du, dv = np.arange(columns)[across] - u, np.arange(rows)[along] - v
            image[along, across] += 2 * np.sqrt(np.maximum(radius**2 - dv[:, None] ** 2 - du**2, 0))
    for image in images:
        image += rng.standard_normal(image.shape, np.float32)
    return images


def make(path: str, rows: int, columns: int) -> None:
    """Write the series."""
    series = TiltSeries(spheres(rows, columns), angles=TILTS, pixel_size=1.0, announce=False)
    proxiscope.save(path, series)


def run(series: str, output: str, method: str, iterations: int, memory: float) -> None:
    """Reconstruct out of core, in a process of its own, and say what it took."""
    from proxiscope.out_of_core import reconstruct_out_of_core

    begin, before = time.perf_counter(), _memory.peak()

    def say(progress):
        took = time.perf_counter() - begin
        told = f"  slab {progress.done} of {progress.total}, {took:.0f} s, {_memory.peak() / 1e9:.2f} GB"
        print(told, file=sys.stderr)

    chosen = algorithm(method)(max_iterations=iterations)
    result = reconstruct_out_of_core(chosen, series, output, memory_limit=memory, callback=say)
    told = {"peak": _memory.peak(), "before": before, "seconds": time.perf_counter() - begin}
    print(json.dumps(told | {"r_factor": result.r_factor} | result.provenance["out_of_core"]))


def apart(task: str, *options) -> dict:
    """Call one of the functions above in a fresh process."""
    command = [sys.executable, __file__, "--task", json.dumps([task, *options])]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output.splitlines()[-1]) if output else {}


def slabs_agree(series: Path, volume: Path, method: str, iterations: int, thickness: int) -> bool:
    """Whether the first and a middle slab are those that their rows alone give in core."""
    projections, found = read(series).data, read(volume).data
    rows = projections.shape[1]
    same = []
    for first in (0, rows // 2 // thickness * thickness):
        part = np.asarray(projections[:, first : first + thickness])
        problem = TiltSeries(part, angles=TILTS, announce=False)
        whole = proxiscope.reconstruct(algorithm(method)(max_iterations=iterations), problem).array
        same.append(np.array_equal(np.asarray(found[:, first : first + thickness]), whole))
    return all(same)


def wholes_agree(folder: Path, method: str, iterations: int, columns: int) -> bool:
    """Whether all of a smaller volume, and its figures, are those in core."""
    from proxiscope.out_of_core import reconstruct_out_of_core

    make(str(folder / "small.mrc"), columns, columns)
    chosen = algorithm(method)(max_iterations=iterations)
    whole = proxiscope.reconstruct(chosen, proxiscope.load(folder / "small.mrc"))
    found = reconstruct_out_of_core(chosen, folder / "small.mrc", folder / "small.zarr", slices=32)
    near = np.allclose(found.metrics["r_factor"], whole.metrics["r_factor"], rtol=1e-12)
    return bool(near and np.array_equal(np.asarray(found.array), whole.array))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--task", help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--memory", type=float, default=1.0, help="GB for a slab")
    parser.add_argument("--method", default="sirt")
    parser.add_argument("--format", nargs="+", default=["mrc"], choices=["mrc", "zarr", "h5"])
    parser.add_argument("--folder", default=None)
    options = parser.parse_args()
    if options.task:
        task, *rest = json.loads(options.task)
        return {"make": make, "run": run}[task](*rest)
    folder = Path(tempfile.mkdtemp(prefix="out_of_core-", dir=options.folder))
    try:
        compare(folder, options)
    finally:
        shutil.rmtree(folder)


def compare(folder: Path, options: argparse.Namespace) -> None:
    """Print all figures."""
    size, method, iterations = options.size, options.method, options.iterations
    volume, small = folder / "volume.zarr", max(size // 8, 96)
    print(f"{small}^3 the bits of the whole in core: {wholes_agree(folder, method, iterations, small)}")
    for suffix in options.format:
        series, peaks = folder / f"series.{suffix}", []
        for rows in (size, size // 2):
            apart("make", str(series), rows, size)
            found = apart("run", str(series), str(volume), method, iterations, options.memory)
            peaks.append(found["peak"])
            print(
                f"{suffix}: {size} x {rows} x {size} voxels, {len(TILTS)} tilts, {method}, {iterations} iterations, "
                f"{found['slabs']} slabs of {found['slices']}: peak {found['peak'] / 1e9:.2f} GB, of which "
                f"{found['before'] / 1e9:.2f} before, {found['seconds']:.0f} s, R_F {found['r_factor']:.2%}"
            )
            same = slabs_agree(series, volume, method, iterations, found["slices"])
            print(f"{suffix}: two slabs the bits of their rows in core: {same}", flush=True)
        print(f"{suffix}: below 2 GB: {max(peaks) < 2e9}; with half the slices {peaks[1] / peaks[0] - 1:+.1%}")


if __name__ == "__main__":
    main()

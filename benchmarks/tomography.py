"""Tomography against ASTRA, GENFIRE-Python, scikit-image and SciPy, and against what the processor can do.

Figures are CPU seconds on one thread unless it says otherwise: medians of rounds in which all take turns, with the
least and the largest ratio of a round in brackets. Judged are ratios within one run, at the sizes that the demands
name. Peers are installed into ``benchmarks/.peers``.

    python benchmarks/tomography.py [--size 256 512] [--rounds 5] [--only SECTION ...] [--quick] [--json FILE]

Demands: forward and back projection of a single-axis series of 60 tilts at most 1/30 of ASTRA's `linear` at 256^3 and
1/25 at 512^3, at most 1/10 of ASTRA's sparse matrix, at most 2.5 times the time to load as much from the first-level
cache, and 1.7 times as fast on two threads; for tilts in all directions at least 5 times as fast as an iteration of
GENFIRE-Python in a tenth of its memory at 128^3, and within 1 GB beyond the volume at 256^3; FBP at least 15 times as
fast as ASTRA's, neither with an R-factor; accelerated RESIRE at the R_F of 400 iterations of the literal one after at
most 35; RESIRE at 256^3 within four volumes and the projections.
"""

# ruff: noqa: E402

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from functools import partial

for _library in ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"  # before NumPy starts its threads

import _memory
import _peers
import numba
import numpy as np
import scipy.ndimage
from _genfire import Genfire
from _timing import alternate, spread
from scipy.optimize import brentq

from proxiscope import tomography
from proxiscope.core.threads import num_threads, set_num_threads
from proxiscope.physics.projectors import projector
from proxiscope.physics.projectors._vectors import load, multiply_add, store, zeros
from proxiscope.physics.rotations import rotation_matrices
from proxiscope.simulate import tilt_series, vesicle

TILTS = 60
LINEAR, SPARSE, LOADS, THREADS = {256: 30, 512: 25}, {256: 10}, {256: 2.5}, {256: 1.7}
GENFIRE, GENFIRE_MEMORY, BEYOND = 5, 10, 1.0
FBP, ITERATIONS, VOLUMES = {256: 15}, 35, 4


# -------------------------------------------------------------------------------------------- what the sections share


def wedge():
    """Tilts of a usual series."""
    return np.linspace(-75, 75, TILTS)


def rotations(angles):
    """Euler triples of tilts about y alone."""
    return np.stack([0 * angles, angles, 0 * angles], axis=1)


def random(*shape):
    return np.random.default_rng(0).random(shape, np.float32)


def relative(a, b):
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def cpu(calls, rounds, scales=()):
    """Median CPU seconds of each call, times its factor in `scales` if it does only a part of the work."""
    seconds = alternate(calls, rounds, time.process_time)
    return {key: s * dict(scales).get(key, 1) for key, s in seconds.items()}


def by_name(seconds):
    """{(name, part): seconds} as {name: [seconds, ...]}."""
    found = {}
    for (name, _), s in seconds.items():
        found.setdefault(name, []).append(s)
    return found


def table(title, seconds, reference):
    """Print a line for each {name: [seconds, ...]}, with how many times as long as the reference it takes."""
    print(f"\n{title}")
    for name, each in seconds.items():
        cells = "".join(f"{s:10.3f}" for s in ([*each, sum(each)] if len(each) > 1 else each))
        ratio = sum(each) / sum(seconds[reference])
        print(f"  {name:30}{cells:>30}{ratio:10.2f} x {reference} {spread(ratio)}")


def demand(text, figure, least=None, most=None):
    """A demand with its figure, as a list of one; an empty one where no limit is set."""
    if least is None and most is None:
        return []
    limit = f"at least {least:g}" if most is None else f"at most {most:g}"
    met = figure >= least if most is None else figure <= most
    return [{"text": f"{text}, {limit}", "figure": float(figure), "spread": spread(figure), "met": bool(met)}]


class Pair:
    """Forward and back projection by the product, in the layout that its iterations use."""

    def __init__(self, kind, rotations, size):
        self.operator = projector(kind, rotations, (size, size))
        self.volume = self.operator.pack_volume(random(size, size, size))
        self.projections = self.operator.forward(self.volume)
        self.image = self.operator.adjoint(self.projections)

    def forward(self, times=1):
        for _ in range(times):
            self.operator.forward(self.volume, self.projections)

    def back(self, times=1):
        for _ in range(times):
            self.operator.adjoint(self.projections, self.image)


class Astra:
    """ASTRA's CPU algorithms on one slice, which is used again and again in place of many."""

    def __init__(self, size, angles, kind="linear", sparse=False):
        self._astra = astra = _peers.load("astra-toolbox", "astra")
        volume = astra.create_vol_geom(size, size)
        detector = astra.create_proj_geom("parallel", 1.0, size, np.deg2rad(angles))
        self._projector = astra.create_projector(kind, detector, volume)
        self.slice, self.lines = random(size, size), random(len(angles), size)
        self._image = astra.data2d.link("-vol", volume, self.slice)
        if sparse:
            matrix = astra.projector.matrix(self._projector)
            detector = astra.create_proj_geom("sparse_matrix", 1.0, size, np.deg2rad(angles), matrix)
            self._projector = astra.create_projector("sparse_matrix", detector, volume)
            self._sinogram = astra.data2d.create("-sino", detector)  # it cannot link an array to this geometry
        else:
            self._sinogram = astra.data2d.link("-sino", detector, self.lines)

    def algorithm(self, name, slices, **options):
        """A function that runs `name`, one iteration, for as many slices."""
        image = "VolumeDataId" if name == "FP" else "ReconstructionDataId"
        data = {"ProjectorId": self._projector, "ProjectionDataId": self._sinogram, image: self._image}
        number = self._astra.algorithm.create(self._astra.astra_dict(name) | data | {"option": options})
        return lambda: [self._astra.algorithm.run(number, 1) for _ in range(slices)]


def astra_slices(options, size):
    """Slices that ASTRA is run on, and what a title says of it."""
    slices = 8 if options.quick or size > 256 else size
    return slices, f"; ASTRA on {slices} slices, scaled to {size}" if slices < size else ""


# -------------------------------------------------------------------------------------------- about one axis


def single_axis(options):
    """Forward and back projection about one axis: ASTRA, floors, two threads."""
    found, demands = {}, []
    for size in options.size:
        for name, angles in {"-75 to 75": wedge(), "0 to 180": np.arange(TILTS) * 180 / TILTS}.items():
            if size <= 256 or name == "-75 to 75":  # one range suffices to see what size does
                found[f"{size}^3, {name}"], more = _single_axis(options, size, angles, f"{size}^3, {name}")
                demands += more
    return found, demands


def _single_axis(options, size, angles, name):
    slices, note = astra_slices(options, size)
    ours = {kind: Pair(kind, rotations(angles), size) for kind in ("real-space", "fourier-slice")}
    peers = {"ASTRA linear": Astra(size, angles), "ASTRA sparse linear": Astra(size, angles, sparse=True)}
    if size <= 256:
        peers["ASTRA sparse strip"] = Astra(size, angles, "strip", sparse=True)
    calls = {(kind, way): partial(getattr(pair, way), 3) for kind, pair in ours.items() for way in ("forward", "back")}
    calls |= {(label, way): peer.algorithm(way, slices) for label, peer in peers.items() for way in ("FP", "BP")}
    scales = {key: size / slices if key[0] in peers else 1 / 3 for key in calls}
    calls["loads from L1", ""], calls["as a matrix product", ""], calls["arrays moved once", ""] = floors(size, angles)
    scales |= {("loads from L1", ""): 16, ("as a matrix product", ""): work(size, angles) / 1024**3}

    seconds = by_name(cpu(calls, options.rounds, scales))
    table(f"{name} degrees, {TILTS} tilts: forward, back, sum{note}", seconds, "real-space")
    difference = agreement(size, angles)
    print(f"  differs from ASTRA linear by {difference[0]:.1e} forward, {difference[1]:.1e} back")
    print(f"  {work(size, angles) / 1e9:.2f} G multiply-adds")
    wall = two_threads(ours["real-space"], options.rounds)
    total = {label: sum(s) for label, s in seconds.items()}
    mine, sparse = total["real-space"], min(s for label, s in total.items() if "sparse" in label)
    demands = [
        *demand(f"{name}: time of ASTRA linear over ours", total["ASTRA linear"] / mine, LINEAR.get(size)),
        *demand(f"{name}: time of ASTRA's best sparse matrix over ours", sparse / mine, SPARSE.get(size)),
        *demand(f"{name}: our time over that of the loads", mine / total["loads from L1"], most=LOADS.get(size)),
        *demand(f"{name}: difference from ASTRA", max(difference), most=1e-3),
        *demand(f"{name}: two threads, times as fast as one", wall[1] / wall[2], THREADS.get(size)),
    ]
    return {"seconds": seconds, "difference": difference, "wall": wall}, demands


def two_threads(pair, rounds):
    """Wall-clock seconds of a pair on one thread and on two."""

    def run(threads):
        set_num_threads(threads)
        pair.forward()
        pair.back()

    wall = alternate({n: partial(run, n) for n in (1, 2)}, 2 * rounds)
    ratio = wall[1] / wall[2]
    set_num_threads(0)
    few = " (there is but one processor)" if num_threads() < 2 else ""
    set_num_threads(1)
    print(f"  wall clock: {wall[1]:.3f} on one thread, {wall[2]:.3f} on two: {ratio:.2f} x {ratio.spread}{few}")
    return wall


def agreement(size, angles):
    """Relative differences from ASTRA's projections and back projections of one random slice."""
    size -= 1 - size % 2  # an odd size: both then turn about the central pixel
    peer, ours = Astra(size, angles), projector("real-space", rotations(angles), (1, size), (size, 1, size))
    image = peer.slice.copy()
    peer.algorithm("FP", 1)()
    lines = ours.unpack_projections(ours.forward(ours.pack_volume(image[:, None])))[:, 0]
    peer.algorithm("BP", 1)()
    back = ours.unpack_volume(ours.adjoint(ours.pack_projections(peer.lines[:, None])))[:, 0]
    return relative(lines, peer.lines), relative(back, peer.slice)


def work(size, angles):
    """Multiply-adds of a forward and a back projection: two for each voxel and tilt, or ray and row, in each."""
    t = np.deg2rad(angles)
    return 4 * size**3 * np.maximum(abs(np.cos(t)), abs(np.sin(t))).sum()


def floors(size, angles):
    """What takes the least time: a 16th of the loads, 1024^3 multiply-adds, and moving all arrays once."""
    a, b = random(2, 1024, 1024)
    arrays = random(size**3 + len(angles) * size**2)
    return load_bound(work(size, angles) / 16), lambda: a @ b, lambda: np.copyto(arrays, arrays[::-1])


def load_bound(count):
    """A function that does as many multiply-adds, each with a load from the first-level cache, in vectors."""
    width, vectors = 32, 128  # 16 KiB in all, and four sums, so that no addition waits for the one before
    passes = int(count / (vectors * width))

    @numba.njit
    def run(buffer):
        half, one = np.float32(0.5), np.float32(1)
        a, b, c, d = zeros(width), zeros(width), zeros(width), zeros(width)
        for _ in range(passes):
            for i in range(0, vectors * width, 4 * width):
                a = multiply_add(half, load(buffer, i, width), a)
                b = multiply_add(half, load(buffer, i + width, width), b)
                c = multiply_add(half, load(buffer, i + 2 * width, width), c)
                d = multiply_add(half, load(buffer, i + 3 * width, width), d)
        total = multiply_add(one, multiply_add(one, a, b), multiply_add(one, c, d))
        store(buffer, vectors * width, total)

    buffer = random((vectors + 1) * width + 16)
    start = -buffer.ctypes.data // 4 % 16  # on a cache line
    return partial(run, buffer[start : start + (vectors + 1) * width])


# -------------------------------------------------------------------------------------------- in all directions


def general(options):
    """Tilts in all directions: GENFIRE-Python, SciPy, and memory."""
    (size, large), few = (32, 64) if options.quick else (128, 256), 2
    turns = np.random.default_rng(0).uniform((-180, -90, -180), (180, 90, 180), (TILTS, 3))
    ours = {kind: Pair(kind, turns, size) for kind in ("real-space", "fourier-slice")}
    calls = {(kind, way): getattr(pair, way) for kind, pair in ours.items() for way in ("forward", "back")}
    calls["SciPy rotation", "forward"] = partial(turn_and_sum, random(size, size, size), turns[:few])
    calls["SciPy rotation", "back"] = partial(smear_and_turn, random(few, size, size), turns[:few])
    peer, iterations = genfire(size, turns), []
    if peer:
        calls["GENFIRE", ""] = lambda: iterations.append(peer.iteration())  # by the clock of its own process
    seconds = by_name(cpu(calls, options.rounds, {key: TILTS / few for key in calls if "SciPy" in key[0]}))
    if peer:
        seconds["GENFIRE"] = [float(np.median(iterations[1:]))]
    title = f"{size}^3, {TILTS} tilts in all directions: forward, back, sum; GENFIRE an iteration"
    table(f"{title}; SciPy on {few} tilts, scaled to {TILTS}", seconds, "real-space")
    truth = vesicle((size,) * 3)
    expected = turn_and_sum(truth, turns[:few])
    for kind in ours:
        operator = projector(kind, turns[:few], (size, size))
        found = operator.unpack_projections(operator.forward(operator.pack_volume(truth)))
        print(f"  {kind} differs from SciPy's projections of a vesicle by {relative(found, expected):.1e}")

    task = {"rotations": turns.tolist(), "size": size}
    peaks = {"RESIRE": _memory.measure("reconstruction", algorithm="RESIRE", options={}, **task)["peak"]}
    peaks |= {kind: _memory.measure("pair", kind=kind, **task)["peak"] for kind in ours}
    if peer:
        peaks["GENFIRE"] = peer.close()
    print("  peak of the process, MB: " + ", ".join(f"{name} {b / 1e6:.0f}" for name, b in peaks.items()))
    task["size"] = large
    beyond = {kind: _memory.measure("pair", kind=kind, **task)["growth"] - 4 * large**3 for kind in ours}
    print(f"  beyond the volume at {large}^3, MB: " + ", ".join(f"{name} {b / 1e6:.0f}" for name, b in beyond.items()))

    name, demands = f"{size}^3, all directions", []
    if peer:
        ratio = seconds["GENFIRE"][0] / sum(seconds["real-space"])
        demands += demand(f"{name}: time of GENFIRE's iteration over ours", ratio, GENFIRE)
        ratio = peaks["GENFIRE"] / peaks["RESIRE"]
        demands += demand(f"{name}: memory of GENFIRE over that of RESIRE", ratio, GENFIRE_MEMORY)
    text = f"{large}^3, all directions: GB beyond the volume"
    demands += demand(text, beyond["real-space"] / 1e9, most=BEYOND)
    return {"seconds": seconds, "peaks": peaks, "beyond": beyond}, demands


def genfire(size, turns):
    """GENFIRE-Python in the middle of its run, or None with a line that says why not."""
    try:
        return Genfire(size, turns)
    except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
        print(f"\nGENFIRE-Python is left out, its demands are not judged: {error}")
        return None


def turn_and_sum(volume, turns):
    """Turn the volume and sum it along the beam, as one would with SciPy."""
    return np.stack([turned(volume, matrix).sum(axis=0) for matrix in array_matrices(turns)])


def smear_and_turn(projections, turns):
    """Smear projections along the beam, turn them back, and add them up."""
    shape = (projections.shape[-1],) * 3
    pairs = zip(projections, array_matrices(turns), strict=True)
    return sum(turned(np.broadcast_to(image, shape), matrix.T) for image, matrix in pairs)


def array_matrices(turns):
    """Rotation matrices for indices (z, y, x)."""
    return rotation_matrices(turns)[:, ::-1, ::-1]


def turned(volume, matrix):
    centre = np.array(volume.shape) // 2
    return scipy.ndimage.affine_transform(volume, matrix, centre - matrix @ centre, order=1)


# -------------------------------------------------------------------------------------------- reconstructions


def fbp(options):
    """Filtered back projection with the Ram-Lak filter; ours computes its R-factor, too."""
    found, demands = {}, []
    skimage = _peers.load("scikit-image", "skimage.transform")
    for size in options.size:
        slices, note = astra_slices(options, size)
        series = noise(size)
        ours = Running(tomography.FBP(filter="ram-lak"), series)
        calls = {
            "FBP": ours,
            "the same, no R-factor": partial(ours.algorithm.back_project, series, ours.state.work, ours.state.volume),
            "ASTRA FBP": Astra(size, wedge()).algorithm("FBP", slices, FilterType="ram-lak"),
            "scikit-image iradon": partial(skimage.iradon, random(size, TILTS), wedge(), filter_name="ramp"),
        }
        scales = {"ASTRA FBP": size / slices, "scikit-image iradon": size}
        found[size] = seconds = cpu(calls, options.rounds, scales)
        title = f"FBP, {size}^3, {TILTS} tilts{note}; scikit-image on one"
        table(title, {name: [s] for name, s in seconds.items()}, "FBP")
        ratio = seconds["ASTRA FBP"] / seconds["the same, no R-factor"]
        demands += demand(f"{size}^3: time of ASTRA's FBP over ours, neither with an R-factor", ratio, FBP.get(size))
    return found, demands


def iterations(options):
    """An iteration of each method."""
    found = {}
    skimage = _peers.load("scikit-image", "skimage.transform")
    for size in options.size:
        slices, note = astra_slices(options, size)
        series = noise(size)
        algorithms = {
            "SIRT": tomography.SIRT(),
            "RESIRE": tomography.RESIRE(),
            "accelerated RESIRE": tomography.AcceleratedRESIRE(),
            "RESIRE, Fourier slice": tomography.RESIRE(projector="fourier-slice"),
        }
        if size <= 256:  # the thesis' pair takes too much memory to go further
            algorithms["RESIRE, thesis"] = tomography.RESIRE(projector="thesis")
        calls = {name: Running(algorithm, series, before=2) for name, algorithm in algorithms.items()} | {
            "ASTRA SIRT": Astra(size, wedge()).algorithm("SIRT", slices, MinConstraint=0),
            "scikit-image SART": partial(skimage.iradon_sart, random(size, TILTS), wedge()),
        }
        found[size] = cpu(calls, options.rounds, {"ASTRA SIRT": size / slices, "scikit-image SART": size})
        title = f"an iteration, {size}^3, {TILTS} tilts{note}; scikit-image on one"
        table(title, {name: [s] for name, s in found[size].items()}, "SIRT")
    return found, []


def noise(size):
    """A series of noise, for algorithms whose time does not depend on what is measured."""
    return tomography.TiltSeries(random(TILTS, size, size), wedge())


class Running:
    """An algorithm at work, a step at a call, after some that touch all of its memory."""

    def __init__(self, algorithm, series, before=0):
        self.algorithm, self.series, self.state = algorithm, series, algorithm.init(series, 0)
        for _ in range(before):
            self()

    def __call__(self):
        self.state = self.algorithm.step(self.series, self.state)

    def volume(self):
        return self.algorithm.estimate(self.series, self.state)


def convergence(options):
    """How many iterations the accelerated RESIRE needs for what 400 of the literal one reach."""
    size, length = (32, 40) if options.quick else (64, 400)
    truth, angles = vesicle((size,) * 3), np.linspace(-70, 70, 41)
    r_factor = partial(tomography.metrics.r_factor, exact=True)

    def excess(noise):  # over the R-factor that the truth has in the thesis' experiment
        return r_factor(truth, tilt_series(truth, angles, noise=noise)) - 0.316

    series = tilt_series(truth, angles, noise=brentq(excess, 1e-3, 10, rtol=1e-3))

    def course(algorithm, length):
        """R_F by the exact projector, and the relative error, after each iteration."""
        run, points = Running(algorithm, series), []
        for _ in range(length):
            run()
            volume = run.volume()
            points.append((r_factor(volume, series), float(np.abs(volume - truth).sum() / truth.sum())))
        return points

    goal = course(tomography.RESIRE(projector="thesis"), length)[-1]
    print(f"\n{size}^3 vesicle, 41 tilts, noise at which the truth has an R_F of 31.6 %")
    print(f"  literal RESIRE after {length} iterations: R_F {goal[0]:.2%}, error {goal[1]:.4f}")
    print(f"  {'':38}reaches that R_F after, with error; least error, after")
    found, demands = {"literal": goal}, []
    for cls in (tomography.RESIRE, tomography.AcceleratedRESIRE):
        for kind in ("fourier-slice", "real-space"):
            name = f"{cls.name}, {kind}"
            found[name] = points = np.array(course(cls(projector=kind), length // 2))
            there, least = np.flatnonzero(points[:, 0] <= goal[0]), points[:, 1].argmin()
            after = int(there[0]) + 1 if there.size else np.inf
            reached = f"{after:4d} iterations, {points[after - 1, 1]:.4f}" if there.size else f"not in {len(points)}"
            print(f"  {name:38}{reached:24}{points[least, 1]:.4f}, {least + 1}")
            if name == "resire-accelerated, fourier-slice":
                text = "accelerated RESIRE: iterations to the R_F of the literal one"
                demands = demand(text, after, most=ITERATIONS)
            found[name] = points.tolist()
    return found, demands


def memory(options):
    """Memory of whole runs beyond what their process held after a tiny one, the data included."""
    size = 64 if options.quick else 256
    volume, projections = 4 * size**3, 4 * TILTS * size**2
    task = {"size": size, "rotations": rotations(wedge()).tolist()}
    runs = {
        "RESIRE": ("RESIRE", {}),
        "accelerated RESIRE": ("AcceleratedRESIRE", {}),
        "RESIRE, Fourier slice": ("RESIRE", {"projector": "fourier-slice"}),
        "RESIRE, thesis": ("RESIRE", {"projector": "thesis"}),
        "SIRT": ("SIRT", {}),
        "FBP": ("FBP", {}),
    }
    print(f"\nmemory at {size}^3, {TILTS} tilts, in volumes; the projections are {projections / volume:.2f}")
    found = {}
    for name, (algorithm, choices) in runs.items():
        grown = _memory.measure("reconstruction", algorithm=algorithm, options=choices, **task)["growth"]
        found[name] = grown / volume
        print(f"  {name:30}{found[name]:10.2f}")
    text = f"{size}^3: volumes that RESIRE takes beside the projections"
    return found, demand(text, found["RESIRE"] - projections / volume, most=VOLUMES)


SECTIONS = {
    "single-axis": single_axis, "general": general, "fbp": fbp, "iterations": iterations, "convergence": convergence,
    "memory": memory,
}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs="+", help="voxels along each axis; 256 and 512 by default")
    parser.add_argument("--rounds", type=int, help="5 by default")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=[*SECTIONS], metavar="SECTION")
    parser.add_argument("--quick", action="store_true", help="small, to see that all runs; nothing is judged")
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    options = parser.parse_args()
    options.size = options.size or ([64] if options.quick else [256, 512])
    options.rounds = options.rounds or (1 if options.quick else 5)

    set_num_threads(1)
    print(f"{platform.machine()}; CPU seconds on one thread unless it says otherwise, of {options.rounds} rounds")
    results, demands = {}, []
    for name in options.only:
        results[name], more = SECTIONS[name](options)
        demands += more
    names = ("napari-proxiscope", "astra-toolbox", "scikit-image", "numpy", "scipy", "numba", "finufft")
    results["versions"] = versions = {name: _peers.version(name) for name in names}  # now that all are installed
    print("\n" + ", ".join(f"{name} {v}" for name, v in versions.items()))
    for one in demands:
        verdict = "    " if options.quick else "PASS" if one["met"] else "FAIL"
        print(f"  {verdict} {one['figure']:9.3g}  {one['text']} {one['spread']}")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(results | {"demands": demands}, file, indent=1)
    return 0 if options.quick or all(one["met"] for one in demands) else 1


if __name__ == "__main__":
    sys.exit(main())

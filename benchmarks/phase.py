"""Cost of a phase-retrieval iteration: against one FFT pair, plain NumPy, and solvephase.

All ratios are of medians of rounds that alternate within one run, on one thread unless it says otherwise.

    python benchmarks/phase.py [--sizes 512 1024] [--rounds 7] [--starts 20] [--ffts] [--json FILE]

Demands: an iteration of HIO, GPS-R or GPS-F, its share of the R-factor included, at most 1.6 FFT pairs; no allocation
of the image's size in the loop; two threads at least 1.7 times as fast on 20 starts; at least 10 times as fast as
NumPy in complex128, 2.5 times as solvephase in single precision. ``--ffts`` compares FFT libraries instead.
"""

import argparse
import json
import os
import platform
import resource
import sys
import tracemalloc
from functools import partial

if "--ffts" in sys.argv:  # idle threads of one library must not spin while another is timed
    os.environ |= {"OMP_WAIT_POLICY": "passive", "KMP_BLOCKTIME": "0"}
else:
    for _library in ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM"):
        os.environ[f"{_library}_NUM_THREADS"] = "1"  # before NumPy starts its threads

import _peers
import numpy as np
import scipy.fft
from _timing import alternate, spread

from proxiscope.core.threads import num_threads, set_num_threads
from proxiscope.phase import GPSF, GPSR, HIO, OSS, RAAR, DifferenceMap, Ensemble
from proxiscope.physics.fourier import FourierTransform
from proxiscope.simulate import diffraction_pattern, vesicle

PAIR, NUMPY, PEER, THREADS = 1.6, 10, 2.5, 1.7
JUDGED = ("hio", "gps-r", "gps-f")
ALGORITHMS = (HIO, GPSR, GPSF, RAAR, DifferenceMap, OSS)


def pattern(size):
    """A noisy pattern of a vesicle that spans 0.4 of the frame."""
    return diffraction_pattern(vesicle((2 * size // 5,) * 2), (size, size), flux=1e8)


class Running:
    """An algorithm in the middle of its run."""

    def __init__(self, algorithm, problem):
        self.algorithm, self.problem = algorithm, problem
        self.state = algorithm.init(problem, 0)
        self(20)

    def __call__(self, iterations):
        for _ in range(iterations):
            self.state = self.algorithm.step(self.problem, self.state)


class FFTPair:
    """One real transform and its inverse, as the iterations do it."""

    def __init__(self, size):
        self.transform = FourierTransform((size, size))
        self.image, self.spectrum = self.transform.image(), self.transform.spectrum()
        self.image[...] = np.random.default_rng(0).random((size, size))

    def __call__(self, count):
        for _ in range(count):
            self.transform.inverse(self.transform.forward(self.image, self.spectrum), self.image)


def numpy_hio(problem, count):
    """Plain HIO in complex128."""
    b, support = np.fft.ifftshift(problem.magnitudes.astype(float)), problem.support
    g = np.fft.ifft2(b * np.exp(2j * np.pi * np.random.default_rng(0).random(b.shape))).real

    for _ in range(count):
        spectrum = np.fft.fft2(g)
        u = np.fft.ifft2(b * np.exp(1j * np.angle(spectrum))).real
        g = np.where(support & (u >= 0), u, g - 0.9 * u)


def numpy_gps(problem, count):
    """Plain GPS-F in complex128, with the two FFTs that it needs."""
    b, support = np.fft.ifftshift(problem.magnitudes.astype(float)), problem.support
    z = b * np.exp(2j * np.pi * np.random.default_rng(0).random(b.shape))
    y, y_hat = np.zeros(b.shape), np.zeros(b.shape, complex)
    r = np.hypot(*np.meshgrid(*(np.arange(n) - n // 2 for n in b.shape), indexing="ij"))
    weight = np.exp(-0.9 * r**2 / (2 * b.shape[0] ** 2))

    for _ in range(count):
        w = z - y_hat
        new = (b * np.exp(1j * np.angle(w)) + 0.01 * w) / 1.01
        v = y + 0.9 * np.fft.ifft2(2 * new - z).real
        y = weight * np.where(support, np.minimum(v, 0), v)
        z, y_hat = new, np.fft.fft2(y)


def solvephase_hio(problem, count):
    """HIO of solvephase in single precision, judged every ten iterations as ours is."""
    peer = _peers.load("solvephase", "solvephase")
    options = {"schedule": f"hio:{count}", "constraint": "positive", "precision": "single", "tol": 0.0, "seed": 0}
    peer.cdi(problem.magnitudes, problem.support, **options)


def iterations(size, rounds, peers):
    """Milliseconds an iteration, and ratios to the FFT pair of the same round."""
    problem, count = pattern(size), 20 if size > 600 else 60
    running = {cls.name: Running(cls(max_iterations=1_000_000), problem) for cls in ALGORITHMS}
    calls = {"pair": partial(FFTPair(size), count)} | {name: partial(run, count) for name, run in running.items()}
    if peers:
        few = max(2, count // 10)
        calls |= {
            "numpy hio": partial(numpy_hio, problem, few), "numpy gps-f": partial(numpy_gps, problem, few),
            "solvephase hio": partial(solvephase_hio, problem, count),
        }  # fmt: skip
    seconds = alternate(calls, rounds)
    each = {name: s * (1e3 / (few if name.startswith("numpy") else count)) for name, s in seconds.items()}
    print(f"\n{size} x {size}, float32, one thread, median of {rounds} rounds")
    for name, ms in each.items():
        pairs = ms / each["pair"]
        print(f"  {name:16} {ms:8.3f} ms   {pairs:6.2f} pairs {pairs.spread}")
    return each


def allocations(size):
    """Largest growth of Python's memory in an iteration, in images, and page faults an iteration."""
    problem, found = pattern(size), {}
    for cls in (HIO, GPSR, GPSF):
        run = Running(cls(max_iterations=1_000_000, check_every=10_000), problem)
        tracemalloc.start()
        run(5)
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        run(20)
        grown = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        run(50)
        faults = (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults) / 50
        image = problem.magnitudes.nbytes
        found[cls.name] = {"images": grown / image, "page_faults": faults, "pages_of_an_image": image / 4096}
    print(f"\nallocation in the loop at {size} x {size}")
    for name, f in found.items():
        print(f"  {name:8} {f['images']:.4f} images; {f['page_faults']:.1f} page faults an iteration, "
              f"where an image is {f['pages_of_an_image']:.0f} pages")  # fmt: skip
    return found


def starts(count, rounds, size=512, length=40):
    """Starts x iterations a second of an ensemble on one thread and on all, and with FFTs of the whole batch."""
    problem, speed = pattern(size), {}

    def run(threads, cls):
        set_num_threads(threads)
        ensemble = Ensemble(algorithm=cls(max_iterations=length), starts=count, batch=count)
        state = ensemble.init(problem, 0)
        while state.iteration < length:
            state = ensemble.step(problem, state)

    stack = np.random.default_rng(0).random((count, size, size), dtype=np.float32)

    def whole(workers):
        for _ in range(length // 4):
            scipy.fft.irfft2(scipy.fft.rfft2(stack, workers=workers), s=(size, size), workers=workers)

    both = max(2, num_threads())
    calls = {(cls.name, t): partial(run, t, cls) for cls in (HIO, GPSF) for t in (1, both)}
    calls |= {("whole batch, scipy pair", t): partial(whole, t) for t in (1, both)}
    seconds = alternate(calls, rounds)
    set_num_threads(1)
    print(f"\n{count} starts of {size} x {size}, {length} iterations")
    for name in ("hio", "gps-f", "whole batch, scipy pair"):
        n = count * (length // 4 if name.startswith("whole") else length)
        speed[name] = {t: n / seconds[name, t] for t in (1, both)}
        ratio = seconds[name, 1] / seconds[name, both]
        one, most = speed[name].values()
        print(f"  {name:24} {one:7.0f}/s on 1 thread, {most:7.0f}/s on {both}: {ratio:.2f} x {ratio.spread}")
    return speed


def fft_libraries(sizes, rounds):
    """Milliseconds of rfft + irfft in float32 by library and number of threads."""
    pyfftw, mkl, ducc = (
        _peers.load(r, m) for r, m in (("pyfftw", "pyfftw"), ("mkl_fft", "mkl_fft"), ("ducc0", "ducc0"))
    )
    import ctypes

    set_mkl = (
        ctypes.CDLL("libmkl_rt.so.3", mode=ctypes.RTLD_GLOBAL).MKL_Set_Num_Threads_Local if os.name == "posix" else None
    )
    shapes = [(n, n) for n in sizes] + [(128,) * 3]
    found = {}
    for shape in shapes:
        transform = FourierTransform(shape)
        image, spectrum = transform.image(), transform.spectrum()
        image[...] = np.random.default_rng(0).random(shape)
        axes = tuple(range(len(shape)))
        for threads in (1, 2):
            set_num_threads(threads)
            if set_mkl is not None:
                set_mkl(threads)

            def ours(image=image, spectrum=spectrum, transform=transform):
                transform.inverse(transform.forward(image, spectrum), image)

            def scipys(image=image, shape=shape, threads=threads):
                scipy.fft.irfftn(scipy.fft.rfftn(image, workers=threads), s=shape, overwrite_x=True, workers=threads)

            def mkls(image=image, spectrum=spectrum, shape=shape):
                mkl.rfftn(image, out=spectrum)
                mkl.irfftn(spectrum, s=shape, out=image)

            def duccs(image=image, spectrum=spectrum, axes=axes, shape=shape, threads=threads):
                ducc.fft.r2c(image, axes=axes, out=spectrum, nthreads=threads)
                options = {"lastsize": shape[-1], "forward": False, "inorm": 2, "allow_overwriting_input": True}
                ducc.fft.c2r(spectrum, axes=axes, out=image, nthreads=threads, **options)

            calls = {"rocket-fft": ours, "scipy.fft": scipys, "mkl_fft": mkls, "ducc0": duccs}
            for plan in ("ESTIMATE", "MEASURE"):
                a, b = (
                    pyfftw.empty_aligned(shape, "float32"),
                    pyfftw.empty_aligned(transform.spectrum_shape, "complex64"),
                )
                there = pyfftw.FFTW(a, b, axes=axes, flags=(f"FFTW_{plan}",), threads=threads)
                flags = (f"FFTW_{plan}", "FFTW_DESTROY_INPUT")
                back = pyfftw.FFTW(b, a, axes=axes, direction="FFTW_BACKWARD", flags=flags, threads=threads)
                calls[f"pyFFTW {plan}"] = lambda there=there, back=back: (there.execute(), back.execute())
            repeated = {name: partial(_repeat, call, max(3, 4_000_000 // image.size)) for name, call in calls.items()}
            seconds = alternate(repeated, rounds)
            found[f"{shape} x {threads}"] = each = {
                name: 1e3 * s / max(3, 4_000_000 // image.size) for name, s in seconds.items()
            }
            print(f"{' x '.join(map(str, shape)):16} {threads} thread(s)  "
                  + "  ".join(f"{name} {ms:.3f}" for name, ms in each.items()))  # fmt: skip
    return found


def _repeat(call, count):
    for _ in range(count):
        call()


def verdicts(each, memory, speed):
    """Whether the demands are met, as (demand, figure, met)."""
    found = []
    for size, ms in each.items():
        for name in JUDGED:
            ratio = ms[name] / ms["pair"]
            found.append((f"{name} at {size}: at most {PAIR} pairs", ratio, ratio <= PAIR))
        if "numpy hio" in ms:
            for name in ("hio", "gps-f"):
                ratio = ms[f"numpy {name}"] / ms[name]
                found.append((f"{name} at {size}: at least {NUMPY} x NumPy", ratio, ratio >= NUMPY))
            ratio = ms["solvephase hio"] / ms["hio"]
            found.append((f"hio at {size}: at least {PEER} x solvephase", ratio, ratio >= PEER))
    for name, figures in memory.items():
        found.append((f"{name}: no image allocated in the loop", figures["images"], figures["images"] < 0.1))
    for name in ("hio", "gps-f"):
        one, *_, most = speed[name].values()
        found.append((f"{name}: starts at least {THREADS} x as fast on two threads", most / one, most / one >= THREADS))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--starts", type=int, default=20)
    parser.add_argument("--ffts", action="store_true", help="compare FFT libraries instead")
    parser.add_argument("--no-peers", action="store_true", help="leave out NumPy and solvephase")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    print(f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}")
    set_num_threads(1)
    if options.ffts:
        figures = fft_libraries(options.sizes, options.rounds)
    else:
        each = {size: iterations(size, options.rounds, not options.no_peers) for size in options.sizes}
        memory = allocations(options.sizes[0])
        set_num_threads(0)
        speed = starts(options.starts, max(3, options.rounds // 2))
        print()
        for demand, figure, met in verdicts(each, memory, speed):
            print(f"  {'met   ' if met else 'NOT MET'} {figure:8.3f}  {demand} {spread(figure)}")
        figures = {"iterations": each, "memory": memory, "starts": speed}
    print("\n" + ", ".join(f"{name} {_peers.version(name)}" for name in ("rocket-fft", "solvephase")))
    if options.json:
        with open(options.json, "w") as file:
            json.dump(figures, file, indent=2, default=str)


if __name__ == "__main__":
    main()

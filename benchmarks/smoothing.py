"""Laplacian smoothing against one Fourier transform there and back of the same array.

    python benchmarks/smoothing.py [--threads 0] [--rounds 7]

For vectors of 10^4 to 10^7 entries, smoothed along their indices (recursive filters), the median milliseconds of
`scipy.fft.rfft` and `irfft` and of smoothing with sigma 1 of orders 1 and 2, and the ratios; for images and volumes the
same of `rfftn` and `irfftn` with as many workers. Vectors of less than 650 entries at sigma 1, and 20 000 at 1000, are
smoothed by the Fourier transform too.
"""

import argparse

import numpy as np
import scipy.fft
from _timing import alternate

from proxiscope.core.threads import num_threads, set_num_threads
from proxiscope.learning import laplacian_smoothing

VECTORS = [(10**4,), (10**5,), (10**6,), (10**7,)]
DEMAND = 2
IMAGES = [(256, 256), (1024, 1024), (128, 128, 128), (256, 256, 256)]


def calls(values, workers):
    """What is compared for an array."""
    shape, out = values.shape, np.empty_like(values)
    axes = range(values.ndim) if values.ndim > 1 else None
    transform = {
        "fft": lambda: scipy.fft.irfftn(scipy.fft.rfftn(values, workers=workers), shape, workers=workers),
    }
    smoothing = {n: lambda n=n: laplacian_smoothing(values, 1.0, n, axes=axes, out=out) for n in (1, 2)}
    return transform | smoothing


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=0, help="0 for as many as there are processors")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    worst = 0.0
    set_num_threads(options.threads)
    print(f"{num_threads()} threads\n{'shape':>18} {'dtype':>8} {'fft ms':>9} {'n=1 ms':>9} {'n=2 ms':>9}  ratios")
    for shape in VECTORS + IMAGES:
        for dtype in (np.float32, np.float64):
            values = np.random.default_rng(0).standard_normal(shape).astype(dtype)
            times = alternate(calls(values, num_threads()), options.rounds)
            in_ms = " ".join(f"{1e3 * t:9.3f}" for t in times.values())
            if shape == VECTORS[-1]:
                worst = max(worst, *(times[n] / times["fft"] for n in (1, 2)))
            ratios = ", ".join(f"{ratio:.2f} {ratio.spread}" for ratio in (times[n] / times["fft"] for n in (1, 2)))
            print(f"{' x '.join(map(str, shape)):>18} {np.dtype(dtype).name:>8} {in_ms}  {ratios}", flush=True)
    print(f"{'met' if worst <= DEMAND else 'NOT MET'}: {worst:.2f} for ten million entries, at most {DEMAND}")


if __name__ == "__main__":
    main()

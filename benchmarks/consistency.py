"""How well independent starts agree: figures 2.3 and 2.4 of the dissertation, on its vesicle at 6 % noise.

    pip install matplotlib
    python benchmarks/consistency.py [vesicle_2D.mat] [--starts 100] [--iterations 1000] [--seeds 0 1] [--images DIR]

The vesicle is test data that may not be redistributed; by default it is looked for as the tests do. The table has, for
each algorithm and each seed of the noise, R_F and R_real of all starts in per cent; and of the best 5 and 20 (lowest
R_F, aligned) the pixel variance over the mean square of their mean, in per cent too, with the median R_real of the 5.
Two plots of the first noise seed go to --images; the mean images, which show the vesicle, only with --means.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import scipy.io

from proxiscope import reconstruct
from proxiscope.phase import GPSF, GPSR, HIO, OSS, DiffractionPattern, Ensemble
from proxiscope.phase.agreement import aligned
from proxiscope.phase.metrics import align, r_real
from proxiscope.simulate import noisy_magnitudes

ROOT = Path(__file__).parents[1]
FRAME, FLUX, READ_OUT = 192, 1.12e7, 2
GOOD = 5.0
BEST, MORE = 5, 20
THESIS = {"sigma": ((0, 0.01), (0.4, 0.1))}
ALGORITHMS = {
    "HIO": (HIO, {}),
    "OSS": (OSS, {}),
    "GPS-R, thesis": (GPSR, THESIS),
    "GPS-F, thesis": (GPSF, THESIS),
    "GPS-R": (GPSR, {}),
    "GPS-F": (GPSF, {}),
    "GPS-R, no returns": (GPSR, {"restart": False}),
}


def default_model():
    """Where the tests look for the vesicle."""
    root = Path(os.environ.get("PROXISCOPE_TEST_DATA") or ROOT.parent / "shared" / "data")
    return root / "dissertation_vesicle" / "vesicle_2D.mat"


def framed(model):
    """The vesicle at the centre of its frame."""
    frame, corner = np.zeros((FRAME, FRAME)), FRAME // 2 - len(model) // 2
    frame[corner : corner + len(model), corner : corner + len(model)] = model
    return frame


def pattern_of(truth, seed):
    """Its noisy pattern, with the bounding box grown by one pixel as support."""
    magnitudes = np.abs(np.fft.fftshift(np.fft.fft2(truth)))
    rows, columns = np.nonzero(truth)
    support = np.zeros(truth.shape, bool)
    support[rows.min() - 1 : rows.max() + 2, columns.min() - 1 : columns.max() + 2] = True
    return DiffractionPattern(noisy_magnitudes(magnitudes, FLUX, READ_OUT, np.random.default_rng(seed)), support)


def spread(images):
    """Variance of aligned images over the mean square of their mean, in per cent."""
    images = aligned(images).astype(np.float64)
    return 100 * images.var(axis=0).mean() / (images.mean(axis=0) ** 2).mean()


def run(algorithm, pattern, truth, starts):
    """R_F and R_real of all starts in per cent, from the lowest R_F on, and the images of the best."""
    found = reconstruct(Ensemble(algorithm=algorithm, starts=starts, keep=starts), pattern).products
    r_f = 100 * np.sort(found["r_factors"])
    r = np.array([100 * r_real(image, truth) for image in found["images"]])
    return r_f, r, found["images"][:MORE]


def three(values):
    """Minimum, median and standard deviation."""
    return f"{values.min():6.2f} {np.median(values):6.2f} {values.std():6.3f}"


def table(truth, seed, starts, iterations):
    """Run all algorithms on one noise, print a line each, and return what they gave."""
    pattern, results = pattern_of(truth, seed), {}
    print(f"\nnoise seed {seed}, {starts} starts of {iterations} iterations")
    head = f"{'R_F min med std':>20}  {'R_real min med std':>20}  R_real < {GOOD:g} %"
    print(f"{'':18} {head}    var 5  R_real 5    var 20       s")
    for name, (cls, options) in ALGORITHMS.items():
        begin = time.perf_counter()
        r_f, r, images = run(cls(max_iterations=iterations, **options), pattern, truth, starts)
        seconds = time.perf_counter() - begin
        results[name] = r_f, r, images
        print(
            f"{name:18} {three(r_f)}  {three(r)}  {(r < GOOD).mean():12.0%}  {spread(images[:BEST]):7.5f}"
            f"  {np.median(r[:BEST]):8.2f}  {spread(images):8.5f}  {seconds:6.1f}",
            flush=True,
        )
    return results


def histograms(results, path):
    """R_F and R_real of all starts, one row an algorithm."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(len(results), 2, figsize=(8, 0.95 * len(results) + 0.6), sharex="col", sharey=True)
    for row, (name, (r_f, r, _)) in zip(axes, results.items(), strict=True):
        row[0].hist(r_f, np.linspace(5.75, 12.5, 55), color="#35608d")
        row[1].hist(r, np.linspace(0, 50, 51), color="#b5502b")
        row[0].set_ylabel(name.replace(", ", "\n"), rotation=0, ha="right", va="center")
        row[1].text(0.98, 0.7, f"{(r < GOOD).mean():.0%} below {GOOD:g}%", transform=row[1].transAxes, ha="right")
        for one in row:
            one.spines[["top", "right"]].set_visible(False)
    axes[-1, 0].set_xlabel("R_F in %")
    axes[-1, 1].set_xlabel("R_real in %")
    figure.suptitle(f"Number of starts, of {len(results['HIO'][0])}", fontsize=11)
    save(figure, path)


def best_five(results, truth, path, means):
    """Standard deviation, and with `means` the mean too, of the best five, all on the same scales."""
    from matplotlib import pyplot as plt

    rows, columns = np.nonzero(truth)
    window = np.s_[rows.min() - 4 : rows.max() + 5, columns.min() - 4 : columns.max() + 5]
    lines = 2 if means else 1
    figure, axes = plt.subplots(lines, len(results), figsize=(1.25 * len(results), 2.4 * lines + 0.5), squeeze=False)
    best = {name: np.stack([align(i, truth) for i in images[:BEST]]) for name, (_, _, images) in results.items()}
    widest = np.sqrt(max(b.var(axis=0).max() for name, b in best.items() if name != "HIO")) / truth.max()
    for column, (name, images) in zip(axes.T, best.items(), strict=True):
        column[-1].imshow(images.std(axis=0)[window] / truth.max(), cmap="inferno", vmin=0, vmax=widest)
        column[-1].set_title(f"{name.replace(', ', chr(10))}\n{spread(images):.2g} %", fontsize=9)
        if means:
            column[0].imshow(images.mean(axis=0)[window], cmap="gray", vmin=0, vmax=truth.max())
        for one in column:
            one.set_xticks([])
            one.set_yticks([])
    if means:
        axes[0, 0].set_ylabel("mean")
    axes[-1, 0].set_ylabel(f"standard deviation\n0 to {widest:.0%} of the maximum", fontsize=9)
    save(figure, path)


def save(figure, path):
    figure.tight_layout()
    figure.savefig(path, dpi=110, metadata={"Software": None})
    print(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path, default=default_model(), help="vesicle_2D.mat")
    parser.add_argument("--starts", type=int, default=100)
    parser.add_argument("--iterations", type=int, default=1000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1], help="of the noise")
    parser.add_argument("--images", type=Path, metavar="DIR", help="folder for the plots; none by default")
    parser.add_argument("--means", action="store_true", help="show the mean images too: not to be redistributed either")
    options = parser.parse_args()
    if not options.model.exists():
        parser.error(f"{options.model} is not there: give the path of vesicle_2D.mat")
    truth = framed(scipy.io.loadmat(options.model)["model_2d"])
    found = [table(truth, seed, options.starts, options.iterations) for seed in options.seeds]
    if options.images:
        import matplotlib

        matplotlib.use("Agg")
        histograms(found[0], options.images / "consistency-histograms.png")
        best_five(found[0], truth, options.images / "consistency-best-five.png", options.means)


if __name__ == "__main__":
    main()

"""Tomography with one noisy tilt a step: stochastic gradients, smoothed or not, beside what else there is.

It is in no figure of the thesis: the smoothing of chapter 5 on the problem of chapter 3. A slice of 96 x 96 of a
simulated vesicle, 61 tilts to 70 degrees, Poisson counts of 600 where most; eight draws of them lie side by side as
slices. The error is |u - u0| / |u0| of the best iterate, as one knows it in simulations only, at the best of a few step
sizes or weights; it is told of each iterate as it is, and blurred by Gaussians of five widths.

Then a vesicle of 72 x 72 x 72, 41 tilts to 70 degrees, Gaussian noise of 15 % of the brightest pixel; its error is
sum |u - u0| / sum |u0|. Needs no data and takes two minutes at full scale.
"""

import argparse
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ..core import Algorithm, iterate
from ..figures import COLOURS
from ..simulate import tilt_series, vesicle
from ..tomography import SART, SGD, SIRT, TVRESIRE, AcceleratedRESIRE, TiltSeries
from ..tomography.metrics import real_space_error
from .report import Report, Table, main, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRAWS, SIDE, TILTS, FURTHEST, COUNTS = 8, 96, 61, 70, 600

WIDTHS = (0.0, 0.5, 0.6, 0.7, 0.8, 1.0)
"""Of the Gaussians, in pixels; 0 for none."""

METHODS: Mapping[str, Algorithm] = {
    "SGD": SGD(smoothing="none", step_size=0.3, max_iterations=20),
    "LS-SGD, indices, sigma 1": SGD(smoothing="indices", sigma=1.0, step_size=0.5, max_iterations=20),
    "LS-SGD, indices, sigma 10": SGD(smoothing="indices", sigma=10.0, max_iterations=20),
    "LS-SGD, slice, sigma 3": SGD(smoothing="slice", max_iterations=20),
    "LS-SGD, slice, sigma 3, order 2": SGD(smoothing="slice", order=2, max_iterations=20),
    "SIRT": SIRT(max_iterations=200),
    "SART, lambda 0.1": SART(relaxation=0.1),
    "RESIRE, accelerated": AcceleratedRESIRE(max_iterations=40),
    "RESIRE, total variation, weight 1": TVRESIRE(weight=1.0),
}


SOLID, EVERY, NOISE = 72, 3.5, 0.15

IN_VOLUMES: Mapping[str, Algorithm] = {
    "LS-SGD, volume, sigma 3": SGD(),
    "LS-SGD, volume, sigma 10": SGD(sigma=10.0, step_size=2.0),
    "RESIRE, accelerated": AcceleratedRESIRE(),
    "RESIRE, total variation": TVRESIRE(),
    "RESIRE, total variation, weight 1": TVRESIRE(weight=1.0),
}


@cache
def counted(seed: int, side: int = SIDE) -> tuple[NDArray[np.float32], TiltSeries]:
    """The slices (z, draw, x), all the same, and their projections, each with counts of its own."""
    truth = np.repeat(vesicle((side, side))[:, None], DRAWS, axis=1)
    angles = np.linspace(-FURTHEST, FURTHEST, TILTS)
    clean = np.maximum(tilt_series(truth, angles).projections, 0)
    scale = COUNTS / clean.max()
    return truth, TiltSeries(np.random.default_rng(1 + seed).poisson(clean * scale) / scale, angles)


def errors(
    algorithm: Algorithm, seed: int = 0, widths: tuple[float, ...] = (0.0,), side: int = SIDE
) -> NDArray[np.float64]:
    """The error after each iteration, of each draw, blurred by each width: (iteration, width, draw)."""
    from scipy.ndimage import gaussian_filter

    truth, series = counted(seed, side)
    total, found = (truth**2).sum(axis=(0, 2)), []
    for progress in iterate(algorithm, series, seed=seed):
        volume = progress.estimate()
        blurred = (gaussian_filter(volume, (width, 0, width)) if width else volume for width in widths)
        found.append([((one - truth) ** 2).sum(axis=(0, 2)) / total for one in blurred])
    return np.sqrt(found)


def solid_errors(seed: int, size: int = SOLID) -> dict[str, list[float]]:
    """The error after each iteration in a volume, by method."""
    truth, angles = vesicle((size,) * 3), np.arange(-FURTHEST, FURTHEST + 1e-6, EVERY)
    noise = NOISE * float(tilt_series(truth, angles).projections.max())
    series = tilt_series(truth, angles, noise=noise, seed=seed)
    return {
        name: [real_space_error(p.estimate(), truth) for p in iterate(algorithm, series, seed=seed)]
        for name, algorithm in tqdm(IN_VOLUMES.items(), unit="method")
    }


def experiment(options: argparse.Namespace) -> Report:
    """All methods on the same counts."""
    seed, side = options.seed, options.side
    found = {name: errors(algorithm, seed, WIDTHS, side) for name, algorithm in tqdm(METHODS.items(), unit="method")}
    solid = solid_errors(seed, options.solid)
    columns = "", "error", "the same, blurred by the best Gaussian", "last iterate"
    rows = tuple((name, f"{min(e):.3f}", str(1 + int(np.argmin(e))), f"{e[-1]:.3f}") for name, e in solid.items())
    return Report(
        f"Slices of {side} x {side}: mean and standard deviation over {DRAWS} draws of counts. Volume of "
        f"{options.solid}³: one draw.",
        [
            Table(columns, tuple((name, *_cells(courses)) for name, courses in found.items())),
            Table(("volume", "lowest error", "at iteration", "last iterate"), rows),
        ],
        lambda figure: _draw(figure, found),
        "Mean error over the iterations; a pass over all tilts each",
    )


def _cells(courses: NDArray) -> tuple[str, ...]:
    best = courses.min(axis=0)  # (width, draw)
    blurred = best[1:][best[1:].mean(axis=1).argmin()]
    return tuple(f"{e.mean():.3f} ± {e.std():.3f}" for e in (best[0], blurred, courses[-1, 0]))


def _draw(figure: "Figure", found: Mapping[str, NDArray]) -> None:
    axes = figure.subplots()
    for i, (name, courses) in enumerate(found.items()):
        mean = courses[:, 0].mean(axis=1)
        style = "-" if i < len(COLOURS) else "--"
        axes.plot(np.arange(1, len(mean) + 1), mean, style, color=COLOURS[i % len(COLOURS)], label=name)
    axes.set(xlabel="iteration", ylabel="relative error", xscale="log", ylim=(0.18, 0.6))
    figure.legend(loc="outside lower center", ncols=2)


if __name__ == "__main__":
    sizes = (
        ("--side", {"type": number, "default": SIDE, "help": f"pixels of a slice ({SIDE})"}),
        ("--solid", {"type": number, "default": SOLID, "help": f"voxels of the volume, each way ({SOLID})"}),
    )
    raise SystemExit(main(experiment, *sizes, reduced={"side": 48, "solid": 32}))

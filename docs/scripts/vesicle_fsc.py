"""The Fourier shell correlations of figure 3.1, with the author's vesicle, which may not be redistributed.

    python docs/scripts/vesicle_fsc.py VESICLE.mrc docs/images/vesicle-fsc.png

Prints the table of docs/reproduction/index.md, for projections by the Fourier slice theorem, as the dissertation has
them, and by strips as wide as a pixel, as a detector takes them. Needs matplotlib.
"""

import sys
import warnings

import matplotlib.pyplot as plt
import mrcfile
import numpy as np

from proxiscope import reconstruct
from proxiscope.simulate import tilt_series
from proxiscope.tomography import (
    FBP,
    GENFIRE,
    RESIRE,
    SART,
    SIRT,
    TVRESIRE,
    AcceleratedRESIRE,
    TiltSeries,
    fourier_shell_correlation,
    missing_wedge,
)  # fmt: skip
from proxiscope.tomography.metrics import r_factor, real_space_error

ANGLES = np.arange(-70, 70.1, 3.5)
NOISE = 0.265
METHODS = {
    "RESIRE, thesis' projector": RESIRE(max_iterations=400, projector="thesis"),
    "RESIRE, Fourier slice": RESIRE(max_iterations=400, projector="fourier-slice"),
    "RESIRE": RESIRE(max_iterations=400),
    "RESIRE, accelerated, Fourier slice": AcceleratedRESIRE(max_iterations=95, projector="fourier-slice"),
    "RESIRE, accelerated": AcceleratedRESIRE(max_iterations=95),
    "RESIRE, total variation": TVRESIRE(),
    "GENFIRE": GENFIRE(),
    "SIRT": SIRT(max_iterations=400),
    "SART": SART(),
    "FBP, shepp-logan": FBP(filter="shepp-logan"),
}
DRAWN = ("RESIRE, Fourier slice", "RESIRE", "RESIRE, total variation", "GENFIRE", "SIRT", "FBP, shepp-logan")
COLOURS = ("#0072B2", "#56B4E9", "#CC79A7", "#D55E00", "#009E73", "#555555")


def strips(volume, angles, oversampling=8):
    """Projections in which every voxel is a square and every pixel collects what falls on it, by fine sampling."""
    depth, ny, nx = volume.shape
    offsets = (np.arange(oversampling) + 0.5) / oversampling - 0.5
    z, x = np.arange(depth) - depth // 2, np.arange(nx) - nx // 2
    projections = np.zeros((len(angles), ny, nx))
    for projection, t in zip(projections, np.deg2rad(angles), strict=True):
        for dz in offsets:
            for dx in offsets:
                u = (x + dx) * np.cos(t) - (z + dz)[:, None] * np.sin(t)
                pixel = np.floor(u + 0.5).astype(int) + nx // 2
                inside = (pixel >= 0) & (pixel < nx)
                for y in range(ny):
                    projection[y] += np.bincount(pixel[inside], volume[:, y][inside], nx)
    return projections / oversampling**2


def figures(truth, series):
    """R_F, exact R_F, error and curves of each method."""
    wedge = missing_wedge(truth.shape, series, margin=0)
    for name, algorithm in METHODS.items():
        result = reconstruct(algorithm, series)
        everywhere = fourier_shell_correlation(result.volume, truth)
        in_wedge = fourier_shell_correlation(result.volume, truth, mask=None, between=wedge)
        exact = r_factor(result.volume, series, exact=True)
        error = real_space_error(result.volume, truth)
        print(
            f"| {name} | {result.iteration} | {result.r_factor:.2%} | {exact:.2%} | {error:.3f} "
            f"| {everywhere.mean:.3f} / {in_wedge.mean:.3f} |",
            flush=True,
        )
        yield name, everywhere, in_wedge


def main(vesicle, picture):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the file has no machine stamp
        truth = np.ascontiguousarray(mrcfile.read(vesicle).transpose(2, 1, 0))  # stored with z fastest
    by_slices = tilt_series(truth, ANGLES, noise=NOISE)
    noise = np.random.default_rng(0).normal(0, NOISE, by_slices.shape)
    by_strips = TiltSeries(strips(truth, ANGLES) + noise, ANGLES)
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    canvas, axes = plt.subplots(2, 2, figsize=(8.5, 6.4), sharex=True, sharey=True, layout="constrained")
    rows = {"projected by Fourier slices": by_slices, "projected by strips": by_strips}
    for row, (title, series) in zip(axes, rows.items(), strict=True):
        print(f"\n{title}\n| method | iteration | R_F | exact R_F | error | mean FSC, all / missing wedge |")
        for name, *curves in figures(truth, series):
            if name in DRAWN:
                for axis, curve in zip(row, curves, strict=True):
                    axis.plot(curve.frequency, curve.correlation, color=COLOURS[DRAWN.index(name)], label=name)
        row[0].set_title(f"{title}: all", loc="left", fontsize=9)
        row[1].set_title("in the missing wedge", loc="left", fontsize=9)
        row[0].set_ylabel("Fourier shell correlation")
    for axis in axes[1]:
        axis.set_xlabel("spatial frequency (cycles per voxel)")
    axes[0, 0].legend(frameon=False, fontsize=8, loc="lower left")
    canvas.savefig(picture, dpi=130)


if __name__ == "__main__":
    main(*sys.argv[1:])

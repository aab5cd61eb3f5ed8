"""Thin films, larger than the field of view (section 3.4), taken for an isolated object and for a film.

The thesis says that RESIRE can be corrected for films and shows none. A simulated one with a known truth, 24 slices
deep, field of view 64 x 48 pixels, 47 tilts from -69 to 69 degrees, noise 3 % of the mean, projected by the Fourier
slice theorem and reconstructed along rays; the border is the outer 5 columns on either side. Errors are
sum |u - u0| / sum |u0|, brightness and spread (standard deviation) those of the border over the truth's. Then the
depth, by its R-factor and that of every eighth tilt, held out.

Needs no data. Takes seconds.
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .. import reconstruct
from ..simulate import film, tilt_series
from ..tomography import RESIRE, SIRT, AcceleratedRESIRE, TiltSeries, fourier_shell_correlation
from ..tomography.metrics import real_space_error
from .report import Report, Table, bar, main, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEPTH, ROWS, COLUMNS, BORDER = 24, 48, 64, 5
ANGLES = np.arange(-69, 70, 3.0)
METHODS = (RESIRE(max_iterations=40), AcceleratedRESIRE(max_iterations=12), SIRT(max_iterations=40))
DEPTHS = (16, 20, 22, 24, 26, 28, 32, 40)
NOISE = 0.3


def simulated(rows: int = ROWS) -> tuple[NDArray[np.float32], TiltSeries]:
    """The film inside the field of view (z, y, x), and its tilt series."""
    whole = film((DEPTH, rows, 264), DEPTH, seed=1)
    left = whole.shape[2] // 2 - COLUMNS // 2
    return whole[:, :, left : left + COLUMNS], tilt_series(whole, ANGLES, shape=(rows, COLUMNS), noise=NOISE, seed=2)


def parts(volume: NDArray) -> tuple[NDArray, NDArray]:
    """The outer columns and those between."""
    return np.concatenate([volume[..., :BORDER], volume[..., -BORDER:]], axis=-1), volume[..., BORDER:-BORDER]


def figures(volume: NDArray, truth: NDArray) -> dict[str, float]:
    """Errors in the border and inside; brightness and spread of the border over the truth's; mean FSC of all."""
    (border, inside), (true_border, true_inside) = parts(volume), parts(truth)
    return {
        "error, border": real_space_error(border, true_border),
        "error, inside": real_space_error(inside, true_inside),
        "brightness": border.mean() / true_border.mean(),
        "spread": border.std() / true_border.std(),
        "mean FSC": fourier_shell_correlation(volume - truth.mean(), truth - truth.mean()).mean,
    }


def experiment(options: argparse.Namespace) -> Report:
    """Each method with and without `film`, and RESIRE with each depth."""
    truth, series = simulated(options.rows)
    pictures, rows = {"truth": truth}, []
    for method, is_film in bar([(method, is_film) for method in METHODS for is_film in (False, True)]):
        result = reconstruct(replace(method, depth=DEPTH, film=is_film), series)
        name = f"{method.title}{', film' * is_film}"
        values = (f"{value:.2f}" for value in figures(result.volume, truth).values())
        rows.append((name, *values, f"{result.r_factor:.1%}"))
        if method is METHODS[0]:
            pictures[name] = result.volume
    held_out, depths = series.hold_out(8), []
    for depth in bar([d for d in DEPTHS if d in options.depths]):
        result = reconstruct(RESIRE(max_iterations=40, depth=depth, film=True), held_out)
        depths.append((str(depth), f"{result.r_factor:.2%}", f"{result.metrics['free_r_factor'][-1]:.2%}"))
    return Report(
        "One film and one draw of the noise.",
        [Table(("", *figures(truth, truth), "R_F"), tuple(rows)), Table(("depth", "R_F", "free R_F"), tuple(depths))],
        lambda figure: draw_films(figure, pictures),
        "A simulated film: the truth, RESIRE as of an isolated object, and as of a film",
    )


def draw_films(figure: "Figure", pictures: Mapping[str, NDArray]) -> None:
    """Sections across the beam and along it, and the mean of each column along x."""
    figure.set_size_inches(9, 6.2)
    height = pictures["truth"].shape[1]
    axes = figure.subplots(3, 3, height_ratios=(height, DEPTH, 30))
    for (name, volume), (across, along, profile) in zip(pictures.items(), axes.T, strict=True):
        across.imshow(volume[DEPTH // 2], vmin=0, vmax=1, cmap="gray")
        along.imshow(volume[:, height // 2], vmin=0, vmax=1, cmap="gray")
        profile.plot(pictures["truth"].mean(axis=(0, 1)), color="0.6", label="truth")
        profile.plot(volume.mean(axis=(0, 1)), color="C3", label=name)
        across.set_title(name)
        profile.set(xlim=(-0.5, COLUMNS - 0.5), ylim=(0, 1.1), xlabel="x (px)")
    for row, label in zip(axes, ("y (px), central slice", "z (px), along the beam", "mean density"), strict=True):
        row[0].set_ylabel(label)


if __name__ == "__main__":
    options = (
        ("--rows", {"type": number, "default": ROWS, "help": f"of the field of view ({ROWS})"}),
        ("--depths", {"type": number, "nargs": "+", "default": DEPTHS, "metavar": "N", "help": "of the second table"}),
    )
    raise SystemExit(main(experiment, *options, reduced={"rows": 24, "depths": (20, 24, 28)}))

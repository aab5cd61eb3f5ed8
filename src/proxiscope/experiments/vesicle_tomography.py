"""Figure 3.1 and section 3.3.1: algorithms of tomography on noisy projections of a vesicle.

The authors' vesicle of 64 x 64 x 64, 41 tilts from -70 to 70 degrees, projected by the Fourier slice theorem, with
Gaussian noise of standard deviation 0.265 (not printed; the value at which RESIRE and SIRT hit the printed R_F), and
with positivity, which algorithm 3 omits. R_F is eq. 3.9 by the method's own projector and by the exact one; the error
is sum |u - u0| / sum |u0|; the Fourier shell correlation (FSC) with the true volume is the mean over shells up to the
Nyquist frequency, of all points and of those in the missing wedge, strictly beyond the outermost tilts.

These projections are made by the projector that the thesis reconstructs with. At full scale, all is done once more with
projections by strips as wide as a pixel, as a detector takes them.

Needs the authors' vesicle.mrc. At full scale two minutes, at reduced scale one.
"""

import argparse
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import reconstruct
from ..core import Algorithm, iterate
from ..figures import COLOURS
from ..simulate import tilt_series
from ..tomography import (
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
)
from ..tomography.correlation import FSC
from ..tomography.metrics import r_factor, real_space_error
from ._vesicle_series import ANGLES, NOISE, strips, vesicle_of
from .report import Report, Table, bar, main

if TYPE_CHECKING:
    from matplotlib.figure import Figure

METHODS: Mapping[str, Algorithm] = {
    'RESIRE, `projector="thesis"`': RESIRE(max_iterations=400, projector="thesis"),
    "RESIRE, Fourier slice": RESIRE(max_iterations=400, projector="fourier-slice"),
    "RESIRE, real space": RESIRE(max_iterations=400),
    "accelerated RESIRE, Fourier slice": AcceleratedRESIRE(max_iterations=95, projector="fourier-slice"),
    "accelerated RESIRE, real space": AcceleratedRESIRE(max_iterations=95),
    "RESIRE, total variation": TVRESIRE(),
    "GENFIRE": GENFIRE(),
    "SIRT": SIRT(max_iterations=400),
    "SART": SART(),
    "FBP, shepp-logan": FBP(filter="shepp-logan"),
    'RESIRE, `projector="thesis"`, without positivity': RESIRE(
        max_iterations=400, projector="thesis", positivity=False
    ),
    "RESIRE, Fourier slice, without positivity": RESIRE(
        max_iterations=400, projector="fourier-slice", positivity=False
    ),
    "GENFIRE, without suppression": GENFIRE(schedule="extension"),
}
THESIS = next(iter(METHODS))
PRINTED = {THESIS: "28.59", "GENFIRE": "38.98", "SIRT": "30.46", "FBP, shepp-logan": "35.44 (IMOD)"}
DRAWN = (
    "RESIRE, Fourier slice", "RESIRE, real space", "RESIRE, total variation", "GENFIRE", "SIRT", "FBP, shepp-logan",
)  # fmt: skip
BANDS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
"""Of frequency, in cycles per voxel."""


class Found(NamedTuple):
    """A volume's figures: R_F by its own projector and the exact one, error, and FSC of all and in the wedge."""

    iterations: int
    r_f: float
    exact: float
    error: float
    everywhere: FSC
    in_wedge: FSC


def experiment(options: argparse.Namespace) -> Report:
    """All methods on both kinds of projections, and how soon momentum comes to the figures of the first."""
    truth = vesicle_of(options.data)
    series = {"projected by Fourier slices": tilt_series(truth, ANGLES, noise=NOISE, seed=options.seed)}
    if options.strips:
        noise = np.random.default_rng(options.seed).normal(0, NOISE, series["projected by Fourier slices"].shape)
        series["projected by strips"] = TiltSeries(strips(truth, ANGLES) + noise, ANGLES)
    found = {(way, name): measure(METHODS[name], s, truth) for way, s in series.items() for name in bar(METHODS)}
    tables = [_table(way, {name: found[way, name] for name in METHODS}) for way in series]
    way, first = next(iter(series.items()))
    tables.insert(1, _of_bands({name: found[way, name] for name in DRAWN}))
    tables.insert(2, _of_momentum(found[way, THESIS], first, truth))
    exact = r_factor(truth, first, exact=True)
    return Report(
        f"One draw of the noise (seed {options.seed}). The noise-free truth has an exact R_F of {exact:.1%}.",
        tables,
        lambda figure: _draw(figure, found, list(series)),
        "Fourier shell correlation with the true vesicle, as in figure 3.1",
    )


def measure(algorithm: Algorithm, series: TiltSeries, truth: NDArray) -> Found:
    """Reconstruct and compare with the truth."""
    result, wedge = reconstruct(algorithm, series), missing_wedge(truth.shape, series, margin=0)
    return Found(
        result.iteration,
        result.r_factor,
        r_factor(result.volume, series, exact=True),
        real_space_error(result.volume, truth),
        fourier_shell_correlation(result.volume, truth),
        fourier_shell_correlation(result.volume, truth, mask=None, between=wedge),
    )


def _table(way: str, found: Mapping[str, Found]) -> Table:
    columns = way, "iterations", "R_F, own", "R_F, exact", "error", "FSC, all / wedge", "printed R_F, %"
    rows = (
        (
            name, str(f.iterations), f"{f.r_f:.2%}", f"{f.exact:.2%}", f"{f.error:.3f}",
            f"{f.everywhere.mean:.3f} / {f.in_wedge.mean:.3f}", PRINTED.get(name, "") if "slices" in way else "",
        )
        for name, f in found.items()
    )  # fmt: skip
    return Table(columns, tuple(rows))


def _of_bands(found: Mapping[str, Found]) -> Table:
    """Mean FSC by band, all points; figure 3.1 claims that RESIRE is best in each."""
    pairs = list(pairwise(BANDS))
    rows = []
    for name, f in found.items():
        frequency, values = f.everywhere.frequency, f.everywhere.correlation
        rows.append((name, *(f"{values[(frequency > a) & (frequency <= b)].mean():.3f}" for a, b in pairs)))
    return Table(("FSC by cycles per voxel", *(f"{a:g} to {b:g}" for a, b in pairs)), tuple(rows))


def _of_momentum(thesis: Found, series: TiltSeries, truth: NDArray) -> Table:
    """Iterations of accelerated RESIRE with the exact pair, to what the literal RESIRE ends with."""
    r_f, errors = [], []
    for progress in iterate(METHODS["accelerated RESIRE, Fourier slice"], series):
        r_f.append(progress.metrics["r_factor"])
        errors.append(real_space_error(progress.estimate(), truth))
    rows = (
        (f"the own R_F of {THESIS} at its end", first_below(r_f, thesis.r_f)),
        (f"the error of {THESIS} at its end", first_below(errors, thesis.error)),
        ("its own lowest error", str(1 + int(np.argmin(errors)))),
    )
    return Table(("accelerated RESIRE, Fourier slice, comes to", "at iteration"), rows)


def first_below(values: Sequence[float], bound: float) -> str:
    """The iteration, from 1 on, at which values first are not above a bound."""
    below = np.flatnonzero(np.asarray(values) <= bound)
    return str(1 + below[0]) if len(below) else "none"


def _draw(figure: "Figure", found: Mapping[tuple[str, str], Found], ways: list[str]) -> None:
    figure.set_size_inches(8.5, 0.4 + 3 * len(ways))
    grid = figure.subplots(len(ways), 2, sharex=True, sharey=True, squeeze=False)
    for row, way in zip(grid, ways, strict=True):
        for name, colour in zip(DRAWN, COLOURS, strict=False):
            for axes, curve in zip(row, (found[way, name].everywhere, found[way, name].in_wedge), strict=True):
                axes.plot(curve.frequency, curve.correlation, color=colour, label=name)
        row[0].set_title(f"{way}: all", loc="left")
        row[1].set_title("in the missing wedge", loc="left")
        row[0].set_ylabel("Fourier shell correlation")
    for axes in grid[-1]:
        axes.set_xlabel("spatial frequency (cycles per voxel)")
    grid[0, 0].legend(loc="lower left")


if __name__ == "__main__":
    switch = argparse.BooleanOptionalAction
    by_strips = ("--strips", {"action": switch, "default": True, "help": "projections by strips too"})
    raise SystemExit(main(experiment, by_strips, reduced={"strips": False}))

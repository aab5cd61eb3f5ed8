"""Partly blocked projections (section 3.4), in which only part of each projection is given.

The thesis says that RESIRE can deal with them and shows none. A simulated vesicle, 47 tilts from -69 to 69 degrees,
noise 0.3 where the projections reach 19; errors after 80 iterations, accelerated 20, and after 20 of RESIRE with zeros
for what is blocked. Each tilt is blocked elsewhere. Euler triples have any phi, and psi to 20 degrees.

Needs no data. At full scale half a minute.
"""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .. import reconstruct
from ..core import Algorithm
from ..figures import COLOURS
from ..simulate import tilt_series, vesicle
from ..tomography import RESIRE, SIRT, AcceleratedRESIRE, TiltSeries
from ..tomography.metrics import real_space_error
from .report import Report, Table, bar, main, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ANGLES = np.arange(-69, 70, 3.0)
METHODS: dict[str, Algorithm] = {
    "RESIRE": RESIRE(max_iterations=80),
    "accelerated": AcceleratedRESIRE(max_iterations=20),
    "SIRT": SIRT(max_iterations=80),
}
ZEROS = RESIRE(max_iterations=20)

Shape = tuple[int, int, int]


def a_bar(shape: Shape, rng: np.random.Generator) -> NDArray[np.bool_]:
    """A bar across each projection, a fifth as wide as it, somewhere else in each."""
    y, x = np.indices(shape[1:]) - np.array(shape[1:])[:, None, None] // 2
    turns, places = rng.uniform(0, np.pi, (shape[0], 1, 1)), rng.uniform(-0.3, 0.3, (shape[0], 1, 1)) * shape[2]
    return np.abs(np.cos(turns) * x + np.sin(turns) * y - places) > 0.09 * shape[2]


def a_grid(shape: Shape, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Bars 5 wide and 16 apart in both directions."""
    y, x = np.indices(shape[1:])
    at = rng.integers(0, 16, (2, shape[0], 1, 1))
    return ((y + at[0]) % 16 >= 5) & ((x + at[1]) % 16 >= 5)


def a_half(shape: Shape, rng: np.random.Generator) -> NDArray[np.bool_]:
    """The left or the right half."""
    right = np.arange(shape[2]) >= shape[2] // 2
    return np.broadcast_to(right == (rng.random((shape[0], 1, 1)) < 0.5), shape)


def at_random(part: float) -> Callable[[Shape, np.random.Generator], NDArray[np.bool_]]:
    """Such a part of the pixels."""
    return lambda shape, rng: rng.random(shape) > part


BLOCKED = {
    "nothing": at_random(0),
    "a bar": a_bar,
    "a grid, bars 5 wide and 16 apart": a_grid,
    "one half, left or right": a_half,
    "pixels at random, 30 %": at_random(0.3),
    "pixels at random, 70 %": at_random(0.7),
}


def experiment(options: argparse.Namespace) -> Report:
    """The error of each method with each kind of blocking, about one axis and by Euler triples."""
    truth, rng = vesicle((options.size,) * 3), np.random.default_rng(1 + options.seed)
    triples = np.stack([rng.uniform(0, 180, len(ANGLES)), ANGLES, rng.uniform(-20, 20, len(ANGLES))], axis=1)
    kinds = {"one axis": tilt_series(truth, ANGLES, noise=options.noise, seed=options.seed)}
    if options.triples:
        kinds["Euler triples"] = tilt_series(truth, triples, noise=options.noise, seed=options.seed)
    rows, shown = [], {}
    for name, make in bar(BLOCKED.items()):
        usable = make(kinds["one axis"].shape, np.random.default_rng(2 + options.seed))
        cells = errors(kinds["one axis"], usable, truth, METHODS)
        if options.triples:
            cells += errors(kinds["Euler triples"], usable, truth, {"RESIRE": METHODS["RESIRE"]})
        if usable.all():
            cells = [np.nan if i in (len(METHODS), len(METHODS) + 2) else cell for i, cell in enumerate(cells)]
        shown[name] = cells
        rows.append((name, f"{1 - usable.mean():.0%}", *("" if np.isnan(cell) else f"{cell:.3f}" for cell in cells)))
    columns = "blocked", "of all pixels", *METHODS, "zeros", *(["RESIRE, Euler triples", "zeros"] * options.triples)
    return Report(
        f"Errors sum |u - u0| / sum |u0| on a vesicle of {options.size}³, one draw of noise and of what is blocked.",
        [Table(columns, tuple(rows))],
        lambda figure: _draw(figure, shown),
        "Error by what is blocked: RESIRE without the blocked pixels, and with zeros in their place",
    )


def errors(series: TiltSeries, usable: NDArray, truth: NDArray, methods: dict[str, Algorithm]) -> list[float]:
    """Of each method without the blocked pixels, and of RESIRE with zeros for them."""
    without = series.copy_with(projections=np.where(usable, series.projections, np.nan))
    zeros = series.copy_with(projections=np.where(usable, series.projections, 0))
    found = [real_space_error(reconstruct(method, without).volume, truth) for method in methods.values()]
    return [*found, real_space_error(reconstruct(ZEROS, zeros).volume, truth)]


def _draw(figure: "Figure", shown: dict[str, list[float]]) -> None:
    axes, places = figure.subplots(), np.arange(len(shown))
    for shift, column, label in ((-0.2, 0, "without them"), (0.2, len(METHODS), "zeros in their place")):
        axes.barh(places + shift, [cells[column] for cells in shown.values()], 0.4, color=COLOURS[column], label=label)
    axes.set_yticks(places, list(shown))
    axes.invert_yaxis()
    axes.set_xlabel("error of RESIRE")
    axes.legend()


if __name__ == "__main__":
    options = (
        ("--size", {"type": number, "default": 64, "help": "voxels of the vesicle in each direction (64)"}),
        ("--noise", {"type": float, "default": 0.3, "help": "standard deviation (0.3)"}),
        ("--triples", {"action": argparse.BooleanOptionalAction, "default": True, "help": "any rotations too"}),
    )
    raise SystemExit(main(experiment, *options, reduced={"size": 32, "noise": 0.15, "triples": False}))

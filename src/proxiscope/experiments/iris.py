"""Figure 4.2: EM and stochastic backward Euler (SBE) on the Iris data from random starts.

150 points of 4 coordinates in 3 clusters; a start is three of the points. The thesis states batches of 60, imaxit = 40
and omaxit = 10 for SBE; since its other runs have few inner and many outer iterations, the two are also run exchanged.
A run is stuck if it ends above 0.3, between the global optimum and the local one near 0.48.

Needs no data and takes a minute at full scale, of 1000 runs; the thesis has 100.
"""

import argparse
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..learning import Lloyd
from ..learning.datasets import iris
from ._kmeans_table import Run, ending, plus_plus, sbe
from .report import Report, Table, main

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUCK = 0.3
METHODS: dict[str, tuple[Run, str]] = {
    "EM": (ending(Lloyd), "29 %, near 0.48"),
    "SBE, 10 x 40": (sbe(60, 10, 40), "0 %, near 0.264"),
    "SBE, 40 x 10": (sbe(60, 40, 10), ""),
    "k-means++": (plus_plus, ""),
    "k-means++, best of 10": (lambda *run: plus_plus(*run, restarts=10), ""),
}
"""By name: the run, and what is printed of it."""


def experiment(options: argparse.Namespace) -> Report:
    """Objectives of every method from the same random starts."""
    points, seeds = iris(), range(options.seed, options.seed + options.trials)
    objectives = {name: np.array([run(points, 3, s) for s in seeds]) for name, (run, _) in METHODS.items()}
    rows = tuple(_row(name, objectives[name], printed) for name, (_, printed) in METHODS.items())
    return Report(
        f"{options.trials} random starts, the same for EM and SBE.",
        [Table(("method", "stuck", "min", "median", "max", "printed"), rows)],
        lambda figure: _draw(figure, objectives),
        f"Objective values that {options.trials} runs end with",
    )


def _row(name: str, objectives: NDArray, printed: str) -> tuple[str, ...]:
    figures = objectives.min(), np.median(objectives), objectives.max()
    return (name, f"{np.mean(objectives > STUCK):.0%}", *(f"{v:.4f}" for v in figures), printed)


def _draw(figure: "Figure", objectives: dict[str, NDArray]) -> None:
    shown = list(objectives)[:3]
    bins = np.linspace(0.25, 0.5, 51)
    for axes, name in zip(figure.subplots(1, 3, sharey=True, sharex=True), shown, strict=True):
        axes.hist(np.clip(objectives[name], bins[0], bins[-1]), bins)
        axes.set(title=name, xlabel="objective")
    figure.axes[0].set_ylabel("runs")
    figure.set_size_inches(7, 2.4)


if __name__ == "__main__":
    raise SystemExit(main(experiment, trials=1000, reduced={"trials": 100}))

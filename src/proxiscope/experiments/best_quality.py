"""The lowest R_real that the noise of figure 2.2 allows, and how near to it `best-quality` comes.

Poisson likelihood that starts from the true object ends at the floor; the thesis prints 0.7 %, for GPS-F. A frame of
384 has a lower one, and so have more photons. `best-quality` starts from random phases, at its defaults: 64 starts of
GPS-R without returns, the best 16 by likelihood, 4 rounds of exchange.

Needs the authors' vesicle_2D.mat. At full scale five minutes.
"""

import argparse
from typing import TYPE_CHECKING

import numpy as np

from .. import reconstruct
from ..figures import COLOURS
from ..phase import BestQuality, PoissonML
from ..phase.metrics import r_real
from ._vesicle_pattern import Vesicle
from .report import Report, Table, bar, main

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AT_THE_FLOOR = 1.6
"""Per cent."""


def experiment(options: argparse.Namespace) -> Report:
    """R_real of both on each noise."""
    vesicle, noises = Vesicle.of(options.data), range(options.seed, options.seed + options.trials)
    floor, found = [], []
    for noise in bar(noises):
        pattern = vesicle.pattern(noise)
        floor.append(reconstruct(PoissonML(), pattern.starting_from(vesicle.truth)).image)
        found.append(reconstruct(BestQuality(), pattern).image)
    errors = {
        name: 100 * np.array([r_real(image, vesicle.truth) for image in images])
        for name, images in {"floor": floor, "best-quality": found}.items()
    }
    rows = tuple(
        (name, *(f"{q:.2f}" for q in np.quantile(e, (0, 0.5, 1))), f"{(e <= AT_THE_FLOOR).sum()} of {len(e)}", printed)
        for (name, e), printed in zip(errors.items(), ("", "0.7"), strict=True)
    )
    each = tuple((str(n), *(f"{errors[name][i]:.2f}" for name in errors)) for i, n in enumerate(noises))
    columns = "R_real, %", "min", "median", "max", f"at or below {AT_THE_FLOOR} %", "printed, GPS-F"
    return Report(
        f"Noise seeds {noises[0]} to {noises[-1]}.",
        [Table(columns, rows), Table(("noise seed", *errors), each)],
        lambda figure: _draw(figure, errors),
        "R_real of the floor and of best-quality on each noise",
    )


def _draw(figure: "Figure", errors: dict) -> None:
    axes = figure.subplots()
    for (name, values), mark, colour in zip(errors.items(), "_o", COLOURS, strict=False):
        axes.plot(values, mark, color=colour, markersize=8 if mark == "_" else 4, label=name)
    axes.axhline(0.7, color="0.6", linestyle="--", linewidth=0.8, label="printed")
    axes.set(xlabel="noise", ylabel="R_real (%)", ylim=(0, None), xticks=range(len(errors["floor"])))
    axes.legend()


if __name__ == "__main__":
    raise SystemExit(main(experiment, trials=20, reduced={"trials": 1}))

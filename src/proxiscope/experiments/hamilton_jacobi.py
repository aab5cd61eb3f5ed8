"""Figure 5.7: what the Hamilton-Jacobi equation behind Laplacian smoothing makes of a function with many minima.

f(w) = |w|^2 (1 + sin(2 pi |w|) / 2) in five dimensions, and its viscosity solution u(w, t) for sigma = 1 along two
lines through the origin. The thesis says neither which line it shows nor at which times. Along the diagonal, where
A_sigma does nothing, the same happens sooner than along e1.

Needs no data and takes a few seconds.
"""

import argparse
from typing import TYPE_CHECKING, get_args

import numpy as np
from numpy.typing import NDArray

from ..figures import COLOURS
from ..learning.hamilton_jacobi import Direction, ViscositySolution, direction, objective
from .report import Report, Table, main

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TIMES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
DRAWN = (0.0, 0.05, 0.2, 1.0)
FURTHEST = 3.0
LIFT = 0.05
"""Above the bottom of a well, where its width is measured."""


def experiment(options: argparse.Namespace) -> Report:
    """The solutions along both lines, and their figures."""
    distances = np.linspace(0, FURTHEST, 3001)
    solutions = {name: ViscositySolution([direction(name)], distances, options.sigma) for name in get_args(Direction)}
    found = {name: {t: solution(t)[0] for t in TIMES} for name, solution in solutions.items()}
    claimed = "brought down", "retained", "widened", "shrunk"
    rows = [(name, f"{t:g}", *figures_of(distances, u)) for name, courses in found.items() for t, u in courses.items()]
    columns = (
        "line", "t", "1st maximum", "2nd maximum", "u at the 2nd minimum", "u at the 3rd minimum",
        f"width of the 2nd well, {LIFT:g} above its bottom", "share that is concave",
    )  # fmt: skip
    printed = ("the thesis", "growing", claimed[0], claimed[0], claimed[1], claimed[1], claimed[2], claimed[3])
    return Report(
        f"u(w, t) for |w| up to {FURTHEST:g} and sigma = {options.sigma:g}, at {len(distances)} points a line. Maxima "
        "are those between successive minima of f off the origin. The figure in the thesis has no numbers, so that its "
        "words stand beside the table.",
        [Table(columns, (*rows, printed))],
        lambda figure: _draw(figure, distances, found),
        "u(w, t) along e1 and along the diagonal; t = 0 is f",
    )


def minima(distances: NDArray, u: NDArray) -> NDArray[np.intp]:
    """Places of the local minima but for the ends."""
    return 1 + np.flatnonzero((u[1:-1] < u[:-2]) & (u[1:-1] <= u[2:]))


def figures_of(distances: NDArray, u: NDArray) -> tuple[str, ...]:
    """Two maxima, u at two minima of f, the width of the well between, and the share of the line where u is concave."""
    first, second, third = minima(distances, objective(distances))[:3]
    tops = [u[a : b + 1].max() for a, b in ((first, second), (second, third))]
    edges = u[[second, third]]  # without a hill in between, the highest value is that at the end
    maxima = [f"{top:.3f}" if top > edge + 1e-9 else "gone" for top, edge in zip(tops, edges, strict=True)]
    outside = u > u[second] + LIFT
    left, right = np.flatnonzero(outside[:second]), np.flatnonzero(outside[second:])
    width = "none"
    if maxima[0] != "gone" and len(left) and len(right):
        width = f"{distances[second + right[0]] - distances[left[-1]]:.2f}"
    concave = np.mean(np.diff(u, 2) < -1e-9)
    return *maxima, *(f"{edge:.3f}" for edge in edges), width, f"{concave:.0%}"


def _draw(figure: "Figure", distances: NDArray, found: dict[str, dict[float, NDArray]]) -> None:
    across = np.concatenate([-distances[:0:-1], distances])
    for axes, (name, courses) in zip(figure.subplots(1, 2, sharey=True), found.items(), strict=True):
        for t, colour in zip(DRAWN, ("0.6", *COLOURS), strict=False):
            u = np.concatenate([courses[t][:0:-1], courses[t]])
            axes.plot(across, u, color=colour, label="f" if t == 0 else f"t = {t:g}")
        axes.set_title(f"along {name}" if name == "e1" else "along (1, 1, 1, 1, 1)")
        axes.set_xlabel("signed |w|")
    figure.axes[0].set_ylabel("u(w, t)")
    figure.axes[0].legend()
    figure.set_size_inches(7, 3)


if __name__ == "__main__":
    raise SystemExit(main(experiment, ("--sigma", {"type": float, "default": 1.0, "help": "of A_sigma (1)"})))

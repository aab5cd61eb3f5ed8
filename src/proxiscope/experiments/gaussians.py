"""Figure 4.1: stochastic backward Euler (SBE) leaves a local minimum in which EM is stuck.

Four Gaussian clusters in the plane with the printed means and covariances, 1000 points each. EM starts from the printed
centroids and is stuck; SBE goes on from there, over several seeds and first step sizes gamma0. A run has reached the
global optimum if its objective is within 1 % of the lowest known. The peers are given no start: k-means++ once and with
ten restarts (scikit-learn), and EM from as many random starts as fit into the time of one run of SBE.

Needs no data and takes about a minute at full scale.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ..core import DivergedError
from ..figures import COLOURS
from ..learning import SBE, Lloyd, PointSet
from ..learning.gaussians import START, four_gaussians
from ._kmeans_table import LONG, course, draw_courses, final, from_partition, last, plus_plus, sbe
from .report import Report, Table, main, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

K = 4
GAMMAS = (0.5 * K, 1.0 * K, 1.5 * K, 2.0 * K)
LENGTHS = ((1000, 150, 10), (500, 100, 5))
"""Batch size, omaxit and imaxit."""
EM = Lloyd(n_clusters=K, max_iterations=300)


def stuck(points: NDArray) -> NDArray[np.float64]:
    """The centroids (4, 2) at which EM from the printed start ends."""
    return final(EM, PointSet(points, START)).estimate()


class Share(NamedTuple):
    """How many runs reached the global optimum and how many diverged, of how many; seconds that one takes."""

    reached: int
    diverged: int
    runs: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.reached / self.runs:.0%}" + f", {self.diverged / self.runs:.0%} diverged" * (self.diverged > 0)


def share(run: Callable[[int], float], seeds: range, bound: float) -> Share:
    """Run from each seed to an objective, which has reached the optimum if it is not above `bound`."""
    ends, seconds = np.empty(len(seeds)), np.empty(len(seeds))
    for i, seed in enumerate(seeds):
        begun = time.perf_counter()
        try:
            ends[i] = run(seed)
        except DivergedError:
            ends[i] = np.inf
        seconds[i] = time.perf_counter() - begun
    return Share(int(np.sum(ends <= bound)), int(np.sum(np.isinf(ends))), len(ends), float(np.median(seconds)))


def experiment(options: argparse.Namespace) -> Report:
    """EM over draws of the points; SBE from where EM is stuck on the first draw; peers on that draw."""
    seeds = range(options.seed, options.seed + options.trials)
    draws = [four_gaussians(np.random.default_rng(seed), options.points) for seed in seeds]
    ends = [last(EM, PointSet(points, START)) for points in draws]
    optima = [plus_plus(PointSet(points), K, options.seed, restarts=10) for points in draws]
    trap, free = PointSet(draws[0], stuck(draws[0])), PointSet(draws[0])
    bound = 1.01 * optima[0]
    return Report(
        f"{options.trials} draws of {4 * options.points} points for EM; {options.trials} seeds for all else, "
        "on the first draw.",
        [_of_draws(ends, optima), _of_steps(trap, seeds, bound), _of_peers(trap, free, seeds, bound)],
        lambda figure: _draw(figure, trap, options.seed),
        "Left: where EM ends, and where SBE goes from there. Right: the objective over the iterations",
    )


def _of_draws(ends: list[float], optima: list[float]) -> Table:
    rows = (("EM from the printed start", ends, "1.34"), ("global optimum (k-means++, best of 10)", optima, "0.89"))
    return Table(
        ("objective over the draws", "min", "median", "max", "printed"),
        tuple((name, *(f"{q:.3f}" for q in np.quantile(v, (0, 0.5, 1))), printed) for name, v, printed in rows),
    )


def _of_steps(trap: PointSet, seeds: range, bound: float) -> Table:
    columns = ("SBE from where EM is stuck", *(f"M = {m}, {o} x {i}" for m, o, i in LENGTHS), "printed")
    rows = []
    for gamma in tqdm(GAMMAS, unit="step size"):
        runs = [share(partial(sbe(*length, gamma0=gamma), trap, K), seeds, bound) for length in LENGTHS]
        rows.append((f"gamma0 = {gamma / K:g} K", *map(str, runs), "it does, once" if gamma == K else ""))
    return Table(columns, tuple(rows))


def _of_peers(trap: PointSet, free: PointSet, seeds: range, bound: float) -> Table:
    jump = share(partial(LONG.run, trap, K), seeds, bound)
    once = share(partial(last, EM, free), seeds, bound)
    count = max(1, int(jump.seconds / once.seconds))
    runs = {
        "SBE from where EM is stuck": jump,
        "SBE from a random start": share(partial(LONG.run, free, K), seeds, bound),
        "SBE from a random partition": share(partial(from_partition(LONG).run, free, K), seeds, bound),
        "EM from a random start": once,
        f"EM from {count} random starts, the best": share(
            lambda s: min(last(EM, free, count * s + i) for i in range(count)), seeds, bound
        ),
        "k-means++": share(partial(plus_plus, free, K), seeds, bound),
        "k-means++, best of 10": share(partial(plus_plus, free, K, restarts=10), seeds, bound),
    }
    rows = tuple((name, str(found), f"{1000 * found.seconds:.2g}") for name, found in runs.items())
    return Table(("method", "reaches the global optimum", "ms a run"), rows)


def _draw(figure: "Figure", trap: PointSet, seed: int) -> None:
    _, before = course(EM, PointSet(trap.points, START))
    centroids, after = course(SBE(n_clusters=K, check_every=1), trap, seed)
    plane, curve = figure.subplots(1, 2)
    plane.scatter(*trap.points[::4].T, s=1, c="0.7", rasterized=True)
    plane.plot(*trap.start.T, "s", color=COLOURS[1], label="EM")
    plane.plot(*centroids.T, "o", color=COLOURS[0], label="SBE")
    plane.set_aspect("equal")
    plane.legend()
    draw_courses(curve, before, after)
    figure.set_size_inches(7, 3)


if __name__ == "__main__":
    points = {"type": number, "default": 1000, "help": "points of a cluster (1000)"}
    raise SystemExit(main(experiment, ("--points", points), trials=100, reduced={"trials": 10}))

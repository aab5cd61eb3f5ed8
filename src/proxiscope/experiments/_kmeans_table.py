"""What tables 4.1 to 4.3 have in common: methods, many runs of each from random starts, rows beside printed figures."""

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ..core import Algorithm, Progress, iterate
from ..figures import COLOURS
from ..learning import SBE, Lloyd, MiniBatch, PointSet
from ..learning.clustering import assign
from .report import Report, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PEERS, GROUP = 30, 10
"""Runs of k-means++, and those of which the best counts as one run with restarts."""

Run = Callable[[PointSet, int, int], float]
"""From points, number of clusters and seed to the objective of eq. 4.4 that a run ends with."""


class Method(NamedTuple):
    """A method as the tables name it."""

    name: str
    batch: str
    iterations: str
    run: Run
    start: str = "points"


class Found(NamedTuple):
    """The objectives of all runs of a method, what is printed of them, and the seconds that one takes."""

    clusters: int
    method: Method
    printed: str
    objectives: NDArray[np.float64]
    seconds: float


def final(algorithm: Algorithm, points: PointSet, seed: int = 0) -> Progress:
    """Where a run ends."""
    return deque(iterate(algorithm, points, seed=seed), maxlen=1).pop()


def last(algorithm: Algorithm, points: PointSet, seed: int = 0) -> float:
    """The objective that a run ends with."""
    return final(algorithm, points, seed).metrics["objective"]


def course(algorithm: Algorithm, points: PointSet, seed: int = 0) -> tuple[NDArray, list[float]]:
    """The centroids that a run ends with, and the objective after each of its iterations."""
    objectives = []
    for progress in iterate(algorithm, points, seed=seed):
        objectives.append(progress.metrics["objective"])
    return progress.estimate(), objectives


def draw_courses(axes: "Axes", before: Sequence[float], after: Sequence[float]) -> None:
    """The objective over the iterations of EM, and over those of SBE that goes on from there."""
    axes.plot(range(1, 1 + len(before)), before, color=COLOURS[1], label="EM")
    axes.plot(np.arange(1, 1 + len(after)) + len(before), after, color=COLOURS[0], label="SBE from there")
    axes.set(xlabel="iteration", ylabel="objective")
    axes.legend()


def ending(algorithm: type[Algorithm], **parameters) -> Run:
    """Runs of an algorithm with such parameters."""

    def run(points: PointSet, clusters: int, seed: int, start: str = "random") -> float:
        return last(algorithm(n_clusters=clusters, start=start, **parameters), points, seed)

    return run


def sbe(batch: int, outer: int, inner: int, **parameters) -> Run:
    """Runs of SBE, the objective evaluated only at their end."""
    sizes = {"batch_size": batch, "max_iterations": outer, "inner_iterations": inner, "check_every": outer}
    return ending(SBE, **sizes, **parameters)


def plus_plus(points: PointSet, clusters: int, seed: int, restarts: int = 1) -> float:
    """What scikit-learn's k-means++ ends with."""
    from sklearn.cluster import KMeans

    quicker = "elkan" if points.shape[1] > 16 else "lloyd"  # both find the same
    fitted = KMeans(clusters, n_init=restarts, random_state=seed, algorithm=quicker).fit(points.points)
    return assign(points.points, np.ascontiguousarray(fitted.cluster_centers_, points.points.dtype))[1]


def from_partition(method: Method) -> Method:
    """The method, started from the means of a random partition."""
    return method._replace(start="partition", run=partial(method.run, start="partition"))


EM = Method("EM", "all", "50", ending(Lloyd, max_iterations=50))
MINI_BATCH = Method("mb-EM", "500", "100", ending(MiniBatch, batch_size=500, max_iterations=100, check_every=100))
LONG = Method("SBE", "1000", "150 x 10", sbe(1000, 150, 10))
SHORT = Method("SBE", "500", "100 x 5", sbe(500, 100, 5))
ONCE = Method("k-means++", "all", "to its end", plus_plus, "k-means++")

Printed = Mapping[tuple[int, Method], str]
"""The printed minimum, maximum, mean and variance of a row."""

Row = tuple[int, Method, str]
"""Number of clusters, method, and what is printed."""


def rows_of(printed: Printed) -> Iterator[Row]:
    """By number of clusters the printed rows, each from either start, and k-means++ as their peer."""
    for clusters in sorted({k for k, _ in printed}):
        for method in (method for k, method in printed if k == clusters):
            yield clusters, method, printed[clusters, method]
            yield clusters, from_partition(method), printed[clusters, method]
        yield clusters, ONCE, ""


def compare(points: PointSet, rows: Sequence[Row], trials: int, seed: int) -> list[Found]:
    """Run each row from the seeds that count on from `seed`.

    Runs with the same start, number of clusters and seed have the same first centroids. Those of k-means++ are `PEERS`
    at the most; to each of their rows comes one with the best of every ten, if there are as many.
    """
    found = []
    counts = [min(trials, PEERS) if method is ONCE else trials for _, method, _ in rows]
    with tqdm(total=sum(counts), file=sys.stderr, unit="run") as bar:
        for (clusters, method, printed), count in zip(rows, counts, strict=True):
            bar.set_description(f"{method.name}, K = {clusters}")
            objectives, seconds = np.empty(count), np.empty(count)
            for i in range(count):
                begun = time.perf_counter()
                objectives[i] = method.run(points, clusters, seed + i)
                seconds[i] = time.perf_counter() - begun
                bar.update()
            found.append(Found(clusters, method, printed, objectives, float(np.median(seconds))))
            if method is ONCE and count >= GROUP:
                found.append(_restarted(found[-1]))
    return found


def _restarted(once: Found) -> Found:
    best = once.objectives[: len(once.objectives) // GROUP * GROUP].reshape(-1, GROUP).min(axis=1)
    method = once.method._replace(name=f"{once.method.name}, best of {GROUP}")
    return once._replace(method=method, objectives=best, seconds=once.seconds * GROUP)


def report(points: PointSet, printed: Printed, trials: int, seed: int, of: str) -> Report:
    """The printed rows and their peers on `points`, and histograms of those with the long runs of SBE."""
    found = compare(points, list(rows_of(printed)), trials, seed)
    true = next(k for k, method in printed if method is LONG)
    return Report(
        f"{trials} runs of each row, {min(trials, PEERS)} of k-means++, {of}. In brackets what is printed; seconds on "
        "one core.",
        [table(found)],
        lambda figure: draw_histograms(figure, [f for f in found if f.clusters == true]),
        f"Objective values that the runs with {true} clusters end with",
    )


def draw_histograms(figure: "Figure", found: Sequence[Found]) -> None:
    """How often each row ended at which objective."""
    every = np.concatenate([f.objectives for f in found])
    bins = np.linspace(every.min(), max(every.max(), 1.001 * every.min()), 41)
    grid = figure.subplots(2, -(-len(found) // 2), sharex=True)
    for axes, f in zip(grid.flat, found, strict=False):
        axes.hist(f.objectives, bins)
        axes.set_title(f"{f.method.name}, M {f.method.batch}\nfrom {f.method.start}", fontsize=7)
    for axes in grid.flat[len(found) :]:
        axes.set_visible(False)
    figure.supxlabel("objective")
    figure.supylabel("runs")


def table(found: Sequence[Found]) -> Table:
    """The figures of each row, the mean also over the lowest of as many clusters; in brackets the printed ones."""
    what, figures = ("K", "method", "start", "batch", "iterations", "runs"), ("min", "max", "mean", "variance")
    rows = tuple(_row(f, [g for g in found if g.clusters == f.clusters]) for f in found)
    return Table((*what, *figures, "mean / lowest", "s a run"), rows)


def _row(found: Found, peers: Sequence[Found]) -> tuple[str, ...]:
    o, method = found.objectives, found.method
    lowest = min(p.objectives.min() for p in peers)
    figures = [f"{v:.4f}" for v in (o.min(), o.max(), o.mean())] + [f"{o.var():.2g}", f"{o.mean() / lowest:.3f}"]
    if found.printed:
        printed = found.printed.split()
        lowest = min(float(p.printed.split()[0]) for p in peers if p.printed)
        printed.append(f"{float(printed[2]) / lowest:.3f}")
        figures = [f"{ours} ({theirs})" for ours, theirs in zip(figures, printed, strict=True)]
    words = str(found.clusters), method.name, method.start, method.batch, method.iterations, str(len(o))
    return (*words, *figures, f"{found.seconds:.2g}")

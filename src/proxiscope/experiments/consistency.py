"""Figures 2.3 and 2.4: how well independent starts agree, and how fast they converge.

The pattern is that of figure 2.2 (`phase_vesicle`). Of all starts R_F and R_real; of the best 5 and 20 (lowest R_F,
aligned) the variance of the pixels over the mean square of their mean, where 0.01 % is a standard deviation of 1 % of
the image. As in figure 2.4, also of the best 5 of many more starts (--many). The curves are medians over --watched
starts, of the iterates as they are every 20 iterations and not of the best so far. What oscillates rises: the sum of
all rises of R_F from one of those to the next is told as the median over the starts.

The mean images of figure 2.4 show the authors' vesicle, which may not be redistributed: they are drawn with --means.
Needs the authors' vesicle_2D.mat. At full scale about half an hour.
"""

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core import iterate
from ..figures import COLOURS
from ..phase import DiffractionPattern
from ..phase.base import PhaseRetrieval
from ..phase.metrics import align, r_factor, r_real
from ._vesicle_pattern import GOOD, METHODS, Starts, Vesicle, run, spread
from .report import Report, Table, bar, main, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

BEST, MORE = 5, 20
EVERY = 20
NEAR = (1.0, 0.1)
"""Of R_F, in per cent, from its end: when does a run come so near and stay?"""

CURVES = ("HIO", "OSS", "GPS-R, thesis", "GPS-F, thesis")
"""Those that figure 2.3 compares."""


class Course(NamedTuple):
    """R_F and R_real in per cent (start, check), and the iterations of the checks."""

    iterations: NDArray[np.int64]
    r_f: NDArray[np.float64]
    r_real: NDArray[np.float64]


def experiment(options: argparse.Namespace) -> Report:
    """All starts on each noise, the best of many on the first, and the courses of some."""
    vesicle = Vesicle.of(options.data)
    noises = range(options.seed, options.seed + options.noises)
    found = {}
    for noise, name in bar([(noise, name) for noise in noises for name in METHODS]):
        found[noise, name] = run(METHODS[name], vesicle.pattern(noise), vesicle.truth, options.trials)
    pattern = vesicle.pattern(options.seed)
    many = {}
    if options.many:
        for name in bar(METHODS):
            images = run(METHODS[name], pattern, vesicle.truth, options.many).images[:BEST]
            many[name] = f"{spread(images):.2g}"
    courses = {name: course(METHODS[name], pattern, vesicle.truth, options.watched) for name in bar(CURVES)}
    rows = tuple(_row(name, [found[noise, name] for noise in noises], many.get(name)) for name in METHODS)
    columns = (
        "", "R_F median, %", "R_F std", "R_real median, %", "R_real std", f"R_real < {GOOD:g} %",
        f"variance, best {BEST}, %", f"variance, best {min(MORE, options.trials)}, %",
        *([f"best {BEST} of {options.many}, %"] if many else []),
    )  # fmt: skip
    seeds = " / ".join(map(str, noises))
    first = {name: found[noises[0], name] for name in METHODS}
    return Report(
        f"{options.trials} starts of 1000 iterations, noise seed{'s' * (len(noises) > 1)} {seeds}; "
        f"courses of {options.watched} starts.",
        [Table(columns, rows), _of_courses(courses)],
        lambda figure: _draw(figure, first, courses, vesicle.truth, options.means),
        "Left: starts by R_F and R_real. Right: median course of both. Bottom: standard deviation of the best five "
        "starts, with the variance in per cent",
    )


def course(algorithm: PhaseRetrieval, pattern: DiffractionPattern, truth: NDArray, starts: int) -> Course:
    """R_F and R_real of the iterates as they are."""
    r_f, real, iterations = [], [], []
    for seed in range(starts):
        figures, iterations = [], []
        for progress in iterate(algorithm, pattern, seed=seed):
            if progress.iteration % EVERY == 0:
                image = progress.estimate()
                figures.append((r_factor(image, pattern), r_real(image, truth)))
                iterations.append(progress.iteration)
        of_f, of_real = 100 * np.transpose(figures)
        r_f.append(of_f)
        real.append(of_real)
    return Course(np.array(iterations), np.array(r_f), np.array(real))


def _row(name: str, found: list[Starts], many: str | None) -> tuple[str, ...]:
    figures = (
        [f"{np.median(s.r_f):.2f}" for s in found],
        [f"{s.r_f.std():.2f}" for s in found],
        [f"{np.median(s.r_real):.1f}" for s in found],
        [f"{s.r_real.std():.1f}" for s in found],
        [f"{s.successes / len(s.r_f):.0%}" for s in found],
        [f"{spread(s.images[:BEST]):.2g}" for s in found],
        [f"{spread(s.images[:MORE]):.2g}" for s in found],
    )
    return (name, *(" / ".join(cells) for cells in figures), *([many] if many else []))


def _of_courses(courses: Mapping[str, Course]) -> Table:
    columns = (
        "course of R_F", *(f"within {near:g} % of its last from iteration" for near in NEAR),
        "rises in all, %", "last R_F, %", "last R_real, %",
    )  # fmt: skip
    rows = []
    for name, c in courses.items():
        median = np.median(c.r_f, axis=0)
        reached = (str(settled(c.iterations, median, near)) for near in NEAR)
        last = f"{median[-1]:.2f}", f"{np.median(c.r_real[:, -1]):.1f}"
        rows.append((name, *reached, f"{np.median(rises(c.r_f)):.1f}", *last))
    return Table(columns, tuple(rows))


def settled(iterations: NDArray, values: NDArray, near: float) -> int:
    """The iteration from which values stay within so much of the last one."""
    away = np.flatnonzero(np.abs(values - values[-1]) > near)
    return int(iterations[away[-1] + 1] if len(away) else iterations[0])


def rises(values: NDArray) -> NDArray[np.float64]:
    """By how much each row rises in all, from one check to the next: 0 where it only falls."""
    return np.maximum(np.diff(values, axis=1), 0).sum(axis=1)


def _draw(
    figure: "Figure", found: Mapping[str, Starts], courses: Mapping[str, Course], truth: NDArray, means: bool
) -> None:
    figure.set_size_inches(8.5, 8.5 if means else 7)
    top, bottom = figure.subfigures(2, 1, height_ratios=(5, 3.4 if means else 2))
    left, right = top.subfigures(1, 2, width_ratios=(5, 4))
    _histograms(left, found)
    _courses(right, courses)
    _best_five(bottom, found, truth, means)


def _histograms(figure: "SubFigure", found: Mapping[str, Starts]) -> None:
    axes = figure.subplots(len(found), 2, sharex="col", sharey=True)
    for row, (name, starts) in zip(axes, found.items(), strict=True):
        row[0].hist(starts.r_f, np.linspace(5.75, 12.5, 55), color=COLOURS[0])
        row[1].hist(starts.r_real, np.linspace(0, 50, 51), color=COLOURS[1])
        row[0].set_ylabel(name.replace(", ", "\n"), rotation=0, ha="right", va="center")
        row[1].text(
            0.98, 0.6, f"{starts.successes} below {GOOD:g} %", transform=row[1].transAxes, ha="right", fontsize=7
        )
    axes[-1, 0].set_xlabel("R_F (%)")
    axes[-1, 1].set_xlabel("R_real (%)")


def _courses(figure: "SubFigure", courses: Mapping[str, Course]) -> None:
    for axes, values, label in zip(
        figure.subplots(2, 1, sharex=True), ("r_f", "r_real"), ("R_F", "R_real"), strict=True
    ):
        for (name, c), colour in zip(courses.items(), COLOURS, strict=False):
            axes.plot(c.iterations, np.median(getattr(c, values), axis=0), color=colour, label=name)
        axes.set(ylabel=f"{label} (%)", yscale="log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("{x:g}")
    figure.axes[0].legend()
    figure.axes[1].set_xlabel("iteration")


def _best_five(figure: "SubFigure", found: Mapping[str, Starts], truth: NDArray, means: bool) -> None:
    """Standard deviation, and with `means` the mean too, of the best five, all on the same scales."""
    rows, columns = np.nonzero(truth)
    window = np.s_[rows.min() - 4 : rows.max() + 5, columns.min() - 4 : columns.max() + 5]
    best = {name: np.stack([align(image, truth) for image in s.images[:BEST]]) for name, s in found.items()}
    widest = np.sqrt(max(images.var(axis=0).max() for name, images in best.items() if name != "HIO")) / truth.max()
    axes = figure.subplots(1 + means, len(best), squeeze=False)
    for column, (name, images) in zip(axes.T, best.items(), strict=True):
        column[-1].imshow(images.std(axis=0)[window] / truth.max(), cmap="inferno", vmin=0, vmax=widest)
        column[-1].set_xlabel(f"{name.replace(', ', chr(10))}\n{spread(images):.2g} %", fontsize=7)
        if means:
            column[0].imshow(images.mean(axis=0)[window], cmap="gray", vmin=0, vmax=truth.max())
        for one in column:
            one.set_xticks([])
            one.set_yticks([])
    axes[-1, 0].set_ylabel(f"0 to {widest:.0%}\nof the maximum", fontsize=7)


if __name__ == "__main__":
    options = (
        ("--noises", {"type": number, "default": 2, "help": "noises (2)"}),
        ("--many", {"type": int, "default": 500, "help": "starts for the last column; 0 leaves it out (500)"}),
        ("--watched", {"type": number, "default": 20, "help": "starts whose courses are recorded (20)"}),
        ("--means", {"action": "store_true", "help": "draw mean images too: not to be redistributed"}),
    )
    reduced = {"trials": 10, "noises": 1, "many": 0, "watched": 3}
    raise SystemExit(main(experiment, *options, trials=100, reduced=reduced))

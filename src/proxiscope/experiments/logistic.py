"""Figures 5.1 and 5.2: multi-class logistic regression by SGD, SVRG and smoothed SGD.

Each trial draws a tenth of MNIST's training images and tests on all test images: batches of 100, 200 epochs, step 0.5,
a tenth of that after each quarter, weights from zero. The thesis does not say how pixels were scaled, which decides how
large a step of 0.5 is: both from 0 to 1 and standardised, as is usual with PyTorch, are run. The peers of smoothing are
SGD with a fifth and with a 25th of the step.

Needs the files of MNIST. Takes about 20 s a trial; the thesis has 100, full scale is 50.
"""

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ..core import InputError, iterate
from ..figures import COLOURS
from ..learning import LabelledSet, LogisticRegression
from ..learning.datasets import mnist
from ..learning.logistic import standardised
from .report import Report, Table, main, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

METHODS = {
    "SGD": {},
    "SVRG": {"method": "svrg"},
    "LS-SGD, order 1": {"sigma": 1.0},
    "LS-SGD, order 2": {"sigma": 1.0, "order": 2},
    "SGD, 1/5 of the step": {"step_size": 0.1},
    "SGD, 1/25 of the step": {"step_size": 0.02},
}
PRINTED = {
    "SGD": "the largest spread of the loss",
    "SVRG": "a higher mean than SGD, the smallest spread of the loss",
    "LS-SGD, order 1": "mean > 1 % above SGD, much less spread",
    "LS-SGD, order 2": "mean > 1 % above SGD, less spread still",
}
"""What the text says of the figures, which have no numbers."""

SCALES = "0 to 1", "standardised"
MARKS = 20, 4, 1
"""At which parts of the run the spread of the loss is given: the 20th, the 4th, and its end."""

Courses = dict[str, NDArray[np.float64]]
"""By method: (trial, record, (loss, accuracy))."""


def experiment(options: argparse.Namespace) -> Report:
    """All methods on each trial's images, scaled either way."""
    if options.epochs < MARKS[0]:
        raise InputError("--epochs", f"got {options.epochs}", f"Give at least {MARKS[0]}")
    whole = mnist(options.data)
    if not 1 <= options.points <= len(whole.points):
        raise InputError("--points", f"got {options.points}", f"Give a number from 1 to {len(whole.points)}")
    found: dict[str, Courses] = {scale: {name: [] for name in METHODS} for scale in SCALES}
    for seed in tqdm(range(options.seed, options.seed + options.trials), unit="trial"):
        drawn = draw_points(whole, options.points, seed)
        for scale, problem in zip(SCALES, (drawn, standardised(drawn)), strict=True):
            for name, values in METHODS.items():
                found[scale][name].append(course(values, problem, options.epochs, seed))
    found = {scale: {name: np.array(runs) for name, runs in courses.items()} for scale, courses in found.items()}
    return Report(
        f"{options.trials} trials of {options.points} images, {options.epochs} epochs; one drawing and one order of "
        "images a trial for all methods.",
        [_table(scale, courses, options.epochs) for scale, courses in found.items()],
        lambda figure: _draw(figure, found, options.epochs),
        "Top: accuracy of each trial. Bottom: mean of the training loss and its standard deviation over the trials",
    )


def draw_points(whole: LabelledSet, count: int, seed: int) -> LabelledSet:
    """So many points, chosen at random without replacement."""
    chosen = np.random.default_rng(seed).choice(len(whole.points), count, replace=False)
    return replace(whole, points=whole.points[chosen], labels=whole.labels[chosen])


def course(values: dict, problem: LabelledSet, epochs: int, seed: int) -> NDArray[np.float64]:
    """Loss and accuracy (record, 2), 20 times in a run."""
    algorithm = LogisticRegression(
        **values, max_iterations=epochs, decay_every=max(1, epochs // 4), check_every=epochs // MARKS[0]
    )
    records = [p.metrics for p in iterate(algorithm, problem, seed=seed) if p.metrics]
    return np.array([(record["loss"], record["accuracy"]) for record in records])[: MARKS[0]]


def _table(scale: str, courses: Courses, epochs: int) -> Table:
    columns = (
        f"pixels {scale}", "accuracy, mean", "sd", "min", "max",
        *(f"sd of the loss, epoch {epochs // MARKS[0] * (MARKS[0] // mark)}" for mark in MARKS), "the thesis says",
    )  # fmt: skip
    return Table(columns, tuple((name, *_cells(runs), PRINTED.get(name, "")) for name, runs in courses.items()))


def _cells(runs: NDArray) -> tuple[str, ...]:
    loss, accuracy = runs[..., 0], runs[:, -1, 1]
    spread = loss.std(axis=0)
    figures = accuracy.mean(), accuracy.std(), accuracy.min(), accuracy.max()
    return *(f"{100 * v:.2f} %" for v in figures), *(f"{spread[MARKS[0] // mark - 1]:.4f}" for mark in MARKS)


def _draw(figure: "Figure", found: dict[str, Courses], epochs: int) -> None:
    top, bottom = figure.subplots(2, len(found))
    for scale, histogram, curves in zip(found, top, bottom, strict=True):
        ends = {name: 100 * runs[:, -1, 1] for name, runs in found[scale].items()}
        bins = np.histogram_bin_edges(np.concatenate(list(ends.values())), 40)
        for (name, runs), colour in zip(found[scale].items(), COLOURS, strict=False):
            histogram.hist(ends[name], bins, color=colour, histtype="step", linewidth=1.2)
            mean, spread = runs[..., 0].mean(axis=0), runs[..., 0].std(axis=0)
            x = epochs // MARKS[0] * np.arange(1, len(mean) + 1)
            curves.plot(x, mean, color=colour, label=name)
            curves.fill_between(x, mean - spread, mean + spread, color=colour, alpha=0.25, linewidth=0)
        histogram.set_title(f"pixels {scale}")
        histogram.set_xlabel("test accuracy (%)")
        curves.set_xlabel("epoch")
        curves.set_yscale("log")
    top[0].set_ylabel("trials")
    bottom[0].set_ylabel("training loss")
    figure.legend(*bottom[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.set_size_inches(7, 5.5)


if __name__ == "__main__":
    raise SystemExit(
        main(
            experiment,
            ("--epochs", {"type": number, "default": 200, "help": "passes over the images (200)"}),
            ("--points", {"type": number, "default": 6000, "help": "images to learn from (6000)"}),
            trials=50,
            reduced={"trials": 2, "epochs": 40, "points": 2000},
        )
    )

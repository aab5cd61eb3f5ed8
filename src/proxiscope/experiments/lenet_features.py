"""Table 4.3 and figure 4.6: the features that LeNet-5 makes of MNIST, by EM, mini-batch EM and SBE.

60000 points of 64 coordinates: what a LeNet-5, trained on these images, hands to its last layer. The scale of the
objective depends on the network and on how long it was trained, so that the printed objectives cannot come out as
such: compare the ratios to the lowest objective. Figure 4.6 lets stochastic backward Euler (SBE) go on from where EM
is stuck: here the worst of its runs.

Needs the files of MNIST and PyTorch; --points takes only the first of the images, --epochs trains for less.
"""

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from ..learning import SBE, Lloyd, PointSet
from ._kmeans_table import EM, LONG, MINI_BATCH, SHORT, course, draw_courses, report
from .report import Report, Table, main, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

K = 10
PRINTED = {
    (10, EM): "1.6238 3.0156 2.1406 0.0977",
    (10, LONG): "1.6238 1.6239 1.6239 2.7e-10",
    (8, MINI_BATCH): "2.3428 3.5972 2.7157 0.0666",
    (8, SHORT): "2.2833 2.4311 2.3274 0.0015",
    (10, MINI_BATCH): "1.6504 2.6676 2.1391 0.0712",
    (10, SHORT): "1.6239 1.6242 1.6240 1.37e-9",
    (12, MINI_BATCH): "1.5815 2.6189 1.7853 0.0661",
    (12, SHORT): "1.5326 1.5891 1.5622 9.8e-5",
}
JUMP = "2.178 1.623"
"""Where EM ends in figure 4.6, and SBE from there."""


def experiment(options: argparse.Namespace) -> Report:
    """The rows of table 4.3 and their peers; the course of figure 4.6."""
    from ._lenet import features

    found, accuracy = features(options.data, epochs=options.epochs, seed=options.seed)
    points = PointSet(found[: options.points])
    of = f"{len(points.points)} images, the network {accuracy:.2f} % right after {options.epochs} epochs"
    rows = report(points, PRINTED, options.trials, options.seed, of)
    before, after = jump(points, range(options.seed, options.seed + options.trials))
    return replace(
        rows,
        tables=[*rows.tables, _of_jump(before, after)],
        draw=lambda figure: _draw(figure, rows, before, after),
        caption=f"{rows.caption}; below, SBE from where EM is stuck",
    )


def jump(points: PointSet, seeds: range) -> tuple[list[float], list[float]]:
    """The objectives over the worst run of EM, and over SBE from there."""
    algorithm = Lloyd(n_clusters=K, max_iterations=50)
    worst = max(seeds, key=lambda seed: EM.run(points, K, seed))
    stuck, before = course(algorithm, points, worst)
    _, after = course(SBE(n_clusters=K, check_every=1), PointSet(points.points, stuck), worst)
    return before, after


def _of_jump(before: list[float], after: list[float]) -> Table:
    ends = [f"{v:.4f} ({printed})" for v, printed in zip((before[-1], after[-1]), JUMP.split(), strict=True)]
    return Table(("figure 4.6", "objective"), (("the worst run of EM", ends[0]), ("SBE from there", ends[1])))


def _draw(figure: "Figure", rows: Report, before: list[float], after: list[float]) -> None:
    upper, lower = figure.subfigures(2, 1, height_ratios=(3, 2))
    rows.draw(upper)
    draw_courses(lower.subplots(), before, after)
    figure.set_size_inches(9, 6.5)


if __name__ == "__main__":
    options = (
        ("--points", {"type": number, "default": 60_000, "help": "images (60000)"}),
        ("--epochs", {"type": number, "default": 4, "help": "epochs of the network's training (4)"}),
    )
    raise SystemExit(main(experiment, *options, trials=100, reduced={"trials": 3, "points": 4000, "epochs": 1}))

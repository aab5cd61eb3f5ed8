"""Table 4.2: the training images of MNIST, by EM, mini-batch EM and stochastic backward Euler (SBE).

60000 points of 784 coordinates, bytes divided by 255.

Needs the files of MNIST; --points takes only the first of them. The thesis has 100 trials; full scale is 50, half an
hour.
"""

import argparse

from ..learning import PointSet
from ..learning.datasets import mnist
from ._kmeans_table import EM, LONG, MINI_BATCH, SHORT, report
from .report import Report, main, number

PRINTED = {
    (10, EM): "19.6069 19.8195 19.6725 0.0028",
    (10, LONG): "19.6087 19.7279 19.6201 5.7e-4",
    (8, MINI_BATCH): "20.4948 20.7126 20.5958 0.0018",
    (8, SHORT): "20.2723 20.4104 20.3090 0.0014",
    (10, MINI_BATCH): "19.9029 20.2347 20.0146 0.0041",
    (10, SHORT): "19.6103 19.7293 19.6354 0.0011",
    (12, MINI_BATCH): "19.3978 19.7147 19.5136 0.0042",
    (12, SHORT): "19.0492 19.1582 19.0972 6.2e-4",
}


def experiment(options: argparse.Namespace) -> Report:
    """The rows of table 4.2 and their peers."""
    points = PointSet(mnist(options.data).points[: options.points])
    return report(points, PRINTED, options.trials, options.seed, f"{len(points.points)} images")


if __name__ == "__main__":
    points = {"type": number, "default": 60_000, "help": "images (60000)"}
    reduced = {"trials": 2, "points": 4000}
    raise SystemExit(main(experiment, ("--points", points), trials=50, reduced=reduced))

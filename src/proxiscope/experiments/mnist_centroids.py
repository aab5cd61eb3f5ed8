"""Table 4.1: points around 8 MNIST images, by EM, mini-batch EM and stochastic backward Euler (SBE).

60000 points of 784 coordinates: 8 images, and Gaussian noise of standard deviation 0.2 on all pixels. The thesis states
neither the noise nor the images. Its lowest objective 15.68 is 784 * 0.2**2 / 2, hence the noise; the images are of 8
different digits drawn by the seed, equally many points of each.

Needs the files of MNIST. The thesis has 100 trials; full scale is 50, half an hour.
"""

import argparse

import numpy as np

from ..learning import LabelledSet, PointSet
from ..learning.datasets import mnist
from ._kmeans_table import EM, LONG, MINI_BATCH, SHORT, report
from .report import Report, main, number

SIGMA = 0.2
PRINTED = {
    (8, EM): "15.6800 27.2828 20.0203 6.0030",
    (8, LONG): "15.6808 15.6808 15.6808 1.49e-10",
    (6, MINI_BATCH): "20.44 23.4721 21.8393 0.67",
    (6, SHORT): "20.2989 21.2047 20.4939 0.0439",
    (8, MINI_BATCH): "15.9193 18.5820 16.4009 0.7646",
    (8, SHORT): "15.6816 15.6821 15.6820 1.18e-9",
    (10, MINI_BATCH): "15.9148 18.1848 16.1727 0.4332",
    (10, SHORT): "15.6823 15.6825 15.6824 1.5e-9",
}


def noisy(images: LabelledSet, count: int, seed: int) -> PointSet:
    """`count` points around 8 of the images, no two of one digit."""
    rng = np.random.default_rng(seed)
    digits = rng.permutation(10)[:8]
    chosen = images.points[[rng.choice(np.flatnonzero(images.labels == digit)) for digit in digits]]
    points = rng.standard_normal((count, chosen.shape[1]), np.float32)
    points *= SIGMA
    points += np.resize(chosen, points.shape)
    return PointSet(points)


def experiment(options: argparse.Namespace) -> Report:
    """The rows of table 4.1 and their peers."""
    points = noisy(mnist(options.data), options.points, options.seed)
    return report(points, PRINTED, options.trials, options.seed, f"{options.points} points around 8 images")


if __name__ == "__main__":
    points = {"type": number, "default": 60_000, "help": "points (60000)"}
    reduced = {"trials": 2, "points": 4000}
    raise SystemExit(main(experiment, ("--points", points), trials=50, reduced=reduced))

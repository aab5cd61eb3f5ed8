"""The figures that docs/how-to/learning.md and the texts of the learning demos quote.

    python docs/scripts/learning_claims.py

Takes half a minute; prints a line for each claim.
"""

import time

import numpy as np
from sklearn.metrics import adjusted_rand_score

from proxiscope.core import iterate
from proxiscope.demos._features import features, prepared
from proxiscope.demos._grains import grains
from proxiscope.demos.logistic import Logistic
from proxiscope.learning import SBE, Lloyd, PointSet, SBEKMeans
from proxiscope.learning.gaussians import START, four_gaussians

RUNS = 40


def components(found, count):
    """Principal components of the points."""
    preparing = prepared(found, found.finite, count, False, 0.0, np.random.default_rng(0))
    while True:
        try:
            next(preparing)
        except StopIteration as done:
            return done.value[0]


def end(algorithm, problem, seed=0):
    """Where a run ends: its objective and its centroids."""
    *_, last = iterate(algorithm, problem, seed=seed)
    return last.metrics["objective"], last.estimate()


def reduce_first(patterns, truth):
    """Clustering of patterns by their pixels, and by 12 components."""
    found = features(patterns)
    for name, points in (("all pixels", found.values.astype(np.float32)), ("12 components", components(found, 12))):
        SBEKMeans(6, max_iter=2).fit(points)  # what is compiled first
        begin = time.perf_counter()
        runs = [SBEKMeans(6, random_state=seed).fit(points) for seed in range(5)]
        seconds = (time.perf_counter() - begin) / len(runs)
        index = np.median([adjusted_rand_score(truth.ravel(), run.labels_) for run in runs])
        print(f"patterns, {name}: {seconds:.2f} s a run, adjusted Rand index {index:.3f}")


def jump():
    """How often SBE leaves the trap of section 4.3.1, each time on other points."""
    traps = []
    for seed in range(RUNS):
        points = four_gaussians(np.random.default_rng(seed))
        traps.append(PointSet(points, end(Lloyd(n_clusters=4), PointSet(points, START))[1]))
    for factor in (0.5, 1.0, 1.5, 2.0):
        algorithm = SBE(n_clusters=4, gamma0=4 * factor, check_every=1000)
        jumped = sum(end(algorithm, trap, seed)[0] < 1 for seed, trap in enumerate(traps))
        print(f"jump the hill, gamma0 = {factor:g} K: {jumped} of {RUNS}")


def worse_minima(patterns):
    """How often EM and SBE end above the best minimum from the same random start."""
    points = components(features(patterns), 12)
    best = min(end(Lloyd(n_clusters=6, start="k-means++"), PointSet(points), seed)[0] for seed in range(10))
    worse = {"EM": 0, "SBE": 0}
    for seed in range(RUNS):
        start = Lloyd(n_clusters=6).first_centroids(PointSet(points), np.random.default_rng(seed))
        problem = PointSet(points, start)
        worse["EM"] += end(Lloyd(n_clusters=6), problem)[0] > 1.01 * best
        worse["SBE"] += end(SBE(n_clusters=6, max_iterations=60, check_every=1000), problem, seed)[0] > 1.01 * best
    print("patterns, a worse minimum from", ", ".join(f"{name} {n}" for name, n in worse.items()), f"of {RUNS} starts")


def spreads():
    """How much the loss spreads from seed to seed in the demo of logistic regression, relative to SGD's."""
    *_, last = Logistic().run()
    means = {curve.name: np.mean(curve.spread) for curve in last.plot.curves}
    plain = next(iter(means.values()))
    print("digits, mean spread of the loss:", ", ".join(f"{n} {s / plain:.2f}" for n, s in means.items()))


def main():
    patterns, truth = grains(np.random.default_rng(0))
    reduce_first(patterns, truth)
    worse_minima(patterns)
    jump()
    spreads()


if __name__ == "__main__":
    main()

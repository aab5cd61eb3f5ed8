"""Cost of the learning studies: k-means by stochastic backward Euler against scikit-learn's mini-batch k-means.

Both visit as many points, in batches of the same size from the same start, and label all points at the end. All ratios
are of medians of rounds that alternate within one run.

    python benchmarks/learning.py [--points 60000] [--passes 5] [--rounds 5] [--threads 1 2]

Demand: stochastic backward Euler in at most 1.5 times the time of mini-batch k-means.
"""

import argparse
import os
import platform
import warnings

os.environ |= {"OMP_WAIT_POLICY": "passive"}  # idle threads of one library must not spin while another is timed

import numpy as np
import sklearn.cluster
from _timing import alternate
from threadpoolctl import threadpool_limits

from proxiscope.core.threads import set_num_threads
from proxiscope.learning import SBEKMeans

KMEANS = 1.5
INNER = 5
DIMENSIONS, CLUSTERS, BATCHES = (2, 64, 784), (4, 8, 12), (500, 1000)


def blobs(count, dimensions, clusters):
    """Points of so many overlapping clusters of equal size, float32 (count, dimensions)."""
    rng = np.random.default_rng(0)
    means = 2 * rng.standard_normal((clusters, dimensions))
    return (means[rng.integers(clusters, size=count)] + rng.standard_normal((count, dimensions))).astype(np.float32)


def kmeans(points, clusters, batch, passes, rounds):
    """Seconds of a fit that visits as many points as `passes` over all of them do, by method."""
    start, steps = points[:clusters].copy(), passes * len(points) // batch
    ours = SBEKMeans(clusters, init=start, batch_size=batch, max_iter=steps // INNER, inner_iter=INNER, random_state=0)
    peer = sklearn.cluster.MiniBatchKMeans(
        clusters, init=start, n_init=1, batch_size=batch, max_iter=passes, max_no_improvement=None, random_state=0
    )
    seconds = alternate({"sbe": lambda: ours.fit(points), "mini-batch": lambda: peer.fit(points)}, rounds)
    assert ours.n_iter_ * INNER == peer.n_steps_ == steps
    return seconds


def kmeans_table(count, passes, rounds, threads):
    """Print a Markdown table; the largest ratio."""
    print("| d | K | M | threads | SBE (ms) | MiniBatchKMeans (ms) | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    worst = 0.0
    for dimensions in DIMENSIONS:
        for clusters in CLUSTERS:
            points = blobs(count, dimensions, clusters)
            for batch in BATCHES:
                for number in threads:
                    set_num_threads(number)
                    with threadpool_limits(number):
                        seconds = kmeans(points, clusters, batch, passes, rounds)
                    ms, ratio = [1e3 * s for s in seconds.values()], seconds["sbe"] / seconds["mini-batch"]
                    worst = max(worst, ratio)
                    times = f"{ms[0]:.0f} | {ms[1]:.0f} | {ratio:.2f} {ratio.spread}"
                    print(f"| {dimensions} | {clusters} | {batch} | {number} | {times} |", flush=True)
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=60_000)
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    warnings.filterwarnings("ignore", message="Number of distinct clusters")
    print(f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}, "
          f"scikit-learn {sklearn.__version__}\n")  # fmt: skip
    worst = kmeans_table(options.points, options.passes, options.rounds, options.threads)
    print(f"\n{'met' if worst <= KMEANS else 'NOT MET'}: {worst:.2f}, at most {KMEANS} times mini-batch k-means")


if __name__ == "__main__":
    main()

"""Points drawn to their nearest centroids: the one pass over points that every k-means algorithm makes.

Centroids are (k, d) and points (n, d), all of one precision. Differences are squared as they are, with no expansion of
|p - c|^2 that would cancel; sums over points are in double precision. Those over coordinates may be reordered, so that
they fill vector registers; nothing else is relaxed.
"""

import numpy as np
from numba import njit

_compiled = njit(nogil=True, cache=True, error_model="numpy")
_reordered = njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})


@_reordered
def _nearest(points, i, centroids):
    """Index of the centroid nearest to point i, the first of several, and its squared distance."""
    k, d = centroids.shape
    zero = points.dtype.type(0)
    best, least = 0, points.dtype.type(np.inf)
    j = 0
    while j + 4 <= k:  # four at a time share the loads of the point
        s0, s1, s2, s3 = zero, zero, zero, zero
        for a in range(d):
            p = points[i, a]
            t0, t1 = p - centroids[j, a], p - centroids[j + 1, a]
            t2, t3 = p - centroids[j + 2, a], p - centroids[j + 3, a]
            s0 += t0 * t0
            s1 += t1 * t1
            s2 += t2 * t2
            s3 += t3 * t3
        if s0 < least:
            best, least = j, s0
        if s1 < least:
            best, least = j + 1, s1
        if s2 < least:
            best, least = j + 2, s2
        if s3 < least:
            best, least = j + 3, s3
        j += 4
    while j < k:
        s0 = zero
        for a in range(d):
            t0 = points[i, a] - centroids[j, a]
            s0 += t0 * t0
        if s0 < least:
            best, least = j, s0
        j += 1
    return best, least


@_reordered
def draw(points, centroids, labels, pull, counts):
    """Assign points to their nearest centroids, into `labels`, and add them to `pull` and `counts`.

    pull[j] += sum of (p - c_j) over the points p of centroid j, and counts[j] += their number. Returns the sum of the
    squared distances, and how many labels changed.
    """
    total, changed = 0.0, 0
    for i in range(points.shape[0]):
        j, distance = _nearest(points, i, centroids)
        total += distance
        changed += labels[i] != j
        labels[i] = j
        counts[j] += 1
        for a in range(points.shape[1]):
            pull[j, a] += points[i, a] - centroids[j, a]
    return total, changed


@_compiled
def draw_some(points, indices, tile, centroids, labels, pull, counts):
    """`draw` for the points with such `indices`, copied together by the `tile`, which hides the latency of memory."""
    total = 0.0
    for first in range(0, indices.size, tile.shape[0]):
        count = min(tile.shape[0], indices.size - first)
        for m in range(count):
            tile[m] = points[indices[first + m]]
        total += draw(tile[:count], centroids, labels, pull, counts)[0]
    return total


@_compiled
def inner_step(anchor, pull, gain, alpha, trial, average):
    """y <- x + gain pull, and the mean over the trajectory <- alpha mean + (1 - alpha) y."""
    for j in range(anchor.shape[0]):
        for a in range(anchor.shape[1]):
            y = anchor[j, a] + gain * pull[j, a]
            trial[j, a] = y
            average[j, a] = alpha * average[j, a] + (1 - alpha) * y


@_compiled
def bounds(points, low, high):
    """Widen `low` and `high` (d,) to the least and the largest coordinates of points."""
    for i in range(points.shape[0]):
        for a in range(points.shape[1]):
            low[a] = min(low[a], points[i, a])
            high[a] = max(high[a], points[i, a])

"""Passes over packed volumes and projections, each fused to read the memory once; all release the GIL."""

import numpy as np
from numba import njit

from ..core.threads import parallel


@njit(nogil=True, cache=True)
def subtract(calculated, measured, valid, masked, sums):
    """calculated <- (calculated - measured) * valid, for one block (tilt, x, slice).

    Adds each tilt's sum of absolute values to ``sums[0]`` and of squares to ``sums[1]``; `valid` counts only
    when `masked`.
    """
    tilts, columns, width = calculated.shape
    for t in range(tilts):
        for x in range(columns):
            absolute = np.float32(0)
            squares = np.float32(0)
            for k in range(width):
                r = calculated[t, x, k] - measured[t, x, k]
                if masked:
                    r *= valid[t, x, k]
                calculated[t, x, k] = r
                absolute += abs(r)
                squares += r * r
            sums[0, t] += absolute
            sums[1, t] += squares


@njit(nogil=True, cache=True)
def _descend(volume, gradient, step, positivity):
    u, g = volume.reshape(-1), gradient.reshape(-1)
    for i in range(u.size):
        v = u[i] - step * g[i]
        u[i] = max(v, np.float32(0)) if positivity else v


@njit(nogil=True, cache=True)
def _descend_weighted(volume, gradient, weights, step, positivity):
    u, g, w = volume.reshape(-1), gradient.reshape(-1), weights.reshape(-1)
    for i in range(u.size):
        v = u[i] - step * w[i] * g[i]
        u[i] = max(v, np.float32(0)) if positivity else v


@njit(nogil=True, cache=True)
def _descend_by_column(volume, gradient, weights, step, positivity):
    depth, columns, width = volume.shape
    for z in range(depth):
        for x in range(columns):
            scaled = step * weights[z, x]
            for k in range(width):
                v = volume[z, x, k] - scaled * gradient[z, x, k]
                volume[z, x, k] = max(v, np.float32(0)) if positivity else v


def descend(volume, gradient, step, positivity, weights=None):
    """u <- u - step * weights * gradient, cut at zero with `positivity`.

    Arrays are (block, z, x, slice); the weights likewise, or (z, x) when all slices share them.
    """
    step = np.float32(step)
    if weights is None:
        kernel, each = _descend, [()] * len(volume)
    elif weights.ndim == 2:
        kernel, each = _descend_by_column, [(weights,)] * len(volume)
    else:
        kernel, each = _descend_weighted, [(block,) for block in weights]
    parallel(kernel, [(u, g, *w, step, positivity) for u, g, w in zip(volume, gradient, each, strict=True)])

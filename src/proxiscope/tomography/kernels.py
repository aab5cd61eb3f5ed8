"""Passes over packed volumes and projections, each fused to read the memory once; all release the GIL."""

from typing import Any

import numpy as np
from numba import njit

from ..core.threads import elementwise, parallel


@njit(nogil=True, cache=True)
def _subtract(calculated, measured, valid, masked, kept, sums):
    tilts, rows, width = calculated.shape
    for t in range(tilts):
        for x in range(rows):
            absolute = np.float32(0)
            squares = 0.0  # float32 would underflow for small data
            for k in range(width):
                r = calculated[t, x, k] - measured[t, x, k]
                if masked:
                    r *= valid[t, x, k]
                calculated[t, x, k] = kept[t] * r
                absolute += abs(r)
                squares += np.float64(r) * np.float64(r)
            sums[t, 0] += absolute
            sums[t, 1] += squares


def subtract(calculated: Any, measured: Any, valid: Any, kept: Any) -> Any:
    """calculated <- (calculated - measured) * valid, and zero in tilts that are not `kept` (tilt,), float32.

    Arrays are (block, tilt, x, slice) or (tilt, y, x); `valid` may be None. Returned are the sums over each tilt of a
    block of absolute values and of squares, (block, tilt, 2), those of the tilts that are not kept included.
    """
    tilts = len(kept)
    arrays = [
        a.reshape(-1, tilts, *a.shape[-2:]) for a in (calculated, measured, calculated if valid is None else valid)
    ]
    blocks = len(arrays[0])
    sums = np.zeros((blocks, tilts, 2))
    parts = [slice(t, t + 1) for t in range(tilts)] if blocks == 1 else [slice(None)]
    masked = valid is not None
    parallel(
        _subtract,
        [(*(a[b][some] for a in arrays), masked, kept[some], sums[b][some]) for b in range(blocks) for some in parts],
    )
    return sums


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


def descend(volume: Any, gradient: Any, step: Any, positivity: Any, weights: Any = None) -> Any:
    """u <- u - step * weights * gradient, cut at zero with `positivity`.

    Arrays are (block, z, x, slice) or (z, y, x); the weights likewise, or (z, x) when all slices share them. The step
    is a number, or one for each block.
    """
    kernel: Any
    each: list[Any]
    if weights is None:
        kernel, each = _descend, [()] * len(volume)
    elif weights.ndim == 2:
        kernel, each = _descend_by_column, [(weights,)] * len(volume)
    else:
        kernel, each = _descend_weighted, [(block,) for block in weights]
    steps = np.broadcast_to(np.asarray(step, np.float32), len(volume))
    parallel(kernel, [(u, g, *w, t, positivity) for u, g, w, t in zip(volume, gradient, each, steps, strict=True)])


@njit(nogil=True, cache=True)
def _leap(volume, previous, gradient, weights, weighted, momentum, step, positivity):
    depth, columns, width = volume.shape
    for z in range(depth):
        for x in range(columns):
            scaled = step * weights[z, x] if weighted else step
            for k in range(width):
                u = volume[z, x, k]
                v = u + momentum * (u - previous[z, x, k]) - scaled * gradient[z, x, k]
                previous[z, x, k] = max(v, np.float32(0)) if positivity else v


def leap(
    volume: Any, previous: Any, gradient: Any, momentum: Any, step: Any, positivity: Any, weights: Any = None
) -> Any:
    """previous <- u + momentum * (u - previous) - step * weights * gradient, cut at zero with `positivity`.

    Arrays, weights and step as for `descend`; the momentum is a number, or one for each block.
    """
    arrays = [a.reshape(-1, *a.shape[-3:]) for a in (volume, previous, gradient)]
    momenta, steps = (np.broadcast_to(np.asarray(v, np.float32), len(arrays[0])) for v in (momentum, step))
    weighted = weights is not None
    shared = weights if weighted else np.zeros((0, 0), np.float32)
    parts = [slice(None)] if len(arrays[0]) > 1 else [slice(z, z + 1) for z in range(arrays[0].shape[1])]
    parallel(
        _leap,
        [
            (
                *(a[b][some] for a in arrays),
                shared[some] if weighted else shared,
                weighted,
                momenta[b],
                steps[b],
                positivity,
            )
            for b in range(len(arrays[0]))
            for some in parts
        ],
    )


def extrapolate(residual: Any, previous: Any, momentum: Any) -> Any:
    """previous <- residual + momentum * (residual - previous), in place; the momentum as for `leap`."""
    blocks = residual.reshape(-1, *residual.shape[-3:]), previous.reshape(-1, *previous.shape[-3:])
    momenta = np.broadcast_to(np.asarray(momentum, np.float32), len(blocks[0]))
    for r, s, m in zip(*blocks, momenta, strict=True):
        elementwise(_extrapolate, (r, s), m)


@njit(nogil=True, cache=True)
def _extrapolate(residual, previous, momentum):
    for i in range(residual.size):
        previous[i] = residual[i] + momentum * (residual[i] - previous[i])


@njit(nogil=True, cache=True)
def _restrict(volume, support):
    for i in range(volume.size):
        if not support[i]:
            volume[i] = 0


def restrict(volume: Any, support: Any) -> Any:
    """u <- 0 outside the support, a bool array of the same shape."""
    elementwise(_restrict, (volume, support))


multiply = np.multiply


def normalise(volume: Any) -> Any:
    """Divide each packed slice by its norm, or a volume (z, y, x) by its own; the largest norm is returned."""
    norms = np.linalg.norm(volume, axis=(1, 2) if volume.ndim == 4 else None, keepdims=True)
    volume /= np.maximum(norms, np.float32(1e-30))
    return float(norms.max())

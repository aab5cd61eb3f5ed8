"""Isotropic total variation of volumes, and its proximal map (A. Beck and M. Teboulle, IEEE TIP 18, 2419 (2009)).

All passes go over volumes (z, y, x), float32, slice by slice: their results do not depend on the number of threads.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..core.threads import parallel

CURVATURE = 12
"""Bound on the largest eigenvalue of D D*, for differences D along three axes."""


def total_variation(volume: NDArray[Any]) -> float:
    """Sum over the voxels of the modulus of the gradient, by forward differences that end with the volume."""
    sums = np.zeros(len(volume))
    parallel(_add_up, [(volume, z, sums) for z in range(len(volume))])
    return float(sums.sum())


def proximal(
    volume: NDArray[Any],
    dual: NDArray[Any],
    scale: float,
    *,
    weights: NDArray[Any] | None = None,
    support: NDArray[Any] | None = None,
    positivity: bool = False,
    rounds: int = 5,
) -> NDArray[np.float32]:
    """The u of least  sum (u - v)^2 / (2 w) + scale TV(u)  within the constraints, by dual gradient projection.

    With D the differences and P the projection onto the constraints it is u = P(v - scale w D* p) for the p of moduli
    within one that a gradient ascent finds, p <- p + D u / (12 scale max w), cut back to one. Begun where it ended the
    last time, a few rounds suffice.

    Parameters
    ----------
    volume : float32, (z, y, x)
        v.
    dual : float32, (3, z, y, x)
        p along z, y and x, to begin with, zero where the volume ends along each; changed in place.
    scale : float
        In the volume's unit.
    weights : float32, (z, x), optional
        w; one by default.
    support : bool, (z, y, x), optional
        Where u may differ from zero.
    positivity : bool
        Whether u must not be negative.
    rounds : int
        Steps of the ascent.

    Returns
    -------
    float32, (z, y, x)
    """
    slices = range(len(volume))
    w = np.ones((len(volume), volume.shape[2]), np.float32) if weights is None else weights
    mask = np.ones((0, 0, 0), bool) if support is None else support
    out = np.empty_like(volume)
    primal = [(volume, dual, np.float32(scale), w, mask, positivity, z, out) for z in slices]
    parallel(_primal, primal)
    if scale > 0:
        step = np.float32(1 / (CURVATURE * scale * float(w.max())))
        for _ in range(rounds):
            parallel(_ascend, [(out, dual, step, z) for z in slices])
            parallel(_primal, primal)
    return out


@njit(nogil=True, cache=True, error_model="numpy")
def _differences(volume: Any, z: Any, y: Any, dz: Any, dy: Any, dx: Any) -> Any:
    """Forward differences of one row, zero where the volume ends."""
    depth, height, width = volume.shape
    row = volume[z, y]
    below, next_row = volume[min(z + 1, depth - 1), y], volume[z, min(y + 1, height - 1)]
    for x in range(width):
        dz[x] = below[x] - row[x]
        dy[x] = next_row[x] - row[x]
    for x in range(width - 1):
        dx[x] = row[x + 1] - row[x]
    dx[width - 1] = 0


@njit(nogil=True, cache=True, error_model="numpy")
def _add_up(volume: Any, z: Any, sums: Any) -> Any:
    _, height, width = volume.shape
    dz, dy, dx = np.empty(width, np.float32), np.empty(width, np.float32), np.empty(width, np.float32)
    for y in range(height):
        _differences(volume, z, y, dz, dy, dx)
        total = np.float32(0)
        for x in range(width):
            total += np.sqrt(dz[x] * dz[x] + dy[x] * dy[x] + dx[x] * dx[x])
        sums[z] += total


@njit(nogil=True, cache=True, error_model="numpy")
def _ascend(volume: Any, dual: Any, step: Any, z: Any) -> Any:
    """p <- p + step D u, cut back to moduli of one, in slice z."""
    _, height, width = volume.shape
    dz, dy, dx = np.empty(width, np.float32), np.empty(width, np.float32), np.empty(width, np.float32)
    one = np.float32(1)
    for y in range(height):
        _differences(volume, z, y, dz, dy, dx)
        pz, py, px = dual[0, z, y], dual[1, z, y], dual[2, z, y]
        for x in range(width):
            a, b, c = pz[x] + step * dz[x], py[x] + step * dy[x], px[x] + step * dx[x]
            modulus = max(one, np.sqrt(a * a + b * b + c * c))
            pz[x], py[x], px[x] = a / modulus, b / modulus, c / modulus


@njit(nogil=True, cache=True, error_model="numpy")
def _primal(volume: Any, dual: Any, scale: Any, weights: Any, support: Any, positivity: Any, z: Any, out: Any) -> Any:
    """u <- P(v - scale w D* p) in slice z; -D* p is the divergence of p."""
    _, height, width = volume.shape
    none = np.zeros(width, np.float32)
    zero = np.float32(0)
    lowest = zero if positivity else np.float32(-np.inf)
    for y in range(height):
        pz, py, px = dual[0, z, y], dual[1, z, y], dual[2, z, y]
        above, last_row = dual[0, z - 1, y] if z > 0 else none, dual[1, z, y - 1] if y > 0 else none
        v, u, w = volume[z, y], out[z, y], weights[z]
        for x in range(width):
            u[x] = pz[x] - above[x] + py[x] - last_row[x] + px[x]
        for x in range(width - 1):
            u[x + 1] -= px[x]
        for x in range(width):
            u[x] = max(v[x] + scale * w[x] * u[x], lowest)
        if support.size:
            inside = support[z, y]
            for x in range(width):
                u[x] = u[x] if inside[x] else zero

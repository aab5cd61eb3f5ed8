"""A needle: the specimen that can be tilted all the way."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LAYERS = (0.35, 0.8, 0.5, 1.0, 0.35)
"""Densities from the tip down."""


def needle(shape: tuple[int, int, int], *, radius: float, seed: int = 0) -> NDArray[np.float32]:
    """A tapered pillar along y with layers across it, precipitates and a core that lies off its axis.

    Parameters
    ----------
    shape : tuple of int
        (z, y, x) in pixels; the needle goes from end to end of y.
    radius : float
        In pixels, at the lower end; at the tip it is 0.6 times as thick.
    seed : int
        Places the precipitates.

    Returns
    -------
    ndarray
        0.35 to 1 in the layers, zero around the needle, float32.
    """
    z, y, x = np.meshgrid(*(np.arange(n) - n // 2.0 for n in shape), indexing="ij", sparse=True)
    down = y / shape[1] + 0.5
    edge = radius * (0.6 + 0.4 * down)
    tilted = down + 0.04 * x / radius  # interfaces are not quite across
    density = np.choose(np.clip(tilted * len(LAYERS), 0, len(LAYERS) - 1).astype(int), LAYERS)
    core = _filled(radius / 5, np.hypot(z - radius / 4, x + radius / 6))
    density = density + core * (0.15 - density)
    rng = np.random.default_rng(seed)
    for _ in range(24):
        turn, reach, at = rng.uniform(0, 2 * np.pi), radius * rng.uniform(0.1, 0.5), rng.uniform(-0.45, 0.45) * shape[1]
        away = np.sqrt((z - reach * np.sin(turn)) ** 2 + (y - at) ** 2 + (x - reach * np.cos(turn)) ** 2)
        density = density + _filled(rng.uniform(1.5, radius / 6), away) * (1 - density)
    return (density * _filled(edge, np.hypot(z, x))).astype(np.float32)


def _filled(radius: NDArray[Any] | float, distance: NDArray[Any]) -> NDArray[Any]:
    """1 within a radius, 0 outside, with an edge one pixel wide."""
    return np.clip(radius + 0.5 - distance, 0, 1)

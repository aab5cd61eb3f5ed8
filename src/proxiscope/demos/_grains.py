"""A small 4D-STEM scan of a polycrystalline film, simulated."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SCAN, DETECTOR = (64, 64), (24, 24)
GRAINS, SPOTS = 6, 6
RADIUS, WIDTH = 8.0, 1.1
"""Of the spots, in pixels of the detector: from the middle, and their size."""

DOSE = 60.0
"""Electrons in a pattern on average."""


def grains(rng: np.random.Generator) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """Counted patterns (y, x, ky, kx), and the grain of each scan point (y, x), from 1.

    Each grain is a hexagonal crystal turned by another angle; thickness varies by a fifth across the scan.
    """
    places = np.stack(np.meshgrid(*map(np.arange, SCAN), indexing="ij"), axis=-1)
    seeds = np.stack(np.meshgrid([0.25, 0.75], [1 / 6, 0.5, 5 / 6], indexing="ij"), axis=-1).reshape(-1, 2)
    seeds = seeds * SCAN + rng.uniform(-7, 7, seeds.shape)
    grain = ((places[..., None, :] - seeds) ** 2).sum(axis=-1).argmin(axis=-1)
    angles = (np.arange(GRAINS) + rng.uniform(0, 1)) * 2 * np.pi / SPOTS / GRAINS
    patterns = np.stack([_pattern(angle) for angle in rng.permutation(angles)])
    thickness = 1 + 0.2 * np.sin(places[..., 0] / 9) * np.cos(places[..., 1] / 11)
    counts = rng.poisson(DOSE * thickness[..., None, None] * patterns[grain])
    return counts.astype(np.uint16), (grain + 1).astype(np.uint8)


def _pattern(angle: float) -> NDArray[Any]:
    """The direct beam and a ring of spots, of sum 1."""
    ky, kx = np.meshgrid(*((np.arange(n) - n // 2) for n in DETECTOR), indexing="ij")
    found = 2 * np.exp(-(ky**2 + kx**2) / (2 * WIDTH**2))
    for i in range(SPOTS):
        direction = angle + 2 * np.pi * i / SPOTS
        y, x = RADIUS * np.sin(direction), RADIUS * np.cos(direction)
        found += np.exp(-((ky - y) ** 2 + (kx - x) ** 2) / (2 * WIDTH**2))
    return found / found.sum()

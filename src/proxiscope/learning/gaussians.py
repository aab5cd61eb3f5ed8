"""The points of thesis section 4.3.1: four Gaussian clusters in the plane, and a start that traps Lloyd's algorithm."""

import numpy as np
from numpy.typing import NDArray

MEANS = np.array([[-5, -3], [5, -3], [0, 5], [2.5, 4]])
COVARIANCES = np.array(
    [[[0.8, 0.1], [0.1, 0.8]], [[1.2, 0.6], [0.6, 0.7]], [[0.5, 0.05], [0.05, 1.6]], [[1.5, 0.05], [0.05, 0.6]]]
)
START = np.array([[-5.5989, -2.7090], [-4.4572, -4.0614], [-0.1082, 5.2889], [2.3485, 3.5286]])
"""Centroids from which Lloyd's algorithm stops at a local minimum: two of them share the first cluster."""


def four_gaussians(rng: np.random.Generator, each: int = 1000) -> NDArray[np.float64]:
    """Points (4 each, 2), the clusters one after the other."""
    parts = [rng.multivariate_normal(m, c, each) for m, c in zip(MEANS, COVARIANCES, strict=True)]
    return np.concatenate(parts)

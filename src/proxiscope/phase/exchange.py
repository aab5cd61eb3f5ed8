"""Exchange of phases between solutions in part of the spectrum.

Good solutions of a noisy pattern differ by regions of the spectrum, often its corners, whose phases are consistent in
themselves and wrong against the rest, because the speckles between are too dark to tie them. One solution has them
right where another has not.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .problem import DiffractionPattern

NARROWEST, WIDEST = 0.08, 0.3
"""Radius of a region, in cycles per pixel."""


def exchanged(
    best: NDArray[Any],
    other: NDArray[Any],
    support: NDArray[Any],
    pattern: DiffractionPattern,
    rng: np.random.Generator,
) -> NDArray[Any]:
    """The best image with the spectrum of an aligned other one in a random region and, if real, its Friedel mate.

    Returns
    -------
    ndarray
        Zero outside the support, and as `best` where that leaves nothing.
    """
    centre, radius = rng.uniform(-0.5, 0.5, best.ndim), rng.uniform(NARROWEST, WIDEST)
    axes = np.meshgrid(*map(np.fft.fftfreq, best.shape), indexing="ij", sparse=True)
    region = _near(axes, centre, radius)
    if pattern.real:
        region |= _near(axes, -centre, radius)
    mixed = np.fft.ifftn(np.where(region, np.fft.fftn(other), np.fft.fftn(best)))
    mixed = np.where(support, mixed.real if pattern.real else mixed, 0).astype(best.dtype)
    if pattern.object == "non-negative":
        mixed = np.maximum(mixed, 0)
    return mixed if mixed.any() else best


def _near(axes: Sequence[NDArray[Any]], centre: NDArray[Any], radius: float) -> NDArray[np.bool_]:
    """Frequencies within `radius` of `centre`, over the edges of the spectrum too."""
    away = [np.abs(axis - c) for axis, c in zip(axes, centre, strict=True)]
    return sum(np.minimum(a, 1 - a) ** 2 for a in away) < radius**2

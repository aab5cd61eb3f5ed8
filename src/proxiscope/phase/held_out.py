"""Measured pixels to be held out, whose R-factor tells over-fitting (Brunger, Nature 355, 472 (1992)).

An oversampled pattern is smooth from pixel to pixel, so that single pixels are told by their neighbours. Islands
are held out instead, as wide as a speckle, and the brightest part around zero frequency never, since little else
fixes the coarse shape (Favre-Nicolin et al., J. Appl. Cryst. 53, 1404 (2020)). Each comes with its Friedel mate.
"""

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError
from ..physics.fourier import opposite

RADIUS = 3
"""Of an island, in pixels; less where so few are to be held out that a few islands would be too many."""

CENTRE = 0.05
"""Radius around zero frequency where nothing is held out, in frame widths."""


def islands(known: NDArray[np.bool_], fraction: float, *, seed: int = 0) -> NDArray[np.bool_]:
    """Discs or balls that cover about `fraction` of the measured pixels, at random.

    Parameters
    ----------
    known : ndarray of bool, (y, x) or (z, y, x)
        Measured pixels, zero frequency at n//2.
    fraction : float
        Between 0 and 0.5.
    seed : int

    Raises
    ------
    InputError
        If `fraction` is out of range, or no island fits.
    """
    if not 0 < fraction <= 0.5:
        raise InputError("held_out", f"a fraction of {fraction}", "Give one above 0 and up to 0.5")
    offsets = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in known.shape), indexing="ij"), axis=-1)
    relative = np.sqrt(sum((offsets[..., a] / n) ** 2 for a, n in enumerate(known.shape)))
    allowed = known & (relative > CENTRE)
    wanted = fraction * known.sum()
    disc = next(disc for disc in (_ball(r, known.ndim) for r in range(RADIUS, -1, -1)) if 4 * len(disc) <= wanted + 4)
    order = np.random.default_rng(seed).permutation(np.flatnonzero(allowed))
    held_out, some = np.zeros(known.shape, bool), max(1, int(wanted) // (8 * len(disc)))
    for i in range(0, len(order), some):
        centres = np.stack(np.unravel_index(order[i : i + some], known.shape), axis=-1)
        pixels = (centres[:, None] + disc).reshape(-1, known.ndim) % known.shape
        held_out[tuple(pixels.T)] = True
        if (both := (held_out | opposite(held_out)) & allowed).sum() >= wanted:
            return both
    raise InputError("held_out", f"{fraction:.1%} of the pixels do not fit", "Hold out less")


def _ball(radius: int, ndim: int) -> NDArray[np.intp]:
    """Offsets (pixel, axis) of the pixels within `radius`."""
    axis = np.arange(-radius, radius + 1)
    offsets = np.stack(np.meshgrid(*(axis,) * ndim, indexing="ij"), axis=-1).reshape(-1, ndim)
    return offsets[(offsets**2).sum(axis=1) <= radius**2]

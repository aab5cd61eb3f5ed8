"""Phantoms: objects that we know, to simulate data from."""

import numpy as np
from numpy.typing import NDArray


def vesicle(shape: tuple[int, ...], *, radius: float = 0.9, seed: int = 0) -> NDArray[np.float32]:
    """A vesicle-like object: a membrane around a lumen that holds smaller vesicles and dense granules.

    Parameters
    ----------
    shape : tuple of int
        (y, x) or (z, y, x) in pixels; the vesicle is an ellipsoid inscribed in it.
    radius : float
        Semi-axes in units of half the frame.
    seed : int
        Places the inner vesicles and granules.

    Returns
    -------
    ndarray
        Density between 0 and 1 (dimensionless), zero outside the membrane, float32.
    """
    rng = np.random.default_rng(seed)
    axes = [(np.arange(n) - n // 2) / (n / 2) for n in shape]
    position = np.stack(np.meshgrid(*axes, indexing="ij"))
    pixel = 2 / min(shape)
    semi_axes = radius * np.linspace(1.0, 0.82, len(shape))

    def ball(centre: NDArray, semi_axes: NDArray) -> NDArray:
        """1 inside the ellipsoid, 0 outside, with an edge one pixel wide."""
        centre, semi_axes = (np.reshape(a, (-1, *[1] * len(shape))) for a in (centre, semi_axes))
        distance = np.sqrt((((position - centre) / semi_axes) ** 2).sum(axis=0)) - 1
        return np.clip(0.5 - distance * semi_axes.min() / pixel, 0, 1)

    origin = np.zeros(len(shape))
    wall = 0.08
    density = 0.65 * ball(origin, semi_axes) - 0.45 * ball(origin, semi_axes - wall)
    for size, wall_density in ((0.27, 0.45), (0.2, 0.45), (0.16, 0.5), (0.1, 0.7), (0.07, 0.8), (0.05, 0.8)):
        direction = rng.standard_normal(len(shape))
        direction /= np.linalg.norm(direction)
        centre = direction * (semi_axes - wall - size) * rng.uniform(0.35, 0.9)
        inner = np.full(len(shape), size)
        density = np.maximum(density, (0.2 + wall_density) * ball(centre, inner))
        if size > 0.12:
            density = np.where(ball(centre, inner - 0.05) > 0.5, 0.1, density)
    return (density * ball(origin, semi_axes)).astype(np.float32)

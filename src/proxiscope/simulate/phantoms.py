"""Phantoms: objects that we know, to simulate data from."""

import numpy as np
from numpy.typing import NDArray

MEMBRANE, LUMEN, INNER_LUMEN = 0.65, 0.2, 0.08
WALL, INNER_WALL = 0.07, 0.05


def vesicle(shape: tuple[int, ...], *, seed: int = 0) -> NDArray[np.float32]:
    """A budding vesicle: a membrane around a lumen that holds smaller vesicles and dense granules.

    The bud makes it differ from its own inversion through the centre, which phase retrieval has trouble to
    tell from a symmetric object.

    Parameters
    ----------
    shape : tuple of int
        (y, x) or (z, y, x) in pixels; the vesicle spans 0.7 to 0.9 of each axis.
    seed : int
        Places the inner vesicles and granules.

    Returns
    -------
    ndarray
        Density between 0 and 1 (dimensionless), zero outside the membrane, float32.
    """
    ndim = len(shape)
    axes = [(np.arange(n) - n // 2) / (n / 2) for n in shape]
    position = np.stack(np.meshgrid(*axes, indexing="ij"))

    def ball(centre, semi_axes) -> NDArray:
        """1 inside the ellipsoid, 0 outside, with an edge one pixel wide."""
        centre, semi_axes = (np.broadcast_to(a, ndim).reshape(-1, *[1] * ndim) for a in (centre, semi_axes))
        distance = np.sqrt((((position - centre) / semi_axes) ** 2).sum(axis=0)) - 1
        return np.clip(0.5 - distance * semi_axes.min() * min(shape) / 2, 0, 1)

    body = np.array([0.7, 0.62, 0.5][-ndim:])
    body_centre, bud_centre = (np.array([0.0, at, at][-ndim:]) for at in (-0.16, 0.5))
    bud = 0.38
    outside = np.maximum(ball(body_centre, body), ball(bud_centre, bud))
    lumen = np.maximum(ball(body_centre, body - WALL), ball(bud_centre, bud - WALL))
    density = MEMBRANE * outside - (MEMBRANE - LUMEN) * lumen

    rng = np.random.default_rng(seed)
    for size in (0.2, 0.15, 0.11, 0.09, 0.07, 0.06, 0.05, 0.04):
        direction = rng.standard_normal(ndim)
        reach = rng.uniform(0.4, 1.0) * (body - WALL - size) / np.linalg.norm(direction)
        centre = body_centre + direction * reach
        filled = ball(centre, size)
        if size > 0.1:
            inside = ball(centre, size - INNER_WALL)
            density += filled * (0.7 - density) - inside * (0.7 - INNER_LUMEN)
        else:
            density += filled * (rng.uniform(0.6, 1.0) - density)
    return np.clip(density, 0, 1).astype(np.float32)

"""Phantoms: objects that we know, to simulate data from."""

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

MEMBRANE, LUMEN, INNER_LUMEN = 0.65, 0.2, 0.08
WALL, INNER_WALL = 0.07, 0.05
MATRIX = 0.2


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

    def ball(centre: ArrayLike, semi_axes: ArrayLike) -> NDArray[Any]:
        """1 inside the ellipsoid, 0 outside, with an edge one pixel wide."""
        at, along = (np.broadcast_to(a, ndim).reshape(-1, *[1] * ndim) for a in (centre, semi_axes))
        distance = np.sqrt((((position - at) / along) ** 2).sum(axis=0)) - 1
        return np.clip(0.5 - distance * along.min() * min(shape) / 2, 0, 1)

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


def crystal(shape: tuple[int, ...], *, strain: float = 1.5, seed: int = 0) -> NDArray[np.complex64]:
    """A strained nanocrystal as Bragg diffraction sees it: facets, and a smooth phase that the strain makes.

    The facets stand at different distances from the centre, so that it differs from its own inversion, which phase
    retrieval has trouble to tell from a symmetric object. The phase is the displacement of the lattice along the
    diffraction vector. It has no ramp, which would only move the pattern.

    Parameters
    ----------
    shape : tuple of int
        (y, x) or (z, y, x) in pixels; the crystal spans 0.6 to 0.9 of each axis.
    strain : float
        The phase inside lies between -strain and strain, in rad; 0 for a perfect crystal.
    seed : int
        Places the facets and shapes the phase.

    Returns
    -------
    ndarray
        Magnitude 1 inside with an edge one pixel wide, zero outside, complex64.
    """
    ndim, rng = len(shape), np.random.default_rng(seed)
    axes = np.meshgrid(*((np.arange(n) - n // 2) / (n / 2) for n in shape), indexing="ij")
    position = np.stack(axes)
    faces = [tuple(sign * unit) for unit in np.eye(ndim) for sign in (1, -1)]
    corners = list(product((1, -1), repeat=ndim))
    reach = rng.uniform([0.6] * len(faces) + [0.65] * len(corners), [0.85] * len(faces) + [0.95] * len(corners))
    reach[len(faces)] = 0.35  # the corner that is cut off deepest, and has no like opposite
    normals = np.array([*faces, *corners])
    normals = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    outside = (np.tensordot(normals, position, axes=1) - reach.reshape(-1, *[1] * ndim)).max(axis=0)
    magnitude = np.clip(0.5 - outside * min(shape) / 2, 0, 1)
    waves = rng.uniform(-2.5, 2.5, (5, ndim))
    phase = np.cos(np.tensordot(waves, position, axes=1) + rng.uniform(0, 2 * np.pi, 5).reshape(-1, *[1] * ndim))
    phase = _without_ramp(phase.sum(axis=0), position, magnitude > 0)
    return (magnitude * np.exp(1j * strain * phase)).astype(np.complex64)


def _without_ramp(values: NDArray[Any], position: NDArray[Any], inside: NDArray[np.bool_]) -> NDArray[Any]:
    """What a linear function leaves of `values` inside, from -1 to 1 there."""
    terms = np.stack([np.ones_like(values), *position], axis=-1)
    rest = values - terms @ np.linalg.lstsq(terms[inside], values[inside], rcond=None)[0]
    low, high = rest[inside].min(), rest[inside].max()
    return np.where(inside, (2 * rest - low - high) / (high - low), 0)


def film(shape: tuple[int, int, int], depth: int, *, seed: int = 0) -> NDArray[np.float32]:
    """A film that goes on beyond the field of view: particles in a matrix, which fill a slab across the beam.

    Project it onto a smaller detector: ``tilt_series(film((24, 64, 280), 24), angles, shape=(64, 64))``. For n pixels
    it has to be ``n / cos + depth * tan`` of the steepest tilt wide, or the rays at the detector's edges miss its ends.

    Parameters
    ----------
    shape : tuple of int
        (z, y, x) in pixels; the film reaches to the ends of y and x.
    depth : int
        Slices that it fills, in the middle of z.
    seed : int
        Places the particles.

    Returns
    -------
    ndarray
        0.2 in the matrix, 0.5 to 1 in particles of 1.5 to 5 pixels in radius, zero outside the film, float32.
    """
    rng = np.random.default_rng(seed)
    density = np.zeros(shape, np.float32)
    slab = density[shape[0] // 2 - depth // 2 :][:depth]
    slab[:] = MATRIX
    for _ in range(slab.size // 600):
        centre, radius, value = rng.uniform(0, slab.shape), rng.triangular(1.5, 1.5, 5), rng.uniform(0.5, 1)
        first, last = np.maximum(centre - radius, 0).astype(int), (centre + radius).astype(int) + 2
        box = slab[tuple(map(slice, first, last))]
        position = np.indices(box.shape) + (first - centre)[:, None, None, None]
        box += np.clip(radius + 0.5 - np.linalg.norm(position, axis=0), 0, 1) * (value - box)
    return density

"""The vesicle of section 3.3.1 and its projections."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..io import read_array

ANGLES = np.arange(-70, 70.1, 3.5)
NOISE = 0.265
"""Standard deviation: not printed; the value at which RESIRE and SIRT have the printed R_F."""


def vesicle_of(folder: Path) -> NDArray[np.float32]:
    """The authors' vesicle (z, y, x), which their file has with z fastest."""
    return np.ascontiguousarray(read_array(folder / "vesicle.mrc").transpose(2, 1, 0))


def strips(volume: NDArray, angles: NDArray, oversampling: int = 8) -> NDArray[np.float64]:
    """Projections (tilt, y, x) in which every voxel is a square and every pixel collects what falls on it."""
    depth, ny, nx = volume.shape
    offsets = (np.arange(oversampling) + 0.5) / oversampling - 0.5
    z, x = np.arange(depth) - depth // 2, np.arange(nx) - nx // 2
    projections = np.zeros((len(angles), ny, nx))
    for projection, t in zip(projections, np.deg2rad(angles), strict=True):
        for dz in offsets:
            for dx in offsets:
                u = (x + dx) * np.cos(t) - (z + dz)[:, None] * np.sin(t)
                pixel = np.floor(u + 0.5).astype(int) + nx // 2
                inside = (pixel >= 0) & (pixel < nx)
                for y in range(ny):
                    projection[y] += np.bincount(pixel[inside], volume[:, y][inside], nx)
    return projections / oversampling**2

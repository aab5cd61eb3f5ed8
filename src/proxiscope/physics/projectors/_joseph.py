"""Compiled kernels of the single-axis Joseph projector.

The innermost operations act on `width` neighbouring slices (y) at once, whose sums stay in registers along a whole ray.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from ._vectors import load, multiply_add, store, zeros

ROWS = 8  # rows of voxels that a ray sums in registers before it touches the projection
GROUP = 4  # tilts that a voxel sums in registers before it touches the volume
CHUNK = 16  # columns handled together, so that what they read stays in the first-level cache


class Kernels(NamedTuple):
    """`project` and `back_project` for one number of slices in a block."""

    project: Callable[..., Any]
    back_project: Callable[..., Any]


@lru_cache
def kernels(width: int) -> Kernels:
    """Compiled kernels for blocks of `width` slices; both release the GIL and run on the calling thread."""

    @njit(nogil=True, cache=True)
    def project(volume, counts, strides, tilts, step, slope, projections):
        """Project a volume (block, z, x, slice) into the given tilts of projections (block, tilt, x, slice).

        Rays cross `counts[0]` rows of `counts[1]` voxels, `strides` apart in a block: tilt ``tilts[k]``,
        pixel j crosses row r at column ``step[k] * j + slope[k] * r``, all about the centres.
        """
        rows, columns = counts
        _, n_tilt, n_x, _ = projections.shape
        block_size = rows * columns * width
        voxels, pixels = volume.reshape(-1), projections.reshape(-1)
        pitch = (columns + 4) * width  # two columns of zeros on both sides stand for all that is outside
        slab = np.zeros(ROWS * pitch + 16, np.float32)
        base = -slab.ctypes.data // 4 % 16  # start on a cache line
        offset = np.empty((len(tilts), n_x, ROWS), np.int32)
        fraction = np.empty((len(tilts), n_x, ROWS), np.float32)
        one = np.float32(1)
        for b in range(len(volume)):
            for t in tilts:
                projections[b, t] = 0
        for row in range(0, rows, ROWS):
            for k in range(len(tilts)):
                for j in range(n_x):
                    start = step[k] * (j - n_x // 2) + slope[k] * (row - rows // 2) + columns // 2
                    for r in range(ROWS):
                        at = start + slope[k] * r
                        i = np.floor(at)
                        fraction[k, j, r] = at - i
                        offset[k, j, r] = base + r * pitch + (int(min(max(i, -2), columns)) + 2) * width
            for b in range(len(volume)):
                for r in range(ROWS):
                    start = b * block_size + (row + r) * strides[0]
                    for i in range(columns):
                        inside = row + r < rows
                        value = load(voxels, start + i * strides[1], width) if inside else zeros(width)
                        store(slab, base + r * pitch + (i + 2) * width, value)
                for column in range(-ROWS // 2 - 1, columns + ROWS // 2 + 1, CHUNK):
                    for k in range(len(tilts)):
                        middle = slope[k] * (row + 0.5 * (ROWS - 1) - rows // 2) + columns // 2
                        edge0 = np.ceil((column - middle) / step[k]) + n_x // 2
                        edge1 = np.ceil((column + CHUNK - middle) / step[k]) + n_x // 2
                        scale = np.float32(abs(step[k]))
                        start = (b * n_tilt + tilts[k]) * n_x * width
                        for j in range(max(int(min(edge0, edge1)), 0), min(int(max(edge0, edge1)), n_x)):
                            total = zeros(width)
                            for r in range(ROWS):
                                o, f = offset[k, j, r], fraction[k, j, r]
                                total = multiply_add(one - f, load(slab, o, width), total)
                                total = multiply_add(f, load(slab, o + width, width), total)
                            pixel = start + j * width
                            store(pixels, pixel, multiply_add(scale, total, load(pixels, pixel, width)))

    @njit(nogil=True, cache=True)
    def back_project(projections, cosine, sine, half_width, volume, first_z, last_z):
        """Sum for each voxel of `first_z` <= z < `last_z` the two pixels of each tilt next to its shadow.

        A pixel counts by a hat of half-width m = `half_width` and height 1 / m about the voxel's shadow. With
        m = max(|cos|, |sin|) these are the weights of `project`, whichever axis its rays step along; m = 1
        interpolates linearly.
        """
        _, n_tilt, n_u, _ = projections.shape
        _, n_z, n_x, _ = volume.shape
        voxels, pixels = volume.reshape(-1), projections.reshape(-1)
        offset = np.empty((ROWS, GROUP, n_x), np.int32)
        weight0 = np.empty((ROWS, GROUP, n_x), np.float32)
        weight1 = np.empty((ROWS, GROUP, n_x), np.float32)
        for z0 in range(first_z, last_z, ROWS):
            rows = min(ROWS, last_z - z0)
            for t0 in range(0, n_tilt, GROUP):
                for r in range(rows):
                    for k in range(GROUP):
                        t = min(t0 + k, n_tilt - 1)
                        m = half_width[t]
                        height = 1 / m if t0 + k < n_tilt else 0.0
                        middle = n_u // 2 - sine[t] * (z0 + r - n_z // 2)
                        for x in range(n_x):
                            v = cosine[t] * (x - n_x // 2) + middle
                            j = min(max(np.ceil(v - m), 0.0), n_u - 2.0)
                            weight0[r, k, x] = height * max(0.0, 1 - abs(j - v) / m)
                            weight1[r, k, x] = height * max(0.0, 1 - abs(j + 1 - v) / m)
                            offset[r, k, x] = (t * n_u + np.int32(j)) * width
                for b in range(len(volume)):
                    block = b * n_tilt * n_u * width
                    for x0 in range(0, n_x, CHUNK):
                        for r in range(rows):
                            start = (b * n_z + z0 + r) * n_x * width
                            for x in range(x0, min(x0 + CHUNK, n_x)):
                                voxel = start + x * width
                                total = load(voxels, voxel, width) if t0 > 0 else zeros(width)
                                for k in range(GROUP):
                                    o = block + offset[r, k, x]
                                    total = multiply_add(weight0[r, k, x], load(pixels, o, width), total)
                                    total = multiply_add(weight1[r, k, x], load(pixels, o + width, width), total)
                                store(voxels, voxel, total)

    return Kernels(project, back_project)


@njit(nogil=True, cache=True)
def pack(images, packed, first, last):
    """Copy images (n, y, x), `first` <= n < `last`, to blocks (block, n, x, slice), padded with zeros."""
    _, n_y, n_x = images.shape
    blocks, _, _, width = packed.shape
    for n in range(first, last):
        for b in range(blocks):
            for x0 in range(0, n_x, 16):
                for k in range(width):
                    y = b * width + k
                    for x in range(x0, min(x0 + 16, n_x)):
                        packed[b, n, x, k] = images[n, y, x] if y < n_y else 0


@njit(nogil=True, cache=True)
def unpack(packed, images, first, last):
    """Undo `pack`."""
    _, n_y, n_x = images.shape
    blocks, _, _, width = packed.shape
    for n in range(first, last):
        for b in range(blocks):
            for x0 in range(0, n_x, 16):
                for k in range(min(width, n_y - b * width)):
                    for x in range(x0, min(x0 + 16, n_x)):
                        images[n, b * width + k, x] = packed[b, n, x, k]

"""Compiled kernels of the general projector: sheared sums of planes, and their warp onto the detector.

All tilts whose rays are nearest to one axis k see the volume as planes across k. On the base plane through the centre
a ray is known by where it meets it; plane k is met a constant shift further on, so that all its voxels are added with
the same four weights, a whole row at a time. Base images have `MARGIN` columns and one row of zeros around them.
"""

from typing import Any

import numpy as np
from numba import njit

from ._vectors import dot, load, multiply_add, store, zeros

ROWS = 8  # planes that a ray sums in registers before it touches the base image
GROUP = 4  # tilts that a voxel sums in registers before it touches the volume
CHUNK = 32  # columns summed together
MARGIN = 48  # columns of zeros beside a base image, for loads that reach over its edge
TAPS = 6  # pixels of the base image along each axis that a detector pixel reads
STEPS = 4096  # positions between two pixels for which their weights are tabulated
_CACHE = 2**17  # float32 values of planes that stay in the second-level cache


def warp_weights() -> Any:
    """Weights (STEPS + 1, 8) of the `TAPS` pixels around a position: Lanczos' windowed sinc, with sum one."""
    at = np.arange(TAPS) - (TAPS // 2 - 1) - np.linspace(0, 1, STEPS + 1)[:, None]
    weights = np.sinc(at) * np.sinc(at / (TAPS / 2)) * (np.abs(at) < TAPS / 2)
    return np.pad(weights / weights.sum(axis=1, keepdims=True), ((0, 0), (0, 8 - TAPS))).astype(np.float32)


@njit(nogil=True, cache=True)
def _copy_planes(volume, axis, first, planes, pitch):
    """Planes `first` .. `first` + ROWS across `axis` into (ROWS, rows + 2, pitch), zero outside the volume."""
    n_z, n_y, n_x = volume.shape
    count = min(ROWS, volume.shape[axis] - first)
    rows = n_y if axis == 0 else n_z
    size = (rows + 2) * pitch
    if axis == 0:
        for r in range(count):
            for y in range(n_y):
                o = r * size + (y + 1) * pitch + MARGIN
                planes[o : o + n_x] = volume[first + r, y]
    elif axis == 1:
        for r in range(count):
            for z in range(n_z):
                o = r * size + (z + 1) * pitch + MARGIN
                planes[o : o + n_x] = volume[z, first + r]
    else:
        for z in range(n_z):
            for y in range(n_y):
                o = (z + 1) * pitch + MARGIN + y
                for r in range(count):
                    planes[o + r * size] = volume[z, y, first + r]
    for r in range(count, ROWS):
        planes[r * size : (r + 1) * size] = 0


@njit(nogil=True, cache=True)
def _add_planes(planes, pitch, axis, first, volume, add):
    """Planes as `_copy_planes` makes them, but without margins, into the volume: added to it, or instead of it."""
    n_z, n_y, n_x = volume.shape
    count = min(ROWS, volume.shape[axis] - first)
    size = (n_y if axis == 0 else n_z) * pitch
    if axis == 0:
        for r in range(count):
            for y in range(n_y):
                o = r * size + y * pitch
                if add:
                    volume[first + r, y] += planes[o : o + n_x]
                else:
                    volume[first + r, y] = planes[o : o + n_x]
    elif axis == 1:
        for r in range(count):
            for z in range(n_z):
                o = r * size + z * pitch
                if add:
                    volume[z, first + r] += planes[o : o + n_x]
                else:
                    volume[z, first + r] = planes[o : o + n_x]
    else:
        for z in range(n_z):
            for y in range(n_y):
                for r in range(count):
                    value = planes[r * size + z * pitch + y]
                    volume[z, y, first + r] = volume[z, y, first + r] + value if add else value


@njit(nogil=True, cache=True)
def shear(volume, axis, tilts, slopes, origins, shapes, offsets, base):
    """Sums of the volume (z, y, x) along the rays of `tilts` through the pixels of their base images.

    `slopes` (tilt, 2) are how far a ray moves along rows and columns from plane to plane, `origins` the rows and
    columns of the base images' first pixels about the centre, `shapes` and `offsets` where they lie in `base`.
    """
    n_z, n_y, n_x = volume.shape
    n_k = volume.shape[axis]
    n_p = n_y if axis == 0 else n_z
    n_q = n_y if axis == 2 else n_x
    pitch = (n_q + 2 * MARGIN + 15) // 16 * 16
    size = (n_p + 2) * pitch
    planes = np.zeros(ROWS * size + 2 * MARGIN, np.float32)
    tile = max(8, _CACHE // (ROWS * pitch) - ROWS)
    one = np.float32(1)
    row_shift, row_fraction = np.empty(ROWS, np.int64), np.empty(ROWS, np.float32)
    column_shift, column_fraction = np.empty(ROWS, np.int64), np.empty(ROWS, np.float32)
    for t in tilts:
        base[offsets[t] : offsets[t + 1]] = 0
    for first in range(0, n_k, ROWS):
        _copy_planes(volume, axis, first, planes, pitch)
        for top in range(0, n_p + ROWS, tile):
            for t in tilts:
                n_i, n_j = shapes[t, 0], shapes[t, 1]
                base_pitch = n_j + 2 * MARGIN
                for r in range(ROWS):
                    k = first + r - n_k // 2
                    row = origins[t, 0] + slopes[t, 0] * k + n_p // 2
                    column = origins[t, 1] + slopes[t, 1] * k + n_q // 2
                    row_shift[r], column_shift[r] = int(np.floor(row)), int(np.floor(column))
                    row_fraction[r], column_fraction[r] = row - np.floor(row), column - np.floor(column)
                middle = row_shift[ROWS // 2]
                i0 = 0 if top == 0 else max(0, top - ROWS // 2 - middle)
                i1 = n_i if top + tile >= n_p + ROWS else min(n_i, top + tile - ROWS // 2 - middle)
                i0, i1 = max(i0, -1 - row_shift.max()), min(i1, n_p - row_shift.min())
                for j in range(0, n_j, CHUNK):
                    if j + CHUNK + column_shift.max() < 0 or j + column_shift.min() >= n_q:
                        continue
                    for i in range(i0, i1):
                        o = offsets[t] + (i + 1) * base_pitch + MARGIN + j
                        total = load(base, o, 32)
                        for r in range(ROWS):
                            row, column = i + row_shift[r], min(max(j + column_shift[r], -CHUNK - 1), n_q)
                            start = r * size + MARGIN + column
                            above = start + min(max(row + 1, 0), n_p + 1) * pitch
                            below = start + min(max(row + 2, 0), n_p + 1) * pitch
                            fp, fq = row_fraction[r], column_fraction[r]
                            total = multiply_add((one - fp) * (one - fq), load(planes, above, 32), total)
                            total = multiply_add((one - fp) * fq, load(planes, above + 1, 32), total)
                            total = multiply_add(fp * (one - fq), load(planes, below, 32), total)
                            total = multiply_add(fp * fq, load(planes, below + 1, 32), total)
                        store(base, o, total)


@njit(nogil=True, cache=True)
def shear_back(base, axis, tilts, slopes, origins, shapes, offsets, volume, add, first_plane, last_plane):
    """The transpose of `shear`, for the planes `first_plane` .. `last_plane` of the volume; `add` as it says."""
    n_z, n_y, n_x = volume.shape
    n_k = volume.shape[axis]
    n_p = n_y if axis == 0 else n_z
    n_q = n_y if axis == 2 else n_x
    pitch = (n_q + CHUNK - 1) // CHUNK * CHUNK
    planes = np.zeros(ROWS * n_p * pitch, np.float32)
    one = np.float32(1)
    row_shift, row_fraction = np.empty((ROWS, GROUP), np.int64), np.empty((ROWS, GROUP), np.float32)
    column_shift, column_fraction = np.empty((ROWS, GROUP), np.int64), np.empty((ROWS, GROUP), np.float32)
    weight = np.empty((ROWS, GROUP), np.float32)
    for first in range(first_plane, last_plane, ROWS):
        rows = min(ROWS, last_plane - first)
        planes[:] = 0
        for t0 in range(0, len(tilts), GROUP):
            for r in range(rows):
                for g in range(GROUP):
                    t = tilts[min(t0 + g, len(tilts) - 1)]
                    k = first + r - n_k // 2
                    row = origins[t, 0] + slopes[t, 0] * k + n_p // 2
                    column = origins[t, 1] + slopes[t, 1] * k + n_q // 2
                    row_shift[r, g], column_shift[r, g] = int(np.floor(row)), int(np.floor(column))
                    row_fraction[r, g], column_fraction[r, g] = row - np.floor(row), column - np.floor(column)
                    weight[r, g] = 1 if t0 + g < len(tilts) else 0
            for q in range(0, n_q, CHUNK):
                for top in range(0, n_p, CHUNK):
                    for r in range(rows):
                        for p in range(top, min(top + CHUNK, n_p)):
                            o = (r * n_p + p) * pitch + q
                            total = load(planes, o, 32)
                            for g in range(GROUP):
                                t = tilts[min(t0 + g, len(tilts) - 1)]
                                n_i, n_j = shapes[t, 0], shapes[t, 1]
                                i, j = p - row_shift[r, g], min(max(q - column_shift[r, g], -CHUNK), n_j + 1)
                                start = offsets[t] + MARGIN + j
                                here = start + min(max(i + 1, 0), n_i + 1) * (n_j + 2 * MARGIN)
                                before = start + min(max(i, 0), n_i + 1) * (n_j + 2 * MARGIN)
                                fp, fq, w = row_fraction[r, g], column_fraction[r, g], weight[r, g]
                                total = multiply_add(w * (one - fp) * (one - fq), load(base, here, 32), total)
                                total = multiply_add(w * (one - fp) * fq, load(base, here - 1, 32), total)
                                total = multiply_add(w * fp * (one - fq), load(base, before, 32), total)
                                total = multiply_add(w * fp * fq, load(base, before - 1, 32), total)
                            store(planes, o, total)
        _add_planes(planes, pitch, axis, first, volume, add)


@njit(nogil=True, cache=True)
def warp(base, tilt, matrix, shift, origins, shapes, offsets, height, weights, image):
    """The base image of one tilt at the places where the rays of the detector's pixels meet it, times `height`.

    Pixel (v, u) about `shift` meets it at ``matrix @ (v, u)`` about the centre.
    """
    n_v, n_u = image.shape
    n_i, n_j = shapes[tilt, 0], shapes[tilt, 1]
    pitch = n_j + 2 * MARGIN
    table = weights.reshape(-1)
    for v in range(n_v):
        for u in range(n_u):
            p = matrix[0, 0] * (v - shift[0]) + matrix[0, 1] * (u - shift[1]) - origins[tilt, 0]
            q = matrix[1, 0] * (v - shift[0]) + matrix[1, 1] * (u - shift[1]) - origins[tilt, 1]
            i, j = int(np.floor(p)), int(np.floor(q))
            a, b = int((p - i) * STEPS + 0.5) * 8, int((q - j) * STEPS + 0.5) * 8
            i, j = i - (TAPS // 2 - 1), j - (TAPS // 2 - 1)
            value = np.float32(0)
            if -TAPS < j < n_j and -TAPS < i < n_i:
                total = zeros(8)
                o = offsets[tilt] + (i + 1) * pitch + MARGIN + j
                for m in range(max(0, -i), min(TAPS, n_i - i)):
                    total = multiply_add(table[a + m], load(base, o + m * pitch, 8), total)
                value = height * dot(total, load(table, b, 8))
            image[v, u] = value


@njit(nogil=True, cache=True)
def warp_back(image, tilt, matrix, shift, origins, shapes, offsets, height, weights, base):
    """The transpose of `warp`."""
    n_v, n_u = image.shape
    n_i, n_j = shapes[tilt, 0], shapes[tilt, 1]
    pitch = n_j + 2 * MARGIN
    table = weights.reshape(-1)
    base[offsets[tilt] : offsets[tilt + 1]] = 0
    for v in range(n_v):
        for u in range(n_u):
            p = matrix[0, 0] * (v - shift[0]) + matrix[0, 1] * (u - shift[1]) - origins[tilt, 0]
            q = matrix[1, 0] * (v - shift[0]) + matrix[1, 1] * (u - shift[1]) - origins[tilt, 1]
            i, j = int(np.floor(p)), int(np.floor(q))
            a, b = int((p - i) * STEPS + 0.5) * 8, int((q - j) * STEPS + 0.5) * 8
            i, j = i - (TAPS // 2 - 1), j - (TAPS // 2 - 1)
            value = height * image[v, u]
            if value != 0 and -TAPS < j < n_j and -TAPS < i < n_i:
                row = load(table, b, 8)
                o = offsets[tilt] + (i + 1) * pitch + MARGIN + j
                for m in range(max(0, -i), min(TAPS, n_i - i)):
                    at = o + m * pitch
                    store(base, at, multiply_add(value * table[a + m], row, load(base, at, 8)))
    for i in range(1, n_i + 1):
        o = offsets[tilt] + i * pitch
        base[o : o + MARGIN] = 0
        base[o + MARGIN + n_j : o + pitch] = 0

"""Kernels of GENFIRE; all release the GIL and run on the calling thread.

The padded volume never exists as a whole. It is transformed along x into planes (kx, y, z) that are as large as the
volume across; each plane in turn is padded, transformed, constrained and cut again, in one thread's scratch. Along an
axis of n voxels the grid has `size` points, an even number; voxel n // 2 + i lies at i modulo `size`, so that no phase
ramp arises. A measured point has a place ``ky * size_z + kz`` in the plane of its kx >= 0.
"""

import numpy as np
from numba import njit
from rocket_fft.lowlevel import c2c, c2r, r2c

_NEAREST = 1e-5
"""Distance in grid units below which a measured point counts as lying on the grid."""


@njit(nogil=True, cache=True)
def _signed(index, size):
    return index if 2 * index < size else index - size


@njit(nogil=True, cache=True)
def _transform(array, axis, forward, scale):
    if array.size:
        c2c(array, array, axis, forward, scale, 1)


@njit(nogil=True, cache=True)
def _between(height, slope, cutoff, reach):
    """First and last integer z with |height + slope z| <= cutoff and |z| < reach."""
    low, high = -reach, reach
    if abs(slope) > 1e-9:
        ends = (cutoff - height) / slope, (-cutoff - height) / slope
        low, high = max(low, min(ends)), min(high, max(ends))
    elif abs(height) > cutoff:
        return 0, -1
    first, last = int(np.ceil(low)), int(np.floor(high))
    return first + (first <= -reach), last - (last >= reach)


@njit(nogil=True, cache=True)
def near_plane(sizes, matrix, cutoff, counts, places, weights, rows, columns):
    """Grid points with kx >= 0, below the Nyquist frequency, within `cutoff` grid units of the central plane of a tilt.

    Writes for each kx their number into `counts`; and as far as there is room, their places, their weights
    1 / distance, and the detector's frequencies (radians per pixel) along rows and columns at the foot of the
    perpendicular. Distance and perpendicular are those of the grid, whose units differ along the axes where the sizes
    of the volume do.
    """
    size_z, size_y, size_x = sizes
    step = np.array([1 / size_x, 1 / size_y, 1 / size_z])  # cycles per voxel
    normal = matrix[:, 2] * step
    normal /= np.sqrt((normal**2).sum())
    column, row = 2 * np.pi * matrix[:, 0] * step, 2 * np.pi * matrix[:, 1] * step
    column -= (column * normal).sum() * normal  # of the foot, not of the point
    row -= (row * normal).sum() * normal
    n = 0
    for kx in range(len(counts)):
        first = n
        for ky in range(size_y):
            y = _signed(ky, size_y)
            room = 0.25 - (kx * step[0]) ** 2 - (y * step[1]) ** 2
            if room <= 0:
                continue
            reach = np.sqrt(room) * size_z
            low, high = _between(normal[0] * kx + normal[1] * y, normal[2], cutoff, reach)
            for z in range(low, high + 1):
                if n < len(places):
                    distance = normal[0] * kx + normal[1] * y + normal[2] * z
                    places[n] = ky * size_z + z % size_z
                    weights[n] = 1 / max(abs(distance), _NEAREST)
                    rows[n] = row[0] * kx + row[1] * y + row[2] * z
                    columns[n] = column[0] * kx + column[1] * y + column[2] * z
                n += 1
        counts[kx] = n - first


@njit(nogil=True, cache=True)
def scatter(starts, counts, tilt, points):
    """Copy the arrays of a tilt, ordered by kx, each into the array of all tilts, to where those of each kx begin."""
    places, weights, values = tilt
    all_places, all_weights, all_values = points
    n = 0
    for k in range(len(starts)):
        for i in range(starts[k], starts[k] + counts[k]):
            all_places[i], all_weights[i], all_values[i] = places[n], weights[n], values[n]
            n += 1


@njit(nogil=True, cache=True)
def merge(starts, ends, area, places, weights, values):
    """For each kx average the values that share a place, in place, and note the new end of the list."""
    sums, total = np.zeros(area, np.complex64), np.zeros(area, np.float32)
    for k in range(len(starts)):
        n = starts[k]
        for i in range(starts[k], ends[k]):
            p = places[i]
            if total[p] == 0:
                places[n] = p
                n += 1
            total[p] += weights[i]
            sums[p] += weights[i] * values[i]
        for i in range(starts[k], n):
            p = places[i]
            values[i] = sums[p] / total[p]
            sums[p], total[p] = 0, 0
        ends[k] = n


@njit(nogil=True, cache=True)
def to_planes(volume, size, first, last, planes):
    """Transform slices `first` <= y < `last` of a volume (z, y, x) along x into planes (kx, y, z)."""
    nz, _, nx = volume.shape
    lines, spectra = np.zeros((nz, size), np.float32), np.empty((nz, size // 2 + 1), np.complex64)
    axis = np.array([1])
    for y in range(first, last):
        for z in range(nz):
            lines[z, : nx - nx // 2] = volume[z, y, nx // 2 :]
            lines[z, size - nx // 2 :] = volume[z, y, : nx // 2]
        r2c(lines, spectra, axis, True, 1.0, 1)
        for k in range(len(planes)):
            for z in range(nz):
                planes[k, y, z] = spectra[z, k]


@njit(nogil=True, cache=True)
def from_planes(planes, size, first, last, support, positivity, volume):
    """Undo `to_planes`, and set to zero what is negative, where asked to, or outside a support that is not empty."""
    nz, _, nx = volume.shape
    lines, spectra = np.empty((nz, size), np.float32), np.empty((nz, size // 2 + 1), np.complex64)
    axis = np.array([1])
    for y in range(first, last):
        for k in range(len(planes)):
            for z in range(nz):
                spectra[z, k] = planes[k, y, z]
        c2r(spectra, lines, axis, False, 1.0 / size, 1)
        for z in range(nz):
            row = volume[z, y]
            row[nx // 2 :] = lines[z, : nx - nx // 2]
            row[: nx // 2] = lines[z, size - nx // 2 :]
            for x in range(nx):
                outside = support.size > 0 and not support[z, y, x]
                if outside or (positivity and row[x] < 0):
                    row[x] = 0


@njit(nogil=True, cache=True)
def _pad(box, plane):
    """Lay the rows (y, z) of a plane into the corners of the padded one; the rows between are left as they are."""
    (ny, nz), (size_y, size_z) = box.shape, plane.shape
    for y in range(ny):
        row = plane[(y - ny // 2) % size_y]
        row[: nz - nz // 2] = box[y, nz // 2 :]
        row[nz - nz // 2 : size_z - nz // 2] = 0
        row[size_z - nz // 2 :] = box[y, : nz // 2]


@njit(nogil=True, cache=True)
def _cut(plane, box):
    """Undo `_pad`."""
    (ny, nz), (size_y, size_z) = box.shape, plane.shape
    for y in range(ny):
        row = plane[(y - ny // 2) % size_y]
        box[y, nz // 2 :] = row[: nz - nz // 2]
        box[y, : nz // 2] = row[size_z - nz // 2 :]


@njit(nogil=True, cache=True)
def constrain(planes, sizes, first, last, starts, ends, places, values, resolution, replace, sums):
    """Give the measured Fourier points of the planes `first` <= kx < `last` their values, up to a `resolution`.

    That is in cycles per voxel. What lies beyond it stays, and is not even transformed along y. Writes for each kx the
    sums of |F u - b| and of |b| over the same points. Without `replace` that is all, and the planes stay as they are.
    """
    size_z, size_y, size_x = sizes
    _, ny, _ = planes.shape
    plane = np.empty((size_y, size_z), np.complex64)
    flat = plane.reshape(-1)
    along_y, along_z = np.array([0]), np.array([1])
    between = slice(ny - ny // 2, size_y - ny // 2)
    above, below = plane[: ny - ny // 2], plane[size_y - ny // 2 :]
    for kx in range(first, last):
        sums[kx] = 0
        room = resolution**2 - (kx / size_x) ** 2
        if room <= 0:
            continue
        reach = min(int(np.sqrt(room) * size_z) + 1, size_z // 2 - 1)
        low, high = plane[:, : reach + 1], plane[:, size_z - reach :]
        _pad(planes[kx], plane)
        plane[between] = 0
        _transform(above, along_z, True, 1.0)
        _transform(below, along_z, True, 1.0)
        _transform(low, along_y, True, 1.0)
        _transform(high, along_y, True, 1.0)
        for i in range(starts[kx], ends[kx]):
            p = places[i]
            y, z = _signed(p // size_z, size_y) / size_y, _signed(p % size_z, size_z) / size_z
            if y * y + z * z < room:
                sums[kx, 0] += abs(flat[p] - values[i])
                sums[kx, 1] += abs(values[i])
                flat[p] = values[i]
        if replace:
            _transform(low, along_y, False, 1.0 / size_y)
            _transform(high, along_y, False, 1.0 / size_y)
            _transform(above, along_z, False, 1.0 / size_z)
            _transform(below, along_z, False, 1.0 / size_z)
            _cut(plane, planes[kx])

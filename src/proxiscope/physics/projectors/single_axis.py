"""Real-space parallel-beam projector of a single-axis tilt series."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.arrays import empty
from ...core.errors import InputError
from ...core.threads import num_threads, parallel
from . import _joseph


class SingleAxisProjector:
    """Joseph's projector about one tilt axis along y, with its exact adjoint.

    The detector coordinate of a voxel at (z, x), about the centres ``n // 2``, is ``x cos(t) - z sin(t)``
    (thesis eq. 3.4). A ray steps along the axis that it is nearest to, interpolates linearly across it and
    weighs each step by its length, 1 / |cos t| or 1 / |sin t|: the sum of the voxels along the ray in units
    of a voxel, so that the projection at 0 degrees is ``volume.sum(axis=0)``. What lies outside the volume
    or the detector counts as zero. (P. M. Joseph, IEEE Trans. Med. Imaging 1, 192, 1982.)

    `forward` and `adjoint` work on float32 arrays cut along y into blocks of neighbouring slices, with the
    slices of a block innermost; an iteration stays in that layout and packs only what it reads and shows.
    The result does not depend on the number of threads, to the last bit.

    Parameters
    ----------
    angles : array_like, shape (n_tilt,)
        Tilt angles in degrees.
    shape : tuple of int
        Detector (ny, nx) in pixels.
    volume : tuple of int, optional
        Voxels (nz, ny, nx), with the detector's ny; nz = nx = the detector's nx by default.

    Attributes
    ----------
    domain_shape : tuple of int
        Packed volume, (blocks, nz, nx, slices in a block).
    range_shape : tuple of int
        Packed projections, (blocks, n_tilt, detector nx, slices in a block).
    """

    def __init__(self, angles: ArrayLike, shape: tuple[int, int], volume: tuple[int, int, int] | None = None):
        self.angles, self.shape, self.volume = check_geometry(angles, shape, volume)
        (ny, nu), (nz, _, nx) = self.shape, self.volume
        width = _width(ny)  # 16 takes half as long again a slice as 32, 64 no less
        blocks = -(-ny // width)
        self.domain_shape = (blocks, nz, nx, width)
        self.range_shape = (blocks, len(self.angles), nu, width)
        self._kernels = _joseph.kernels(width)
        self._cosine, self._sine = np.cos(np.deg2rad(self.angles)), np.sin(np.deg2rad(self.angles))

    @classmethod
    def memory(cls, angles: NDArray[Any], shape: tuple[int, int], volume: tuple[int, int, int]) -> int:
        """Bytes of the kernels' tables and slabs."""
        columns = max(shape[1], *volume)
        return num_threads() * 8 * _joseph.ROWS * columns * (len(angles) + 2 * _width(shape[0]))

    def forward(self, x: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Project a packed volume.

        Parameters
        ----------
        x : ndarray, shape `domain_shape`, float32
        out : ndarray, shape `range_shape`, float32, optional

        Returns
        -------
        ndarray, shape `range_shape`, float32
        """
        volume = as_native("volume", x, self.domain_shape)
        out = as_output(out, self.range_shape)
        blocks, nz, nx, width = self.domain_shape
        block_parts, tilt_parts = _parts(blocks)
        c, s = self._cosine, self._sine
        steep = np.abs(c) < np.abs(s)
        tasks = []
        for tilts in np.array_split(np.flatnonzero(~steep), tilt_parts):
            rays = (nz, nx), (nx * width, width), tilts, 1 / c[tilts], s[tilts] / c[tilts]
            tasks += [(volume[i:j], *rays, out[i:j]) for i, j in ranges(blocks, block_parts) if len(tilts)]
        for tilts in np.array_split(np.flatnonzero(steep), tilt_parts):
            rays = (nx, nz), (width, nx * width), tilts, -1 / s[tilts], c[tilts] / s[tilts]
            tasks += [(volume[i:j], *rays, out[i:j]) for i, j in ranges(blocks, block_parts) if len(tilts)]
        parallel(self._kernels.project, tasks)
        return out

    def adjoint(self, y: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Back-project packed projections, with the weights of `forward`.

        Parameters
        ----------
        y : ndarray, shape `range_shape`, float32
        out : ndarray, shape `domain_shape`, float32, optional

        Returns
        -------
        ndarray, shape `domain_shape`, float32
        """
        return self._back_project(y, out, np.maximum(np.abs(self._cosine), np.abs(self._sine)))

    def interpolate(self, y: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Sum for each voxel the projections at its shadow, interpolated linearly between pixels.

        Not the adjoint of `forward`, but smooth: each projection weighs all voxels alike, which filtered back
        projection needs. Parameters and result as for `adjoint`.
        """
        return self._back_project(y, out, np.ones_like(self._cosine))

    def _back_project(self, y: NDArray[Any], out: NDArray[Any] | None, half_width: NDArray[Any]) -> NDArray[Any]:
        projections = as_native("projections", y, self.range_shape)
        out = as_output(out, self.domain_shape)
        blocks, nz, _, _ = self.domain_shape
        block_parts, slab_parts = _parts(blocks)
        tasks = [
            (projections[i:j], self._cosine, self._sine, half_width, out[i:j], *slab)
            for slab in ranges(nz, slab_parts)
            for i, j in ranges(blocks, block_parts)
        ]
        parallel(self._kernels.back_project, tasks)
        return out

    def pack_volume(self, volume: ArrayLike) -> NDArray[Any]:
        """Bring a volume (z, y, x) of any real dtype into the layout of `domain_shape`."""
        return self._pack("volume", volume, self.volume, self.domain_shape)

    def unpack_volume(self, x: NDArray[Any]) -> NDArray[Any]:
        """Bring a packed volume back to (z, y, x), float32."""
        return self._unpack("volume", x, self.volume, self.domain_shape)

    def pack_projections(self, projections: ArrayLike) -> NDArray[Any]:
        """Bring projections (tilt, y, x) of any real dtype into the layout of `range_shape`."""
        return self._pack("projections", projections, (len(self.angles), *self.shape), self.range_shape)

    def unpack_projections(self, y: NDArray[Any]) -> NDArray[Any]:
        """Bring packed projections back to (tilt, y, x), float32."""
        return self._unpack("projections", y, (len(self.angles), *self.shape), self.range_shape)

    def _pack(
        self, field: str, images: ArrayLike, shape: tuple[int, ...], packed_shape: tuple[int, ...]
    ) -> NDArray[Any]:
        images = as_native(field, images, shape)
        packed = empty(packed_shape, np.float32)
        parallel(_joseph.pack, [(images, packed, *part) for part in ranges(len(images), 4 * num_threads())])
        return packed

    def _unpack(
        self, field: str, packed: ArrayLike, shape: tuple[int, ...], packed_shape: tuple[int, ...]
    ) -> NDArray[Any]:
        packed = as_native(field, packed, packed_shape)
        images = np.empty(shape, np.float32)
        parallel(_joseph.unpack, [(packed, images, *part) for part in ranges(len(images), 4 * num_threads())])
        return images


def packed_slices(ny: int) -> int:
    """Slices along y that packed arrays of `ny` slices have, padding included."""
    return -(-ny // _width(ny)) * _width(ny)


def _width(ny: int) -> int:
    """Slices in a block."""
    return 32 if ny > 16 else 8


def check_geometry(
    angles: ArrayLike, shape: tuple[int, int], volume: tuple[int, int, int] | None
) -> tuple[NDArray[Any], tuple[int, int], tuple[int, int, int]]:
    """Angles in degrees as float64, detector (ny, nx) and volume (nz, ny, nx), or an error that says what is wrong."""
    angles = np.array(angles, np.float64)
    if angles.ndim != 1 or not angles.size:
        raise InputError("angles", f"array of shape {angles.shape}", "Give one angle for each projection.")
    shape, volume = check_sizes(angles, shape, volume)
    if volume[1] != shape[0]:
        raise InputError("volume", f"{volume[1]} slices along y", f"Give the detector's {shape[0]}.")
    return angles, shape, volume


def check_sizes(
    angles: NDArray[Any], shape: tuple[int, int], volume: tuple[int, int, int] | None
) -> tuple[tuple[int, int], tuple[int, int, int]]:
    """Detector (ny, nx) and volume (nz, ny, nx), by default as deep as wide, with finite angles; or an error."""
    if not np.isfinite(angles).all():
        raise InputError("angles", "values that are not finite", "Give every projection's tilt in degrees.")
    ny, nx = (int(n) for n in shape)
    sides = (nx, ny, nx) if volume is None else tuple(int(n) for n in volume)
    if ny < 1 or nx < 2 or len(sides) != 3 or min(sides) < 1 or sides[2] < 2:
        raise InputError("shape", f"detector {ny} x {nx}, volume {sides}", "Give at least 2 pixels along x.")
    return (ny, nx), sides


def as_native(field: str, array: ArrayLike, shape: tuple[int, ...]) -> NDArray[Any]:
    """`array` as contiguous float32, copied only if it must be; an error names `field` if the shape differs."""
    array = np.ascontiguousarray(array, np.float32)
    if array.shape != shape:
        raise InputError(field, f"shape {array.shape}", f"This projector takes {shape}.")
    return array


def as_output(out: NDArray[Any] | None, shape: tuple[int, ...]) -> NDArray[Any]:
    """`out` if kernels can write into it, or a new array."""
    if out is None:
        return empty(shape, np.float32)
    if out.shape != shape or out.dtype != np.float32 or not out.flags.c_contiguous:
        raise InputError("out", f"{out.dtype} array of shape {out.shape}", f"Give contiguous float32 {shape}.")
    return out


def ranges(count: int, parts: int) -> list[tuple[int, int]]:
    """Cut ``range(count)`` into at most `parts` even pieces (first, last + 1)."""
    edges = np.linspace(0, count, min(count, parts) + 1).astype(int).tolist()
    return list(pairwise(edges))


def _parts(blocks: int) -> tuple[int, int]:
    """Into how many parts to cut the blocks, and the tilts or slabs, to keep all threads busy."""
    wanted = 2 * num_threads() if num_threads() > 1 else 1
    block_parts = max(-(-blocks // 4), min(blocks, wanted))  # four blocks share weights and still fit a cache
    return block_parts, -(-wanted // block_parts)

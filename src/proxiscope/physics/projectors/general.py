"""Real-space projector of tilts about any axes."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.errors import InputError
from ...core.threads import num_threads, parallel
from ..rotations import rotation_matrices
from . import _shear
from .single_axis import as_native, as_output, check_sizes, ranges

_WEIGHTS = _shear.warp_weights()


class Natural:
    """Mixin of projectors that work on volumes (z, y, x) and projections (tilt, y, x) as they are."""

    domain_shape: tuple[int, int, int]
    range_shape: tuple[int, int, int]

    def pack_volume(self, volume: ArrayLike) -> NDArray[Any]:
        """The volume (z, y, x) itself, as contiguous float32."""
        return as_native("volume", volume, self.domain_shape)

    def unpack_volume(self, x: NDArray[Any]) -> NDArray[Any]:
        """A copy of the volume (z, y, x)."""
        return as_native("volume", x, self.domain_shape).copy()

    def pack_projections(self, projections: ArrayLike) -> NDArray[Any]:
        """The projections (tilt, y, x) themselves, as contiguous float32."""
        return as_native("projections", projections, self.range_shape)

    def unpack_projections(self, y: NDArray[Any]) -> NDArray[Any]:
        """A copy of the projections (tilt, y, x)."""
        return as_native("projections", y, self.range_shape).copy()


class GeneralProjector(Natural):
    """Projector along rays of any direction, with its exact adjoint.

    A projection of the object O is the sum over s of O(R (u, v, s)), R = Z(phi) Y(theta) X(psi) (thesis section
    3.2.1.2). A ray steps along the axis that it is nearest to and interpolates linearly across it (Joseph 1982). All
    rays of a tilt step alike, so the planes across that axis are shifted and added as a whole; the sums, which lie on
    the plane's own grid, are then interpolated at the detector's pixels by a windowed sinc (shear and warp: P. Lacroute
    and M. Levoy, SIGGRAPH 1994). The result does not depend on the number of threads, to the last bit. The sums are
    kept in the object: use it from one Python thread at a time.

    Parameters
    ----------
    rotations : array_like, shape (n_tilt, 3)
        Euler triples (phi, theta, psi) in degrees.
    shape : tuple of int
        Detector (ny, nx) in pixels.
    volume : tuple of int, optional
        Voxels (nz, ny, nx); as many as the detector has, and as deep as wide, by default.
    shifts : array_like, shape (n_tilt, 2), optional
        Where the rotation centre appears on the detector, (dy, dx) in pixels from pixel n // 2.

    Attributes
    ----------
    domain_shape, range_shape : tuple of int
        Volume (nz, ny, nx) and projections (n_tilt, ny, nx).
    """

    def __init__(
        self,
        rotations: ArrayLike,
        shape: tuple[int, int],
        volume: tuple[int, int, int] | None = None,
        shifts: ArrayLike | None = None,
    ):
        self._place(rotations, shape, volume, shifts)
        self._base = np.zeros(self._offsets[-1], np.float32)

    @classmethod
    def memory(
        cls, rotations: ArrayLike, shape: tuple[int, int], volume: tuple[int, int, int], shifts: ArrayLike
    ) -> int:
        """Bytes that the base images and the kernels' planes take."""
        geometry = cls.__new__(cls)
        geometry._place(rotations, shape, volume, shifts)
        plane = _shear.ROWS * max(geometry.volume) * (max(geometry.volume) + 3 * _shear.MARGIN)
        return 4 * (int(geometry._offsets[-1]) + 2 * num_threads() * plane)

    def _place(
        self,
        rotations: ArrayLike,
        shape: tuple[int, int],
        volume: tuple[int, int, int] | None,
        shifts: ArrayLike | None,
    ) -> None:
        """Where rays run, and where the base images lie in one buffer."""
        rotations, self.shifts = check_rotations(rotations, shifts)
        self.shape, self.volume = check_sizes(rotations, shape, volume)
        self.domain_shape, self.range_shape = self.volume, (len(rotations), *self.shape)
        matrices = rotation_matrices(rotations)[:, ::-1, ::-1]  # axes as arrays have them: (z, y, x) and (s, v, u)
        beam, detector = matrices[:, :, 0], matrices[:, :, 1:]
        self._axis = np.abs(beam.round(12)).argmax(axis=1)
        tilt = np.arange(len(rotations))
        along = beam[tilt, self._axis]
        across = np.array([[1, 2], [0, 2], [0, 1]])[self._axis]
        self._slopes = beam[tilt[:, None], across] / along[:, None]
        self._matrices = (
            detector[tilt[:, None], across] - self._slopes[:, :, None] * detector[tilt, self._axis][:, None]
        )
        self._heights = (1 / np.abs(along)).astype(np.float32)
        self._centres = self.shifts + np.array(self.shape) // 2
        self._origins, self._shapes = self._base_images(across)
        sizes = (self._shapes[:, 0] + 2) * (self._shapes[:, 1] + 2 * _shear.MARGIN)
        self._offsets = np.concatenate([[0], np.cumsum(sizes)])

    def _base_images(self, across: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """First pixels and shapes of the base images: where the volume's shadow and the detector's rays meet."""
        n, n_k = np.array(self.volume)[across], np.array(self.volume)[self._axis][:, None]
        reach = np.abs(self._slopes) * (n_k // 2 + 1) + 1
        ends = np.array([(0, 0), (0, 1), (1, 0), (1, 1)]) * (np.array(self.shape) - 1)
        corners = np.einsum("tij,tcj->tci", self._matrices, ends - self._centres[:, None])
        low = np.maximum(-(n // 2) - reach, corners.min(axis=1) - _shear.TAPS)
        high = np.minimum(n - n // 2 + reach, corners.max(axis=1) + _shear.TAPS)
        low, high = np.floor(low).astype(np.int64), np.ceil(high).astype(np.int64)
        shapes = np.maximum(high - low + 1, 1)
        shapes[:, 1] = -(-shapes[:, 1] // _shear.CHUNK) * _shear.CHUNK
        return low, shapes

    def _groups(self) -> list[tuple[int, NDArray[Any]]]:
        """Axes that rays step along, with the tilts of each."""
        return [(axis, np.flatnonzero(self._axis == axis)) for axis in np.unique(self._axis)]

    def _images(self) -> tuple[NDArray[Any], ...]:
        return self._slopes, self._origins, self._shapes, self._offsets

    def forward(self, x: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Project a volume, `domain_shape` to `range_shape`, float32."""
        volume = as_native("volume", x, self.domain_shape)
        out = as_output(out, self.range_shape)
        parts = 2 * num_threads() if num_threads() > 1 else 1
        tasks = [
            (volume, axis, some, *self._images(), self._base)
            for axis, tilts in self._groups()
            for some in np.array_split(tilts, min(parts, len(tilts)))
        ]
        parallel(_shear.shear, tasks)
        parallel(_shear.warp, [(self._base, *self._warp(t), out[t]) for t in range(len(out))])
        return out

    def adjoint(self, y: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Back-project with the weights of `forward`, `range_shape` to `domain_shape`, float32."""
        projections = as_native("projections", y, self.range_shape)
        out = as_output(out, self.domain_shape)
        parallel(_shear.warp_back, [(p, *self._warp(t), self._base) for t, p in enumerate(projections)])
        for n, (axis, tilts) in enumerate(self._groups()):
            planes = ranges(-(-out.shape[axis] // _shear.ROWS), 4 * num_threads())
            slabs = [(a * _shear.ROWS, min(b * _shear.ROWS, out.shape[axis])) for a, b in planes]
            parallel(
                _shear.shear_back, [(self._base, axis, tilts, *self._images(), out, n > 0, *slab) for slab in slabs]
            )
        return out

    def _warp(self, t: int) -> tuple[Any, ...]:
        """Arguments of `warp` and its transpose for tilt t."""
        where = self._origins, self._shapes, self._offsets
        return t, self._matrices[t], self._centres[t], *where, self._heights[t], _WEIGHTS


def check_rotations(rotations: ArrayLike, shifts: ArrayLike | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Euler triples (tilt, 3) and shifts (tilt, 2), zero by default, as float64; or an error."""
    rotations = np.array(rotations, np.float64)
    if rotations.ndim != 2 or rotations.shape[1:] != (3,) or not len(rotations):
        raise InputError(
            "rotations", f"array of shape {rotations.shape}", "Give (phi, theta, psi) for each projection."
        )
    shifts = np.zeros((len(rotations), 2)) if shifts is None else np.array(shifts, np.float64)
    if shifts.shape != (len(rotations), 2) or not np.isfinite(shifts).all():
        raise InputError("shifts", f"array of shape {shifts.shape}", "Give (dy, dx) in pixels for each projection.")
    return rotations, shifts

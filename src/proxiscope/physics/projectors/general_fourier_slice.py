"""Fourier-slice projector of tilts about any axes."""

from math import prod
from typing import Any

import finufft
import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from ...core.errors import InputError
from ..rotations import rotation_matrices
from .fourier_slice import line_length
from .general import Natural, check_rotations
from .single_axis import as_native, as_output, check_sizes


class GeneralFourierSliceProjector(Natural):
    """Projector by the Fourier slice theorem for any rotations, with its adjoint.

    The volume's spectrum is evaluated on the tilts' central planes by a three-dimensional non-uniform FFT; nothing is
    interpolated. Of each plane half is computed, since volumes are real, and shifts are exact. One thread, because more
    would add in another order from run to run.

    Parameters
    ----------
    rotations, shape, volume, shifts
        As for `GeneralProjector`.
    eps : float
        Relative precision of the non-uniform FFT; in float32 it ends near 1e-5.

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
        eps: float = 1e-5,
    ):
        rotations, shifts = check_rotations(rotations, shifts)
        self.shape, self.volume = check_sizes(rotations, shape, volume)
        if not 1e-6 <= eps <= 1e-2:
            raise InputError("eps", f"{eps}", "Give a precision from 1e-6 to 1e-2.")
        self.eps = eps
        self.domain_shape, self.range_shape = self.volume, (len(rotations), *self.shape)
        matrices = rotation_matrices(rotations)[:, ::-1, ::-1]  # axes as arrays have them: (z, y, x) and (s, v, u)
        lengths = _lengths(matrices, self.shape, self.volume, shifts)
        kv, ku = 2 * np.pi * scipy.fft.fftfreq(lengths[0]), 2 * np.pi * scipy.fft.rfftfreq(lengths[1])
        k = np.stack(np.meshgrid(kv, ku, indexing="ij"))
        points = np.einsum("tij,jvu->itvu", matrices[:, :, 1:], k).astype(np.float32)
        self._points = [np.ascontiguousarray(p.ravel()) for p in points]
        self._phase = np.exp(-1j * np.einsum("ti,ivu->tvu", shifts, k)).astype(np.complex64) if shifts.any() else None
        self._lengths = lengths

    @classmethod
    def memory(
        cls, rotations: ArrayLike, shape: tuple[int, int], volume: tuple[int, int, int], shifts: ArrayLike
    ) -> int:
        """Bytes that the transform and its points take."""
        rotations, shifts = check_rotations(rotations, shifts)
        lengths = _lengths(rotation_matrices(rotations)[:, ::-1, ::-1], shape, volume, shifts)
        return 8 * 5 * prod(volume) + 48 * len(rotations) * prod(lengths)

    def forward(self, x: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Project a volume, `domain_shape` to `range_shape`, float32."""
        volume = as_native("volume", x, self.domain_shape)
        out = as_output(out, self.range_shape)
        planes = self._plan(2).execute(volume.astype(np.complex64)).reshape(len(out), self._lengths[0], -1)
        if self._phase is not None:
            planes *= self._phase
        images = scipy.fft.irfft2(planes, s=self._lengths, overwrite_x=True)
        for to, at in self._quadrants():
            out[to] = images[at]
        return out

    def adjoint(self, y: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Back-project, `range_shape` to `domain_shape`, float32."""
        projections = as_native("projections", y, self.range_shape)
        out = as_output(out, self.domain_shape)
        images = np.zeros((len(projections), *self._lengths), np.float32)
        for to, at in self._quadrants():
            images[at] = projections[to]
        planes = scipy.fft.rfft2(images, norm="forward")
        planes[..., 1:] *= 2  # for the half that is not computed
        if self._phase is not None:
            planes *= self._phase.conj()
        out[...] = self._plan(1).execute(planes.ravel()).real
        return out

    def _quadrants(self) -> list[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        """Slices of the detector about its centre, and where they lie in a plane whose first pixel is the centre."""
        halves = [[(slice(n // 2, n), slice(n - n // 2)), (slice(n // 2), slice(-(n // 2), None))] for n in self.shape]
        rows, columns = ([half for half in axis if half[0] != slice(0)] for axis in halves)
        return [((..., v[0], u[0]), (..., v[1], u[1])) for v in rows for u in columns]

    def _plan(self, kind: Any) -> Any:
        options = {"upsampfac": 1.25, "nthreads": 1, "showwarn": 0}
        plan = finufft.Plan(kind, self.domain_shape, 1, self.eps, 1 if kind == 1 else -1, "complex64", **options)
        plan.setpts(*self._points)
        return plan


def _lengths(
    matrices: NDArray[Any], shape: tuple[int, int], volume: tuple[int, int, int], shifts: NDArray[Any]
) -> list[int]:
    """Frequencies along (y, x) of a central plane."""
    shadows = np.einsum("i,tij->tj", np.array(volume, float), np.abs(matrices)).max(axis=0)[1:]
    far = np.ceil(2 * np.abs(shifts).max(axis=0)).astype(int).tolist()
    return [line_length(n + d, s) for n, d, s in zip(shape, far, shadows, strict=True)]

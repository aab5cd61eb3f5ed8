"""Fourier-slice projector of a single-axis tilt series."""

from math import ceil, hypot
from typing import Any

import finufft
import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from ...core.errors import InputError
from ...core.threads import num_threads, parallel
from .general import Natural
from .single_axis import as_native, as_output, check_geometry, ranges


class FourierSliceProjector(Natural):
    """Projector by the Fourier slice theorem about one tilt axis along y, with its adjoint.

    The spectrum of each slice is evaluated on the central lines of the tilts by a non-uniform FFT, so that
    nothing is interpolated: a voxel at (z, x) about the centres ``n // 2`` becomes a sinc at the detector
    coordinate ``x cos(t) - z sin(t)`` (thesis eqs. 3.3 and 3.4). The projection at 0 degrees is
    ``volume.sum(axis=0)``. The lines are sampled finely enough that no part of the volume's shadow wraps
    into the detector, and at an odd number of frequencies, so that a real volume has real projections.

    Parameters
    ----------
    angles : array_like, shape (n_tilt,)
        Tilt angles in degrees.
    shape : tuple of int
        Detector (ny, nx) in pixels.
    volume : tuple of int, optional
        Voxels (nz, ny, nx), with the detector's ny; nz = nx = the detector's nx by default.
    eps : float
        Relative precision of the non-uniform FFT; in float32 it ends near 1e-5.

    Attributes
    ----------
    domain_shape : tuple of int
        Volume, (nz, ny, nx).
    range_shape : tuple of int
        Projections, (n_tilt, ny, nx).
    line_length : int
        Frequencies on the central line of a slice: the period, in pixels, of the sinc.
    """

    def __init__(
        self,
        angles: ArrayLike,
        shape: tuple[int, int],
        volume: tuple[int, int, int] | None = None,
        eps: float = 1e-5,
    ):
        self.angles, self.shape, self.volume = check_geometry(angles, shape, volume)
        if not 1e-6 <= eps <= 1e-2:
            raise InputError("eps", f"{eps}", "Give a precision from 1e-6 to 1e-2.")
        self.eps = eps
        (ny, nu), (nz, _, nx) = self.shape, self.volume
        self.domain_shape = self.volume
        self.range_shape = (len(self.angles), ny, nu)
        c, s = np.cos(np.deg2rad(self.angles)), np.sin(np.deg2rad(self.angles))
        # The same number for all tilts and any choice of them: half the detector and half the widest shadow.
        n = line_length(nu, hypot(nx, nz))
        k = 2 * np.pi * scipy.fft.fftfreq(n)
        self.line_length = n
        self._points = (np.outer(-s, k).ravel().astype(np.float32), np.outer(c, k).ravel().astype(np.float32))

    @classmethod
    def memory(cls, angles: NDArray[Any], shape: tuple[int, int], volume: tuple[int, int, int]) -> int:
        """Bytes that the transforms of some slices at a time take."""
        nz, _, nx = volume
        points = len(angles) * line_length(shape[1], hypot(nx, nz))
        pairs = min(-(-shape[0] // 2), 32)
        return num_threads() * 8 * pairs * (2 * nz * nx + 3 * points) + 24 * points

    def forward(self, x: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Project a volume.

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
        n_tilt, _, nx = self.range_shape
        before, after = nx // 2, nx - nx // 2  # pixels on both sides of the centre

        def project(first: int, last: int) -> None:
            slices = _pairs(volume[:, first:last])
            plan = self._plan(2, len(slices))
            lines = plan.execute(slices).reshape(-1, n_tilt, self.line_length)
            lines = scipy.fft.ifft(lines, overwrite_x=True, workers=1)
            target = out[:, first:last]
            _unpair(lines[..., -before:], target[..., :before])
            _unpair(lines[..., :after], target[..., before:])

        parallel(project, self._parts())
        return out

    def adjoint(self, y: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Back-project.

        Parameters
        ----------
        y : ndarray, shape `range_shape`, float32
        out : ndarray, shape `domain_shape`, float32, optional

        Returns
        -------
        ndarray, shape `domain_shape`, float32
        """
        projections = as_native("projections", y, self.range_shape)
        out = as_output(out, self.domain_shape)
        n_tilt, _, nx = self.range_shape
        before, after = nx // 2, nx - nx // 2

        def back_project(first: int, last: int) -> None:
            pixels = _pairs(projections[:, first:last])
            lines = np.zeros((len(pixels), n_tilt, self.line_length), np.complex64)
            lines[..., -before:] = pixels[..., :before]
            lines[..., :after] = pixels[..., before:]
            lines = scipy.fft.fft(lines, norm="forward", overwrite_x=True, workers=1)
            plan = self._plan(1, len(lines))
            slices = plan.execute(lines.reshape(len(lines), -1))
            _unpair(slices.reshape(-1, *self.domain_shape[::2]), out[:, first:last])

        parallel(back_project, self._parts())
        return out

    def _plan(self, kind: Any, count: Any) -> Any:
        # Each task has its own single-threaded plan: a plan must not be executed by two threads at once,
        # and the library's own threads stall when they outnumber the processors.
        options = {"upsampfac": 1.25, "nthreads": 1, "showwarn": 0}
        sign = 1 if kind == 1 else -1
        plan = finufft.Plan(kind, self.domain_shape[::2], count, self.eps, sign, "complex64", **options)
        plan.setpts(*self._points)
        return plan

    def _parts(self) -> list[tuple[int, int]]:
        """Even ranges of y, small enough to share the work and to keep copies small."""
        pairs = -(-self.shape[0] // 2)
        parts = max(pairs // 16, min(pairs, 2 * num_threads()))
        return [(2 * first, min(2 * last, self.shape[0])) for first, last in ranges(pairs, parts)]


def line_length(pixels: int, shadow: float) -> int:
    """Frequencies on a line, odd and quick to transform, so that no part of a shadow wraps onto the detector."""
    n = max(pixels, ceil((pixels + shadow) / 2) + 1)
    n += 1 - n % 2
    while scipy.fft.next_fast_len(n) != n:
        n += 2
    return n


def _pairs(images: Any) -> Any:
    """(n, y, x) real to (y / 2, n, x) complex: the operator is real, so two slices travel as re + i im."""
    n, ny, nx = images.shape
    pairs = np.zeros(((ny + 1) // 2, n, nx), np.complex64)
    pairs.real = images[:, 0::2].transpose(1, 0, 2)
    pairs.imag[: ny // 2] = images[:, 1::2].transpose(1, 0, 2)
    return pairs


def _unpair(pairs: Any, images: Any) -> Any:
    """Undo `_pairs` into `images`."""
    images[:, 0::2] = pairs.real.transpose(1, 0, 2)
    images[:, 1::2] = pairs.imag[: images.shape[1] // 2].transpose(1, 0, 2)

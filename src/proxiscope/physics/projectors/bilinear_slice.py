"""The projector of the thesis: bilinear interpolation in Fourier space, and a back projection that does not match."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from ...core.threads import num_threads, parallel
from .single_axis import SingleAxisProjector, as_native, as_output


class BilinearSliceProjector(SingleAxisProjector):
    """The pair of algorithm 3 to the letter, for a single tilt axis. **Not adjoint to each other.**

    `forward` pads each slice `oversampling` times with zeros, transforms it, interpolates the spectrum bilinearly on
    the tilts' central lines and transforms back (Fourier slice theorem, section 3.2.1.1). `adjoint` interpolates the
    projections linearly at each voxel's shadow (eqs 3.3 and 3.4). The two differ from being adjoint by a third of
    their norm; they are here to compare with. Layouts are those of `SingleAxisProjector`.

    Parameters
    ----------
    angles, shape, volume
        As for `SingleAxisProjector`.
    oversampling : int
        Of the padded slice.
    """

    def __init__(
        self,
        angles: ArrayLike,
        shape: tuple[int, int],
        volume: tuple[int, int, int] | None = None,
        oversampling: int = 3,
    ):
        super().__init__(angles, shape, volume)
        nz, _, nx = self.volume
        self._padded = (oversampling * nz, oversampling * max(nx, self.shape[1]))
        self._interpolation = _central_lines(self._padded, self._cosine, self._sine)

    @classmethod
    def memory(
        cls, angles: NDArray[Any], shape: tuple[int, int], volume: tuple[int, int, int], oversampling: int = 3
    ) -> int:
        """Bytes that the padded slices of a block and the interpolation take."""
        nz, _, nx = volume
        padded = oversampling**2 * nz * max(nx, shape[1])
        points = len(angles) * oversampling * max(nx, shape[1])
        return super().memory(angles, shape, volume) + num_threads() * 32 * (28 * padded + 16 * points) + 100 * points

    def forward(self, x: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Project a packed volume, `domain_shape` to `range_shape`, float32."""
        volume = as_native("volume", x, self.domain_shape)
        out = as_output(out, self.range_shape)
        parallel(self._project, list(zip(volume, out, strict=True)))
        return out

    def adjoint(self, y: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Interpolate packed projections at the voxels' shadows: what algorithm 3 takes for the adjoint."""
        return self.interpolate(y, out)

    def _project(self, block: NDArray[Any], out: NDArray[Any]) -> None:
        width = block.shape[-1]
        padded = np.zeros((*self._padded, width), np.float32)
        padded[tuple(map(_middle, self._padded, block.shape))] = block
        spectrum = _centred(scipy.fft.fft2, padded, (0, 1)).reshape(-1, width)
        lines = (self._interpolation @ spectrum).reshape(len(out), -1, width)
        out[...] = _centred(scipy.fft.ifft, lines, (1,))[:, _middle(lines.shape[1], out.shape[1])].real


def _centred(transform: Callable[..., Any], array: NDArray[Any], axes: tuple[int, ...]) -> NDArray[Any]:
    """A Fourier transform along `axes` with zero frequency and zero position at n // 2."""
    shifted = scipy.fft.ifftshift(array, axes=axes)
    return scipy.fft.fftshift(
        transform(shifted, **{"axes" if len(axes) > 1 else "axis": axes if len(axes) > 1 else axes[0]}), axes=axes
    )


def _middle(n: int, part: int) -> slice:
    """Where `part` pixels lie in `n` when both are centred at pixel n // 2."""
    return slice(n // 2 - part // 2, n // 2 - part // 2 + part)


def _central_lines(padded: tuple[int, int], cosine: NDArray[Any], sine: NDArray[Any]) -> "scipy.sparse.csr_array":
    """Bilinear interpolation of a centred spectrum (z, x) on the central lines of all tilts, zero outside."""
    mz, mx = padded
    f = (np.arange(mx) - mx // 2) / mx
    at_x, at_z = np.outer(cosine, f).ravel() * mx + mx // 2, -np.outer(sine, f).ravel() * mz + mz // 2
    inside = (at_x >= 0) & (at_x <= mx - 1) & (at_z >= 0) & (at_z <= mz - 1)
    x0, z0 = np.floor(at_x).astype(int), np.floor(at_z).astype(int)
    rows, columns, values = [], [], []
    for dz in (0, 1):
        for dx in (0, 1):
            weight = inside * (1 - np.abs(at_x - x0 - dx)) * (1 - np.abs(at_z - z0 - dz))
            some = np.flatnonzero(weight)
            rows.append(some)
            columns.append((z0 + dz)[some] * mx + (x0 + dx)[some])
            values.append(weight[some].astype(np.float32))
    shape = (len(at_x), mz * mx)
    return scipy.sparse.csr_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=shape
    )

"""By how much images are displaced against each other: cross-correlation, to fractions of a pixel."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from ...core.threads import num_threads

LOW, HIGH = 2.0, 0.1
"""The band of spatial frequencies: from periods in an image, to cycles per pixel (standard deviations)."""

_CUT = 2.5  # standard deviations at which the band ends
_STEPS = 6  # of Newton's method
_CHUNK = 2**22  # Fourier points that are correlated at a time


@dataclass(frozen=True, eq=False)
class Spectra:
    """Band-passed spectra of images.

    Attributes
    ----------
    values : ndarray, (image, ky, kx)
        complex64; half spectra, of low frequencies only.
    ky, kx : ndarray
        Their frequencies in cycles per pixel.
    """

    values: NDArray[np.complex64]
    ky: NDArray[np.float32]
    kx: NDArray[np.float32]

    @classmethod
    def of(cls, images: NDArray[np.float32], high: float = HIGH) -> "Spectra":
        """Of images (image, y, x), which should fade out towards their edges."""
        ny, nx = images.shape[1:]
        ky, kx = scipy.fft.fftfreq(ny), scipy.fft.rfftfreq(nx)
        rows, columns = np.flatnonzero(np.abs(ky) <= _CUT * high), np.flatnonzero(kx <= _CUT * high)
        square = ky[rows, None] ** 2 + kx[columns] ** 2
        coarse = (ky[rows, None] * ny / LOW) ** 2 + (kx[columns] * nx / LOW) ** 2
        window = (np.exp(-square / (2 * high**2)) * -np.expm1(-coarse / 2)).astype(np.float32)
        spectra = np.empty((len(images), len(rows), len(columns)), np.complex64)
        for i, image in enumerate(images):
            along = scipy.fft.rfft(image, axis=1, workers=num_threads())[:, columns]
            spectra[i] = scipy.fft.fft(along, axis=0, overwrite_x=True, workers=num_threads())[rows] * window
        return cls(spectra, ky[rows].astype(np.float32), kx[columns].astype(np.float32))


def displacements(fixed: Spectra, moving: Spectra, pairs: NDArray[np.intp]) -> tuple[NDArray[Any], NDArray[Any]]:
    """How far what is in images `fixed` lies from there in images `moving`.

    Parameters
    ----------
    fixed, moving : Spectra
    pairs : ndarray, (pair, 2)
        Indices of an image of each.

    Returns
    -------
    shift : ndarray, (pair, 2)
        (dy, dx) in pixels: moving(p + d) is most like fixed(p).
    correlation : ndarray, (pair,)
        There, between -1 and 1.
    """
    size = max(1, _CHUNK // fixed.values[0].size)
    chunks = [pairs[i : i + size] for i in range(0, len(pairs), size)]
    found = [_displacements(fixed, moving, chunk) for chunk in chunks]
    return np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found])


def _displacements(fixed: Spectra, moving: Spectra, pairs: NDArray[np.intp]) -> tuple[NDArray[Any], NDArray[Any]]:
    a, b = fixed.values[pairs[:, 0]], moving.values[pairs[:, 1]]
    mates = np.where(fixed.kx == 0, 1.0, 2.0).astype(np.float32)
    cross = np.conj(a) * b * mates
    norm = np.sqrt(_power(a, mates) * _power(b, mates))
    shift = _highest(cross, fixed)
    for _ in range(_STEPS):
        shift += _newton(cross, fixed, shift)
    value = np.einsum("pyx,py,px->p", cross, *_waves(fixed, shift)).real
    return shift, np.divide(value, norm, out=np.zeros(len(norm)), where=norm > 0)


def _power(a: NDArray[Any], mates: NDArray[Any]) -> NDArray[Any]:
    return ((a.real**2 + a.imag**2) * mates).sum(axis=(1, 2), dtype=np.float64)


def _highest(cross: NDArray[Any], spectra: Spectra) -> NDArray[np.float64]:
    """Position (pair, 2) of the highest of the samples of the correlations."""
    ny, nx = len(spectra.ky), 2 * (len(spectra.kx) - 1)
    correlation = scipy.fft.irfft2(cross, s=(ny, nx), workers=num_threads())
    best = correlation.reshape(len(cross), -1).argmax(axis=1)
    at = np.stack(np.unravel_index(best, correlation.shape[1:]), axis=1)
    steps = 1 / (np.array([ny, nx]) * [spectra.ky[1], spectra.kx[1]])  # pixels between two samples
    return (at - np.where(at > np.array([ny, nx]) // 2, [ny, nx], 0)) * steps


def _waves(spectra: Spectra, shift: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """exp(2 pi i k d) along y (pair, ky) and x (pair, kx)."""
    phases = (np.outer(d, k) for d, k in zip(shift.T, (spectra.ky, spectra.kx), strict=True))
    along_y, along_x = (np.exp(2j * np.pi * p).astype(np.complex64) for p in phases)
    return along_y, along_x


def _newton(cross: NDArray[Any], spectra: Spectra, shift: NDArray[Any]) -> NDArray[np.float64]:
    """The step (pair, 2) to the top of each correlation, no longer than a pixel."""
    along_y, along_x = _waves(spectra, shift)
    ky, kx = (2 * np.pi * k.astype(np.float64) for k in (spectra.ky, spectra.kx))
    over_x = [np.einsum("pyx,px->py", cross, along_x * kx**n) for n in range(3)]
    moments = {(m, n): np.einsum("py,py->p", over_x[n], along_y * ky**m) for m in range(3) for n in range(3 - m)}
    slope = np.stack([-moments[1, 0].imag, -moments[0, 1].imag], axis=1)
    yy, xx, yx = (-moments[at].real for at in ((2, 0), (0, 2), (1, 1)))
    determinant = yy * xx - yx**2
    top = (yy < 0) & (determinant > 0)
    safe = np.where(top, determinant, 1)
    step = -np.stack([xx * slope[:, 0] - yx * slope[:, 1], yy * slope[:, 1] - yx * slope[:, 0]], axis=1) / safe[:, None]
    return np.where(top[:, None], step.clip(-1, 1), 0)

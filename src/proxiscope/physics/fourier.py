"""Fourier transforms of real images and volumes, and what belongs to their half spectra.

The transform of a real array is Hermitian, so only half of it is kept, as `scipy.fft.rfftn` returns it. Images
are transformed as they lie (centre at n//2); that multiplies the transform by a phase ramp and leaves the
magnitudes alone. Frequencies are in pixels of the full frame, zero frequency first.
"""

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Shape = tuple[int, ...]


def rfft(image: NDArray) -> NDArray:
    """Half spectrum (complex64) of a real float32 array."""
    return scipy.fft.rfftn(image)


def irfft(spectrum: NDArray, shape: Shape) -> NDArray:
    """Real float32 array of `shape` whose half spectrum is `spectrum`, which may be overwritten."""
    return scipy.fft.irfftn(spectrum, s=shape, overwrite_x=True)


def half_shape(shape: Shape) -> Shape:
    """Shape of the half spectrum of a real array of `shape`."""
    return (*shape[:-1], shape[-1] // 2 + 1)


def half(centred: NDArray) -> NDArray:
    """The values at +k of a centred pattern, on the half spectrum."""
    spectrum = np.fft.ifftshift(centred)
    return np.ascontiguousarray(spectrum[..., : centred.shape[-1] // 2 + 1])


def opposite_half(centred: NDArray) -> NDArray:
    """The values at -k of a centred pattern, on the half spectrum."""
    spectrum = np.fft.ifftshift(centred)
    axes = tuple(range(spectrum.ndim))
    mirrored = np.roll(np.flip(spectrum, axes), 1, axes)
    return np.ascontiguousarray(mirrored[..., : centred.shape[-1] // 2 + 1])


def self_paired(shape: Shape) -> NDArray:
    """Columns (bool, length of the last axis of the half spectrum) that hold both +k and -k themselves."""
    column = np.arange(shape[-1] // 2 + 1)
    return (column == 0) | (2 * column == shape[-1])


def radius_squared(shape: Shape) -> NDArray:
    """Squared distance of each pixel to the frame's centre n//2, in pixels, float64."""
    axes = [(np.arange(n) - n // 2) ** 2 for n in shape]
    return sum(np.meshgrid(*axes, indexing="ij")).astype(np.float64)

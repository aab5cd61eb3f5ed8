"""Fourier transforms of images and volumes, and what belongs to their spectra.

The transform of a real array is Hermitian, so only half of it is kept: the last axis has n//2 + 1 entries. Arrays
are transformed as they lie (centre at n//2); that multiplies the transform by a phase ramp and leaves the
magnitudes alone. Frequencies are in cycles per pixel, zero frequency first.

Transforms write into arrays that the caller owns and allocate nothing of the image's size. Large ones are split into
blocks that depend on the shape only, so that a result does not depend on the number of threads.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.later import Later
from ..core.threads import parallel

_transforms = Later("proxiscope.physics._transforms")

Shape = tuple[int, ...]

BLOCKED = 2**19
"""Pixels from which on a transform is split over threads; below, passing work around costs more than it saves."""

BLOCKS = 16


class FourierTransform:
    """The discrete Fourier transform of arrays of one shape.

    Parameters
    ----------
    shape : tuple of int
        Of the images (y, x) or volumes (z, y, x).
    real : bool
        Whether they are real, so that a half spectrum holds their transform.

    Attributes
    ----------
    spectrum_shape : tuple of int
    """

    def __init__(self, shape: Shape, real: bool = True):
        self.shape, self.real = shape, real
        self.spectrum_shape = half_shape(shape) if real else shape
        self._last = np.array([len(shape) - 1])
        self._leading = [np.array([axis]) for axis in range(len(shape) - 1)]
        self._blocked = math.prod(shape) >= BLOCKED
        self._mates = _mates(shape[:-1])
        self._paired = np.flatnonzero(self_paired(shape)) if real else ()

    def image(self, dtype: type = np.float32) -> NDArray[Any]:
        """An array of zeros for an image, in the precision of the real `dtype`."""
        return np.zeros(self.shape, dtype if self.real else np.result_type(dtype, np.complex64))

    def spectrum(self, dtype: type = np.float32) -> NDArray[Any]:
        """An array of zeros for a spectrum, in the precision of the real `dtype`."""
        return np.zeros(self.spectrum_shape, np.result_type(dtype, np.complex64))

    def forward(self, image: NDArray[Any], spectrum: NDArray[Any]) -> NDArray[Any]:
        """Transform `image` into `spectrum`, and return that."""
        self._by_rows(image, spectrum, forward=True)
        self._along_leading(spectrum, forward=True)
        return spectrum

    def inverse(self, spectrum: NDArray[Any], image: NDArray[Any]) -> NDArray[Any]:
        """Transform `spectrum`, which is overwritten, into `image`, and return that.

        Of a half spectrum that belongs to no real image, the result is the real part.
        """
        self._along_leading(spectrum, forward=False)
        self._by_rows(spectrum, image, forward=False)
        return image

    def symmetrize(self, spectrum: NDArray[Any]) -> None:
        """Make the columns of a half spectrum that hold both k and -k those of a real array.

        The others cannot break the symmetry. Rounding errors do in these, and an iteration that keeps its spectrum
        may let them grow.
        """
        flat = spectrum.reshape(len(self._mates), -1)
        for column in self._paired:
            _transforms.symmetrize(flat, self._mates, column)

    def _by_rows(self, source: NDArray[Any], target: NDArray[Any], forward: bool) -> None:
        """The transform along the last axis."""
        scale = 1.0 if forward else 1.0 / math.prod(self.shape)

        def transform(rows: slice) -> None:
            if not self.real:
                _transforms.complex_(source[rows], target[rows], self._last, forward, scale)
            elif forward:
                _transforms.real_to_half(source[rows], target[rows], self._last)
            else:
                _transforms.half_to_real(source[rows], target[rows], self._last, scale)

        self._in_blocks(transform, self.shape[0])

    def _along_leading(self, spectrum: NDArray[Any], forward: bool) -> None:
        """The transforms along all other axes, in place."""
        for axis in self._leading:
            across = 1 if axis[0] == 0 else 0  # blocks must not cut the axis that is transformed

            def transform(part: slice, axis: NDArray[Any] = axis, across: int = across) -> None:
                block = spectrum[:, part] if across else spectrum[part]
                _transforms.complex_(block, block, axis, forward, 1.0)

            self._in_blocks(transform, spectrum.shape[across])

    def _in_blocks(self, transform: Callable[..., Any], length: int) -> None:
        if self._blocked:
            parallel(transform, [(part,) for part in blocks(length)])
        else:
            transform(slice(None))


def _mates(shape: Shape) -> NDArray[np.intp]:
    """For each row of a spectrum, its axes but the last flattened, the row with the opposite frequencies."""
    rows = np.arange(math.prod(shape)).reshape(shape)
    axes = tuple(range(len(shape)))
    return np.roll(np.flip(rows, axes), 1, axes).ravel() if shape else rows.ravel()


def blocks(length: int) -> list[slice]:
    """At most `BLOCKS` slices that cut `length` at multiples of 16, which keeps vector registers full."""
    size = 16 * -(-length // (16 * BLOCKS))
    return [slice(i, min(i + size, length)) for i in range(0, length, size)]


def half_shape(shape: Shape) -> Shape:
    """Shape of the half spectrum of a real array of `shape`."""
    return (*shape[:-1], shape[-1] // 2 + 1)


def half(centred: NDArray[Any]) -> NDArray[Any]:
    """The values at +k of a centred pattern, on the half spectrum."""
    spectrum = np.fft.ifftshift(centred)
    return np.ascontiguousarray(spectrum[..., : centred.shape[-1] // 2 + 1])


def opposite(centred: NDArray[Any]) -> NDArray[Any]:
    """A centred pattern inverted through zero frequency: the values at -k."""
    axes = tuple(range(centred.ndim))
    return np.roll(np.flip(centred, axes), [1 - n % 2 for n in centred.shape], axes)


def self_paired(shape: Shape) -> NDArray[Any]:
    """Columns (bool, length of the last axis of the half spectrum) that hold both +k and -k themselves."""
    column = np.arange(shape[-1] // 2 + 1)
    return (column == 0) | (2 * column == shape[-1])


def frequencies(shape: Shape, real: bool = True) -> list[NDArray[Any]]:
    """For each axis the frequencies of the spectrum's entries, in cycles per pixel, float64."""
    *leading, last = shape
    return [*map(np.fft.fftfreq, leading), np.fft.rfftfreq(last) if real else np.fft.fftfreq(last)]


def gaussian(coordinates: list[NDArray[Any]], width: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """exp(-r^2 / (2 width^2)) over the grid of `coordinates`, as factors of its rows and of its last axis.

    Returns
    -------
    rows : ndarray, float32
        One factor for each row of the array flattened to (rows, last axis).
    columns : ndarray, float32
        One for each entry of the last axis.
    """
    *leading, last = (np.exp(-(c**2) / (2 * width**2)) for c in coordinates)
    rows = np.ones(1)
    for factors in leading:
        rows = np.multiply.outer(rows, factors)
    return rows.ravel().astype(np.float32), last.astype(np.float32)

"""Figures of merit of phase retrieval."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import InputError
from .problem import DiffractionPattern


def r_factor(image: ArrayLike, pattern: DiffractionPattern) -> float:
    """R-factor of an image over the known pixels (eq. 2.21): sum ||F u| - b| / sum b, a fraction.

    Parameters
    ----------
    image : array_like, shape of the pattern
    pattern : DiffractionPattern

    Raises
    ------
    InputError
        If the shapes differ.
    """
    image = _of_shape("image", image, pattern.shape)
    magnitudes = np.abs(np.fft.fftshift(np.fft.fftn(image)))
    misfit = np.abs(magnitudes - pattern.magnitudes)[pattern.known]
    return float(misfit.sum() / pattern.magnitudes.sum(dtype=np.float64))


def _of_shape(field: str, values: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != shape:
        raise InputError(field, f"its shape is {array.shape}", f"Give one of shape {shape}")
    return array


def align(image: ArrayLike, reference: ArrayLike) -> NDArray:
    """`image` shifted by whole pixels, and inverted through the centre if that fits better, onto `reference`.

    A pattern determines its object only up to a translation and a point inversion; both are taken out here.

    Raises
    ------
    InputError
        If the shapes differ.
    """
    reference = np.asarray(reference)
    image = _of_shape("image", image, reference.shape)
    axes = tuple(range(image.ndim))
    candidates = []
    for candidate in (image, np.flip(image, axes)):
        correlation = np.fft.ifftn(np.fft.fftn(reference) * np.conj(np.fft.fftn(candidate))).real
        shift = np.unravel_index(correlation.argmax(), correlation.shape)
        candidates.append((correlation.max(), np.roll(candidate, shift, axes)))
    return max(candidates, key=lambda c: c[0])[1]


def r_real(image: ArrayLike, truth: ArrayLike) -> float:
    """Real-space error of an aligned image (eq. 2.31): sum |u - u0| / sum u0, a fraction."""
    truth = np.asarray(truth, dtype=np.float64)
    return float(np.abs(align(image, truth) - truth).sum() / truth.sum())

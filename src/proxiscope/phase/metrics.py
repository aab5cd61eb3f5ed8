"""Figures of merit of phase retrieval."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import InputError
from .problem import DiffractionPattern


def r_factor(image: ArrayLike, pattern: DiffractionPattern) -> float:
    """R-factor of an image over the known pixels that are not held out (eq. 2.21): ``sum ||F u| - b| / sum b``.

    Parameters
    ----------
    image : array_like, shape of the pattern
    pattern : DiffractionPattern

    Returns
    -------
    float
        A fraction.

    Raises
    ------
    InputError
        If the shapes differ.
    """
    used = pattern.known if pattern.held_out is None else pattern.known & ~pattern.held_out
    return _r_factor(image, pattern, used)


def free_r_factor(image: ArrayLike, pattern: DiffractionPattern) -> float:
    """R-factor of an image over the pixels that are held out; as for `r_factor`.

    Parameters
    ----------
    image : array_like, shape of the pattern
        The object, aligned or not.
    pattern : DiffractionPattern
        With pixels held out.

    Returns
    -------
    float
        A fraction.

    Raises
    ------
    InputError
        If the shapes differ, or no pixels are held out.
    """
    if pattern.held_out is None:
        raise InputError("held_out", "no pixels are held out", "Reconstruct from pattern.hold_out()")
    return _r_factor(image, pattern, pattern.held_out)


def _r_factor(image: ArrayLike, pattern: DiffractionPattern, where: NDArray[np.bool_]) -> float:
    image = _of_shape("image", image, pattern.shape)
    measured = pattern.magnitudes[where]
    magnitudes = np.abs(np.fft.fftshift(np.fft.fftn(image)))[where]
    return float(np.abs(magnitudes - measured).sum() / measured.sum(dtype=np.float64))


def _of_shape(field: str, values: ArrayLike, shape: tuple[int, ...]) -> NDArray[Any]:
    array = np.asarray(values)
    if array.shape != shape:
        raise InputError(field, f"its shape is {array.shape}", f"Give one of shape {shape}")
    return array.astype(np.complex128 if np.iscomplexobj(array) else np.float64)


def align(image: ArrayLike, reference: ArrayLike) -> NDArray[Any]:
    """`image` with all that its pattern leaves open taken out against `reference`.

    That is a translation, by whole pixels, and the inversion through the centre, which conjugates; and a
    constant phase, which is a sign of real images.

    Parameters
    ----------
    image : array_like, (y, x) or (z, y, x)
        The object as reconstructed.
    reference : array_like, same shape
        What it is to lie on.

    Returns
    -------
    ndarray, float64 or complex128

    Raises
    ------
    InputError
        If the shapes differ.
    """
    reference = np.asarray(reference)
    image = _of_shape("image", image, reference.shape)
    axes = tuple(range(image.ndim))
    spectrum = np.fft.fftn(reference)
    candidates = []
    for candidate in (image, np.flip(image, axes).conj()):
        correlation: NDArray[Any] = np.fft.ifftn(spectrum * np.conj(np.fft.fftn(candidate)))
        if not (np.iscomplexobj(image) or np.iscomplexobj(reference)):
            correlation = correlation.real
        size = np.abs(correlation)
        peak = np.unravel_index(size.argmax(), size.shape)
        turn = correlation[peak] / size[peak] if size[peak] else 1
        candidates.append((size[peak], turn * np.roll(candidate, peak, axes)))
    return max(candidates, key=lambda c: c[0])[1]


def r_real(image: ArrayLike, truth: ArrayLike) -> float:
    """Real-space error of an aligned image (eq. 2.31): ``sum |u - u0| / sum |u0|``, a fraction.

    Parameters
    ----------
    image : array_like, (y, x) or (z, y, x)
        The object as reconstructed; it is aligned first.
    truth : array_like, same shape
        The object.

    Returns
    -------
    float
        0 where they agree.
    """
    truth = np.asarray(truth)
    return float(np.abs(align(image, truth) - truth).sum() / np.abs(truth).sum())

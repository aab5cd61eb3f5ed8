"""Simulated diffraction patterns."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import InputError
from ..core.validation import as_mask
from ..phase import DiffractionPattern
from ..phase.problem import Object, box


def noisy_magnitudes(
    magnitudes: ArrayLike, flux: float, readout: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Magnitudes as a photon-counting detector with read-out noise records them (eq. 2.29).

    Parameters
    ----------
    magnitudes : array_like
        Noise-free Fourier magnitudes.
    flux : float
        Photons in the whole pattern.
    readout : float
        Standard deviation of the read-out noise, in photons.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray
        On the scale of `magnitudes`; intensities that the noise made negative are zero.
    """
    intensities = np.asarray(magnitudes, dtype=np.float64) ** 2
    photons_per_unit = flux / intensities.sum()
    expected = intensities * photons_per_unit
    counts = rng.poisson(expected) + rng.normal(0, readout, expected.shape)
    return np.sqrt(np.maximum(counts, 0) / photons_per_unit)


def r_noise(noisy: ArrayLike, magnitudes: ArrayLike) -> float:
    """Relative noise of magnitudes (eq. 2.30): ``sum |b - |F u0|| / sum |F u0|``, a fraction.

    Parameters
    ----------
    noisy : array_like
        Magnitudes b as measured.
    magnitudes : array_like, same shape
        Those of the object.

    Returns
    -------
    float
        0 without noise.
    """
    magnitudes = np.asarray(magnitudes, dtype=np.float64)
    return float(np.abs(noisy - magnitudes).sum() / magnitudes.sum())


def missing_centre(shape: tuple[int, ...], size: int) -> NDArray[np.bool_]:
    """Measured pixels of a detector of `shape` that misses a square or cube of `size` pixels around zero frequency.

    Parameters
    ----------
    shape : tuple of int
        Frame of the pattern.
    size : int
        Edge of what is missing, in pixels.

    Returns
    -------
    ndarray of bool, `shape`
        True where it was measured.
    """
    return ~box(shape, (size,) * len(shape))


def diffraction_pattern(
    image: ArrayLike,
    shape: tuple[int, ...],
    *,
    flux: float = 1e8,
    readout: float = 2.0,
    beamstop: float = 0.0,
    saturation: float | None = None,
    known: ArrayLike | None = None,
    object: Object | None = None,
    margin: int = 1,
    pixel_size: float | None = None,
    seed: int = 0,
) -> DiffractionPattern:
    """The noisy diffraction pattern of an image, with the box around the image as support.

    Parameters
    ----------
    image : array_like, (y, x) or (z, y, x)
        The object, real or complex.
    shape : tuple of int
        Frame of the pattern; at least twice the image along each axis samples it fully.
    flux, readout : float
        Photons in the pattern, and read-out noise in photons.
    beamstop : float
        Radius in pixels around zero frequency that is not measured; 0 for none.
    saturation : float, optional
        Photons above which a pixel is not measured.
    known : array_like of bool, shape of the frame, optional
        Measured pixels, such as `missing_centre` gives.
    object : {"non-negative", "real", "complex", "complex-positive"}, optional
        What is known of the object; by default that it is complex if the image is, and else non-negative.
    margin : int
        Pixels by which the support is wider than the image's box on each side.
    pixel_size : float, optional
        In nm.
    seed : int
        Seed of the noise.

    Returns
    -------
    DiffractionPattern
        With its support.

    Raises
    ------
    InputError
        If the image does not fit into the frame, or is complex and the object is not.
    """
    image = np.asarray(image)
    image = image.astype(np.result_type(image, np.float64))
    if len(shape) != image.ndim or any(n < m for n, m in zip(shape, image.shape, strict=True)):
        raise InputError("shape", f"a frame of {shape} for an image of {image.shape}", "Give a larger frame")
    frame = np.zeros(shape, image.dtype)
    frame[box(shape, image.shape)] = image.ravel()
    magnitudes = np.abs(np.fft.fftshift(np.fft.fftn(frame)))
    noisy = noisy_magnitudes(magnitudes, flux, readout, np.random.default_rng(seed))
    measured = _radius(shape) >= beamstop
    if saturation is not None:
        measured &= noisy**2 * (flux / (magnitudes**2).sum()) <= saturation
    if known is not None:
        measured &= as_mask("known", known, shape)
    return DiffractionPattern(
        noisy, _support(frame, margin), measured, object=_kind(image, object), pixel_size=pixel_size, source="simulated"
    )


def _kind(image: NDArray[Any], kind: Object | None) -> Object:
    if not np.iscomplexobj(image):
        return kind or "non-negative"
    if kind in ("non-negative", "real"):
        raise InputError("object", f"{kind} with a complex image", "Give its magnitude, or a complex kind of object")
    return kind or "complex"


def _support(frame: NDArray[Any], margin: int) -> NDArray[np.bool_]:
    """The box around what is not zero, wider by `margin` pixels on each side."""
    support = np.zeros(frame.shape, bool)
    occupied = [(i.min(), i.max()) for i in np.nonzero(frame)]
    support[tuple(slice(max(first - margin, 0), last + 1 + margin) for first, last in occupied)] = True
    return support


def _radius(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Distance from zero frequency in pixels."""
    axes = np.meshgrid(*(np.arange(n) - n // 2.0 for n in shape), indexing="ij", sparse=True)
    return np.sqrt(sum(axis**2 for axis in axes))

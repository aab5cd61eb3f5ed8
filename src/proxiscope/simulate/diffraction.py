"""Simulated diffraction patterns."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import InputError
from ..phase import DiffractionPattern


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
    """Relative noise of magnitudes (eq. 2.30): sum |b - |F u0|| / sum |F u0|, a fraction."""
    magnitudes = np.asarray(magnitudes, dtype=np.float64)
    return float(np.abs(noisy - magnitudes).sum() / magnitudes.sum())


def diffraction_pattern(
    image: ArrayLike,
    shape: tuple[int, ...],
    *,
    flux: float = 1e8,
    readout: float = 2.0,
    beamstop: float = 0.0,
    margin: int = 1,
    pixel_size: float | None = None,
    seed: int = 0,
) -> DiffractionPattern:
    """The noisy diffraction pattern of a real image, with the box around the image as support.

    Parameters
    ----------
    image : array_like, (y, x) or (z, y, x)
        The object, non-negative.
    shape : tuple of int
        Frame of the pattern; at least twice the image along each axis samples it fully.
    flux, readout : float
        Photons in the pattern, and read-out noise in photons.
    beamstop : float
        Radius in pixels around zero frequency that is not measured; 0 for none.
    margin : int
        Pixels by which the support is wider than the image's box on each side.
    pixel_size : float, optional
        In nm.
    seed : int
        Seed of the noise.

    Raises
    ------
    InputError
        If the image does not fit into the frame.
    """
    image = np.asarray(image, dtype=np.float64)
    if len(shape) != image.ndim or any(n < m for n, m in zip(shape, image.shape, strict=True)):
        raise InputError("shape", f"a frame of {shape} for an image of {image.shape}", "Give a larger frame")
    corner = [n // 2 - m // 2 for n, m in zip(shape, image.shape, strict=True)]
    frame = np.zeros(shape)
    frame[tuple(slice(c, c + m) for c, m in zip(corner, image.shape, strict=True))] = image
    support = np.zeros(shape, bool)
    occupied = [
        (np.nonzero(frame.any(axis=tuple(a for a in range(frame.ndim) if a != axis)))[0]) for axis in range(frame.ndim)
    ]
    support[tuple(slice(max(o[0] - margin, 0), o[-1] + 1 + margin) for o in occupied)] = True
    magnitudes = np.abs(np.fft.fftshift(np.fft.fftn(frame)))
    noisy = noisy_magnitudes(magnitudes, flux, readout, np.random.default_rng(seed))
    radius = np.sqrt(
        sum(
            (np.arange(n) - n // 2).reshape([-1 if a == b else 1 for b in range(len(shape))]) ** 2.0
            for a, n in enumerate(shape)
        )
    )
    known = radius >= beamstop if beamstop else None
    return DiffractionPattern(noisy, support, known, pixel_size=pixel_size, source="simulated")

"""How well solutions of one pattern agree: mean, variance, modes, and the phase-retrieval transfer function."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import InputError
from .metrics import align
from .problem import DiffractionPattern

RESOLVED = 1 / np.e
"""Value of the transfer function down to which phases count as retrieved."""


def aligned(images: ArrayLike) -> NDArray[Any]:
    """Images (image, ...) with all that the pattern leaves open taken out against the first: see `metrics.align`."""
    first, *others = np.asarray(images)
    return np.stack([first, *(align(image, first).astype(first.dtype) for image in others)])


def compare(images: ArrayLike, pattern: DiffractionPattern) -> dict[str, NDArray[Any]]:
    """What several solutions of one pattern say together.

    Parameters
    ----------
    images : array_like, (image, y, x) or (image, z, y, x)
        At least two, the best one first.
    pattern : DiffractionPattern

    Returns
    -------
    dict
        ``"images"`` aligned; their ``"mean"`` and ``"variance"`` (of |u - mean|); orthogonal ``"modes"`` with
        ``"mode_weights"``; ``"prtf"`` over ``"prtf_frequency"`` (cycles per pixel).
    """
    images = aligned(images)
    found, (frequency, prtf) = modes(images), transfer_function(images, pattern)
    return {
        "images": images, "mean": images.mean(axis=0), "variance": images.var(axis=0),
        "modes": found.modes, "mode_weights": found.weights, "prtf_frequency": frequency, "prtf": prtf,
    }  # fmt: skip


class Modes(NamedTuple):
    """Orthogonal images, and the share of the solutions' power that each explains (they add up to 1)."""

    modes: NDArray[Any]
    weights: NDArray[Any]


def modes(images: ArrayLike) -> Modes:
    """Principal modes of aligned solutions (Favre-Nicolin et al., J. Appl. Cryst. 53, 1404 (2020)).

    The better the solutions agree, the closer the weight of the first mode comes to 1.

    Parameters
    ----------
    images : array_like, (image, ...)

    Returns
    -------
    Modes
        ``modes`` of the shape and type of the images, each on the scale of a solution.
    """
    images = np.asarray(images)
    flat = images.reshape(len(images), -1)
    gram = (flat.conj() @ flat.T).astype(np.complex128 if np.iscomplexobj(flat) else np.float64)
    powers, vectors = np.linalg.eigh(gram)  # of so few images; an SVD of the pixels would take long
    order = np.argsort(powers)[::-1]
    powers, vectors = np.maximum(powers[order], 0), vectors[:, order]
    found = (vectors.T @ flat / np.sqrt(len(images))).astype(images.dtype)
    overlap = found.reshape(len(found), -1).conj() @ flat[0]
    turn = np.where(np.abs(overlap) > 0, overlap / np.maximum(np.abs(overlap), 1e-30), 1)  # the sign of the best
    turned = (turn[:, None] * found).astype(images.dtype)
    return Modes(turned.reshape(images.shape), powers / powers.sum())


def transfer_function(images: ArrayLike, pattern: DiffractionPattern) -> tuple[NDArray[Any], NDArray[Any]]:
    """Phase-retrieval transfer function (Chapman et al., J. Opt. Soc. Am. A 23, 1179 (2006)), over shells.

    The magnitude of the mean spectrum over the measured magnitude: 1 where all solutions have the same phases.

    Parameters
    ----------
    images : array_like, (image, y, x) or (image, z, y, x)
        Aligned independent solutions; of a single one it would be about 1 and say nothing.
    pattern : DiffractionPattern

    Returns
    -------
    frequency : ndarray
        In cycles per pixel, at the middle of each shell; up to 0.5.
    prtf : ndarray
        Mean over the measured pixels of each shell; NaN in a shell without any.

    Raises
    ------
    InputError
        If there are fewer than two images, or their shape is not that of the pattern.
    """
    images = np.asarray(images)
    if len(images) < 2 or images.shape[1:] != pattern.shape:
        raise InputError(
            "images", f"of shape {images.shape}", f"Give two or more of shape {pattern.shape}, from independent starts"
        )
    spectrum = np.abs(np.fft.fftshift(np.fft.fftn(images.mean(axis=0, dtype=np.result_type(images, np.float64)))))
    axes = np.meshgrid(*(np.fft.fftshift(np.fft.fftfreq(n)) for n in pattern.shape), indexing="ij", sparse=True)
    radius = np.sqrt(sum(axis**2 for axis in axes))
    shells = min(pattern.shape) // 2
    counted = pattern.known & (pattern.magnitudes > 0) & (radius < 0.5)
    shell = (radius[counted] * 2 * shells).astype(int)
    ratio = spectrum[counted] / pattern.magnitudes[counted]
    weight = pattern.magnitudes[counted]  # a dark pixel is noise: the ratio of sums, not the mean of ratios
    count = np.bincount(shell, weight, minlength=shells)
    with np.errstate(invalid="ignore", divide="ignore"):
        prtf = np.bincount(shell, ratio * weight, minlength=shells) / count
    return (np.arange(shells) + 0.5) / (2 * shells), prtf


def resolution(frequency: NDArray[Any], prtf: NDArray[Any], pixel_size: float = 1.0) -> float:
    """Half-period to which phases are retrieved: half the inverse of the frequency where the curve falls below 1/e.

    Parameters
    ----------
    frequency, prtf : ndarray
        As `transfer_function` returns them.
    pixel_size : float
        In nm, or 1 for a result in pixels.

    Returns
    -------
    float
        In the unit of `pixel_size`; a pixel where the curve never falls so low.
    """
    low = np.flatnonzero(prtf < RESOLVED)
    return pixel_size / (2 * frequency[low[0]]) if low.size else pixel_size

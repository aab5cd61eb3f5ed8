"""Whether values that were declared as magnitudes look like magnitudes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = 2**22
"""Pixels up to which the transforms below are affordable."""


def doubt(magnitudes: NDArray[Any], known: NDArray[np.bool_]) -> str | None:
    """Why values are hardly Fourier magnitudes, with the remedy; None where nothing speaks against it.

    The transform of the squared magnitudes is the autocorrelation of the object, which ends within the frame; that
    of the magnitudes themselves, or of their fourth power, has no reason to. So if the values, not their squares, have
    a transform that ends, they are intensities.

    Parameters
    ----------
    magnitudes : ndarray, (y, x) or (z, y, x)
    known : ndarray of bool, same shape
    """
    measured = magnitudes[known]
    corner, centre = (0,) * magnitudes.ndim, tuple(n // 2 for n in magnitudes.shape)
    if known[corner] and known[centre] and magnitudes[corner] == measured.max() > 10 * magnitudes[centre]:
        return (
            "magnitudes: the brightest pixel is in the corner. Shift zero frequency to the centre (numpy.fft.fftshift)."
        )
    if measured.max() > 50 and (measured == np.rint(measured)).all():
        return (
            "magnitudes: all are whole numbers, as counts of photons are. If they are intensities, say so "
            "(--intensities, from_intensities, or Values: intensities)."
        )
    if not known.all() or known.size > LARGEST:
        return None
    root, one, square, fourth = (_reach(magnitudes, power) for power in (0.5, 1, 2, 4))
    if one < 0.2 * root and square > 0.5 * one:
        return (
            "magnitudes: the values look like intensities, since their transform and not that of their squares ends "
            "within the frame. If they are intensities, say so (--intensities, from_intensities, or Values: "
            "intensities)."
        )
    if fourth < 0.1 * square and square > 0.2 * one:
        return (
            "intensities: the values look like magnitudes, since the transform of their squares ends within the "
            "frame. If they are magnitudes, do not declare them as intensities."
        )
    return None


def _reach(values: NDArray[Any], power: float) -> float:
    """Mean size of the transform of values^power at the frame's edge, over that in the whole frame."""
    raised = (values / values.max()) ** np.float32(power)
    size = np.abs(np.fft.fftshift(np.fft.ifftn(raised)))
    axes = np.meshgrid(*(np.abs(np.arange(n) - n // 2) > 0.42 * n for n in size.shape), indexing="ij", sparse=True)
    edge = np.logical_or.reduce(np.broadcast_arrays(*axes))
    return float(size[edge].mean() / size.mean())

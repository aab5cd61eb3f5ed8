"""Supports to begin with: shapes of a given oversampling ratio, and the box that the autocorrelation allows."""

import math
from typing import Any, Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from ..core.errors import InputError
from ..physics.fourier import opposite
from .problem import DiffractionPattern, box

Kind = Literal["rectangle", "ellipse", "autocorrelation"]

LOWEST, HIGHEST = 0.0005, 0.04
"""Shares of its maximum between which the autocorrelation may begin to count."""

ABOVE_NOISE = 8
"""How far above its median, which is noise when most of the frame is empty, the autocorrelation counts."""

MARGIN = 1
"""Pixels that the box is wider on each side, for what the noise hides."""


def rectangle(shape: tuple[int, ...], oversampling_ratio: float) -> NDArray[np.bool_]:
    """A centred rectangle or box, in the proportions of the frame.

    Parameters
    ----------
    shape : tuple of int
        Of the frame.
    oversampling_ratio : float
        Pixels of the frame for each pixel of the support, above 1; at least 2 for a pattern that determines its
        object, 2^ndim for one sampled twice along each axis.

    Raises
    ------
    InputError
        If the ratio is not above 1, or so large that nothing is left.
    """
    _check_ratio(shape, oversampling_ratio)
    side = oversampling_ratio ** (-1 / len(shape))
    return box(shape, tuple(max(1, round(n * side)) for n in shape))


def ellipse(shape: tuple[int, ...], oversampling_ratio: float) -> NDArray[np.bool_]:
    """A centred ellipse or ellipsoid, in the proportions of the frame; as for `rectangle`.

    Raises
    ------
    InputError
        If the ratio is below that of the ellipse that touches the frame's edges (1.27, in 3-D 1.91), or so large
        that nothing is left.
    """
    unit = math.pi if len(shape) == 2 else 4 * math.pi / 3
    _check_ratio(shape, oversampling_ratio, least=2 ** len(shape) / unit)
    semi_axis = (unit * oversampling_ratio) ** (-1 / len(shape))
    axes = (((np.arange(n) - n // 2) / (n * semi_axis)) ** 2 for n in shape)
    distances: Any = sum(np.meshgrid(*axes, indexing="ij", sparse=True))
    return distances <= 1


def from_autocorrelation(pattern: DiffractionPattern) -> NDArray[np.bool_]:
    """The centred box half as wide as the autocorrelation, which no such object exceeds, and a margin.

    Half the autocorrelation itself would be tighter, and too small for a triangle. The autocorrelation counts where it
    exceeds the noise, or as much more as it takes for it to end within the frame.

    Parameters
    ----------
    pattern : DiffractionPattern
        What was not measured is taken from -k, else from the nearest measured pixel.

    Raises
    ------
    InputError
        If the autocorrelation does not end within the frame.
    """
    size = np.abs(np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(_filled(pattern).astype(np.float64) ** 2))))
    size /= size.max()
    threshold = np.clip(ABOVE_NOISE * np.median(size), LOWEST, HIGHEST / 4)  # a missing centre fills the frame
    while threshold <= HIGHEST:
        widths = _widths(size > threshold)
        if all(w < n - 1 for w, n in zip(widths, pattern.shape, strict=True)):
            return box(pattern.shape, tuple((w + 1) // 2 + 2 * MARGIN for w in widths))
        threshold *= 2
    raise InputError(
        "support",
        "the autocorrelation of the pattern fills the frame, by noise, a missing centre or coarse sampling",
        "Give a rectangle or an ellipse of some oversampling ratio, or draw the support",
    )


def _widths(mask: NDArray[np.bool_]) -> list[int]:
    """How wide the region around the centre is along each axis."""
    regions, _ = scipy.ndimage.label(mask)
    (extent,) = scipy.ndimage.find_objects((regions == regions[tuple(n // 2 for n in mask.shape)]).astype(np.int8))
    return [s.stop - s.start for s in extent]


def initial(kind: Kind, pattern: DiffractionPattern, oversampling_ratio: float = 4.0) -> NDArray[np.bool_]:
    """A support of one of the kinds; the ratio matters to those that need one.

    Raises
    ------
    InputError
        As the kinds' own functions say, or if there is no such kind.
    """
    if kind == "autocorrelation":
        return from_autocorrelation(pattern)
    shapes = {"rectangle": rectangle, "ellipse": ellipse}
    if kind not in shapes:
        raise InputError("support", f"there is no {kind!r}", "Choose rectangle, ellipse or autocorrelation")
    return shapes[kind](pattern.shape, oversampling_ratio)


def _check_ratio(shape: tuple[int, ...], ratio: float, least: float = 1.0) -> None:
    if not least < ratio <= math.prod(shape) / 4:
        raise InputError(
            "oversampling_ratio", f"got {ratio:g} for a frame of {shape}", f"Give one above {least:.3g}, such as 4"
        )


def _filled(pattern: DiffractionPattern) -> NDArray[np.float32]:
    """The magnitudes with estimates where none were measured."""
    known, b = pattern.known, pattern.magnitudes
    mate = opposite(known) & ~known
    b, known = np.where(mate, opposite(b), b), known | mate
    if known.all():
        return b
    nearest = scipy.ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    return b[tuple(nearest)]

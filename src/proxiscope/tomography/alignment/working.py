"""The copy of a series that the steps of an alignment look at: images as aligned so far, without their background."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from ...core.errors import InputError
from ..problem import TiltSeries, filled
from ._splines import coefficients
from .axis import axis_angle, tilt_angles
from .resampling import resample

Tick = Callable[[float], object]
"""Called with the fraction done; what it raises ends the work."""

SMALLEST = 8
"""Pixels that images have along each side at the least."""

_BLUR = 0.5
"""Standard deviation of the blur before binning, in binned pixels."""

_EMPTY = 0.1
"""What an isolated object leaves at the sides of its images, as a part of its own brightness, at the most."""


def silent(fraction: float) -> None:
    """A tick that does nothing."""


@dataclass(frozen=True, eq=False)
class WorkingCopy:
    """Images with the axis along y, their rotation centres at pixel n // 2, and nothing beside the object.

    Attributes
    ----------
    images : ndarray, (tilt, y, x)
        float32; zero where they are not known.
    known : ndarray of bool, (tilt, y, x)
    angles : ndarray, (tilt,)
        In degrees.
    used : ndarray of bool, (tilt,)
        Tilts that have data.
    """

    images: NDArray[np.float32]
    known: NDArray[np.bool_]
    angles: NDArray[np.float64]
    used: NDArray[np.bool_]

    @classmethod
    def of(cls, series: TiltSeries) -> "WorkingCopy":
        """Of a series, moved by its shifts."""
        return Source.of(series).moved(series.shifts, axis_angle(series))

    def as_series(self) -> TiltSeries:
        """The same as a series about y, for a reconstruction."""
        return TiltSeries(self.images, self.angles, valid=self.known, announce=False)


@dataclass(frozen=True, eq=False)
class Source:
    """The images as they were recorded, less their background, ready to be moved again and again.

    Attributes are those of `WorkingCopy`.
    """

    images: NDArray[np.float32]
    valid: NDArray[np.bool_]
    angles: NDArray[np.float64]
    used: NDArray[np.bool_]

    @classmethod
    def of(cls, series: TiltSeries) -> "Source":
        """Of a series.

        Raises
        ------
        InputError
            If the images are too small to be aligned.
        """
        if min(series.shape[1:]) < SMALLEST:
            raise InputError(
                "projections",
                f"images of {series.shape[1]} x {series.shape[2]} pixels",
                f"Give at least {SMALLEST} along each side to an alignment",
            )
        images = filled(series).projections
        level = background(images, series.valid)
        used = np.asarray(series.projections.any(axis=(1, 2)))
        return cls(images - level[:, None, None], series.valid, tilt_angles(series), used)

    def binned(self, binning: int) -> "Source":
        """On a grid of fewer pixels, `binning` apart, with one at pixel n // 2, once details have been blurred away."""
        if binning == 1:
            return self
        rows, columns = (_every(n, binning) for n in self.images.shape[1:])
        few = np.s_[rows, columns]
        images = np.stack(
            [scipy.ndimage.gaussian_filter(image, _BLUR * binning, mode="nearest")[few] for image in self.images]
        )
        if self.valid.all():
            valid = np.ones(images.shape, bool)
        else:
            shares = (
                scipy.ndimage.gaussian_filter(v.astype(np.float32), _BLUR * binning, mode="nearest")[few]
                for v in self.valid
            )
            valid = np.stack([share > 0.9 for share in shares])
        return Source(images, valid, self.angles, self.used)

    @cached_property
    def _splines(self) -> NDArray[np.float32]:
        return coefficients(self.images)

    def moved(self, shifts: NDArray[Any], degrees: float) -> WorkingCopy:
        """The images with the centres at `shifts` (tilt, 2) and the axis at `degrees` from y put in place."""
        images, known = resample(self.images, self.valid, shifts, degrees, self._splines)
        known &= self.used[:, None, None]
        images *= known
        return WorkingCopy(images, known, self.angles, self.used)


def _every(n: int, step: int) -> slice:
    """Every so many of n pixels, so that pixel n // 2 becomes pixel m // 2 of m."""
    before, after = n // 2 // step, (n - 1 - n // 2) // step
    before, after = min(before, after + 1), min(before, after)
    return slice(n // 2 - before * step, n // 2 + after * step + 1, step)


def background(images: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Brightness (tilt,) beside the object: the median of the left and right sides of each image."""
    sides = _sides(images.shape[2])
    values = np.where(valid[..., sides], images[..., sides], np.nan).reshape(len(images), -1)
    measured = ~np.isnan(values).all(axis=1)
    level = np.zeros(len(images), np.float32)
    level[measured] = np.nanmedian(values[measured], axis=1)
    return level


def isolated(series: TiltSeries) -> bool:
    """Whether the object has nothing to its left and right, in most images: no film, nothing that enters the view."""
    images = filled(series).projections
    blur = max(1.0, max(images.shape[1:]) / 64)
    sides = _sides(images.shape[2])
    shares = []
    for image, level in zip(images, background(images, series.valid), strict=True):
        soft = scipy.ndimage.gaussian_filter(image - level, blur)
        bright = np.percentile(soft, 98)
        if bright > 0:
            shares.append(np.abs(soft[:, sides]).mean() / bright)
    return bool(shares) and bool(np.median(shares) < _EMPTY)


def _sides(nx: int) -> NDArray[np.intp]:
    """Columns at the left and the right of an image."""
    width = max(1, nx // 32)
    return np.r_[:width, nx - width : nx]


def edge_taper(known: NDArray[np.bool_], part: float = 0.08) -> NDArray[np.float32]:
    """Weights (tilt, y, x) that fall softly to zero at the edges of what is known."""
    ny, nx = known.shape[1:]
    widths = [max(1.0, part * n / 2) for n in (ny, nx)]
    soft = np.empty(known.shape, np.float32)
    for weight, mask in zip(soft, known, strict=True):
        inside = scipy.ndimage.gaussian_filter(mask.astype(np.float32), widths, mode="constant", truncate=2.5)
        weight[...] = np.clip(2 * inside - 1, 0, 1)
    return soft

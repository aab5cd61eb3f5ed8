"""A tilt series on few pixels, by which it is judged at little cost.

Large stacks are binned, and read in part.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIZE = 32
"""Images are binned to this many pixels along each axis at least, and to less than twice as many."""

VALUES = 2**22
"""Pixels of a stack up to which all are looked at; of larger ones, as many in whole rows."""


@dataclass(frozen=True, eq=False)
class Coarse:
    """A tilt series on few pixels, without the tilts of which nothing was measured.

    Attributes
    ----------
    tilts : ndarray, (n,)
        Indices of these tilts in the series.
    rotations : ndarray, (n, 3)
    images : ndarray, (n, y, x)
        float64; what was not measured is the mean of the image.
    spread : ndarray, (n,)
        Standard deviation of each image.
    """

    tilts: NDArray[np.intp]
    rotations: NDArray[Any]
    images: NDArray[np.float64]
    spread: NDArray[np.float64]

    @classmethod
    def of(cls, projections: NDArray[Any], rotations: NDArray[Any], valid: NDArray[np.bool_] | None) -> "Coarse | None":
        """The series on few pixels; None where it is too small for any judgement."""
        images = coarse_images(projections, None if valid is None or valid.all() else valid)
        tilts = np.flatnonzero(np.abs(images).max(axis=(1, 2)) > 0)
        if len(tilts) < 2 or images[0].size < 64:
            return None
        images = images[tilts]
        return cls(tilts, rotations[tilts], images, images.std(axis=(1, 2)))

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """The images by their angles."""
        return np.lexsort((self.rotations[:, 1], self.rotations[:, 2], self.rotations[:, 0]))

    @property
    def single_axis(self) -> bool:
        """Whether the tilts are about y, or nearly so."""
        return bool(np.abs(self.rotations[:, [0, 2]]).max() < 10)

    @cached_property
    def looks(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Two views (n, feature) of norm one and mean zero: the images, and the moduli of their transforms.

        An image moves with its alignment, the other does not.
        """
        _, ny, nx = self.images.shape
        centred = self.images - self.images.mean(axis=(1, 2), keepdims=True)
        spectrum = np.abs(np.fft.rfft2(centred))
        low = np.minimum(np.arange(ny), ny - np.arange(ny)) <= ny // 4
        return unit(centred), unit(np.sqrt(spectrum[:, low, : nx // 4 + 1]))

    def difference(self, look: int, first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
        """One less the correlation of images: 0 where they are alike, 1 where they have nothing in common."""
        features = self.looks[look]
        return 1 - np.einsum("ij,ij->i", features[first], features[second])


def coarse_images(projections: NDArray[Any], valid: NDArray[np.bool_] | None) -> NDArray[np.float64]:
    """Block means (tilt, y, x) of the valid pixels, of some rows of each block where the stack is large."""
    tilts, ny, nx = projections.shape
    height, width = max(1, ny // SIZE), max(1, nx // SIZE)
    rows = int(np.clip(VALUES // max(1, tilts * nx * (ny // height)), 1, height))

    def summed(values: NDArray[Any]) -> NDArray[Any]:
        cut = values[:, : ny // height * height].reshape(tilts, ny // height, height, nx)[:, :, :rows]
        cut = cut.sum(axis=2, dtype=np.float64)[..., : nx // width * width]
        return cut.reshape(*cut.shape[:2], -1, width).sum(axis=3)

    if valid is None:
        return summed(projections) / (rows * width)
    counts = summed(valid)
    means = summed(projections) / np.maximum(counts, 1)
    measured = counts > 0
    typical = means.sum(axis=(1, 2), keepdims=True) / np.maximum(measured.sum(axis=(1, 2), keepdims=True), 1)
    return np.where(measured, means, typical)


def unit(values: NDArray[Any]) -> NDArray[np.float32]:
    """(n, ...) as (n, feature) of mean zero and norm one; zero where it is constant."""
    flat = values.reshape(len(values), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    largest = np.abs(flat).max(axis=1, keepdims=True)
    flat = flat / np.where(largest > 0, largest, 1)
    norm = np.linalg.norm(flat, axis=1, keepdims=True)
    return (flat / np.where(norm > 0, norm, 1)).astype(np.float32)

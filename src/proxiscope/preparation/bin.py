"""Binning."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Doc, InputError, Label, Unit
from .crop import reaching
from .images import Images
from .step import Step, Tools


@dataclass(frozen=True, kw_only=True)
class Bin(Step, name="bin", title="Bin pixels"):
    """Join blocks of pixels: projections are averaged, counts of diffraction summed.

    Pixels that are not usable do not count; a block without any usable one is not usable. Pixel n//2 stays the centre:
    with an even factor the pixels between two blocks belong to both by half.
    """

    factor: Annotated[
        int, Interval(ge=1, le=64), Unit("px"), Label("Edge of a block"), Doc("Pixels along each edge of a block.")
    ] = 2

    def apply(self, images: Images, tools: Tools) -> Images:
        """Bin each image; pixel size and shifts follow."""
        if min(images.shape[-2:]) < 2 * self.factor:
            raise InputError("factor", f"{self.factor} for images of {images.shape[-2:]}", "Give a smaller one")
        binned = images.mapped(lambda values, valid: block_means(values, valid, self.factor), tools.tick)
        size, shifts = images.pixel_size, images.shifts
        if images.family == "phase":
            summed = binned.copy_with(values=binned.values * np.float32(self.factor**2))
            return reaching(summed, [m * self.factor for m in binned.shape[-2:]], images.shape[-2:])
        return binned.copy_with(
            pixel_size=None if size is None else size * self.factor,
            shifts=None if shifts is None else shifts / self.factor,
        )


def block_means(
    values: NDArray[np.float32], valid: NDArray[np.bool_], factor: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Means (y // factor, x // factor) over the valid pixels of blocks, and which blocks have any."""
    whole = valid.all()
    sums = _block_sums(_block_sums(values if whole else np.where(valid, values, 0), factor, 0), factor, 1)
    if whole:
        rows, columns = (_block_sums(np.ones((n, 1), np.float32), factor, 0)[:, 0] for n in values.shape)
        weights = np.outer(rows, columns)
    else:
        weights = _block_sums(_block_sums(valid, factor, 0), factor, 1)
    return np.divide(sums, weights, out=np.zeros_like(sums), where=weights > 0).astype(np.float32), weights > 0


def _block_sums(image: NDArray[Any], factor: int, axis: int) -> NDArray[np.float64]:
    """Sums over blocks along an axis, the middle of one of which is pixel n//2."""
    n = image.shape[axis]
    half, count = factor // 2, n // factor
    first = n // 2 - factor * (count // 2) + half  # middle of the first block, once padded
    padded = np.pad(image, [(half, half) if a == axis else (0, 0) for a in (0, 1)])
    weights = np.ones(2 * half + 1)
    if factor % 2 == 0:
        weights[[0, -1]] = 0.5
    index = [slice(None), slice(None)]
    total: NDArray[np.float64] = np.zeros(())
    for j, weight in enumerate(weights, start=first - half):
        index[axis] = slice(j, j + factor * (count - 1) + 1, factor)
        total = total + weight * padded[tuple(index)]
    return total

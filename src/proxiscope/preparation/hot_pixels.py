"""Hot and dead pixels of the detector, and hits by X-rays and cosmic rays."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import scipy
from annotated_types import Interval
from numba import njit
from numpy.typing import NDArray

from ..core import Doc, Label, Unit
from .images import Images
from .step import Step, Tools

SHARP = 0.15
"""Share of a pixel's height above its surroundings below which a neighbour does not belong to what made it bright."""

LOW = {"phase": 3, "tomography": 2}
"""Of the four neighbours, how many have to be as low.

Of a pattern sampled twice or more along each axis, two at most are: the peak of a speckle may be that of a square of
four pixels, but of nothing smaller.
"""


@dataclass(frozen=True, kw_only=True)
class HotPixels(Step, name="hot-pixels", title="Remove hot pixels and X-ray hits"):
    """Replace, or mark as not usable, pixels that stand out from everything around them: hot, dead, or hit by X-rays.

    Such a pixel is above (or below) every pixel of the ring around it by several standard deviations of the noise, and
    falls off more steeply than any lens or oversampled pattern allows, so edges, atoms and speckles stay. Noise is
    estimated where the image is as bright. Neighbours to which a hit has spread are treated with it. Of patterns, hits
    of one or two pixels are found, so do this before binning.
    """

    threshold: Annotated[
        float,
        Interval(ge=1, le=1000),
        Unit("sigma"),
        Doc("By how much a pixel stands out from the ring around it, in standard deviations of the noise."),
    ] = 8.0
    size: Annotated[int, Interval(ge=1, le=5), Unit("px"), Label("Largest hit"), Doc("Width of the largest hits.")] = 2
    treatment: Annotated[
        Literal["replace", "mask"],
        Label("What becomes of them"),
        Doc("Whether such pixels get the median around them, or count as not measured."),
    ] = "replace"

    def apply(self, images: Images, tools: Tools) -> Images:
        """Treat each image."""
        counts: list[int] = []

        def one(values: NDArray[Any], valid: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
            hot, around = outliers(values, valid, self.threshold, self.size, LOW[images.family])
            counts.append(int(hot.sum()))
            return (values, valid & ~hot) if self.treatment == "mask" else (np.where(hot, around, values), valid)

        done = "replaced" if self.treatment == "replace" else "marked as not usable"
        treated = images.mapped(one, tools.tick)
        share = 100 * sum(counts) / images.values.size
        return treated.noted(f"{sum(counts)} hot, dead or hit pixels {done}, {share:.2g} % of all.")


def outliers(
    values: NDArray[np.float32], valid: NDArray[np.bool_], threshold: float, size: int = 2, low: int = 2
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Pixels (y, x) that stand out, and the median of the ring around each pixel."""
    if not valid.any():
        return np.zeros_like(valid), values
    around, excess = _compare(values, valid, size, low)
    misfit = np.abs(values - around)
    sigma = noise(misfit, around, valid)
    hot = np.abs(excess) > threshold * sigma
    if hot.any():
        near = scipy.ndimage.maximum_filter(np.where(hot, misfit, 0), 3)
        hot |= valid & (near > 0) & (misfit > np.maximum(threshold / 2 * sigma, SHARP * near))
    return hot, around


def noise(misfit: NDArray[Any], brightness: NDArray[Any], valid: NDArray[Any]) -> NDArray[np.float64]:
    """Standard deviation (y, x) of the noise, from what is usual among pixels of the same brightness.

    Each class of brightness is half as populous as the darker one, because bright pixels are few.
    """
    bright, misfit = brightness[valid], misfit[valid]
    order = np.argsort(bright, kind="stable")
    bright, misfit = bright[order], misfit[order]
    edges = [0]
    while len(bright) - edges[-1] > 128:
        edges.append((edges[-1] + len(bright)) // 2)
    parts = [slice(a, b) for a, b in zip(edges, [*edges[1:], len(bright)], strict=True)]
    levels = np.array([np.median(bright[p]) for p in parts])
    spread = np.array([1.4826 * np.median(misfit[p]) for p in parts])
    if not spread.all() and misfit.any():  # where most counts are equal, noise is a count at least
        spread = np.maximum(spread, np.median(misfit[misfit > 0]))
    return np.interp(brightness, levels, spread)


@njit(nogil=True, cache=True)
def _compare(values: Any, valid: Any, reach: Any, least: Any) -> Any:
    """The median of the ring around each pixel (y, x), and by how much a sharp pixel lies outside its range."""
    ny, nx = values.shape
    around, excess = values.copy(), np.zeros_like(values)
    ring = np.empty(8 * reach, values.dtype)
    for y in range(ny):
        for x in range(nx):
            n = 0
            for j in range(max(0, y - reach), min(ny, y + reach + 1)):
                step = 1 if abs(j - y) == reach else 2 * reach
                for i in range(x - reach, x + reach + 1, step):
                    if 0 <= i < nx and valid[j, i]:
                        ring[n] = values[j, i]
                        n += 1
            if n < 3:
                continue
            for a in range(1, n):  # insertion sort, the fastest for so few
                v = ring[a]
                b = a - 1
                while b >= 0 and ring[b] > v:
                    ring[b + 1] = ring[b]
                    b -= 1
                ring[b + 1] = v
            around[y, x] = ring[n // 2]
            v = values[y, x]
            if not valid[y, x] or ring[0] <= v <= ring[n - 1]:
                continue
            height = v - around[y, x]
            low = 0
            for j, i in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if 0 <= j < ny and 0 <= i < nx and valid[j, i]:
                    low += (values[j, i] - around[y, x]) / height < SHARP
            if low >= least:
                excess[y, x] = v - (ring[n - 1] if height > 0 else ring[0])
    return around, excess

"""Background around the centre of a pattern."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import scipy
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Doc, InputError, Label, Unit, Zero
from .images import Images
from .step import Step, Tools


@dataclass(frozen=True, kw_only=True)
class RadialBackground(Step, name="radial-background", title="Subtract a radial background"):
    """Subtract a background that depends on the distance from the centre only, as of air or a window.

    On each ring it is a low percentile of the usable pixels, since speckles go down to zero between them; the course
    over the rings is smoothed. Centre the pattern first.
    """

    families = ("phase",)
    each_image = False

    percentile: Annotated[
        float,
        Interval(ge=0, le=100),
        Unit("%"),
        Doc("Share of the pixels of a ring that is darker than its background; 50 for the median."),
    ] = 10.0
    smoothing: Annotated[
        float,
        Interval(ge=0, le=1000),
        Unit("px"),
        Label("Smooth over rings"),
        Zero("not at all"),
        Doc("Standard deviation of the smoothing over the rings."),
    ] = 3.0
    inner: Annotated[
        float,
        Interval(ge=0, le=1e4),
        Unit("px"),
        Label("Innermost ring"),
        Doc("Radius inside which the background is that on this ring, as the central speckle fills those inside."),
    ] = 10.0
    clip: Annotated[bool, Label("Cut off negative values"), Doc("Whether negative values become zero.")] = True

    def apply(self, images: Images, tools: Tools) -> Images:
        """Subtract about pixel n//2; of a pattern in 3-D the rings are shells."""
        rings = radius(images.shape)
        judged = images.valid & (rings >= self.inner)
        if not judged.any():
            raise InputError("inner", "no usable pixel lies outside this radius", "Give a smaller one")
        course = profile(images.values, judged, rings, self.percentile, self.smoothing)
        values = images.values - np.interp(rings, np.arange(len(course)), course).astype(np.float32)
        values = np.where(images.valid, np.maximum(values, 0) if self.clip else values, np.float32(0))
        return images.copy_with(values=values).noted(
            f"Background of {course.max():.4g} at most subtracted, {course[len(course) // 2]:.4g} half-way out."
        )


def radius(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Distance in pixels from pixel n//2."""
    squares = [(np.arange(n, dtype=np.float32) - n // 2) ** 2 for n in shape]
    return np.sqrt(sum(np.meshgrid(*squares, indexing="ij", sparse=True)))


def profile(
    values: NDArray[Any], valid: NDArray[np.bool_], rings: NDArray[Any], percentile: float, smoothing: float
) -> NDArray[np.float64]:
    """The percentile (ring,) of the usable pixels on each ring a pixel wide, smoothed over the rings."""
    ring = np.rint(rings[valid]).astype(np.intp)
    number = int(np.rint(rings.max())) + 1
    count = np.bincount(ring, minlength=number)
    order = np.lexsort((values[valid], ring))
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    some = count > 0
    at = first[some] + np.rint((count[some] - 1) * percentile / 100).astype(np.intp)
    found = values[valid][order[at]].astype(np.float64)
    if smoothing:  # weighted by the pixels, so that the few of an inner ring hardly count
        weight, total = np.zeros(number), np.zeros(number)
        weight[some], total[some] = count[some], count[some] * found
        total, weight = (scipy.ndimage.gaussian_filter1d(a, smoothing, mode="nearest") for a in (total, weight))
        some = weight > 1e-6
        found = total[some] / weight[some]
    return np.interp(np.arange(number), np.flatnonzero(some), found)

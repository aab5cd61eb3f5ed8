"""A long and a short exposure."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Doc, InputError, Label, Zero
from ..core.parameters import NO_FILE, File
from .files import frame
from .images import Images
from .levels import saturation_level
from .step import Step, Tools


@dataclass(frozen=True, kw_only=True)
class MergeExposures(Step, name="merge-exposures", title="Merge with a short exposure"):
    """Fill pixels that are saturated, or not usable, from a shorter exposure of the same pattern.

    How much shorter it is follows from pixels that both measured, unless given. Do this before steps that move or bin
    pixels; both exposures should be free of background.
    """

    families = ("phase",)
    each_image = False

    short: Annotated[File, Label("Short exposure"), Doc("The short exposure, or several of them to be averaged.")] = (
        NO_FILE
    )
    level: Annotated[
        float,
        Interval(ge=0, le=1e12),
        Label("Saturated from"),
        Zero("to be detected"),
        Doc("Value from which the long exposure is saturated; 0 to detect it."),
    ] = 0.0
    ratio: Annotated[
        float,
        Interval(ge=0, le=1e9),
        Label("Ratio, long by short"),
        Zero("to be found"),
        Doc("Ratio of the exposures, long by short; 0 to find it from what both measured."),
    ] = 0.0

    def apply(self, images: Images, tools: Tools) -> Images:
        """Fill in from the short exposure, brought to the scale of the long one."""
        if not self.short:
            raise InputError("short", "no file is given", "Give that of the short exposure, or leave the step out")
        short, measured = self._short(tools, images)
        level = self.level or saturation_level(images.values[images.valid])
        good = images.valid if level is None else images.valid & (images.values < level)
        ratio = self.ratio or exposure_ratio(images.values[good & measured], short[good & measured])
        values = np.where(good, images.values, ratio * short)
        merged = images.copy_with(values=values, valid=good | measured)
        filled = int((~good & measured).sum())
        return merged.noted(f"{filled} pixels filled from the short exposure, times {ratio:.6g}.")

    def _short(self, tools: Tools, images: Images) -> tuple[NDArray[Any], NDArray[Any]]:
        array = np.asarray(tools.read(self.short))
        if array.shape == images.shape and array.dtype.kind in "fiub":
            measured = np.isfinite(array)
            return np.where(measured, array, 0).astype(np.float64), measured
        mean, measured = frame("short", self.short, tools)
        if mean.shape != images.shape:
            found = f"an exposure of {mean.shape} for images of {images.shape}"
            raise InputError("short", found, "Give one of the same size")
        return mean, measured


def exposure_ratio(long: NDArray[Any], short: NDArray[Any]) -> float:
    """How many times more a pixel (pixel,) has in the long exposure, without those that disagree; raises InputError.

    The ratio of sums weighs pixels as counts have to be weighed. Pixels are chosen by the long exposure, whose noise
    matters less.
    """
    long, short = long.astype(np.float64), short.astype(np.float64)
    bright = long > max(0.02 * long.max(), 0.0) if long.size else np.zeros(0, bool)
    long, short = long[bright], short[bright]
    positive = short > 0
    if positive.sum() < 4:
        raise InputError("short", "it hardly shares a bright pixel with the long exposure", "Give the ratio")
    ratio = float(np.median(long[positive] / short[positive]))
    for _ in range(10):
        # noise as of counts, on a scale that is estimated too
        deviation = (long - ratio * short) / np.sqrt(np.maximum(long + ratio**2 * np.maximum(short, 0), 1e-30))
        scale = 1.4826 * np.median(np.abs(deviation))
        kept = np.abs(deviation) <= 4 * max(scale, 1e-9)
        before, ratio = ratio, float(long[kept].sum() / short[kept].sum())
        if abs(ratio - before) <= 1e-9 * ratio:
            break
    return ratio

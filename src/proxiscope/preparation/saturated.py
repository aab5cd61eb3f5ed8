"""Saturated pixels."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import scipy
from annotated_types import Interval

from ..core import Doc, Label, Unit, Zero
from .images import Images
from .levels import saturation_level
from .step import Step, Tools


@dataclass(frozen=True, kw_only=True)
class Saturated(Step, name="saturated", title="Leave saturated pixels out"):
    """Mark saturated pixels as not usable.

    Without a level given the largest value counts as saturated when several pixels share it, so do this before any
    step that changes values.
    """

    families = ("phase",)
    each_image = False

    level: Annotated[
        float,
        Interval(ge=0, le=1e12),
        Label("Saturated from"),
        Zero("to be detected"),
        Doc("Value from which a pixel is saturated; 0 to detect it."),
    ] = 0.0
    margin: Annotated[
        int,
        Interval(ge=0, le=20),
        Unit("px"),
        Zero("none"),
        Doc("Margin around them into which charge has spread."),
    ] = 0

    def apply(self, images: Images, tools: Tools) -> Images:
        """Mask pixels of all images."""
        level = self.level or saturation_level(images.values[images.valid])
        saturated = images.valid & (images.values >= (np.inf if level is None else level))
        if not saturated.any():
            return images.noted("No saturated pixels found.")
        if self.margin:
            disc = np.hypot(*np.mgrid[-self.margin : self.margin + 1, -self.margin : self.margin + 1]) <= self.margin
            spread = scipy.ndimage.binary_dilation(saturated, disc.reshape((1,) * (saturated.ndim - 2) + disc.shape))
        else:
            spread = saturated
        left_out = int((spread & images.valid).sum())
        remark = f"{int(saturated.sum())} pixels saturated at {level:.6g}; {left_out} left out."
        return images.copy_with(valid=images.valid & ~spread).noted(remark)

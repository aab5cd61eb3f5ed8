"""Binning as far as sampling allows."""

import warnings
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Interval

from ..core import Doc, InputError, Label
from ..phase import DiffractionPattern
from ..phase.support import from_autocorrelation
from .bin import Bin
from .images import Images
from .step import Step, Tools


@dataclass(frozen=True, kw_only=True)
class Oversampling(Step, name="oversampling", title="Bin to the oversampling wanted"):
    """Bin a pattern that is sampled more finely than phase retrieval needs.

    The size of the object follows from the extent of the autocorrelation, the transform of the intensities. The
    detector's pixels are joined as far as the frame stays so many times wider than the object. Only binning changes
    this ratio: cropping a pattern makes the reconstruction's pixels coarser and object and frame smaller alike.
    """

    families = ("phase",)
    each_image = False

    ratio: Annotated[
        float,
        Interval(ge=1, le=100),
        Label("Frame over object"),
        Doc("Width of the frame by that of the object, along each axis; a pattern needs 2 or more."),
    ] = 2.5

    def apply(self, images: Images, tools: Tools) -> Images:
        """Bin by the largest factor that leaves the ratio."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a reconstruction would not like
            try:
                pattern = DiffractionPattern(np.sqrt(np.maximum(images.values, 0)), known=images.valid)
                box = from_autocorrelation(pattern)
            except InputError as error:
                why = f"the object's size cannot be told ({error.found})"
                raise InputError("images", why, "Subtract the background, or bin by a factor") from None
        axes = range(box.ndim)
        sides = [int(box.any(axis=tuple(a for a in axes if a != axis)).sum()) for axis in axes][-2:]
        found = min(n / side for n, side in zip(images.shape[-2:], sides, strict=True))
        factor = int(found / self.ratio)
        words = f"The frame is {found:.3g} times as wide as the object (about {sides[0]} x {sides[1]} pixels)"
        if factor < 2:
            return images.noted(f"{words}: nothing to bin.")
        binned = Bin(factor=factor).apply(images, tools)
        return binned.noted(f"{words}: binned by {factor}, which leaves {found / factor:.3g}.")

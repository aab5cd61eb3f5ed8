"""Leaving tilts out."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Interval

from ..core import Doc, InputError, Label
from ..core.parameters import Numbers
from .images import Images
from .step import Step, Tools


@dataclass(frozen=True, kw_only=True)
class ExcludeTilts(Step, name="exclude-tilts", title="Leave tilts out"):
    """Leave some projections out, such as blurred or shadowed ones.

    They are counted from 0 as they lie now.
    """

    families = ("tomography",)
    each_image = False

    tilts: Annotated[
        Numbers, Interval(ge=0, le=10**6), Label("Tilts to leave out"), Doc("Which to leave out, counted from 0.")
    ] = ()

    def apply(self, images: Images, tools: Tools) -> Images:
        """Drop images with their rotations and shifts."""
        beyond = [t for t in self.tilts if t >= len(images)]
        if beyond:
            raise InputError("tilts", f"tilt {beyond[0]} of {len(images)}", f"Give numbers from 0 to {len(images) - 1}")
        kept = np.setdiff1d(np.arange(len(images)), self.tilts)
        if not len(kept):
            raise InputError("tilts", "all are left out", "Leave some")
        return images if len(kept) == len(images) else images.subset(kept)

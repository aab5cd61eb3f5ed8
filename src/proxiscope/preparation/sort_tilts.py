"""Tilts in order."""

from dataclasses import dataclass

import numpy as np

from ..core import InputError
from ..tomography.alignment.axis import by_tilt
from .images import Images
from .step import Step, Tools


@dataclass(frozen=True, kw_only=True)
class SortTilts(Step, name="sort-tilts", title="Sort by tilt angle"):
    """Sort the projections by tilt angle, lowest first, as of a series that was recorded from the middle outwards."""

    families = ("tomography",)
    each_image = False

    def apply(self, images: Images, tools: Tools) -> Images:
        """Reorder images with their rotations and shifts; series about several axes one after the other."""
        if images.rotations is None:
            raise InputError("angles", "none are known", "Give the tilt angles in degrees")
        order = by_tilt(images.tilt_series(announce=False))
        return images if np.array_equal(order, np.arange(len(order))) else images.subset(order)

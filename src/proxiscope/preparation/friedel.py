"""Friedel symmetry."""

from dataclasses import dataclass

import numpy as np

from ..physics.fourier import opposite
from .images import Images
from .step import Step, Tools


@dataclass(frozen=True, kw_only=True)
class Friedel(Step, name="friedel", title="Average Friedel mates"):
    """Average the intensities at k and -k, which are equal for a real object, and fill in what only one has measured.

    Centre the pattern first. Leave it out for complex objects, as of Bragg diffraction.
    """

    families = ("phase",)
    each_image = False

    def apply(self, images: Images, tools: Tools) -> Images:
        """Average about pixel n//2 of all axes."""
        valid, mate = images.valid, opposite(images.valid)
        total = images.values + opposite(images.values)  # zero where not usable
        both = valid & mate
        filled = int((mate & ~valid).sum())
        averaged = images.copy_with(values=np.where(both, total / 2, total), valid=valid | mate)
        return averaged.noted(f"{filled} pixels filled in from their Friedel mates.")

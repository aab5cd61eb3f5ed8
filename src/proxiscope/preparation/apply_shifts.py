"""Alignment carried out."""

from dataclasses import dataclass

from ..tomography.alignment import apply_shifts
from .images import Images
from .step import Step, Tools


@dataclass(frozen=True, kw_only=True)
class ApplyShifts(Step, name="apply-shifts", title="Move the images into place"):
    """Move the images by the shifts found, and turn them so that the tilt axis lies along y, in one interpolation.

    A reconstruction also takes images with shifts as they are, but is slower. Pixels from outside are not usable.
    """

    families = ("tomography",)
    each_image = False

    def apply(self, images: Images, tools: Tools) -> Images:
        """Resample each image once."""
        done = apply_shifts(images.tilt_series(announce=False))
        return images.copy_with(values=done.projections, valid=done.valid, rotations=done.rotations, shifts=None)

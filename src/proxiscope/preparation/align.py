"""The whole alignment."""

from dataclasses import dataclass
from typing import Annotated

from ..core import Doc, Label
from ..tomography.alignment import align
from .alignment import aligned, axis_remark
from .images import Images
from .step import Step, Tools


@dataclass(frozen=True, kw_only=True)
class Align(Step, name="align", title="Align the tilt series"):
    """Find shifts and the tilt axis with nothing to be chosen.

    Cross-correlation first, then, of an isolated object, common line and centre of mass, then the tilt axis by least
    misfit, and projection matching at the end. Images stay as they are until they are moved into place, which is a step
    of its own.
    """

    families = ("tomography",)
    each_image = False

    refine_axis: Annotated[
        bool, Label("Find the tilt axis"), Doc("Whether to find the angle of the tilt axis in the images too.")
    ] = True

    def apply(self, images: Images, tools: Tools) -> Images:
        """Change shifts and rotations only."""
        return axis_remark(aligned(images, tools, align, refine_axis=self.refine_axis))

"""Alignment along the tilt axis."""

from dataclasses import dataclass

from ..tomography.alignment import common_line
from .alignment import aligned
from .images import Images
from .step import Step, Tools


@dataclass(frozen=True, kw_only=True)
class AlignCommonLine(Step, name="align-common-line", title="Align along the tilt axis (common line)"):
    """Find shifts along the tilt axis that make the sums across it agree, as they are the same at all tilts.

    For an object with nothing to its left and right, once it is in register to some pixels.
    """

    families = ("tomography",)
    each_image = False

    def apply(self, images: Images, tools: Tools) -> Images:
        """Change the shifts only."""
        return aligned(images, tools, common_line)

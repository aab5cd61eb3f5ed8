"""Alignment of isolated objects."""

from dataclasses import dataclass
from typing import Annotated

from ..core import Doc, Label
from ..tomography.alignment import centre_of_mass
from .alignment import aligned
from .images import Images
from .step import Step, Tools


@dataclass(frozen=True, kw_only=True)
class AlignCentreOfMass(Step, name="align-centre-of-mass", title="Put the centre of mass onto the tilt axis"):
    """Find shifts that put the centre of mass of each projection onto the tilt axis.

    For an object with nothing to its left and right; noise and gradients of the background pull it away.
    """

    families = ("tomography",)
    each_image = False

    along: Annotated[
        bool,
        Label("Along the axis too"),
        Doc("Whether along the axis too: only if the whole object is in view, a needle is not."),
    ] = False

    def apply(self, images: Images, tools: Tools) -> Images:
        """Change the shifts only."""
        return aligned(images, tools, centre_of_mass, along=self.along)

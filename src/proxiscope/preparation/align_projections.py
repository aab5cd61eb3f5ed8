"""Fine alignment."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Interval

from ..core import Doc, Label
from ..tomography.alignment import projection_matching
from .alignment import aligned
from .images import Images
from .step import Step, Tools


@dataclass(frozen=True, kw_only=True)
class AlignProjections(Step, name="align-projections", title="Align to the reconstruction (projection matching)"):
    """Find shifts by which the projections match those of their own reconstruction.

    The fine step of an alignment, to a fraction of a pixel, once the images are in register to a few.
    """

    families = ("tomography",)
    each_image = False

    rounds: Annotated[
        int,
        Interval(ge=1, le=200),
        Label("Rounds, at most"),
        Doc("Reconstructions at each binning, at most; fewer when nothing moves."),
    ] = 15
    positivity: Annotated[
        bool, Label("Non-negative"), Doc("Whether the object is not negative; the background has to be zero then.")
    ] = True

    def apply(self, images: Images, tools: Tools) -> Images:
        """Change the shifts only."""
        return aligned(images, tools, projection_matching, rounds=self.rounds, positivity=self.positivity)

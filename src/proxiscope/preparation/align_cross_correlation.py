"""Coarse alignment."""

from dataclasses import dataclass
from typing import Annotated

from ..core import Doc, Label
from ..tomography.alignment import cross_correlation
from .alignment import aligned
from .images import Images
from .step import Step, Tools


@dataclass(frozen=True, kw_only=True)
class AlignCrossCorrelation(Step, name="align-cross-correlation", title="Align neighbouring tilts (cross-correlation)"):
    """Find shifts that put each tilt in register with its neighbours, from the lowest tilt outwards.

    The first step of an alignment: it takes large shifts away, but not where the tilt axis lies.
    """

    families = ("tomography",)
    each_image = False

    stretch: Annotated[
        bool,
        Label("Stretch by 1 / cos"),
        Doc("Whether to stretch images by 1 / cos of the tilt, for films and sections that fill the view."),
    ] = False

    def apply(self, images: Images, tools: Tools) -> Images:
        """Change the shifts only."""
        return aligned(images, tools, cross_correlation, stretch=self.stretch)

"""A threshold."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Interval

from ..core import Doc, Label, When
from .images import Images
from .step import Step, Tools


@dataclass(frozen=True, kw_only=True)
class Threshold(Step, name="threshold", title="Set what is below a threshold to zero"):
    """Set values below a threshold to zero, such as stray counts of a pattern that carry no signal.

    The default removes negative values only, which no pattern may have.
    """

    level: Annotated[
        float, Interval(ge=0, le=1e12), Label("Zero below"), Doc("Values below this level become zero.")
    ] = 0.0
    relative: Annotated[
        bool,
        Label("As share of the maximum"),
        Doc("Whether the level is a share of the largest value of all images."),
        When("level"),
    ] = False

    def apply(self, images: Images, tools: Tools) -> Images:
        """Treat all images with the same level."""
        level = self.level * (float(images.values[images.valid].max()) if self.relative else 1.0)
        below = images.valid & (images.values < level) & (images.values != 0)
        remark = f"{int(below.sum())} values below {level:.4g} set to zero."
        return images.copy_with(values=np.where(below, np.float32(0), images.values)).noted(remark)

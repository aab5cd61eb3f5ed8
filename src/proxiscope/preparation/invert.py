"""Contrast of bright field."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Doc, InputError, Label, When, Zero
from .images import Images
from .levels import vacuum_level
from .step import Step, Tools


@dataclass(frozen=True, kw_only=True)
class Invert(Step, name="invert", title="Invert the contrast of bright field"):
    """Turn bright field, where the specimen is dark, into projections of what dims the beam, with vacuum at zero.

    The logarithm -ln(I / I0) adds up along the beam as a projection must (Beer-Lambert); the difference I0 - I is
    enough for a thin specimen. I0, the intensity of vacuum, is the brightest peak of each image's histogram.
    """

    families = ("tomography",)

    method: Annotated[
        Literal["logarithmic", "linear"], Label("Law"), Doc("Logarithmic, -ln(I / I0), or linear, I0 - I.")
    ] = "logarithmic"
    reference: Annotated[
        Literal["vacuum", "maximum"],
        Label("I0 from"),
        When("intensity", 0),
        Doc("What I0 is: the vacuum's intensity, or the largest value of all images."),
    ] = "vacuum"
    intensity: Annotated[
        float,
        Interval(ge=0, le=1e12),
        Label("Known I0"),
        Zero("to be found"),
        Doc("I0 where it is known; 0 to find it."),
    ] = 0.0

    def apply(self, images: Images, tools: Tools) -> Images:
        """Invert each image; where the logarithm has no value a pixel is not usable."""
        largest = float(images.values[images.valid].max())
        given = self.intensity or (largest if self.reference == "maximum" else 0.0)
        levels: list[float] = []

        def one(values: NDArray[Any], valid: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
            if not valid.any():
                return values, valid
            level = given or vacuum_level(values[valid], "bright")[0]
            levels.append(level)
            if self.method == "linear":
                return np.where(valid, np.float32(level) - values, 0), valid
            if level <= 0:
                found = f"that of vacuum is {level:.4g}"
                raise InputError("intensity", found, "Correct dark current, or invert linearly")
            positive = valid & (values > 0)
            return -np.log(np.where(positive, values, np.float32(level)) / np.float32(level)), positive

        return images.mapped(one, tools.tick).noted(f"Intensity of vacuum {np.median(levels):.4g}.")

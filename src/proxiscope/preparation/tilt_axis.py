"""Where the tilt axis lies, said by who knows it."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Interval

from ..core import Doc, InputError, Label, Unit
from ..tomography.alignment import with_axis_at
from .images import Images
from .step import Step, Tools


@dataclass(frozen=True, kw_only=True)
class TiltAxis(Step, name="tilt-axis", title="Say where the tilt axis lies"):
    """Say at which angle the tilt axis lies, where the file does not tell: before anything that aligns.

    An axis nearer to x than to y is brought to lie along y by turning the images by 90 degrees; what is left of the
    angle goes into the rotations.
    """

    families = ("tomography",)
    each_image = False

    degrees: Annotated[
        float,
        Interval(ge=-180, le=180),
        Unit("deg"),
        Label("Axis angle"),
        Doc("Angle from y, positive from x to y; 90 for an axis along x."),
    ] = 90.0

    def apply(self, images: Images, tools: Tools) -> Images:
        """Turn the images if they have to be, and set their rotations."""
        if images.rotations is None:
            raise InputError("angles", "none are known", "Give the tilt angles in degrees")
        turned = 45 < self.degrees % 180 <= 135
        rest = self.degrees - 90 * turned
        if turned:
            images = _turned(images, rest)
        series = with_axis_at(images.tilt_series(announce=False), rest)
        quarter = ", the images turned by 90 degrees" if turned else ""
        return images.copy_with(rotations=series.rotations).noted(
            f"The tilt axis is taken to lie at {self.degrees:g} degrees from y{quarter}."
        )


def _turned(images: Images, rest: float) -> Images:
    """Images and shifts turned by 90 degrees, with the rotation centre at pixel n // 2 of y if it matters."""
    height = images.shape[-1]
    centre = height - 1 - 2 * (height // 2) if rest else 0
    shifts = None
    if images.shifts is not None:
        dy, dx = np.transpose(images.shifts)
        shifts = np.stack([centre - dx, dy], axis=1)
    elif centre:
        shifts = np.tile([float(centre), 0.0], (len(images), 1))
    values, valid = (np.ascontiguousarray(np.rot90(a, axes=(-2, -1))) for a in (images.values, images.valid))
    return images.copy_with(values=values, valid=valid, shifts=shifts)

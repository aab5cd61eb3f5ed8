"""Where the tilt axis lies."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Interval

from ..core import Doc, Label, Unit, When
from ..tomography.alignment import tilt_axis_by_mass, tilt_axis_by_misfit
from .alignment import aligned, axis_remark
from .images import Images
from .step import Step, Tools


@dataclass(frozen=True, kw_only=True)
class FindTiltAxis(Step, name="find-tilt-axis", title="Find the tilt axis"):
    """Find the angle of the tilt axis in the images.

    Images have to be in register already. By misfit, the angle is taken whose coarse reconstruction misses the images
    by the least. By mass it follows at once from the paths of an object's rows, and shifts put the axis into the
    middle; there has to be nothing to the object's left and right then.
    """

    families = ("tomography",)
    each_image = False

    method: Annotated[
        Literal["misfit", "mass"],
        Label("Find the axis by"),
        Doc("Least misfit of reconstructions, or centres of mass of rows."),
    ] = "misfit"
    step: Annotated[
        float,
        Interval(ge=0.01, le=45),
        Unit("deg"),
        Label("First step"),
        When("method", "misfit"),
        Doc("First step of the search by misfit, which goes on if need be."),
    ] = 4.0

    def apply(self, images: Images, tools: Tools) -> Images:
        """Change shifts and rotations only."""
        if self.method == "mass":
            return axis_remark(aligned(images, tools, tilt_axis_by_mass))
        return axis_remark(aligned(images, tools, tilt_axis_by_misfit, angle_step=self.step))

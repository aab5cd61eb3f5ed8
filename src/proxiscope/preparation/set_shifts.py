"""Shifts that are known."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from ..core import Doc, Example, InputError, Label, Unit
from ..core.parameters import NO_FILE, File, Table
from ..tomography.alignment import axis_angle, with_axis_at
from ..tomography.alignment.transforms import from_transforms
from .images import Images
from .step import Step, Tools

_SAME = 0.5  # degrees between rotations that count as one


@dataclass(frozen=True, kw_only=True)
class SetShifts(Step, name="set-shifts", title="Set shifts by hand or from a file"):
    """Set where the rotation centre appears in each image, in place of what was found before.

    Either rows (dy, dx) in pixels from pixel n//2, one for each image, or a file of such rows, or an .xf file of IMOD,
    whose transforms also tell how the tilt axis lies. They refer to the images as they are now, not to those in a file
    that were turned when they were read.
    """

    families = ("tomography",)
    each_image = False

    shifts: Annotated[
        Table,
        Unit("px"),
        Label("Rows dy dx"),
        Example("0.5 -1; 2 0"),
        Doc("Rows dy, dx, one an image; one row holds for all."),
    ] = ()
    file: Annotated[
        File, Label("File of shifts"), Doc("A .txt file of rows dy, dx, or an .xf file; none when empty.")
    ] = NO_FILE

    def apply(self, images: Images, tools: Tools) -> Images:
        """Change the shifts, and by an .xf file the rotations."""
        if bool(self.shifts) == bool(self.file):
            found = "both shifts and a file are given" if self.file else "neither shifts nor a file are given"
            raise InputError("shifts", found, "Give one of them")
        rows = np.array(tools.read(self.file) if self.file else self.shifts, float, ndmin=2)
        if len(rows) == 1:
            rows = np.repeat(rows, len(images), axis=0)
        field = "file" if self.file else "shifts"
        if len(rows) != len(images) or rows.shape[1] not in (2, 6):
            found = f"{len(rows)} rows of {rows.shape[1]} numbers for {len(images)} images"
            raise InputError(field, found, "Give a row dy, dx for each image")
        if rows.shape[1] == 2:
            return images.copy_with(shifts=rows)
        shifts, rotations = from_transforms(rows, (images.shape[-2], images.shape[-1]), field)
        degrees = -float(np.median(rotations))
        spread = float(np.ptp(rotations))
        if spread > _SAME:
            images = images.noted(f"The file turns images by {spread:.2f} degrees against each other: not followed.")
        if images.rotations is None:
            return images.copy_with(shifts=shifts)
        series = images.tilt_series(announce=False)
        if abs(degrees - axis_angle(series)) < 1e-4:
            return images.copy_with(shifts=shifts)
        turned = images.copy_with(shifts=shifts, rotations=with_axis_at(series, degrees).rotations)
        return turned.noted(f"The tilt axis lies {degrees:.2f} degrees from y.")

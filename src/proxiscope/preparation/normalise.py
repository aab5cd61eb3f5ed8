"""Projections of equal total."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..core import Doc, InputError, Label
from .images import Images
from .step import Step, Tools


@dataclass(frozen=True, kw_only=True)
class Normalise(Step, name="normalise", title="Normalise the total intensity"):
    """Scale each projection so that all have the same total, as projections of one object have.

    This removes drift of the beam current. The specimen has to lie within the field of view, with the background at
    zero; where more of it comes into view with the tilt, compare what all images show.
    """

    families = ("tomography",)
    each_image = False

    compare: Annotated[
        Literal["all", "common"],
        Label("Pixels to compare"),
        Doc("All usable pixels of each image, or those that, with the shifts known so far, are usable in all."),
    ] = "all"

    def apply(self, images: Images, tools: Tools) -> Images:
        """Scale each image to the median of the totals."""
        stack = images.values.reshape(-1, *images.shape[-2:])
        valid = images.valid.reshape(stack.shape)
        used = common(valid, images.shifts) if self.compare == "common" else valid
        empty = np.flatnonzero(~used.any(axis=(1, 2)))
        if empty.size:
            found = f"image {empty[0]} has no usable pixel" + " in common" * (self.compare == "common")
            raise InputError("images", found, "Leave it out" + ", or compare all" * (self.compare == "common"))
        sums = np.array([image.sum(dtype=np.float64, where=mask) for image, mask in zip(stack, used, strict=True)])
        if self.compare == "common":  # as many pixels in each, but for those that shifts round off
            sums /= used.sum(axis=(1, 2))
        typical = np.median(sums)
        if not (sums > 0).all() or not np.isfinite(sums).all():
            worst = int(np.argmin(sums))
            found = f"the total of image {worst} is {sums[worst]:.4g}"
            raise InputError("images", found, "Subtract the background first, or leave that image out")
        factors = (typical / sums).astype(np.float32)
        values = (stack * factors[:, None, None]).reshape(images.shape)
        spread = 100 * sums.std() / sums.mean()
        return images.copy_with(values=values).noted(f"Totals differed by {spread:.2g} % (standard deviation).")


def common(valid: NDArray[np.bool_], shifts: NDArray[Any] | None) -> NDArray[np.bool_]:
    """Pixels (image, y, x) that show what all images show."""
    whole = np.zeros((len(valid), 2), int) if shifts is None else np.rint(shifts).astype(int)
    seen = np.logical_and.reduce([moved(mask, -dy, -dx) for mask, (dy, dx) in zip(valid, whole, strict=True)])
    return np.stack([moved(seen, dy, dx) for dy, dx in whole])


def moved(mask: NDArray[np.bool_], dy: int, dx: int) -> NDArray[np.bool_]:
    """A mask moved by whole pixels, false where it comes from outside."""
    out = np.zeros_like(mask)
    ny, nx = mask.shape
    if abs(dy) < ny and abs(dx) < nx:
        out[max(dy, 0) : ny + min(dy, 0), max(dx, 0) : nx + min(dx, 0)] = mask[
            max(-dy, 0) : ny + min(-dy, 0), max(-dx, 0) : nx + min(-dx, 0)
        ]
    return out

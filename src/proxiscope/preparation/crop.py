"""Cropping."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import scipy
from annotated_types import Interval
from numpy.typing import ArrayLike

from ..core import Doc, Example, InputError, Label, Unit
from ..core.parameters import Numbers
from .images import Images
from .step import Step, Tools


@dataclass(frozen=True, kw_only=True)
class Crop(Step, name="crop", title="Crop"):
    """Cut the images to a rectangle, or to a size about their centre.

    The centre is pixel n//2, before and after. A pattern that was cropped gives coarser pixels and is as well sampled
    as before; its pixel size follows. The shifts of a tilt series follow, so that the rotation centre stays.
    """

    each_image = False

    region: Annotated[
        Numbers,
        Interval(ge=0, le=10**6),
        Unit("px"),
        Example("10, 500, 20, 510"),
        Doc("Rectangle: first row, row after the last, first column, column after the last; of a pattern in 3-D the "
            "first slice and that after the last before them. All when empty."),
    ] = ()  # fmt: skip
    size: Annotated[
        Numbers,
        Interval(ge=1, le=10**6),
        Unit("px"),
        Label("Centred size"),
        Example("256, 256"),
        Doc("Rows and columns about the centre (slices, rows, columns). All when empty."),
    ] = ()
    fast: Annotated[
        bool,
        Label("Down to fast sizes"),
        Doc("Whether to go down to sizes that are fast to transform."),
    ] = True

    def apply(self, images: Images, tools: Tools) -> Images:
        """Cut all images alike."""
        region = self._region(images.shape)
        sizes = [part.stop - part.start for part in region]
        if self.size:
            if len(self.size) not in (2, len(sizes)):
                wanted = " or ".join(str(n) for n in sorted({2, len(sizes)}))
                raise InputError("size", f"{len(self.size)} numbers for {len(sizes)} axes", f"Give {wanted}")
            asked = [*sizes[: len(sizes) - len(self.size)], *self.size]
            sizes = [min(n, m) for n, m in zip(sizes, asked, strict=True)]
        if self.fast:
            slices = images.family == "phase"  # and neither tilts nor what is kept as a whole
            free = [a >= len(sizes) - 2 or (slices and sizes[a] < images.shape[a]) for a in range(len(sizes))]
            sizes = [scipy.fft.prev_fast_len(n, real=True) if f else n for n, f in zip(sizes, free, strict=True)]
        return cut(images, tuple(about_centre(part, n) for part, n in zip(region, sizes, strict=True)))

    def _region(self, shape: tuple[int, ...]) -> tuple[slice, ...]:
        given = self.region
        if len(given) not in (0, 4, 2 * len(shape)):
            remedy = "Give the first row and the one after the last, and the same for columns"
            raise InputError("region", f"{len(given)} numbers", remedy)
        pairs = list(map(slice, given[::2], given[1::2]))
        region = [*map(slice, [0] * len(shape), shape)]
        region[len(region) - len(pairs) :] = pairs
        if any(not part.start < part.stop <= n for part, n in zip(region, shape, strict=True)):
            raise InputError("region", f"got {given} for images of {shape}", "Give one inside the images")
        return tuple(region)


def about_centre(part: slice, size: int) -> slice:
    """The `size` pixels of a part of an axis that share its centre pixel n//2."""
    start = part.start + (part.stop - part.start) // 2 - size // 2
    return slice(start, start + size)


def cut(images: Images, region: tuple[slice, ...]) -> Images:
    """The region of all images, one slice an axis; shifts, rotations and pixel size follow."""
    frames = region[0] if len(region) == 3 else slice(None)
    part = images
    if len(region) == 3 and (frames.start, frames.stop) != (0, images.shape[0]):
        part = images.subset(np.arange(images.shape[0])[frames])
    within: Any = (..., *region[-2:])
    values, valid = part.values[within], part.valid[within]
    old, new = np.array(images.shape[-2:]), np.array(values.shape[-2:])
    changes: dict[str, Any] = {"values": values, "valid": valid}
    if images.family == "tomography":
        moved = old // 2 - np.array([r.start for r in region[-2:]]) - new // 2
        if moved.any():
            changes["shifts"] = moved + (np.zeros((len(part), 2)) if part.shifts is None else part.shifts)
    done = part.copy_with(**changes)
    done = reaching(done, new, old) if images.family == "phase" else done
    return done.noted(f"Cropped to {' x '.join(map(str, values.shape))}.")


def reaching(pattern: Images, now: ArrayLike, before: ArrayLike) -> Images:
    """A pattern that spans `now` of the detector's pixels (y, x), where it spanned those `before`: pixels are coarser.

    They are those of the reconstruction.
    """
    coarser = np.divide(before, now)
    if pattern.pixel_size is None or (coarser == 1).all():
        return pattern
    if np.isclose(coarser[0], coarser[1], rtol=0.01):
        return pattern.copy_with(pixel_size=pattern.pixel_size * coarser.mean())
    remark = "The pixels of the reconstruction are no longer square, so the pixel size is left out."
    return pattern.copy_with(pixel_size=None).noted(remark)


def fast_size(at_least: int) -> int:
    """The next even size that is fast to transform."""
    size = scipy.fft.next_fast_len(at_least, real=True)
    while size % 2:
        size = scipy.fft.next_fast_len(size + 1, real=True)
    return size

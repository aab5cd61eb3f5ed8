"""The centre of a pattern."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from ..core import Doc, Example, InputError, Label, Unit, When
from ..core.parameters import Table
from .average_frames import look_repeated
from .centring import by_mass, by_peak, by_symmetry
from .crop import cut
from .images import Images
from .step import Step, Tools

REPEATED = (
    "The slices look like repeated exposures of one pattern, and are taken for one in 3-D: average them first "
    "(average-frames) if they are."
)


@dataclass(frozen=True, kw_only=True)
class Centre(Step, name="centre", title="Centre the pattern"):
    """Find the centre of a pattern to a fraction of a pixel, and move it to pixel n//2 of each axis.

    A pattern is symmetric about its centre (Friedel), which also tells where it lies behind a beamstop. Of Bragg
    diffraction take the brightest peak. By default pixels are moved by whole numbers, so that counts stay counts.
    """

    families = ("phase",)
    each_image = False

    method: Annotated[
        Literal["symmetry", "mass", "peak"],
        Label("Find the centre by"),
        When("position", ()),
        Doc("Best symmetry of k and -k, centre of mass of the intensities, or the brightest peak."),
    ] = "symmetry"
    position: Annotated[
        Table,
        Unit("px"),
        Label("Known centre"),
        Example("128.5 130"),
        Doc("The centre where it is known: row and column, before them the slice in 3-D."),
    ] = ()
    frame: Annotated[
        Literal["keep", "crop"],
        Doc("Keep the size, with pixels from outside not usable; or cut to the largest frame about the centre."),
    ] = "keep"
    subpixel: Annotated[
        bool,
        Label("To fractions of a pixel"),
        Doc("Whether to interpolate (cubic splines), so that the centre is exact."),
    ] = False

    def apply(self, images: Images, tools: Tools) -> Images:
        """Move all axes; of a pattern in 3-D the first too."""
        if look_repeated(images):
            images = images.noted(REPEATED)
        centre = self._found(images)
        tools.tick(0.5)
        if not all(0 <= c <= n - 1 for c, n in zip(centre, images.shape, strict=True)):
            raise InputError("position", f"a centre at {_words(centre)} of {images.shape}", "Give one inside the frame")
        whole = np.rint(centre).astype(int)
        done = images
        if self.subpixel and not np.array_equal(whole, centre):
            done = interpolated(images, centre - whole)
        done = cropped_about(done, whole) if self.frame == "crop" else rolled(done, whole)
        return done.noted(f"Centre found at {_words(centre)}.")

    def _found(self, images: Images) -> NDArray[np.float64]:
        if self.position:
            if len(self.position) != 1 or len(self.position[0]) != images.values.ndim:
                raise InputError("position", f"{self.position}", f"Give {images.values.ndim} numbers")
            return np.array(self.position[0])
        methods = {"symmetry": by_symmetry, "mass": by_mass, "peak": by_peak}
        return methods[self.method](images.values, images.valid)


def _words(centre: NDArray[Any]) -> str:
    return f"({', '.join(f'{c:.2f}' for c in centre)})"


def interpolated(images: Images, offset: NDArray[Any]) -> Images:
    """Values moved back by a fraction of a pixel; each axis less than one."""
    filled = images.values
    if not images.valid.all():
        nearest = scipy.ndimage.distance_transform_edt(~images.valid, return_distances=False, return_indices=True)
        filled = filled[tuple(nearest)]
    values = scipy.ndimage.shift(filled, -offset, order=3, mode="nearest")
    weight = scipy.ndimage.shift(images.valid.astype(np.float32), -offset, order=1, mode="constant")
    low = 0 if images.values.min() >= 0 else -np.inf  # splines overshoot
    return images.copy_with(values=np.maximum(values, np.float32(low)), valid=weight > 0.999)


def rolled(images: Images, centre: NDArray[Any]) -> Images:
    """The same frame about another pixel; what comes from outside is not usable."""
    values, valid = np.zeros_like(images.values), np.zeros_like(images.valid)
    moves = [n // 2 - c for n, c in zip(images.shape, centre, strict=True)]
    into = tuple(slice(max(m, 0), n + min(m, 0)) for m, n in zip(moves, images.shape, strict=True))
    out = tuple(slice(max(-m, 0), n + min(-m, 0)) for m, n in zip(moves, images.shape, strict=True))
    values[into], valid[into] = images.values[out], images.valid[out]
    return images.copy_with(values=values, valid=valid)


def cropped_about(images: Images, centre: NDArray[Any]) -> Images:
    """The largest frame whose pixel n//2 is the centre."""
    region = []
    for c, n in zip(map(int, centre), images.shape, strict=True):
        after = min(c, n - 1 - c)
        before = min(c, after + 1)  # pixel n//2 of an even size has one pixel more before it
        region.append(slice(c - before, c + after + 1))
    return cut(images, tuple(region))

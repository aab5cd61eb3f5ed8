"""Dark current and gain of the detector."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Doc, Example, InputError, Label, Unit, When, Zero
from ..core.parameters import NO_FILE, File, Numbers
from .files import frame
from .images import Images
from .step import Step, Tools

GAINS = (0.25, 4.0)
"""Gains that are believed, of a mean of 1."""


@dataclass(frozen=True, kw_only=True)
class DarkGain(Step, name="dark-gain", title="Correct dark current and gain"):
    """Subtract a dark frame and divide by the gain: frames of the detector without light and evenly lit.

    Several frames in a file are averaged. The gain (flat field, white field) is brought to a mean of 1 over its usable
    pixels. Pixels whose gain is below a quarter of the mean or above four times as much, or that are noisy in the dark,
    count as not usable. Frames of the whole detector are cut to the region that was read out.
    """

    dark: Annotated[File, Label("Dark frames"), Doc("Frames without light; none when empty.")] = NO_FILE
    gain: Annotated[
        File,
        Label("Gain or flat field"),
        Doc("Frames evenly lit (in counts, the dark is subtracted), or the gain itself; none when empty."),
    ] = NO_FILE
    offset: Annotated[
        Numbers,
        Interval(ge=0, le=10**6),
        Unit("px"),
        Label("Read-out begins at"),
        Example("0, 0"),
        Doc("First row and column of the detector that the images show, where those files show more, as 0, 0."),
    ] = ()
    noisy: Annotated[
        float,
        Interval(ge=0, le=1e6),
        Unit("sigma"),
        Label("Noisy pixels"),
        Zero("keep all"),
        When("dark"),
        Doc("Pixels whose dark exceeds the others' by so many standard deviations are not usable; 0 keeps them."),
    ] = 10.0

    def apply(self, images: Images, tools: Tools) -> Images:
        """Correct each image."""
        if not self.dark and not self.gain:
            raise InputError("dark", "neither dark nor gain is given", "Give the file of one, or leave the step out")
        shape = images.shape[-2:]
        dark, usable = np.zeros(shape), np.ones(shape, bool)
        if self.dark:
            dark, measured = self._frame("dark", tools, shape)
            usable &= measured & ~self._noisy(dark, measured)
        gain = np.ones(shape)
        if self.gain:
            gain, measured = self._frame("gain", tools, shape)
            if self.dark and gain[measured].mean() > 100:  # counts and not a gain near 1
                gain = gain - dark
            gain, even = normalised_gain(gain, measured & usable)
            usable &= even
        dark, factor = dark.astype(np.float32), (1 / gain).astype(np.float32)
        done = images.mapped(lambda values, valid: ((values - dark) * factor, valid & usable), tools.tick)
        return done.noted(f"{int((~usable).sum())} pixels are not usable by dark and gain.")

    def _frame(self, field: str, tools: Tools, shape: tuple[int, ...]) -> tuple[NDArray[Any], NDArray[Any]]:
        found = frame(field, getattr(self, field), tools)
        size = found[0].shape
        if len(self.offset) not in (0, 2):
            raise InputError("offset", f"{len(self.offset)} numbers", "Give the first row and column, as 0, 0")
        if not self.offset and size != shape:
            remedy = "Give the offset, row and column of the detector where the images begin, such as 0, 0"
            raise InputError(field, f"a frame of {size} for images of {shape}", remedy)
        region = tuple(slice(o, o + n) for o, n in zip(self.offset or (0, 0), shape, strict=True))
        if any(part.stop > n for part, n in zip(region, size, strict=True)):
            found_words = f"a frame of {size} for images of {shape} at {self.offset}"
            raise InputError(field, found_words, "Give the frame of the same detector, and an offset inside it")
        return found[0][region], found[1][region]

    def _noisy(self, dark: NDArray[Any], measured: NDArray[Any]) -> NDArray[np.bool_]:
        if not self.noisy or not measured.any():
            return np.zeros(dark.shape, bool)
        median = np.median(dark[measured])
        spread = 1.4826 * np.median(np.abs(dark[measured] - median))
        return dark - median > self.noisy * max(spread, np.sqrt(max(median, 0)), 1.0 if median == 0 else 0.0)


def normalised_gain(gain: NDArray[Any], measured: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The gain (y, x) with a mean of 1 over the pixels where it is believed, and those pixels."""
    usable = measured & (gain > 0)
    for middle in (np.median, np.mean, np.mean):  # some pixels may have any value at all
        if not usable.any():
            raise InputError("gain", "no pixel has a usable gain", "Check that the file holds an evenly lit frame")
        relative = gain / middle(gain[usable])
        usable = measured & (relative >= GAINS[0]) & (relative <= GAINS[1])
    return np.where(usable, relative, 1.0), usable

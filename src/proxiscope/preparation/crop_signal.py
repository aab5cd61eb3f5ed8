"""Cropping to what was recorded."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import scipy
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Doc, InputError, Label, Unit
from .crop import about_centre, cut, fast_size
from .images import Images
from .step import Step, Tools


@dataclass(frozen=True, kw_only=True)
class CropSignal(Step, name="crop-signal", title="Crop to the signal"):
    """Cut a centred pattern to the box about its centre beyond which nothing stands out of the noise.

    What stands out is judged by means over 3 pixels along each axis, against the outermost pixels of the frame. Sizes
    are even and fast to transform. The pixels of the reconstruction become coarser: frequencies beyond hold noise only.
    """

    families = ("phase",)
    each_image = False

    threshold: Annotated[
        float,
        Interval(ge=1, le=1000),
        Unit("sigma"),
        Label("Signal above noise"),
        Doc("By how much signal stands out of the border's noise, in its standard deviations."),
    ] = 6.0
    share: Annotated[
        float,
        Interval(ge=0.5, le=1),
        Label("Share of the signal"),
        Doc("Share of the pixels that stand out which the box has to hold."),
    ] = 0.98

    def apply(self, images: Images, tools: Tools) -> Images:
        """Cut all axes."""
        signal = stands_out(images.values, images.valid, self.threshold)
        if not signal.any():
            raise InputError("threshold", "nothing stands out of the noise", "Give a lower one, or crop to a size")
        region = []
        for axis, n in enumerate(images.shape):
            count = signal.sum(axis=tuple(a for a in range(signal.ndim) if a != axis))
            distance = np.abs(np.arange(n) - n // 2)
            order = np.argsort(distance, kind="stable")
            reached = np.cumsum(count[order]) >= self.share * count.sum()
            half = int(distance[order][np.argmax(reached)]) + 2
            region.append(about_centre(slice(0, n), min(n, fast_size(2 * half))))
        return cut(images, tuple(region))


def stands_out(values: NDArray[np.float32], valid: NDArray[np.bool_], threshold: float) -> NDArray[np.bool_]:
    """Pixels whose mean with their neighbours exceeds that of the border by so many standard deviations."""
    total, weight = (scipy.ndimage.uniform_filter(a, 3, mode="nearest") for a in (values, valid.astype(np.float32)))
    mean = np.divide(total, weight, out=np.zeros_like(total), where=weight > 0.2)
    inner = tuple(slice(max(1, n // 16), -max(1, n // 16)) for n in values.shape)
    border = weight > 0.2
    border[inner] = False
    if not border.any():
        return weight > 0.2
    noise = mean[border].astype(np.float64)
    level, sigma = np.median(noise), 1.4826 * np.median(np.abs(noise - np.median(noise)))
    if not sigma:  # most of the border has no counts at all
        level, sigma = noise.mean(), noise.std()
    return (mean > level + threshold * sigma) & (weight > 0.2)

"""What the steps of an alignment share: they find shifts and rotations, and leave the images as they are."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..tomography import TiltSeries
from ..tomography.alignment import axis_angle
from .images import Images
from .step import Tools


def aligned(images: Images, tools: Tools, method: Callable[..., TiltSeries], **options: Any) -> Images:
    """The images with the shifts and rotations that a method finds for their series."""
    series = images.tilt_series(announce=False)
    found = method(series, **options, tick=tools.tick)
    change = np.hypot(*(found.shifts - series.shifts).T)
    remark = f"Shifts changed by {np.sqrt(np.mean(change**2)):.2f} px (root mean square), {change.max():.2f} at most."
    return images.copy_with(rotations=found.rotations, shifts=found.shifts).noted(remark)


def axis_remark(images: Images) -> Images:
    """The images with a remark on where their tilt axis lies."""
    return images.noted(f"The tilt axis lies {axis_angle(images.tilt_series(announce=False)):.2f} degrees from y.")

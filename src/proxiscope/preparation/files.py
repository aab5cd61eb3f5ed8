"""Frames in files that go with the images."""

import numpy as np
from numpy.typing import NDArray

from ..core import InputError
from .step import Tools


def frame(field: str, path: str, tools: Tools) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The mean (y, x) of the frames of a file, and where it was measured; raises InputError."""
    frames = np.asarray(tools.read(path))
    if frames.ndim not in (2, 3) or frames.dtype.kind not in "fiub":
        raise InputError(field, f"an array of shape {frames.shape}, {frames.dtype}", "Give a frame, or several")
    total, count = np.zeros(frames.shape[-2:]), np.zeros(frames.shape[-2:], int)
    for one in frames.reshape(-1, *frames.shape[-2:]):
        measured = np.isfinite(one)
        count += measured
        np.add(total, one, out=total, where=measured)
    return np.divide(total, count, out=np.zeros_like(total), where=count > 0), count > 0

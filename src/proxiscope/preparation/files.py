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
    frames = frames.reshape(-1, *frames.shape[-2:]).astype(np.float64)
    measured = np.isfinite(frames)
    count = measured.sum(axis=0)
    total = np.where(measured, frames, 0).sum(axis=0)
    return np.divide(total, count, out=np.zeros_like(total), where=count > 0), count > 0

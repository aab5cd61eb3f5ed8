"""Repeated exposures."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from ..core import Doc, InputError, Label
from .images import Images
from .step import Step, Tools


@dataclass(frozen=True, kw_only=True)
class AverageFrames(Step, name="average-frames", title="Average repeated exposures"):
    """Join repeated exposures of one pattern into one.

    Pixels count where they are usable; one that is usable in no exposure is not usable. The median also removes what
    hits single exposures. The sum stands for all exposures, also where some are missing.
    """

    families = ("phase",)
    each_image = False

    method: Annotated[Literal["mean", "median", "sum"], Label("Join by"), Doc("How exposures are joined.")] = "mean"

    def apply(self, images: Images, tools: Tools) -> Images:
        """Join along the first axis."""
        if images.values.ndim == 2:
            raise InputError("images", "a single exposure", "Leave the step out")
        count = images.valid.sum(axis=0)
        if self.method == "median":
            values = _medians(images)
        else:
            total = images.values.sum(axis=0, dtype=np.float64, where=images.valid)
            values = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
            values *= len(images) if self.method == "sum" else 1
        joined = images.copy_with(values=values, valid=count > 0)
        return joined.noted(f"{len(images)} exposures joined by their {self.method}.")


def look_repeated(images: Images) -> bool:
    """Whether slices of a stack look like exposures of one pattern: each of them like their mean, and as bright.

    The slices of a pattern in 3-D get dark and change towards its ends.
    """
    if images.values.ndim == 2 or len(images) < 2:
        return False
    few = images.subset(np.unique(np.linspace(0, len(images) - 1, 9).astype(int)))
    values = np.maximum(few.values, 0) * few.valid.all(axis=0)
    bright, root = values.sum(axis=(1, 2), dtype=np.float64), np.sqrt(values)
    root -= root.mean(axis=(1, 2), keepdims=True)
    mean = root.mean(axis=0)
    norms = np.sqrt(np.einsum("iyx,iyx->i", root, root, dtype=np.float64) * float((mean.astype(np.float64) ** 2).sum()))
    alike = np.einsum("iyx,yx->i", root, mean, dtype=np.float64) / np.maximum(norms, np.finfo(float).tiny)
    return bool(bright.min() > 0.7 * bright.max() and alike.min() > 0.7)


def _medians(images: Images) -> np.ndarray:
    if images.valid.all():
        return np.median(images.values, axis=0)
    values = np.where(images.valid, images.values, np.float32(np.nan))
    values[:, ~images.valid.any(axis=0)] = 0
    return np.nanmedian(values, axis=0)

"""Small versions of a problem, to see in under a second what an algorithm makes of it."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from .core import Algorithm
from .phase import DiffractionPattern
from .preparation import Images, as_step
from .preparation.step import Tools
from .tomography import TiltSeries

SIDE, SIDE_3D = 128, 48
"""Pixels along each axis that a preview has at most: of an image, and of a volume."""


def section(series: TiltSeries, row: int) -> TiltSeries:
    """One row of all projections of a single-axis series: the section of the volume at that y.

    About a single axis sections do not depend on each other, so that this one is what the whole volume will have.
    """
    rows = slice(row, row + 1)
    support = series.support
    if support is not None:
        support = support[:, rows] if support.shape[1] == series.shape[1] else None
    changes = {"support": support if support is not None and support.any() else None}
    return series.copy_with(projections=series.projections[:, rows], valid=series.valid[:, rows], **changes)


def coarse(series: TiltSeries, side: int = SIDE_3D) -> TiltSeries:
    """A series binned to at most about `side` pixels, without support."""
    factor = -(-max(series.shape[1:]) // side)
    if factor < 2:
        return series.copy_with(support=None)
    images = Images(
        values=series.projections, valid=series.valid, family="tomography", rotations=series.rotations,
        shifts=series.shifts, pixel_size=series.pixel_size,
    )  # fmt: skip
    binned = as_step({"name": "bin", "factor": factor})(images, Tools())
    made = {"projections": binned.values, "valid": binned.valid, "shifts": binned.shifts, "support": None}
    return series.copy_with(**made, pixel_size=binned.pixel_size)


def low_resolution(pattern: DiffractionPattern, side: int | None = None) -> DiffractionPattern:
    """The middle of a pattern: the same object in the same frame, in pixels that are as much larger.

    Nothing is lost of the oversampling ratio, as it would be by binning the pattern itself.
    """
    shape = pattern.shape
    side = side or (SIDE if len(shape) == 2 else SIDE_3D)
    sizes = tuple(min(n, side) for n in shape)
    if sizes == shape:
        return pattern
    middle = tuple(slice(n // 2 - m // 2, n // 2 - m // 2 + m) for n, m in zip(shape, sizes, strict=True))
    support = _resampled(pattern.support, sizes)
    if not pattern.known[middle].any() or not support.any():
        return pattern
    held_out = None if pattern.held_out is None else pattern.held_out[middle]
    growth = shape[-1] / sizes[-1]
    return DiffractionPattern(
        np.where(pattern.known, pattern.magnitudes, np.nan)[middle],
        support,
        object=pattern.object,
        held_out=held_out if held_out is not None and held_out.any() else None,
        pixel_size=None if pattern.pixel_size is None else pattern.pixel_size * growth,
        source=pattern.source,
    )


def _resampled(support: NDArray[np.bool_], sizes: tuple[int, ...]) -> NDArray[np.bool_]:
    """A support in larger pixels about the same centre: where the nearest smaller pixel is inside."""
    index = []
    for n, m in zip(support.shape, sizes, strict=True):
        at = np.round((np.arange(m) - m // 2) * n / m).astype(int) + n // 2
        index.append(np.clip(at, 0, n - 1))
    return support[np.ix_(*index)]


def preview_of(algorithm: Algorithm[Any, Any], problem: Any, row: int = 0) -> tuple[Algorithm[Any, Any], Any, str]:
    """An algorithm and a problem for a quick look, and in words what they show.

    Parameters
    ----------
    algorithm : Algorithm
    problem : DiffractionPattern or TiltSeries
    row : int
        Of a single-axis tilt series, the y of the section.
    """
    if isinstance(problem, DiffractionPattern):
        small = low_resolution(problem)
        if small.shape == problem.shape:
            return algorithm, problem, "the whole pattern"
        return algorithm, small, "the middle of the pattern, " + " x ".join(map(str, small.shape))
    sizes = {name: 0 for name in ("height", "width", "depth") if getattr(algorithm, name, 0)}
    if problem.single_axis:
        whole = replace(cast(Any, algorithm), height=0) if "height" in sizes else algorithm
        return whole, section(problem, row), f"the section at y = {row}"
    return replace(algorithm, **sizes), coarse(problem), "the whole volume, binned"

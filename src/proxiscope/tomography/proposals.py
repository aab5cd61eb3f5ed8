"""What fits into memory in place of a reconstruction that does not."""

from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np

from ..core import Algorithm, InputError
from ..core.memory import Proposal, gigabytes
from .base import Tomography
from .direct import DirectTomography
from .in_slabs import InSlabs
from .problem import TiltSeries
from .slabs import BLOCK

READING = 2**26
"""Bytes that reading a series piece by piece takes."""

_MOST = 64  # the largest factor of binning
_SIDES = ("depth", "height", "width")


def proposals(algorithm: Any, series: TiltSeries, have: int) -> Iterator[Proposal]:
    """What takes no more than `have` bytes: slabs, then out of core, which change nothing, and binning."""
    yield from _in_slabs(algorithm, series, have)
    inner = algorithm.algorithm if isinstance(algorithm, InSlabs) else algorithm
    yield from _out_of_core(inner, series, have)
    yield from _binned(algorithm, series, have)


def apart(algorithm: Algorithm[Any, Any]) -> bool:
    """Whether the slices of a series about y are reconstructed from their own rows, and to the same bits whatever else.

    The Fourier slice projector rounds in another way where it has fewer slices.
    """
    return isinstance(algorithm, Tomography) and algorithm.slice_reach == 0 and algorithm.kind != "fourier-slice"


def slab_memory(algorithm: Tomography[Any], outline: TiltSeries) -> int:
    """Bytes that reconstructing a series takes with its data, read from a file, and with writing the volume."""
    tilts, rows, columns = outline.shape
    inner = replace(algorithm, height=rows)
    volume = 4 * int(np.prod(inner.volume_shape(outline)))
    return max(inner.memory(outline), 3 * volume) + 14 * tilts * rows * columns + READING


def outline(series: TiltSeries, shape: tuple[int, int], binning: int = 1) -> TiltSeries:
    """A series without values of images (y, x), which takes no memory, to ask algorithms about."""
    found, full = copy(series), (len(series.projections), *shape)
    found.__dict__.pop("single_axis", None)
    found.__dict__.update(
        projections=np.broadcast_to(np.float32(1), full),  # nothing but zeros would be no series
        valid=np.broadcast_to(np.bool_(series.valid.all()), full),
        shifts=series.shifts / binning,
        used=series.used,
    )
    return found


def _in_slabs(algorithm: Any, series: TiltSeries, have: int) -> Iterator[Proposal]:
    whole = not isinstance(algorithm, InSlabs)
    if whole and algorithm.slice_reach is None:
        return
    sought = InSlabs(algorithm=algorithm) if whole else replace(algorithm, slices=0)
    try:
        sought.check_problem(series)
        chosen = replace(sought, slices=replace(sought, memory_limit=have / 1e9).thickness(series), memory_limit=0.0)
    except (InputError, MemoryError):  # tilts that turn too much
        return
    need = chosen.memory(series)
    if need <= have and chosen != algorithm:
        text = f"in slabs of {chosen.slices} slices ({gigabytes(need)})"
        yield Proposal(text=text, need=need, options=f"--in-slabs --slices {chosen.slices}", algorithm=chosen)


def _out_of_core(algorithm: Tomography[Any], series: TiltSeries, have: int) -> Iterator[Proposal]:
    """From the file, where the series lies in one as it is."""
    recipe = series.recipe or {}
    as_it_is = "path" in recipe and all(step["name"] == "hold_out" for step in recipe.get("then", ()))
    blind = isinstance(algorithm, DirectTomography) and not series.valid.all()
    whole = algorithm.height in (0, series.shape[1]) and series.support is None
    if not (apart(algorithm) and as_it_is and series.single_axis and whole) or blind:
        return
    need = slab_memory(algorithm, outline(series, (min(BLOCK, series.shape[1]), series.shape[2])))
    if need <= have:
        text = f"from disk, slab by slab into a .zarr ({gigabytes(need)})"
        yield Proposal(text=text, need=need, options="--out-of-core")


def _binned(algorithm: Any, series: TiltSeries, have: int) -> Iterator[Proposal]:
    """By the smallest factor that fits; lengths that were given in pixels follow."""
    _, ny, nx = series.shape
    if series.support is not None:
        return
    whole = algorithm.algorithm if isinstance(algorithm, InSlabs) else algorithm
    given = {name: getattr(whole, name) for name in _SIDES if getattr(whole, name)}
    for factor in range(2, min(_MOST, ny // 2, nx // 2) + 1):
        sides = {name: max(1, round(value / factor)) for name, value in given.items()}
        less = replace(whole, **sides)
        smaller = less if whole is algorithm else replace(algorithm, algorithm=less)
        small = outline(series, (ny // factor, nx // factor), factor)
        need = smaller.memory(small)
        if need <= have:
            options = [f"--step 'bin factor={factor}'", *(f"--{name} {n}" for name, n in sides.items())]
            yield Proposal(
                text=f"bin the data by {factor} ({gigabytes(need)})",
                need=need,
                options=" ".join(options),
                algorithm=smaller if sides else None,
                binning=factor,
            )
            return

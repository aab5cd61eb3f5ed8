"""What is settled before the first slab: whether it can be done, how thick slabs are, and what goes on record."""

import warnings
from bisect import bisect_right
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core import InputError, NotEnoughMemoryError, to_dict
from ..core.memory import available
from ..io.on_disk import OpenSeries, SeriesOnDisk
from ..tomography.base import Tomography
from ..tomography.proposals import apart, slab_memory
from ..tomography.slabs import BLOCK, cut
from .partial import Partial
from .slab import Item
from .survey import Survey, description

_FREE = 0.8
"""Of the available memory."""


def check_algorithm(algorithm: Tomography[Any], series: OpenSeries) -> None:
    """Refuse what would not give the bits of the whole."""
    if not apart(algorithm):
        name = getattr(algorithm, "name", repr(algorithm))
        raise InputError(
            "algorithm",
            f"{name} as it is set looks across slices",
            "Take one that does not, such as AcceleratedRESIRE() with rays in real space, or InSlabs in memory",
        )
    whole = series.outline(series.shape[1])
    if algorithm.height not in (0, series.shape[1]):
        raise InputError("height", f"{algorithm.height} for {series.shape[1]} rows", "Leave it at 0")
    algorithm.check_problem(whole)


def volume_shape(algorithm: Tomography[Any], series: OpenSeries) -> tuple[int, int, int]:
    """(z, y, x) of the whole volume."""
    return algorithm.volume_shape(series.outline(series.shape[1]))


def unit_of(series: OpenSeries, algorithm: Tomography[Any]) -> int:
    """What the thickness of slabs is a multiple of: blocks of the projector, and of the coarsest resolution."""
    from ..io.writing.zarr import levels

    return max(BLOCK, levels(volume_shape(algorithm, series))[-1].scale[1])


def thickness_for(
    algorithm: Tomography[Any],
    series: OpenSeries,
    survey: Survey,
    unit: int,
    slices: int,
    limit: float,
    workers: int,
) -> int:
    """Slices of a slab: as wanted, or the most that the memory allows to as many as are under way."""
    budget = (1e9 * limit if limit else _FREE * available()) / workers
    most = unit * -(-series.shape[1] // unit)
    if slices:
        return min(unit * -(-slices // unit), most)
    choices = range(unit, most + 1, unit)
    fitting = bisect_right(choices, budget, key=lambda thickness: need(algorithm, series, thickness, survey.complete))
    if not fitting:
        least = need(algorithm, series, unit, survey.complete)
        together = f", {workers} at a time" if workers > 1 else ""
        raise NotEnoughMemoryError(
            f"{algorithm.name} needs about {least / 1e9:.3g} GB for a slab of {unit} slices{together}, and "
            f"{budget * workers / 1e9:.3g} GB are available. Take fewer workers, raise the limit, bin or crop the "
            "data, or reduce the depth of the volume."
        )
    return choices[fitting - 1]


def need(algorithm: Tomography[Any], series: OpenSeries, thickness: int, complete: bool) -> int:
    """Bytes that a slab of so many slices takes, with its data."""
    rows = max(last - first for first, last in cut(series.shape[1], thickness))
    return slab_memory(algorithm, series.outline(rows, valid=complete))


def warn_of_layout(series: SeriesOnDisk, thickness: int) -> None:
    """Tell of a file whose rows lie far apart."""
    at_once = series.open(thickness).rows_at_once
    if at_once > 2 * thickness:
        warnings.warn(
            f"{Path(series.path).name}: is stored in pieces of {at_once} rows, all of which are read for each slab of "
            f"{thickness}. Where that takes long, make slabs thicker, or copy the series into an .mrc.",
            stacklevel=3,
        )


def items_of(height: int, thickness: int) -> list[Item]:
    """The slabs of a volume of that height."""
    return [(number, *edges) for number, edges in enumerate(cut(height, thickness))]


def plan_of(
    algorithm: Tomography[Any], series: SeriesOnDisk, opened: OpenSeries, survey: Survey, seed: int
) -> dict[str, Any]:
    """What identifies a reconstruction, and what it takes to go on with it."""
    return {
        "algorithm": algorithm.name,
        "parameters": to_dict(algorithm),
        "seed": seed,
        "series": series.record(),
        "input": description(opened, survey),
    }


def check_same(partial: Partial, found: Mapping[str, Any], plan: Mapping[str, Any]) -> None:
    """Refuse to go on with what was begun with another series or method."""
    names = {"algorithm": "another method", "parameters": "other parameters", "seed": "another seed"}
    other = [words for name, words in names.items() if found.get(name) != plan[name]]
    if found.get("input", {}).get("sha256") != plan["input"]["sha256"]:
        other.append("other data, or the file has changed")
    if other:
        raise InputError(
            str(partial.path),
            f"was begun with {' and '.join(other)}",
            "Give the same again to go on with it; remove it, or give another name, to begin anew",
        )

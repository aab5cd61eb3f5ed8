"""A piece of work: one slab from its rows in the file to its slices in the Zarr."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import DivergedError
from ..core.algorithm import merit_in_words
from ..core.arrays import on_host
from ..core.engine import Dropped, dropped
from ..io.on_disk import SeriesOnDisk
from ..tomography import TiltSeries
from ..tomography.base import Tomography
from ..tomography.in_slabs import set_shared, shared_values, tells_nothing
from .partial import Partial

Item = tuple[int, int, int]
"""Number of a slab, and its slices (first, last + 1)."""


@dataclass(frozen=True, eq=False)
class Job:
    """What every worker is told.

    `used` (tilt,) are the tilts that the whole is reconstructed from; `common` what all slabs share, see
    `Setup.of_the_whole`; `rows` how many a slab has at most; `mark` that of the plan, see `Partial.check_mark`.
    """

    algorithm: Tomography[Any]
    series: SeriesOnDisk
    path: str
    used: NDArray[np.bool_]
    common: Mapping[str, float]
    rows: int
    seed: int
    mark: Any = None


def look(job: Job, item: Item) -> dict[str, float]:
    """What a slab contributes to the values that all share."""
    inner, part = _part(job, item)
    return shared_values(inner, part, job.common)


def reconstruct(job: Job, item: Item) -> dict[str, NDArray[Any]]:
    """Reconstruct a slab and write it. Returned, and kept beside it, are its figures.

    Returns
    -------
    dict
        ``"iteration"`` (n,) that figures were recorded at, ``"sums"`` (n, 2, tilt) of |A u - b| and of its squares over
        its rows, ``"totals"`` (tilt,) of |b|, and ``"seconds"``.
    """
    begin = time.perf_counter()
    inner, part = _part(job, item)
    volume, figures = _iterated(inner, part, job)
    del part
    figures["seconds"] = np.array(time.perf_counter() - begin)
    partial = Partial(Path(job.path))
    partial.check_mark(job.mark)
    partial.write(volume, item[0], item[1:], **figures)
    return figures


def _part(job: Job, item: Item) -> tuple[Tomography[Any], TiltSeries]:
    _, first, last = item
    return replace(job.algorithm, height=last - first), job.series.open(job.rows).part((first, last), job.used)


def _iterated(inner: Tomography[Any], part: TiltSeries, job: Job) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
    """The volume (z, y, x) of a slab and its figures."""
    totals = _sums_of_nothing(inner, part)
    iterations = [i for i in range(1, inner.iterations + 1) if inner.records(i) or i == inner.iterations]
    if tells_nothing(inner, part):
        sums: Any = np.broadcast_to(totals, (len(iterations), *totals.shape))
        volume = np.zeros(inner.volume_shape(part), np.float32)
    else:
        volume, sums = _run(inner, part, job, iterations)
    figures = {"iteration": np.array(iterations), "sums": np.array(sums), "totals": totals[0]}
    return volume, figures


def _run(
    inner: Tomography[Any], part: TiltSeries, job: Job, iterations: list[int]
) -> tuple[NDArray[Any], list[NDArray[Any]]]:
    state, recorded = inner.init(part, job.seed), []
    set_shared(inner.workspace(part, state), job.common)
    while state.iteration < inner.iterations:
        if dropped():
            raise Dropped
        state = inner.step(part, state)
        if state.iteration in iterations:
            recorded.append(on_host(state.work.sums).T)
            if not np.isfinite(recorded[-1]).all():
                raise DivergedError(
                    f"{inner.name} diverged at iteration {state.iteration}: its {merit_in_words(inner)} is no longer "
                    "finite. Reduce the step size or relaxation."
                )
    return inner.estimate(part, state), recorded


def _sums_of_nothing(inner: Tomography[Any], part: TiltSeries) -> NDArray[np.float64]:
    """Sums (2, tilt) of |b| and of its squares over the rays that count: those of a volume of zeros."""
    from ..tomography.film import whole_rays

    rays: Any = True if not inner.film else whole_rays(part, inner.work_shape(part))
    sums = np.zeros((2, len(part.projections)))
    for t, image in enumerate(part.projections):
        counted = image.astype(np.float64) * (part.valid[t] & (rays if rays is True else rays[t]))
        sums[:, t] = np.abs(counted).sum(), np.square(counted).sum()
    return sums

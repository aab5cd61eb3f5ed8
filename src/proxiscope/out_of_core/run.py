"""Reconstruction of a series that stays on disk, slab by slab, and its resumption."""

import secrets
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..core import InputError, algorithms, build, to_dict
from ..core.engine import Engine, InProcess
from ..io.contents import Contents
from ..io.document import document
from ..io.on_disk import OpenSeries, SeriesOnDisk
from ..io.raw import reading
from ..io.zarr_access import begun
from ..reconstruction import Result, platform_line
from ..tomography.base import Setup, Tomography
from ..tomography.direct import DirectTomography
from .partial import Partial, partial_path, whole_path
from .plan import check_algorithm, check_same, items_of, plan_of, thickness_for, unit_of, volume_shape, warn_of_layout
from .slab import Item, Job, look
from .slab import reconstruct as reconstruct_slab
from .survey import Survey, surveyed


@dataclass(frozen=True)
class SlabsDone:
    """How far a reconstruction out of core has got.

    Attributes
    ----------
    done, total : int
        Slabs.
    slices : tuple of int
        (first, last + 1) of the slab that was done last, which can be read in the partial Zarr.
    metrics : Mapping[str, float]
        ``"r_factor"`` over the slabs that are done.
    """

    done: int
    total: int
    slices: tuple[int, int]
    metrics: Mapping[str, float]


def reconstruct_out_of_core(
    algorithm: Tomography[Any],
    series: SeriesOnDisk | str | Path,
    output: str | Path,
    *,
    slices: int = 0,
    memory_limit: float = 0.0,
    seed: int = 0,
    engine: Engine | None = None,
    callback: Callable[[SlabsDone], bool | None] | None = None,
) -> Result | None:
    """Reconstruct a series about one axis that stays in its file into a Zarr, slab by slab.

    The volume is that of `proxiscope.reconstruct` bit for bit, and memory does not grow with the number of slices.
    Until it is complete it lies in ``NAME.partial.zarr``, in which finished slabs can be looked at. The same call goes
    on from there when it was interrupted.

    Parameters
    ----------
    algorithm : Tomography
        One whose slices do not affect each other, such as ``proxiscope.tomography.AcceleratedRESIRE()``.
    series : SeriesOnDisk or path-like
        The file, and how it is to be read.
    output : path-like
        Where the OME-Zarr of the volume is to be, a name that ends in ``.zarr``.
    slices : int
        Thickness of a slab, rounded up to blocks of 32 or more; 0 for what the memory allows.
    memory_limit : float
        What the slabs under way may take together, in GB; 0 for what is available.
    seed : int
        As for `proxiscope.reconstruct`.
    engine : Engine, optional
        Where slabs are reconstructed; one after the other in this process by default. Workers read the file and write
        the Zarr themselves, so that both have to lie where they all find them.
    callback : callable, optional
        Told after each slab; a true return value ends the run, to be gone on with later.

    Returns
    -------
    Result or None
        As of `proxiscope.reconstruct`; a large volume stays in its file, as a dask array, until it is used. None where
        the callback ended the run.

    Raises
    ------
    InputError
        If the series or the algorithm cannot be taken, or the partial Zarr belongs to another reconstruction.
    NotEnoughMemoryError
        If even the thinnest slab needs more memory than there is.
    DivergedError
        If the iteration blows up.
    """
    series = series if isinstance(series, SeriesOnDisk) else SeriesOnDisk(str(series))
    target = Path(output).absolute()
    if target.suffix.lower() != ".zarr":
        raise InputError(str(output), f"the suffix {target.suffix!r}", "Give a name that ends in .zarr")
    if target.is_file() or not target.parent.is_dir():
        found = "is a file" if target.is_file() else f"the folder {target.parent} does not exist"
        raise InputError(str(output), found, "Give another name, or make the folder")
    engine = cast(Engine, InProcess(1)) if engine is None else engine
    begin, opened = time.perf_counter(), series.open()
    check_algorithm(algorithm, opened)
    survey = surveyed(opened, algorithm)
    if survey.masked and isinstance(algorithm, DirectTomography):
        raise InputError(
            "algorithm",
            f"{algorithm.name} fills unusable pixels from all around, and some are unusable",
            "Take another, such as RESIRE(), or reconstruct in memory",
        )
    partial = Partial(partial_path(target))
    plan = plan_of(algorithm, series, opened, survey, seed)
    begun: Any = partial.plan()
    if begun is None:
        unit = unit_of(opened, algorithm)
        thickness = thickness_for(algorithm, opened, survey, unit, slices, memory_limit, engine.workers)
        begun = {**plan, "unit": unit, "thickness": thickness, "mark": secrets.token_hex(8)}
        partial.create(begun, volume_shape(algorithm, opened), opened.tilts.pixel_size)
    check_same(partial, begun, plan)
    warn_of_layout(series, begun["thickness"])
    job = Job(algorithm, series, str(partial.path), survey.used, {}, begun["thickness"], seed, begun.get("mark"))
    items = items_of(opened.shape[1], begun["thickness"])
    job = _with_common(job, items, survey, engine)
    earlier = partial.done()
    if not _all_done(job, items, earlier, partial, engine, callback):
        return None
    with reading(partial.path, "a Zarr that is not complete"):
        seconds = time.perf_counter() - begin + sum(float(partial.figures(n)["seconds"]) for n in earlier)
    return _finished(partial, target, algorithm, opened, survey, items, begun, seconds)


def resume_out_of_core(
    path: str | Path,
    *,
    input: str | Path | None = None,
    engine: Engine | None = None,
    callback: Callable[[SlabsDone], bool | None] | None = None,
) -> Result | None:
    """Go on with a reconstruction that was interrupted.

    Parameters
    ----------
    path : path-like
        ``NAME.partial.zarr``, or the ``NAME.zarr`` that is to become of it.
    input : path-like, optional
        Where the series lies now, if it has moved.
    engine, callback : optional
        As for `reconstruct_out_of_core`, and so is what is returned.

    Returns
    -------
    Result or None
        As for `reconstruct_out_of_core`.

    Raises
    ------
    InputError
        If nothing is there to go on with, or the series has changed.
    """
    target = whole_path(path)
    plan = Partial(partial_path(target)).plan()
    if plan is None:
        raise InputError(str(path), "there is no reconstruction to go on with", "Give NAME.partial.zarr")
    known = algorithms("tomography")
    if plan["algorithm"] not in known:
        raise InputError(str(path), f"a method {plan['algorithm']!r}", "Use the version of proxiscope that wrote it")
    algorithm = build(known[plan["algorithm"]], plan["parameters"])
    record = dict(plan["series"]) | ({} if input is None else {"path": str(Path(input).absolute())})
    angles = record.pop("angles")
    series = SeriesOnDisk(**record, angles=tuple(angles) if isinstance(angles, list) else angles)
    return reconstruct_out_of_core(algorithm, series, target, seed=plan["seed"], engine=engine, callback=callback)


def state_of(path: str | Path) -> tuple[str, int, int]:
    """The method of a reconstruction that was interrupted, how many slabs are done, and of how many.

    Parameters
    ----------
    path : path-like
        Of the volume that is not complete.

    Returns
    -------
    tuple of str, int and int
        The method's name, slabs that are done, and slabs in all.

    Raises
    ------
    InputError
        If there is none, or its files make no sense.
    """
    partial = Partial(partial_path(whole_path(path)))
    plan = partial.plan()
    if plan is None:
        raise InputError(str(path), "there is no reconstruction to go on with", "Give NAME.partial.zarr")
    with reading(partial.path, "a Zarr that is not complete"):
        slabs = len(items_of(begun(partial.path)["0"].shape[1], plan["thickness"]))
    return str(plan["algorithm"]), len(partial.done()), slabs


def _with_common(job: Job, items: list[Item], survey: Survey, engine: Engine) -> Job:
    """The job with what all slabs share; where all pixels are usable it is the same in all by itself."""
    names = dict(getattr(job.algorithm, "Setup", Setup).of_the_whole) if survey.masked and len(items) > 1 else {}
    if not names:
        return job
    job = replace(job, common=dict.fromkeys(names, 0.0))
    found: dict[str, list[float]] = {name: [] for name in names}
    for _, values in engine.run(look, job, items):
        for name, value in values.items():
            found[name].append(value)
    return replace(job, common={name: choose(found[name]) if found[name] else 0.0 for name, choose in names.items()})


def _all_done(
    job: Job,
    items: list[Item],
    done: set[int],
    partial: Partial,
    engine: Engine,
    callback: Callable[[SlabsDone], bool | None] | None,
) -> bool:
    """Do what is missing; False where the callback ended it."""
    count, sums = len(done), np.zeros((2, len(job.used)))
    with reading(partial.path, "a Zarr that is not complete"):  # anybody can have made the figures
        for number in done:
            sums += _last(partial.figures(number))
    missing = [item for item in items if item[0] not in done]
    with closing(cast("Generator[Any, None, None]", engine.run(reconstruct_slab, job, missing))) as results:
        for item, figures in results:
            count, sums = count + 1, sums + _last(figures)
            some = job.used & (sums[1] > 0)
            told = {"r_factor": float((sums[0, some] / sums[1, some]).mean())} if some.any() else {}
            if callback is not None and callback(SlabsDone(count, len(items), item[1:], told)) and count < len(items):
                return False
    return True


def _last(figures: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """Sums (2, tilt) of |A u - b| of the last iteration, and of |b|."""
    return np.stack([figures["sums"][-1, 0], figures["totals"]])


def _metrics(
    partial: Partial, items: list[Item], algorithm: Tomography[Any], survey: Survey
) -> dict[str, NDArray[Any]]:
    """Figures of the whole volume over the recorded iterations, from the sums of the slabs in their order."""
    total: Any = 0
    with reading(partial.path, "a Zarr that is not complete"):
        for number, _, _ in items:
            figures = partial.figures(number)
            total = total + figures["sums"]
    found: dict[str, NDArray[Any]] = {"iteration": figures["iteration"].astype(np.int64)}
    tilts = survey.totals > 0
    for name, some in {"r_factor": survey.used & tilts, "free_r_factor": survey.held_out & tilts}.items():
        if some.any():
            found[name] = (total[:, 0, some] / survey.totals[some]).mean(axis=1)
    if not isinstance(algorithm, DirectTomography):
        found["misfit"] = np.sqrt(total[:, 1, survey.used].sum(axis=1) / survey.pixels)
    return found


def _finished(
    partial: Partial,
    target: Path,
    algorithm: Tomography[Any],
    series: OpenSeries,
    survey: Survey,
    items: list[Item],
    plan: Mapping[str, Any],
    seconds: float,
) -> Result:
    """The complete Zarr in its place, with its record."""
    from ..io.reading import read

    metrics = _metrics(partial, items, algorithm, survey)
    last = int(metrics["iteration"][-1])
    provenance = {
        "software": f"proxiscope {__version__}",
        "algorithm": algorithm.name,
        "parameters": to_dict(algorithm),
        "seed": plan["seed"],
        "iterations": last,
        "result_iteration": last,
        "input": plan["input"],
        "seconds": round(seconds, 3),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "platform": platform_line(),
        "out_of_core": {"slabs": len(items), "slices": plan["thickness"]},
    }
    nothing = np.broadcast_to(
        np.float32(0), volume_shape(algorithm, series)
    )  # stands for the array in what describes it
    told: dict[str, Any] = {
        "kind": "result",
        "pixel_size": series.tilts.pixel_size,
        "provenance": provenance,
        "metrics": metrics,
    }
    partial.finish(target, document(Contents(array=nothing, **told))[0])
    return Result(read(target).data, metrics, algorithm, last, series.tilts.pixel_size, provenance)

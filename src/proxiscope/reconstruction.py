"""From a problem to a result in one call."""

import hashlib
import json
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ._version import __version__
from .core import (
    Algorithm,
    Criterion,
    Discrepancy,
    DivergedError,
    InputError,
    Progress,
    Record,
    State,
    check,
    criteria,
    iterate,
    lowest_of,
    to_dict,
    until,
)
from .core.algorithm import check_finite, diverged, due, merit_in_words, taken_up
from .core.recipes import files_of

if TYPE_CHECKING:
    from .io.contents import Contents

NOT_MET = "No criterion was met."


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """A finished reconstruction.

    Attributes
    ----------
    array : ndarray, float32, or complex64 of a complex object
        Image (y, x) or volume (z, y, x); what else an algorithm estimates, such as the centroids (k, d) of clusters.
    metrics : Mapping[str, ndarray]
        ``"iteration"`` and, over the recorded iterations, figures such as ``"r_factor"`` (a fraction).
    algorithm : Algorithm
        With its parameters; the last one, where they were changed on the way, of which the provenance tells.
    iteration : int
        Iteration that `array` belongs to: the best recorded one in phase retrieval, otherwise the last. Where `HeldOut`
        was to stop the run, the recorded one with the lowest free R-factor.
    pixel_size : float or None
        In nm.
    provenance : Mapping[str, Any]
        How the result came about; JSON can hold it.
    products : Mapping[str, ndarray]
        Further arrays that the algorithm leaves: of an ensemble the figures of all starts, mean, variance, modes.
    """

    array: NDArray[np.float32]
    metrics: Mapping[str, NDArray[Any]]
    algorithm: Algorithm[Any, Any]
    iteration: int
    pixel_size: float | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    products: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __repr__(self) -> str:
        size = " x ".join(map(str, self.array.shape))
        figure = f"{self.merit:.2%}" if self.algorithm.merit == "r_factor" else f"{self.merit:.5g}"
        words = merit_in_words(self.algorithm)
        return f"Result({size}, {self.algorithm.name}, iteration {self.iteration}, {words} {figure})"

    @property
    def image(self) -> NDArray[np.float32]:
        """The reconstructed image (y, x)."""
        if self.array.ndim != 2:
            raise AttributeError("this result is a volume: use .volume")
        return self.array

    @property
    def volume(self) -> NDArray[np.float32]:
        """The reconstructed volume (z, y, x)."""
        if self.array.ndim != 3:
            raise AttributeError("this result is an image: use .image")
        return self.array

    @property
    def merit(self) -> float:
        """The algorithm's figure of merit of the result, the lower the better."""
        at = np.flatnonzero(self.metrics["iteration"] == self.iteration)[-1]
        return float(self.metrics[self.algorithm.merit][at])

    @property
    def r_factor(self) -> float:
        """R-factor of the result, a fraction."""
        if self.algorithm.merit != "r_factor":
            raise AttributeError(f"{self.algorithm.name} has no R-factor: use .merit, its {self.algorithm.merit}")
        return self.merit

    def save(self, path: str | Path) -> None:
        """Write to a file, in the format of its suffix: see `proxiscope.save`."""
        from .io import save

        save(path, self)

    def contents(self) -> "Contents":
        """What a file of the result holds."""
        from .io.contents import Contents

        return Contents(
            array=self.array,
            kind="result",
            pixel_size=self.pixel_size,
            provenance=self.provenance,
            metrics=self.metrics,
            products=self.products,
        )


def reconstruct(
    algorithm: Algorithm[Any, Any],
    problem: Any,
    *,
    seed: int = 0,
    stop: Criterion | Sequence[Criterion] = (),
    changes: Mapping[int, Algorithm[Any, Any]] | None = None,
    callback: Callable[[Progress], bool | None] | None = None,
    checkpoints: Any = None,
) -> Result:
    """Run an algorithm to its end.

    Parameters
    ----------
    algorithm : Algorithm
        For example ``proxiscope.phase.GPSF()`` or ``proxiscope.tomography.RESIRE(max_iterations=50)``.
    problem : DiffractionPattern, TiltSeries or other data
        What `algorithm.Problem` names.
    seed : int
        Seed of what is random, such as the start or the order of the tilts.
    stop : Criterion or sequence of Criterion, optional
        What ends the run before its last iteration: `Discrepancy`, `HeldOut` or `Plateau`. The first that is met does,
        and the provenance says so.
    changes : Mapping[int, Algorithm], optional
        What takes over after an iteration, such as the same algorithm with another step size: see `iterate`. The
        criteria watch what follows the last change.
    callback : callable, optional
        Called with the `Progress` of every iteration; a true return value stops the run and keeps what it has.
    checkpoints : Checkpoints, optional
        Where to keep the run while it goes on, so that `proxiscope.resume` can take it up again: see
        `proxiscope.Checkpoints`. They are removed when it comes to its end, and stay where it is broken off by an error
        or the callback.

    Returns
    -------
    Result

    Raises
    ------
    InputError, NotEnoughMemoryError
        If the algorithm cannot take the problem, or a criterion of `stop` does not apply to it.
    DivergedError
        If the iteration blows up; its `result` has the best iterate before, as far as there is a record of one.
    """
    check(algorithm, problem, seed)
    stop = criteria_for(algorithm, problem, stop)
    course: dict[str, Any] = {"seed": seed, "stop": stop, "changes": changes}
    result, broken_off = carry_out(algorithm, problem, **course, callback=callback, checkpoints=checkpoints)
    if checkpoints is not None and not broken_off:
        checkpoints.remove()
    return result


def carry_out(
    algorithm: Algorithm[Any, Any],
    problem: Any,
    *,
    seed: int,
    stop: Sequence[Criterion],
    changes: Mapping[int, Algorithm[Any, Any]] | None,
    callback: Callable[[Progress], bool | None] | None = None,
    checkpoints: Any = None,
    begin: Any = None,
    over: bool = False,
) -> tuple[Result, bool]:
    """The run of `reconstruct`, begun anew, or taken up at `begin`, a `SavedRun` whose state it uses up.

    One that is `over` had been ended there: nothing is left to do but its result.

    Returns
    -------
    Result
    bool
        Whether the callback broke it off, of which there is a checkpoint then. Those of a run that came to its end are
        not removed: whoever has put its result into safety does that.
    """
    record, before, resumed = Record(algorithm, lowest_of(stop)), 0.0, list[int]()
    state: Any = None
    if begin is not None:
        record, state, before = begin.record.copied(), begin.state, begin.seconds
        resumed = [*begin.resumed, begin.iteration]
    changes, since = {} if changes is None else changes, time.perf_counter() - before
    progresses = iterate(algorithm, problem, state=state, seed=seed, changes=changes)
    watched = until(progresses, *stop, era=algorithm.era, changes=changes, before=list(record.rows))
    progress, broken_off = None, False
    if checkpoints is not None:
        checkpoints.follow(algorithm, problem, seed=seed, stop=stop, changes=changes, resumed=resumed)

    def result() -> Result:
        at = progress or where_it_is(algorithm, problem, state, record, changes)
        record.make_room(at.state)
        told: dict[str, Any] = {
            "seed": seed,
            "seconds": time.perf_counter() - since,
            "watched": watched,
            "changes": changes,
        }
        return conclude(algorithm, problem, record, at, **told, resumed=resumed)

    try:
        for progress in () if over else watched:
            record.add(progress)
            if checkpoints is not None:
                checkpoints.offer(progress, record, time.perf_counter() - since)
            if callback is not None and callback(progress):
                broken_off = True
                break
        if checkpoints is not None and broken_off:
            checkpoints.write(progress, record, time.perf_counter() - since)
        return result(), broken_off
    except DivergedError as error:
        if record.fall_back():
            with suppress(DivergedError):  # nor is that finite
                error.result = result()
        raise


def where_it_is(
    algorithm: Algorithm[Any, Any],
    problem: Any,
    state: State,
    record: Record,
    changes: Mapping[int, Algorithm[Any, Any]],
) -> Progress:
    """The last progress of a run that is taken up at `state`; raises InputError if it cannot be."""
    now = due(algorithm, {i: change for i, change in changes.items() if i < state.iteration}, state.iteration)
    state, rows = taken_up(now, problem, state), [row for row in record.rows if row.iteration == state.iteration]
    figures, total = rows[-1].figures if rows else {}, now.total(problem, state)
    return Progress(state.iteration, total, figures, state, partial(now.estimate, problem, state), now)


def criteria_for(
    algorithm: Algorithm[Any, Any], problem: Any, stop: Criterion | Sequence[Criterion] = ()
) -> tuple[Criterion, ...]:
    """The criteria `stop` for a run of `algorithm` on `problem`, with the noise estimated where it is to be.

    Raises
    ------
    InputError
        If one of them does not apply.
    """
    chosen = tuple(stop) if isinstance(stop, list | tuple) else (stop,)
    usable = criteria(type(algorithm))
    for criterion in chosen:
        if type(criterion) not in usable.values():
            remedy = f"Choose one of {', '.join(usable)}" if usable else "Leave it out"
            name = getattr(criterion, "name", repr(criterion))
            raise InputError("stop", f"{name} does not go with {algorithm.name}", remedy)
        criterion.check_problem(problem)
    return tuple(_with_noise(criterion, problem) for criterion in chosen)


def _with_noise(criterion: Criterion, problem: Any) -> Criterion:
    if not isinstance(criterion, Discrepancy) or criterion.noise:
        return criterion
    from .tomography.noise import noise_level

    noise = noise_level(problem.projections, problem.valid)
    if not noise > 0:
        raise InputError("noise", "it cannot be told from these data", "Give its level, or use another criterion")
    return replace(criterion, noise=noise)


def not_met(chosen: Sequence[Criterion], record: Record) -> str:
    """That no criterion was met, and how far from it the discrepancy ended."""
    noise = next((c.factor * c.noise for c in chosen if isinstance(c, Discrepancy)), None)
    misfit: Any = record.metrics().get("misfit", ())
    if noise is None or not len(misfit):
        return NOT_MET
    return f"{NOT_MET} The misfit ended at {misfit[-1]:.4g} and was to come down to {noise:.4g}."


def conclude(
    algorithm: Algorithm[Any, Any],
    problem: Any,
    record: Record,
    progress: Progress,
    *,
    seed: int,
    seconds: float,
    watched: until | None = None,
    changes: Mapping[int, Algorithm[Any, Any]] | None = None,
    resumed: Sequence[int] = (),
) -> Result:
    """The result of a run that has got to `progress`, finished or stopped; `algorithm` is the one that began it.

    Raises
    ------
    DivergedError
        If what the run stands for is not finite.
    """
    last = progress.algorithm or algorithm
    if not (record.best or progress.metrics):  # stopped before the figures of what is kept were due
        figures = last.metrics(problem, progress.state)
        check_finite(last, progress.iteration, figures)
        record.add(replace(progress, metrics=figures))
    array, iteration = record.result(progress)
    if not np.isfinite(array).all():
        raise diverged(last, iteration, "result")
    provenance = {
        "software": f"proxiscope {__version__}",
        "algorithm": algorithm.name,
        "parameters": to_dict(algorithm),
        "seed": seed,
        "iterations": iteration if record.fallen_back else progress.iteration,
        "result_iteration": iteration,
        "input": describe(problem),
        "seconds": round(seconds, 3),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "platform": platform_line(),
        **last.told(problem, progress.state),
    }
    made = {i: change for i, change in (changes or {}).items() if i < progress.iteration}
    if made:
        provenance["changes"] = changes_on_record(made)
    if watched is not None and watched.criteria:
        provenance["stop"] = criteria_on_record(watched.criteria)
        provenance["stopped"] = watched.reason or not_met(watched.criteria, record)
    if resumed:
        provenance["resumed"] = list(resumed)
    products = last.products(problem, progress.state)
    if record.fallen_back:  # the state is of later, and may have nothing good in it
        products = {name: values for name, values in products.items() if np.isfinite(values).all()}
    return Result(array, record.metrics(), last, iteration, problem.pixel_size, provenance, products)


def changes_on_record(changes: Mapping[int, Algorithm[Any, Any]]) -> list[dict[str, Any]]:
    """Changes on the way as the record of a result has them."""
    return [
        {"iteration": i, "algorithm": change.name, "parameters": to_dict(change)}
        for i, change in sorted(changes.items())
    ]


def criteria_on_record(stop: Sequence[Criterion]) -> list[dict[str, Any]]:
    """Criteria as the record of a result has them."""
    return [{"name": criterion.name, **to_dict(criterion)} for criterion in stop]


def platform_line() -> str:
    """What computes, for the record."""
    return f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}"


HASHED = (
    "magnitudes", "projections", "support", "known", "rotations", "shifts", "valid", "held_out", "start", "points",
    "labels", "test_points", "test_labels",
)  # fmt: skip
"""Arrays of a problem that a result depends on, as far as it has them."""


def describe(problem: Any) -> dict[str, Any]:
    """What identifies a problem in the record.

    Its kind, source, shape, pixel size and a hash of its data; its recipe, or None, and the files that this names.
    """
    digest = hashlib.sha256()
    for name in HASHED:
        array = getattr(problem, name, None)
        if array is not None:
            digest.update(json.dumps([name, list(array.shape)]).encode())
            digest.update(np.ascontiguousarray(array).data)
    return {
        "kind": type(problem).__name__,
        "source": problem.source,
        "shape": list(problem.shape),
        "pixel_size_nm": problem.pixel_size,
        **({"object": problem.object} if hasattr(problem, "object") else {}),
        "sha256": digest.hexdigest(),
        "files": files_of(problem.recipe),
        "recipe": problem.recipe,
    }

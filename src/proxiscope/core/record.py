"""What a run leaves behind."""

import copy
import math
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .algorithm import Algorithm, Progress, State, saved_fields
from .arrays import is_array, namespace_of
from .memory import available


class Row(NamedTuple):
    """Figures recorded at an iteration; those of another era do not compare (see `Algorithm.era`)."""

    iteration: int
    era: int
    figures: Mapping[str, float]


class _Spare:
    """The best iterate, as far as it costs next to nothing to keep, of a run that stands for its last one.

    It is what is left of one that diverges. A copy is made if no more than a fiftieth of the time goes there, and if
    there is memory for many.
    """

    def __init__(self) -> None:
        self.row: Row | None = None
        self.estimate: NDArray[Any] | None = None
        self._lowest, self._due = math.inf, 0.0

    def offer(self, row: Row, value: float, progress: Progress) -> None:
        """Take the iterate, if it is the best so far and there is time and room."""
        begin = time.perf_counter()
        if value >= self._lowest or begin < self._due:
            return
        if self.estimate is not None and 8 * self.estimate.nbytes > available():
            return
        estimate = progress.estimate()
        if np.isfinite(estimate).all():  # figures may be those of before a bad value
            self.row, self._lowest, self.estimate = row, value, estimate
        self._due = begin + 50 * (time.perf_counter() - begin)


class Record:
    """What a run leaves behind while it iterates: figures over iterations, and the best estimate.

    Parameters
    ----------
    algorithm : Algorithm
        Says whether the best recorded estimate is kept, and which can be compared.
    lowest_of : str
        Figure of merit whose lowest value tells the best estimate; kept then whatever the algorithm says. That of the
        algorithm by default.

    Attributes
    ----------
    rows : list of Row
        The recorded iterations in turn.
    best : int
        Iteration of the best estimate; 0 before there is one.
    fallen_back : bool
        Whether the best estimate is one to which `fall_back` led.
    """

    def __init__(self, algorithm: Algorithm[Any, Any], lowest_of: str = ""):
        self._algorithm = algorithm
        self._figure = lowest_of or (algorithm.merit if algorithm.result_is_best else "")
        self.rows: list[Row] = []
        self._best: Row | None = None
        self._best_estimate: NDArray[Any] | None = None
        self._spare, self.fallen_back = _Spare(), False

    @property
    def best(self) -> int:
        """Iteration of the best estimate; 0 before there is one."""
        return self._best.iteration if self._best else 0

    @property
    def best_r_factor(self) -> float:
        """R-factor of the best estimate; infinite before there is one."""
        return self._best.figures.get("r_factor", math.inf) if self._best else math.inf

    def add(self, progress: Progress) -> None:
        """Take in one iteration."""
        if not progress.metrics:
            return
        row = Row(progress.iteration, self._algorithm.era(progress.state), dict(progress.metrics))
        self.rows.append(row)
        if self._figure and self._is_best(row):
            self._best, self._best_estimate = row, progress.estimate()
        elif not self._figure:
            self._spare.offer(row, row.figures.get(self._algorithm.merit, math.inf), progress)

    def _is_best(self, row: Row) -> bool:
        era, lowest = (self._best.era, self._value(self._best)) if self._best else (0, math.inf)
        return row.era != era or self._value(row) < lowest

    def _value(self, row: Row) -> float:
        return row.figures.get(self._figure, math.inf)

    def fall_back(self) -> bool:
        """Stand for a good iterate from before, as the present one is not; whether there is one."""
        if self._best is None and self._spare.row is not None:
            self._best, self._best_estimate, self.fallen_back = self._spare.row, self._spare.estimate, True
        return self._best is not None

    def make_room(self, state: State) -> None:
        """Where a run ends at `state`, forget what is kept in case it diverges, unless it has: a result needs room."""
        if self._spare.row is not None and _is_finite(state):
            self._spare = _Spare()

    def copied(self) -> "Record":
        """A record to go on with from here, whatever becomes of this one."""
        other = copy.copy(self)
        other.rows, other._spare = list(self.rows), copy.copy(self._spare)
        return other

    def metrics(self) -> dict[str, NDArray[Any]]:
        """``"iteration"`` (int64) and each figure (float64) as arrays over the recorded iterations."""
        figures: dict[str, list[float]] = {}
        for row in self.rows:
            for name, value in row.figures.items():
                figures.setdefault(name, []).append(value)
        iterations = np.array([row.iteration for row in self.rows], dtype=np.int64)
        return {"iteration": iterations, **{name: np.array(values) for name, values in figures.items()}}

    def result(self, progress: Progress) -> tuple[NDArray[Any], int]:
        """The estimate that the run stands for, and its iteration; `progress` is the last one."""
        if self._best_estimate is not None:
            return self._best_estimate, self.best
        return progress.estimate(), progress.iteration

    def saved(self) -> dict[str, Any]:
        """All of it in arrays, numbers and names, for `restored`.

        ``iterations`` and ``eras`` (n,), ``figures`` (n, name), NaN where one was not recorded, their ``names``,
        ``best`` and ``estimate``, which is None before there is one.
        """
        names = list(dict.fromkeys(name for row in self.rows for name in row.figures))
        return {
            "iterations": np.array([row.iteration for row in self.rows], dtype=np.int64),
            "eras": np.array([row.era for row in self.rows], dtype=np.int64),
            "figures": np.array(
                [[row.figures.get(name, math.nan) for name in names] for row in self.rows], dtype=np.float64
            ).reshape(len(self.rows), len(names)),
            "names": names,
            "best": self.best,
            "estimate": self._best_estimate,
        }

    @classmethod
    def restored(cls, algorithm: Algorithm[Any, Any], lowest_of: str, saved: Mapping[str, Any]) -> "Record":
        """The record of which `saved` came, of a run with the same algorithm and figure.

        Raises
        ------
        ValueError, KeyError, TypeError
            If the parts do not go together.
        """
        record, names = cls(algorithm, lowest_of), [str(name) for name in saved["names"]]
        iterations, eras, figures = (saved[name] for name in ("iterations", "eras", "figures"))
        if iterations.ndim != 1 or eras.shape != iterations.shape or figures.shape != (len(iterations), len(names)):
            raise ValueError("recorded figures that do not go with their iterations")
        if len(iterations) and (iterations[0] < 1 or (np.diff(iterations) <= 0).any()):
            raise ValueError("recorded iterations that do not follow each other")
        if not all(name.isidentifier() for name in names):  # they head the table of --metrics: nothing else gets in
            raise ValueError("recorded figures with names that none has")
        for iteration, era, values in zip(iterations.tolist(), eras.tolist(), figures.tolist(), strict=True):
            known = {name: value for name, value in zip(names, values, strict=True) if not math.isnan(value)}
            record.rows.append(Row(int(iteration), int(era), known))
        record._best = next((row for row in record.rows if row.iteration == saved["best"] > 0), None)
        record._best_estimate = saved["estimate"]
        if (record._best is None) != (saved["estimate"] is None) or record.best != saved["best"]:
            raise ValueError("a best estimate that goes with no recorded iteration")
        return record


def _is_finite(held: Any) -> bool:
    """Whether all values are finite in the arrays of a state, and of what is listed in it."""
    if is_array(held):
        xp = namespace_of(held)
        return bool(xp.all(xp.isfinite(held)))
    if isinstance(held, list):
        return all(map(_is_finite, held))
    return not isinstance(held, State) or all(_is_finite(getattr(held, f.name)) for f in saved_fields(held))

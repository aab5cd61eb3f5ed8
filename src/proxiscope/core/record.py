"""What a run leaves behind."""

import copy
import math

import numpy as np
from numpy.typing import NDArray

from .algorithm import Algorithm, Progress


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
    best : int
        Iteration of the best estimate; 0 before there is one.
    """

    def __init__(self, algorithm: Algorithm, lowest_of: str = ""):
        self._algorithm = algorithm
        self._figure = lowest_of or (algorithm.merit if algorithm.result_is_best else "")
        self._lowest = math.inf
        self._iterations: list[int] = []
        self._values: dict[str, list[float]] = {}
        self.best = 0
        self.best_r_factor = math.inf
        self._best_estimate: NDArray | None = None
        self._era = 0

    def add(self, progress: Progress) -> None:
        """Take in one iteration."""
        if not progress.metrics:
            return
        self._iterations.append(progress.iteration)
        for name, value in progress.metrics.items():
            self._values.setdefault(name, []).append(value)
        value = progress.metrics.get(self._figure, math.inf)
        era = self._algorithm.era(progress.state)
        if self._figure and (era != self._era or value < self._lowest):
            self._era, self._lowest = era, value
            self.best, self.best_r_factor = progress.iteration, progress.metrics.get("r_factor", math.inf)
            self._best_estimate = progress.estimate()

    def copied(self) -> "Record":
        """A record to go on with from here, whatever becomes of this one."""
        other = copy.copy(self)
        other._iterations = list(self._iterations)
        other._values = {name: list(values) for name, values in self._values.items()}
        return other

    def metrics(self) -> dict[str, NDArray]:
        """``"iteration"`` (int64) and each figure (float64) as arrays over the recorded iterations."""
        values = {name: np.array(v) for name, v in self._values.items()}
        return {"iteration": np.array(self._iterations, dtype=np.int64), **values}

    def result(self, progress: Progress) -> tuple[NDArray, int]:
        """The estimate that the run stands for, and its iteration; `progress` is the last one."""
        if self._best_estimate is not None:
            return self._best_estimate, self.best
        return progress.estimate(), progress.iteration

"""Anderson's mixing: a slowly converging iteration goes to its end along what its last steps have in common."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Mixing:
    """Mixes the last steps of a fixed-point iteration x <- x + step(x) (D. Anderson, J. ACM 12, 547 (1965)).

    Parameters
    ----------
    memory : int
        Earlier steps that are mixed in.
    longest : float
        Largest change of an entry, as a multiple of the largest of the plain step.
    """

    def __init__(self, memory: int = 3, longest: float = 10.0):
        self.memory, self.longest = memory, longest
        self._points: list[NDArray[Any]] = []
        self._steps: list[NDArray[Any]] = []

    def __call__(self, point: NDArray[Any], step: NDArray[Any]) -> NDArray[Any]:
        """The change of `point` to make, where the iteration would make `step`; both float64 of one shape."""
        self._points = [*self._points, point.copy()][-self.memory - 1 :]
        self._steps = [*self._steps, step.copy()][-self.memory - 1 :]
        if len(self._points) < 2:
            return step
        turns = np.stack([s - step for s in self._steps[:-1]], axis=-1).reshape(-1, len(self._steps) - 1)
        ways = np.stack([p - point for p in self._points[:-1]], axis=-1).reshape(turns.shape)
        shares = np.linalg.lstsq(turns, -step.ravel(), rcond=1e-3)[0]
        change = (ways @ shares + step.ravel() + turns @ shares).reshape(step.shape)
        largest = self.longest * np.abs(step).max()
        return change * min(1.0, largest / max(np.abs(change).max(), np.finfo(float).tiny))

"""Times that can be compared: calls that take turns, the median of each, and how far the rounds lie apart."""

import operator
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median


class Measured(float):
    """The median of a figure over rounds, which it keeps: sums and ratios are taken round by round."""

    def __new__(cls, rounds: Sequence[float]):
        figure = super().__new__(cls, median(rounds))
        figure.rounds = tuple(rounds)
        return figure

    def _by_round(self, compute, other):
        others = other.rounds if isinstance(other, Measured) else (other,) * len(self.rounds)
        return Measured([compute(a, b) for a, b in zip(self.rounds, others, strict=True)])

    def __add__(self, other):
        return self._by_round(operator.add, other)

    def __mul__(self, other):
        return self._by_round(operator.mul, other)

    def __truediv__(self, other):
        return self._by_round(operator.truediv, other)

    __radd__, __rmul__ = __add__, __mul__

    @property
    def spread(self) -> str:
        """The least and the largest of the rounds, as "(1.8 to 1.9)"."""
        return f"({min(self.rounds):.3g} to {max(self.rounds):.3g})"


def spread(figure: float) -> str:
    """The spread of a figure that has one, else nothing."""
    return figure.spread if isinstance(figure, Measured) else ""


def alternate(
    calls: Mapping[str, Callable], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, Measured]:
    """Seconds of each call over rounds that take them in turn, after a first one that warms up."""
    times = {name: [] for name in calls}
    for i in range(rounds + 1):
        for name, call in calls.items():
            begin = clock()
            call()
            if i:
                times[name].append(clock() - begin)
    return {name: Measured(values) for name, values in times.items()}

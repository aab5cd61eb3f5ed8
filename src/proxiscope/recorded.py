"""What the record of a result says of its run, checked: a record comes from a file, and may say anything."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .core import Algorithm, Criterion, InputError, build, criteria
from .core.registry import algorithm as algorithm_named
from .reconstruction import NOT_MET

NO_RECIPE = (
    "the record does not say how its input was made: from arrays in Python, or changed in a way that is not recorded",
    "Load the input from a file (proxiscope.load) and reconstruct again: such results can be repeated",
)


@dataclass(frozen=True, eq=False)
class Recorded:
    """The run of a result.

    Attributes
    ----------
    algorithm : Algorithm
        That began it.
    seed : int
    stop : tuple of Criterion
    changes : dict of int to Algorithm
        What took over after so many iterations.
    iterations : int
        Where the run ended.
    by_criterion : bool
        Whether one of the criteria ended it.
    """

    algorithm: Algorithm[Any, Any]
    seed: int
    stop: tuple[Criterion, ...]
    changes: dict[int, Algorithm[Any, Any]]
    iterations: int
    by_criterion: bool

    @property
    def last(self) -> Algorithm[Any, Any]:
        """That was at work at the end."""
        return self.changes[max(self.changes)] if self.changes else self.algorithm

    @property
    def ended_early(self) -> bool:
        """Whether somebody ended it before its last iteration, as far as the record tells."""
        return not self.by_criterion and self.iterations != self.last.iterations


def recorded(provenance: Mapping[str, Any]) -> Recorded:
    """The run in the record of a result.

    Raises
    ------
    InputError
        If something in it is not known here, or makes no sense.
    """
    with followed("record"):
        algorithm = _algorithm(provenance)
        changes = {_whole(change, "iteration"): _algorithm(change) for change in provenance.get("changes", ())}
        stop = tuple(_criterion(values) for values in provenance.get("stop", ()))
        met = bool(stop) and not str(provenance.get("stopped", NOT_MET)).startswith(NOT_MET)
        told = {"seed": 0, "iterations": algorithm.iterations, **provenance}
        seed, iterations = _whole(told, "seed"), _whole(told, "iterations")
        return Recorded(algorithm, seed, stop, changes, iterations, met)


@contextmanager
def followed(name: str) -> Iterator[None]:
    """Turn what goes wrong with values that are not what they should be into an InputError on `name`."""
    try:
        yield
    except InputError:
        raise
    except (AttributeError, KeyError, OSError, OverflowError, TypeError, ValueError) as error:
        found = f"its record cannot be followed ({type(error).__name__}: {error})"
        raise InputError(name, found, "Use the version of proxiscope that wrote it") from error


def _whole(values: Mapping[str, Any], name: str) -> int:
    number = int(values[name])
    if number != values[name] or number < 0:
        raise InputError(name, f"got {values[name]!r} in the record", "The record is damaged: use another copy")
    return number


def _algorithm(values: Mapping[str, Any]) -> Algorithm[Any, Any]:
    return build(algorithm_named(values["algorithm"]), values.get("parameters", {}))


def _criterion(values: Mapping[str, Any]) -> Criterion:
    known, name = criteria(), values.get("name")
    if name not in known:
        raise InputError("stop", f"a criterion {name!r}", "Use the version of proxiscope that wrote the result")
    return build(known[name], {key: value for key, value in values.items() if key != "name"})

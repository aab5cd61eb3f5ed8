"""Marks of a parameter: what the annotation of a field says beside its type."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from annotated_types import Interval


@dataclass(frozen=True)
class Doc:
    """One sentence on a parameter, shown as tooltip and help.

    Parameters
    ----------
    text : str
        The sentence.
    """

    text: str


@dataclass(frozen=True)
class Unit:
    """Unit of a parameter.

    Parameters
    ----------
    symbol : str
        Such as ``"px"`` or ``"nm"``.
    """

    symbol: str


@dataclass(frozen=True)
class Label:
    """What a form shows instead of the parameter's name.

    Parameters
    ----------
    text : str
        A few words.
    """

    text: str


@dataclass(frozen=True)
class Example:
    """What may be typed, shown in an empty field.

    Parameters
    ----------
    text : str
        As a command line takes it.
    """

    text: str


@dataclass(frozen=True)
class Zero:
    """What a value of zero means, shown instead of it.

    Parameters
    ----------
    text : str
        A few words.
    """

    text: str


@dataclass(frozen=True)
class Group:
    """Heading under which parameters that belong together are shown, after all others.

    Parameters
    ----------
    title : str
        The heading.
    preset : bool
        False where they tell of the sample, not of the method, so that no preset sets them.
    """

    title: str
    preset: bool = True


@dataclass(frozen=True, init=False)
class When:
    """A parameter matters only where another one of the same object has one of these values.

    ``When("method", "border")``, ``When("starts", Interval(ge=2))``; without values, wherever the other is switched on:
    true, not zero, not empty. Of several marks all have to hold.

    Parameters
    ----------
    name : str
        The other parameter.
    *values
        Values, or intervals of them.
    """

    name: str
    values: tuple[Any, ...]

    def __init__(self, name: str, *values: Any):
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "values", values)

    def holds(self, value: Any) -> bool:
        """Whether the other parameter has such a `value`."""
        return any(map(partial(_is_one, value), self.values)) if self.values else bool(value)


def _is_one(value: Any, wanted: Any) -> bool:
    if not isinstance(wanted, Interval):
        return value == wanted
    return (wanted.ge is None or value >= wanted.ge) and (wanted.le is None or value <= wanted.le)

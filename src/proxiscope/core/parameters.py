"""Parameters of an algorithm: declared once as annotated dataclass fields, used by every face.

A field reads ``beta: Annotated[float, Interval(ge=0.01, le=2), Doc("feedback")] = 0.9``. From it come the check on
construction, the widget, the command-line option, the documentation and the record in a file.
"""

import inspect
import math
import operator
import os
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from itertools import pairwise
from typing import Any, Literal, NewType, get_args, get_origin

from annotated_types import Interval

from .errors import InputError
from .marks import Doc, Example, Group, Label, Unit, When, Zero

Schedule = tuple[tuple[float, float], ...]
"""Values that change during a run: pairs (fraction of the run from which it holds, value); as text "0: 0.01, 0.4: 0.1",
or a number for one that does not change."""

File = NewType("File", str)
NO_FILE = File("")
"""Path of a file that goes with the data; empty for none."""

Numbers = tuple[int, ...]
"""Whole numbers, such as the tilts to leave out; as text "0, 5-7"."""

Table = tuple[tuple[float, ...], ...]
"""Rows of numbers, such as shifts; as text "0.5 -1; 2 0"."""


def at(schedule: Schedule, fraction: float) -> float:
    """The value of `schedule` at a fraction of the run."""
    return [value for start, value in schedule if fraction >= start][-1]


@dataclass(frozen=True)
class Parameter:
    """A parameter as the faces see it.

    Attributes
    ----------
    name, label, doc : str
        Its name in code, what a form shows instead, and a sentence.
    kind : str
        One of ``"bool"``, ``"int"``, ``"float"``, ``"choice"``, ``"schedule"``, ``"file"``, ``"numbers"`` and
        ``"table"``.
    default
        Its value where none is given.
    interval : Interval
        Of the values that are accepted.
    choices : tuple of str
        Of a choice.
    unit, example, zero : str
        Unit, what may be typed, and what zero means.
    group : str
        Heading under which it stands.
    preset : bool
        Whether presets set it.
    when : tuple of When
        Where it matters.
    """

    name: str
    kind: str
    default: Any
    doc: str = ""
    unit: str = ""
    interval: Interval = field(default_factory=Interval)
    choices: tuple[str, ...] = ()
    group: str = ""
    label: str = ""
    example: str = ""
    zero: str = ""
    when: tuple[When, ...] = ()
    preset: bool = True

    @property
    def title(self) -> str:
        """Label and unit, as a form shows them."""
        label = self.label or self.name.replace("_", " ").capitalize()
        return f"{label} ({self.unit})" if self.unit else label

    def check(self, value: Any) -> Any:
        """Return `value` in the parameter's own type.

        Raises
        ------
        InputError
            If it is of another type, not finite, outside the interval, or none of the choices.
        """
        try:
            return _CHECKS[self.kind](self, value)
        except (TypeError, ValueError, OverflowError):
            raise InputError(self.name, f"got {value!r}", f"Give {self.expects}") from None

    def parse(self, text: str) -> Any:
        """The value that `text` stands for, as on a command line or in a line edit; raises InputError."""
        try:
            return self.check(_PARSERS[self.kind](text.strip()))
        except (KeyError, ValueError, OverflowError) as error:
            if isinstance(error, InputError) and self.kind not in _SEVERAL:
                raise  # it shows the value, which is as plain
            raise InputError(self.name, f"got {text!r}", f"Give {self.expects}") from None

    def format(self, value: Any) -> str:
        """Text that `parse` turns back into `value`."""
        if self.kind == "schedule":
            return ", ".join(f"{_short(start)}: {_short(v)}" for start, v in value)
        if self.kind == "table":
            return "; ".join(" ".join(map(_short, row)) for row in value)
        if self.kind == "numbers":
            return ", ".join(map(str, value))
        if self.kind == "bool":
            return "yes" if value else "no"
        return str(value)

    @property
    def expects(self) -> str:
        """What is accepted, in words."""
        if self.kind == "bool":
            return "yes or no"
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        what = _WORDS[self.kind].format(self.example)
        pairs = ((">=", self.interval.ge), ("<=", self.interval.le))
        bounds = [f"{word} {bound}" for word, bound in pairs if bound is not None]
        return " ".join([what, " and ".join(bounds)]).strip()

    def _inside(self, value: float) -> bool:
        low: Any = self.interval.ge
        high: Any = self.interval.le
        return math.isfinite(value) and (low is None or value >= low) and (high is None or value <= high)


_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "schedule": "start: value pairs, as {}, or one number, with values",
    "file": "the path of a file",
    "numbers": "whole numbers, as {},",
    "table": "rows of as many numbers each, as {}, with values",
}

_SEVERAL = ("schedule", "numbers", "table")
"""Kinds of several numbers."""

_EXAMPLES = {"schedule": "0: 0.01, 0.4: 0.1", "numbers": "0, 5-7", "table": "0.5 -1; 2 0"}


def _short(number: float) -> str:
    return repr(number).removesuffix(".0")


def _check_bool(parameter: Parameter, value: Any) -> bool:
    if type(value).__name__ not in ("bool", "bool_"):
        raise TypeError
    return bool(value)


def _check_number(parameter: Parameter, value: Any) -> float:
    if isinstance(value, bool | str):
        raise TypeError
    number = operator.index(value) if parameter.kind == "int" else float(value)
    if not parameter._inside(number):
        raise ValueError
    return number


def _check_choice(parameter: Parameter, value: Any) -> str:
    if value not in parameter.choices:
        raise ValueError
    return str(value)


def _check_schedule(parameter: Parameter, value: Any) -> Schedule:
    schedule = tuple((float(start), float(v)) for start, v in value)
    starts = [start for start, _ in schedule]
    if not schedule or starts[0] != 0 or not all(a < b for a, b in pairwise([*starts, 1.0])):
        raise ValueError
    if not all(parameter._inside(v) for _, v in schedule):
        raise ValueError
    return schedule


def _check_file(parameter: Parameter, value: Any) -> str:
    return str(os.fspath(value))


def _check_numbers(parameter: Parameter, value: Any) -> Numbers:
    numbers = tuple(operator.index(v) for v in value)
    if isinstance(value, str) or not all(map(parameter._inside, numbers)):
        raise ValueError
    return numbers


def _check_table(parameter: Parameter, value: Any) -> Table:
    table = tuple(tuple(float(v) for v in row) for row in value)
    if len({len(row) for row in table}) > 1 or not all(parameter._inside(v) for row in table for v in row):
        raise ValueError
    return table


_CHECKS = {
    "bool": _check_bool, "int": _check_number, "float": _check_number,
    "choice": _check_choice, "schedule": _check_schedule,
    "file": _check_file, "numbers": _check_numbers, "table": _check_table,
}  # fmt: skip

_YES_NO = {
    "yes": True,
    "true": True,
    "on": True,
    "1": True,
    "no": False,
    "false": False,
    "off": False,
    "0": False,
}


def _parse_schedule(text: str) -> list[tuple[float, float]]:
    """ "0: 0.01, 0.4: 0.1" as pairs; a number alone holds from the beginning."""
    if ":" not in text:
        return [(0.0, float(text))]
    return [(float(start), float(value)) for start, value in (pair.split(":") for pair in text.split(","))]


def _parse_numbers(text: str) -> list[int]:
    """ "0, 5-7" as 0, 5, 6, 7."""
    found: list[int] = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        first, dash, last = part.partition("-")
        if not dash or not first:  # a single number, which may be negative
            found.append(int(part))
            continue
        if not 0 <= int(last) - int(first) < 10**6:
            raise ValueError
        found += range(int(first), int(last) + 1)
    return found


_PARSERS: dict[str, Callable[[str], Any]] = {
    "bool": lambda text: _YES_NO[text.lower()],
    "int": int,
    "float": float,
    "choice": str,
    "schedule": _parse_schedule,
    "file": str,
    "numbers": _parse_numbers,
    "table": lambda text: [row.replace(",", " ").split() for row in text.split(";") if row.strip()],
}


def parameters(algorithm: Any) -> tuple[Parameter, ...]:
    """The parameters of an algorithm (class or instance): iterations, its own, those it shares, those in groups.

    Of the classes that declare them the most special comes first, each in its own order.

    Parameters
    ----------
    algorithm : Algorithm or type
        An instance or its class.

    Returns
    -------
    tuple of Parameter
        In the order in which a form shows them.

    Raises
    ------
    TypeError
        If a field has a type that no face can show, or no default.
    """
    cls = algorithm if isinstance(algorithm, type) else type(algorithm)
    hints = typing.get_type_hints(cls, include_extras=True)
    declared = dict.fromkeys(name for base in cls.__mro__ for name in inspect.get_annotations(base))
    by_name = {f.name: f for f in fields(cls)}
    found = [_parameter(by_name[name], hints[name]) for name in declared if _is_parameter(by_name.get(name))]
    return tuple(sorted(found, key=lambda p: (p.group, p.name != "max_iterations")))


def _is_parameter(declared: Any) -> bool:
    """Whether a field is one: not another algorithm, nor a means such as an engine (``{"parameter": False}``)."""
    return declared is not None and not declared.metadata.get("part") and declared.metadata.get("parameter", True)


def _parameter(declared: Any, hint: Any) -> Parameter:
    base, *extras = get_args(hint) if hasattr(hint, "__metadata__") else (hint,)
    first = {type(extra): extra for extra in reversed(extras)}
    if declared.default is MISSING:
        raise TypeError(f"parameter {declared.name} needs a default")
    interval = first.get(Interval, Interval())
    if interval.gt is not None or interval.lt is not None:
        raise TypeError(f"parameter {declared.name} needs closed bounds (ge, le), which a widget can hold")
    kinds = {
        bool: "bool", int: "int", float: "float", Schedule: "schedule",
        File: "file", Numbers: "numbers", Table: "table",
    }  # fmt: skip
    kind = "choice" if get_origin(base) is Literal else kinds.get(base)
    if kind is None:
        raise TypeError(f"parameter {declared.name} has the unsupported type {base}")
    return Parameter(
        name=declared.name,
        kind=kind,
        default=declared.default,
        doc=first.get(Doc, Doc("")).text,
        unit=first.get(Unit, Unit("")).symbol,
        interval=interval,
        choices=get_args(base) if kind == "choice" else (),
        group=first.get(Group, Group("")).title,
        label=first.get(Label, Label("")).text,
        example=first.get(Example, Example(_EXAMPLES.get(kind, ""))).text,
        zero=first.get(Zero, Zero("")).text,
        when=tuple(extra for extra in extras if isinstance(extra, When)),
        preset=first.get(Group, Group("")).preset,
    )


def applicable(algorithm: Any, values: Mapping[str, Any] | None = None) -> set[str]:
    """Names of the parameters that matter where the parameters have these `values`, those left out their defaults.

    A parameter that depends on one that does not matter does not matter either.

    Parameters
    ----------
    algorithm : Algorithm or type
        An instance or its class.
    values : Mapping, optional
        Values of some parameters by name.

    Returns
    -------
    set of str
        Their names.
    """
    known = {p.name: p for p in parameters(algorithm)}
    now = {name: p.default for name, p in known.items()} | dict(values or {})

    def matters(name: str) -> bool:
        return all(mark.holds(now[mark.name]) and matters(mark.name) for mark in known[name].when)

    return set(filter(matters, known))


def check_parameters(algorithm: Any) -> None:
    """Check every field of a frozen dataclass and store it in the parameter's own type; raises InputError."""
    for parameter in parameters(algorithm):
        object.__setattr__(algorithm, parameter.name, parameter.check(getattr(algorithm, parameter.name)))


def parts(cls: type) -> tuple[str, ...]:
    """Names of the fields that hold another algorithm, marked by ``field(metadata={"part": True})``."""
    return tuple(f.name for f in fields(cls) if f.metadata.get("part"))


def to_dict(algorithm: Any) -> dict[str, Any]:
    """Parameters as plain values that JSON can hold; a part as its own parameters with its name.

    Parameters
    ----------
    algorithm : Algorithm
        An instance.

    Returns
    -------
    dict
        From which `build` makes the same.
    """
    values = {p.name: _plain(getattr(algorithm, p.name)) for p in parameters(algorithm)}
    inner = {name: getattr(algorithm, name) for name in parts(type(algorithm))}
    return values | {name: {"name": part.name, **to_dict(part)} for name, part in inner.items()}


def _plain(value: Any) -> Any:
    return [_plain(v) for v in value] if isinstance(value, tuple) else value


def build(cls: Any, values: Mapping[str, Any]) -> Any:
    """The algorithm `cls` with the parameters `values`, the rest at their defaults.

    A part is given as an algorithm, or as `to_dict` writes it.

    Parameters
    ----------
    cls : type
        The class of the algorithm.
    values : Mapping
        Values of some parameters by name.

    Returns
    -------
    Algorithm
        Checked.

    Raises
    ------
    InputError
        If a name is not a parameter of the algorithm, or a value is not accepted.
    """
    known = [*(p.name for p in parameters(cls)), *parts(cls)]
    for name in values:
        if name not in known:
            raise InputError(name, f"not a parameter of {cls.name}", f"Its parameters are {', '.join(known)}")
    return cls(**{name: _part(value) if name in parts(cls) else value for name, value in values.items()})


def _part(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    from .registry import algorithm  # which is built on this module

    return build(algorithm(value["name"]), {name: v for name, v in value.items() if name != "name"})

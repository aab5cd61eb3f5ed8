"""Values as Python source. Whatever a record says, only plain values get through, by their `repr`."""

import math
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from ..core import Algorithm, Criterion, InputError, parameters
from ..core.parameters import parts

WIDTH = 100
INDENT = "    "


def literal(value: Any, indent: int = 0) -> str:
    """A plain value as source, over several lines where it is long; raises InputError for what is not plain."""
    return _fitted(_plain(value), indent)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _plain(one) for key, one in value.items()}
    raise InputError("record", f"a value {value!r:.40}", "Only numbers, words and lists of them can be copied")


def _source(value: Any) -> str:
    """The `repr` of a plain value, with double quotation marks where it has a choice."""
    if isinstance(value, str):
        text = repr(value)
        return f'"{text[1:-1]}"' if '"' not in value else text
    if isinstance(value, list | tuple):
        inside = ", ".join(map(_source, value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' * (len(value) == 1)})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_source(key)}: {_source(one)}" for key, one in value.items()) + "}"
    return repr(value)


def _fitted(value: Any, indent: int) -> str:
    text = _source(value)
    if indent + len(text) <= WIDTH:
        return text
    inside, outside = " " * (indent + len(INDENT)), " " * indent
    if isinstance(value, str):
        pieces = [value[i : i + 80] for i in range(0, len(value), 80)]
        return "(\n" + "".join(f"{inside}{_source(piece)}\n" for piece in pieces) + outside + ")"
    if isinstance(value, dict):
        rows = [f"{inside}{_source(key)}: {_fitted(one, len(inside))},\n" for key, one in value.items()]
        return "{\n" + "".join(rows) + outside + "}"
    if isinstance(value, list) and not any(isinstance(one, str | list | dict) for one in value):
        rows = textwrap.wrap(", ".join(map(repr, value)) + ",", WIDTH - len(inside), break_on_hyphens=False)
        return "[\n" + "".join(f"{inside}{row}\n" for row in rows) + outside + "]"
    if isinstance(value, list):
        return "[\n" + "".join(f"{inside}{_fitted(one, len(inside))},\n" for one in value) + outside + "]"
    return text


def call(name: str, arguments: Iterable[str], before: int = 0) -> str:
    """A call as source, with each argument on a line of its own where they do not fit on one.

    `before` is how much of the line is taken by what stands before the call.
    """
    arguments = list(arguments)
    line = f"{name}({', '.join(arguments)})"
    if before + len(line) <= WIDTH and "\n" not in line:
        return line
    return f"{name}(\n" + "".join(f"{INDENT}{indented(argument)},\n" for argument in arguments) + ")"


def indented(source: str) -> str:
    """Source of several lines, all but the first indented."""
    return source.replace("\n", "\n" + INDENT)


def changed(made: Any, usual: Any) -> dict[str, Any]:
    """The parameters of an algorithm or a criterion that differ from those of another one."""
    found = {p.name: getattr(made, p.name) for p in parameters(made)}
    return {name: value for name, value in found.items() if value != getattr(usual, name)}


def construction(made: Algorithm[Any, Any] | Criterion, name: str) -> str:
    """What makes an algorithm or a criterion, with the parameters that differ from their defaults.

    `name` is that of the class in the script; those of its parts are the names of their classes.
    """
    inner = [f"{key}={construction(part, type(part).__name__)}" for key, part in _chosen(made).items()]
    return call(name, [*inner, *(f"{key}={_source(value)}" for key, value in changed(made, type(made)()).items())])


def classes(made: Algorithm[Any, Any]) -> list[type]:
    """The classes in the `construction` of an algorithm."""
    return [type(made), *(cls for part in _chosen(made).values() for cls in classes(part))]


def _chosen(made: Any) -> dict[str, Any]:
    """The parts of an algorithm that are not at their defaults."""
    usual, inner = type(made)(), {key: getattr(made, key) for key in parts(type(made))}
    return {key: part for key, part in inner.items() if part != getattr(usual, key)}

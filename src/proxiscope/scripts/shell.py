"""*Copy as command line*: a command that makes a result again."""

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from ..core import Algorithm, Criterion, parameters
from ..core.parameters import parts
from ..phase import Ensemble
from ..recorded import Recorded, followed, recorded
from ..tomography import InSlabs
from .inputs import recipe_in
from .literals import changed
from .shell_inputs import cannot, option, pattern_words, series_words

NAMES = {"memory_limit": "memory"}
"""Options that are called otherwise than their parameters."""


def command_line(provenance: Mapping[str, Any], output: str = "result.h5") -> str:
    """A command that makes a result again, bit for bit with the same versions, quoted for a POSIX shell.

    The file of a tilt series is looked into: angles that it holds need not be given.

    Parameters
    ----------
    provenance : Mapping
        Of a result, as ``Result.provenance`` or a file's.
    output : str
        Where the command writes its result.

    Returns
    -------
    str
        One line.

    Raises
    ------
    InputError
        If the input cannot be made again from the record, the options of the command cannot express it, or the record
        makes no sense.
    """
    run, recipe = recorded(provenance), recipe_in(provenance)
    with followed("record"):
        inputs, options = (pattern_words if run.algorithm.family == "phase" else series_words)(recipe)
        base, own = _algorithm_words(run.algorithm)
        if run.algorithm.random_start:
            own += option("seed", run.seed)
        own += [word for one in run.stop for word in _criterion_words(one)]
        own += _course_words(run)
        return shlex.join(["proxiscope", "reconstruct", base.name, *inputs, *options, *own, *option("output", output)])


def _algorithm_words(made: Algorithm[Any, Any]) -> tuple[Algorithm[Any, Any], list[str]]:
    """The algorithm that the command names, and the options of its parameters."""
    if type(made) is Ensemble:
        if made.starts < 2:
            cannot("a single start of an ensemble")
        many = changed(made, Ensemble()) | {"starts": made.starts}
        return made.algorithm, _parameter_words(made.algorithm) + _texts(made, many)
    if type(made) is InSlabs:
        slabs = ["--in-slabs", *_texts(made, changed(made, InSlabs()))]
        return made.algorithm, _parameter_words(made.algorithm) + slabs
    return made, _parameter_words(made)


def _parameter_words(made: Algorithm[Any, Any]) -> list[str]:
    usual = type(made)()
    if any(getattr(made, name) != getattr(usual, name) for name in parts(type(made))):
        cannot(f"another algorithm inside {made.name}")
    return _texts(made, changed(made, usual))


def _texts(made: Any, values: Mapping[str, Any], prefix: str = "") -> list[str]:
    known = {p.name: p for p in parameters(made)}
    named = ((prefix + NAMES.get(name, name), known[name].format(value)) for name, value in values.items())
    return [word for name, text in named for word in option(name, text)]


def _criterion_words(made: Criterion) -> list[str]:
    prefix = made.name.replace("-", "_") + "_"
    return ["--stop", made.name, *_texts(made, changed(made, type(made)()), prefix)]


def _course_words(run: Recorded) -> list[str]:
    """What happened on the way: parameters that were changed, and an early end."""
    found, before = [], run.algorithm
    for iteration, now in sorted(run.changes.items()):
        found += option("change", f"{iteration}: {_change(before, now)}".rstrip())
        before = now
    return found + (option("end-at", run.iterations) if run.ended_early else [])


def _change(before: Algorithm[Any, Any], now: Algorithm[Any, Any]) -> str:
    """The parameters that differ, as words."""
    if type(now) is not type(before):
        cannot(f"a change from {before.name} to {now.name}")
    values = _differing(before, now)
    return " ".join(f"{name}={_word(text)}" for name, text in values)


def _differing(before: Algorithm[Any, Any], now: Algorithm[Any, Any]) -> Iterable[tuple[str, str]]:
    for key in parts(type(now)):
        one, other = getattr(before, key), getattr(now, key)
        if type(one) is not type(other):
            cannot(f"a change from {one.name} to {other.name}")
        yield from _differing(one, other)
    known = {p.name: p for p in parameters(now)}
    for name, value in changed(now, before).items():
        yield NAMES.get(name, name).replace("_", "-"), known[name].format(value)


def _word(text: str) -> str:
    return f'"{text}"' if not text or " " in text else text

"""From a recipe back to the problem."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from ..core.recipes import from_value
from ..phase import DiffractionPattern
from ..preparation import Step
from ..tomography import TiltSeries, merge
from .load import load
from .preparing import prepared_series
from .recipe import Find, after_steps, options_in, source_in, steps_in

Problem = DiffractionPattern | TiltSeries


def problem_of(recipe: Mapping[str, Any], find: Find = lambda file: Path(file["path"])) -> Problem:
    """The problem that a recipe describes.

    Parameters
    ----------
    recipe : Mapping
        As the attribute `recipe` of a problem, and the provenance of a result.
    find : callable, optional
        Gives the path of a file, of which it is told ``path`` and ``sha256``; the path on record by default.

    Raises
    ------
    InputError
        If a file cannot be read, or the recipe has an array by its hash only.
    """
    if "joined" in recipe:
        several: list[Any] = [problem_of(one, find) for one in recipe["joined"]]
        problem: Problem = merge(*several)
    else:
        source: Any = source_in(recipe, find)
        problem = load(source, **options_in(recipe, find))
    for step in recipe.get("then", ()):
        problem = _then(problem, step, find)
    return problem


def _then(problem: Any, step: Mapping[str, Any], find: Find) -> Problem:
    """The problem after a step that changed it."""
    options = {name: value for name, value in step.items() if name != "name"}
    known: dict[str, Callable[..., Problem]] = {
        "prepare": lambda steps: _prepared(problem, steps_in(steps, find)),
        "hold_out": lambda **given: problem.hold_out(**given),
        "subset": lambda tilts: problem.subset(tilts),
        "starting_from": lambda image: problem.starting_from(from_value(image, "start")),
        "within": lambda support: problem.within(from_value(support, "support")),
    }
    if step.get("name") not in known:
        raise InputError("recipe", f"a step {step.get('name')!r}", "Use the version of proxiscope that wrote it")
    return known[step["name"]](**options)


def _prepared(series: TiltSeries, steps: list[Step]) -> TiltSeries:
    recipe = series.recipe and after_steps(series.recipe, steps)
    return prepared_series(series, steps)[0].copy_with(recipe=recipe)

"""*Copy as Python*: a script that makes a result again."""

import inspect
import re
import sys
from collections.abc import Mapping
from typing import Any

from ..core import InputError
from ..core.recipes import from_value
from ..io.load import load
from ..io.recipe import source_in, steps_in
from ..preparation import Step
from ..preparation.step import step_from_words
from ..recorded import Recorded, followed, recorded
from .inputs import recipe_in
from .literals import INDENT, call, classes, construction, indented, literal
from .step_words import words_of

ROOMS = ("proxiscope.phase", "proxiscope.tomography")


def python_code(provenance: Mapping[str, Any], output: str = "result.h5") -> str:
    """A script that makes a result again, bit for bit with the same versions.

    Nothing of the record is taken as code: names have to be those of algorithms, parameters and steps that there are,
    and values are numbers and words, quoted.

    Parameters
    ----------
    provenance : Mapping
        Of a result, as ``Result.provenance`` or a file's.
    output : str
        Where the script saves its result.

    Returns
    -------
    str
        The script, lines and all.

    Raises
    ------
    InputError
        If the input cannot be made again from the record, or the record makes no sense.
    """
    run, recipe = recorded(provenance), recipe_in(provenance)
    with followed("record"):
        script = _Script()
        pattern = run.algorithm.family == "phase"
        problem = script.problem(recipe, "pattern" if pattern else "series")
        script.run(run, problem)
        script.lines.append(f"result.save({literal(output)})")
        return script.text(_heading(run, provenance))


class _Script:
    """The lines of a script, and the names that it imports."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.imports: dict[str, set[str]] = {}

    def use(self, module: str, name: str) -> str:
        """Import a name."""
        self.imports.setdefault(module, set()).add(name)
        return name

    def text(self, heading: str) -> str:
        """The whole script."""
        found = [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(self.imports.items())]
        return "\n".join([heading, "import proxiscope", *found, "", *self.lines, ""])

    def assign(self, name: str, value: str) -> str:
        """A line that gives a value a name."""
        self.lines.append(f"{name} = {value}")
        return name

    # ---- the input

    def problem(self, recipe: Mapping[str, Any], name: str) -> str:
        """Lines that make a problem; its name."""
        if "joined" in recipe:
            parts = [self.problem(one, f"{name}_{i}") for i, one in enumerate(recipe["joined"], 1)]
            self.assign(name, call(self.use("proxiscope.tomography", "merge"), parts))
        else:
            self.load(recipe, name)
        for step in recipe.get("then", ()):
            self.then(step, name)
        return name

    def load(self, recipe: Mapping[str, Any], name: str) -> None:
        """Lines that load a file or a sample."""
        known = inspect.signature(load).parameters
        path = source_in(recipe, lambda file: str(file["path"]))
        source = [str(one) for one in path] if isinstance(path, list) else str(path)
        given = []
        for key, value in recipe.get("options", {}).items():
            if key not in known or key == "tick":
                raise InputError("recipe", f"an option {key!r:.40}", "Use the version of proxiscope that wrote it")
            if value != known[key].default:
                given.append(f"{key}={self.option(key, value, name)}")
        self.assign(name, call("proxiscope.load", [literal(source), *given], len(name) + 3))

    def option(self, key: str, value: Any, name: str) -> str:
        """An option of `proxiscope.load`; an array gets a line of its own."""
        if key == "steps":
            return self.steps(value)
        if isinstance(value, Mapping) and "path" not in value:
            return self.array(value, key, f"{key}_{name[-1]}" if name[-1].isdigit() else key)
        return literal(value["path"] if isinstance(value, Mapping) else value)

    def array(self, value: Mapping[str, Any], key: str, name: str) -> str:
        """A line with an array that the recipe holds by value; its name."""
        array = from_value(value, key)  # which checks it
        if "packed" in value:
            kept = {part: value[part] for part in ("packed", "shape", "type")}
            unpack = self.use("proxiscope.core.recipes", "from_value")
            return self.assign(name, call(unpack, [literal(kept), literal(key)]))
        numbers = literal(array.tolist())
        if array.dtype == float and array.ndim:
            return self.assign(name, numbers)
        self.use("numpy", "array")
        return self.assign(name, call("array", [numbers, f"dtype={literal(array.dtype.name)}"], len(name) + 3))

    def steps(self, records: Any) -> str:
        """A list of steps of preparation, by their words."""
        return literal([words_of(step) for step in _steps(records)])

    def then(self, step: Mapping[str, Any], name: str) -> None:
        """A line that changes a problem as a step of a recipe does."""
        kind = step.get("name")
        if kind == "prepare":
            prepare = self.use("proxiscope.io.preparing", "prepared_series")
            made = call(self.use("proxiscope.preparation", "as_steps"), [self.steps(step["steps"])])
            self.lines.append(f"{name}, found = {call(prepare, [name, made], len(name) + 10)}")
        elif kind == "hold_out":
            given = [f"{key}={literal(step[key])}" for key in ("fraction", "every", "seed") if key in step]
            self.assign(name, call(f"{name}.hold_out", given))
        elif kind == "subset":
            self.assign(name, call(f"{name}.subset", [literal([int(i) for i in step["tilts"]])], 2 * len(name) + 10))
        elif kind in ("starting_from", "within"):
            key = {"starting_from": "image", "within": "support"}[kind]
            self.assign(name, call(f"{name}.{kind}", [self.array(step[key], key, key)]))
        else:
            raise InputError("recipe", f"a step {kind!r:.40}", "Use the version of proxiscope that wrote it")

    # ---- the run

    def run(self, run: Recorded, problem: str) -> None:
        """Lines that reconstruct."""
        for cls in (cls for made in (run.algorithm, *run.changes.values()) for cls in classes(made)):
            self.use(_home(cls), cls.__name__)
        self.assign("algorithm", self.made(run.algorithm))
        given = ["algorithm", problem]
        if run.algorithm.random_start:
            given.append(f"seed={run.seed}")
        if run.stop:
            found = [construction(one, f"proxiscope.{type(one).__name__}") for one in run.stop]
            given.append(f"stop=[{', '.join(found)}]")
        if run.changes:
            rows = [f"{INDENT}{i}: {indented(self.made(made))}," for i, made in run.changes.items()]
            self.assign("changes", "\n".join(["{  # what took over after so many iterations", *rows, "}"]))
            given.append("changes=changes")
        if run.ended_early:
            given.append(f"callback=lambda progress: progress.iteration >= {run.iterations}")
        self.assign("result", call("proxiscope.reconstruct", given, 9))
        self.lines.append('print(f"R-factor {result.r_factor:.2%} at iteration {result.iteration}")')

    def made(self, algorithm: Any) -> str:
        """What makes an algorithm."""
        return construction(algorithm, type(algorithm).__name__)


def _steps(records: Any) -> list[Step]:
    found = steps_in(records, lambda file: str(file["path"]))
    for step in found:
        if step_from_words(words_of(step)) != step:
            raise InputError(step.name, "its parameters cannot be written in words", "Use proxiscope rerun")
    return found


def _home(cls: type) -> str:
    """The module that a script imports a class from."""
    room = next((room for room in ROOMS if cls.__module__.startswith(room + ".")), cls.__module__)
    return room if getattr(sys.modules.get(room), cls.__name__, None) is cls else cls.__module__


def _heading(run: Recorded, provenance: Mapping[str, Any]) -> str:
    """What it is, in comments; of the record only what looks as it should."""
    title = run.algorithm.title or type(run.algorithm).__name__
    made = [text for key in ("software", "finished") if (text := _tame(provenance.get(key)))]
    return f"# {title}" + (f", as made by {' on '.join(made)}" if made else "")


def _tame(text: Any) -> str:
    return text if isinstance(text, str) and re.fullmatch(r"[\w.+: -]{1,60}", text, re.ASCII) else ""

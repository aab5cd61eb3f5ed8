"""The record of a result in words, for people."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from numpy.typing import NDArray

from ..core import Algorithm, InputError, parameters
from ..core.parameters import parts
from ..preparation import as_step
from ..recorded import Recorded, followed, recorded
from .literals import changed
from .step_words import words_of

Rows = list[tuple[str, str]]

_OPTIONS = {
    "support": "Support", "mask": "Mask", "hold_out": "Held out", "start": "Started from", "angles": "Tilt angles",
    "tilt_axis": "Tilt axis", "reverse_angles": "Tilt direction", "in_plane": "Turned in the plane (deg)",
    "variable": "Array in the file",
}  # fmt: skip
_THEN = {
    "hold_out": "Held out", "subset": "Images used", "within": "Support", "starting_from": "Started from",
}  # fmt: skip


def describe_record(
    provenance: Mapping[str, Any], metrics: Mapping[str, Sequence[float] | NDArray[Any]] | None = None
) -> list[tuple[str, Rows]]:
    """The record of a result, as headings with rows of a name and what it says.

    Only parameters that differ from their defaults are told; what is not known here is told as it stands.

    Parameters
    ----------
    provenance : Mapping
        Of a result, as ``Result.provenance`` or a file's; of prepared data their steps.
    metrics : Mapping, optional
        Curves of the result, as ``Result.metrics``, of which the figures at its iteration are told.

    Returns
    -------
    list
        Pairs of a heading and its rows, each of a name and a text.
    """
    described, recipe = provenance.get("input"), provenance.get("recipe")
    described = described if isinstance(described, Mapping) else {}
    recipe = described.get("recipe") or recipe
    found = [("Result", _told(_result, provenance, metrics or {}))]
    if "algorithm" in provenance:
        try:
            found += _run(recorded(provenance))
        except InputError as error:  # of another version
            found.append(("Method", [("Algorithm", str(provenance["algorithm"])), ("Parameters", str(error))]))
    found.append(("Input", _told(_input, described) + _told(_recipe, recipe)))
    found.append(("Preparation", _told(_preparation, provenance, recipe)))
    found.append(("Made", _told(_made, provenance)))
    return [(heading, rows) for heading, rows in found if rows]


def _told(tell: Callable[..., Rows], *given: Any) -> Rows:
    """Rows on something that comes from a file, and may be anything."""
    try:
        return tell(*given)
    except (AttributeError, KeyError, TypeError, ValueError):
        return [("Not readable", f"{given[0]!s:.200}")]


def _result(provenance: Mapping[str, Any], metrics: Mapping[str, Sequence[float]]) -> Rows:
    iteration, rows = provenance.get("result_iteration"), []
    at = [i for i, n in enumerate(metrics.get("iteration", ())) if n == iteration]
    for name, title in (("r_factor", "R-factor"), ("free_r_factor", "Free R-factor")):
        if at and name in metrics:
            rows.append((title, f"{metrics[name][at[-1]]:.2%}"))
    if iteration is not None:
        rows.append(("Iteration", f"{iteration} of {provenance.get('iterations', '?')}"))
    if isinstance(provenance.get("starts_done"), list):
        rows.append(("Starts done", f"{len(provenance['starts_done'])}, the first to come back from the workers"))
    if provenance.get("stopped"):
        rows.append(("End", str(provenance["stopped"])))
    return rows


def _run(run: Recorded) -> list[tuple[str, Rows]]:
    """The algorithm, its criteria, and what happened on the way."""
    method = [("Algorithm", _title(run.algorithm)), *_parameters(run.algorithm)]
    if run.algorithm.random_start:
        method.append(("Seed", str(run.seed)))
    if run.ended_early:
        method.append(("Ended", f"by hand at iteration {run.iterations}"))
    stop = [(one.title, _listed(one, type(one)()) or "at its defaults") for one in run.stop]
    course, before = [], run.algorithm
    for iteration, now in sorted(run.changes.items()):
        what = _listed(now, before) if type(now) is type(before) else f"{_title(now)}; {_listed(now, type(now)())}"
        course.append((f"After {iteration}", what.rstrip("; ") or "taken up again, unchanged"))
        before = now
    return [("Method", method), ("Stopping", stop), ("Changes", course)]


def _title(made: Algorithm[Any, Any]) -> str:
    return made.title or type(made).__name__


def _parameters(made: Any) -> Rows:
    rows = [(p.title, p.format(getattr(made, p.name))) for p in _differing(made, type(made)())]
    for name in parts(type(made)):
        part = getattr(made, name)
        rows += [("Inner algorithm", _title(part)), *_parameters(part)]
    return rows


def _listed(made: Any, usual: Any) -> str:
    found = [f"{p.title}: {p.format(getattr(made, p.name))}" for p in _differing(made, usual)]
    return ", ".join([*found, *(_listed(getattr(made, n), getattr(usual, n)) for n in parts(type(made)))])


def _differing(made: Any, usual: Any) -> Iterable[Any]:
    names = changed(made, usual)
    return [p for p in parameters(made) if p.name in names]


def _input(described: Mapping[str, Any]) -> Rows:
    rows = []
    for file in described.get("files") or ():
        if isinstance(file, Mapping):
            rows += [("File", str(file.get("path"))), ("SHA-256 of it", str(file.get("sha256")))]
    if not rows and described.get("source"):
        rows.append(("Source", str(described["source"])))
    if isinstance(described.get("shape"), list):
        rows.append(("Shape", " x ".join(map(str, described["shape"]))))
    if described.get("pixel_size_nm"):
        rows.append(("Pixel size", f"{described['pixel_size_nm']:.5g} nm"))
    if described.get("object"):
        rows.append(("Object", str(described["object"])))
    if described.get("sha256"):
        rows.append(("SHA-256 as used", str(described["sha256"])))
    if described and not described.get("recipe"):
        rows.append(("Origin", "not on record: arrays in memory, or changed by hand"))
    return rows


def _recipe(recipe: Any) -> Rows:
    if not isinstance(recipe, Mapping):
        return []
    if "joined" in recipe:
        return [row for one in recipe["joined"] for row in _recipe(one)] + _then(recipe)
    sample = [("Sample", str(recipe["sample"]))] if "sample" in recipe else []
    options = recipe.get("options") or {}
    given = [(title, _said(options[name], name)) for name, title in _OPTIONS.items() if options.get(name)]
    return sample + given + _then(recipe)


def _then(recipe: Mapping[str, Any]) -> Rows:
    steps = [step for step in recipe.get("then") or () if step.get("name") in _THEN]
    return [(_THEN[step["name"]], _said_step(step)) for step in steps]


def _said_step(step: Mapping[str, Any]) -> str:
    if "fraction" in step:
        return f"{step['fraction']:.3g} of the measured pixels"
    if "every" in step:
        return f"one tilt in {step['every']}"
    if "tilts" in step:
        return f"{len(step['tilts'])}, in the order of their tilts"
    return _said(step.get("image") or step.get("support"))


def _said(value: Any, name: str = "") -> str:
    """An option of a recipe."""
    if name == "hold_out":
        return f"{value:.3g} of the measured pixels"
    if not isinstance(value, Mapping):
        return "reversed" if value is True else str(value)
    if "path" in value:
        return str(value["path"])
    values = value.get("values")
    if isinstance(values, list) and values and all(isinstance(v, int | float) for v in values):
        return f"{len(values)} values, {min(values):g} to {max(values):g}"
    size = " x ".join(map(str, value.get("shape") or [len(values)] if values else value.get("shape", ())))
    return f"an array of {size}" + ("" if "array" not in value else ", of which the record has a hash only")


def _preparation(provenance: Mapping[str, Any], recipe: Any) -> Rows:
    steps = provenance.get("steps") or _steps_of(recipe)
    return [(f"Step {i}", _step(step)) for i, step in enumerate(steps, 1)]


def _steps_of(recipe: Any) -> list[Any]:
    if not isinstance(recipe, Mapping):
        return []
    inner = [step for one in recipe.get("joined") or () for step in _steps_of(one)]
    later = [s for then in recipe.get("then") or () if then.get("name") == "prepare" for s in then.get("steps", ())]
    return inner + list((recipe.get("options") or {}).get("steps") or ()) + later


def _step(record: Any) -> str:
    try:
        with followed("step"):
            placed = {k: v["path"] if isinstance(v, Mapping) else v for k, v in record.items()}
            step = as_step(placed)
            return f"{step.title} ({words_of(step)})"
    except InputError:
        return str(record)


def _made(provenance: Mapping[str, Any]) -> Rows:
    rows = []
    finished = provenance.get("finished")
    if finished:
        rows.append(("Date", _date(str(finished))))
    if isinstance(provenance.get("seconds"), int | float):
        rows.append(("Duration", _duration(provenance["seconds"])))
    return rows + [(title, str(provenance[key])) for key, title in _MADE if provenance.get(key)]


_MADE = (("software", "Software"), ("platform", "Platform"))


def _date(text: str) -> str:
    try:
        return f"{datetime.strptime(text, '%Y-%m-%dT%H:%M:%S%z'):%Y-%m-%d %H:%M:%S (UTC%z)}"
    except ValueError:
        return text


def _duration(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(hours or minutes) + [f"{rest:.3g} s"]
    return " ".join(parts)

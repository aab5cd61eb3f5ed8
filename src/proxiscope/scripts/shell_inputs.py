"""The part of a command line that says what to reconstruct from."""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from ..core import InputError
from ..core.recipes import from_value
from ..io import read
from ..io.load import tilts_as_in_file
from ..io.recipe import source_in, steps_in
from .step_words import words_of

Words = tuple[list[str], list[str]]
"""The inputs, and the options that go with them."""

_INPUT_OPTIONS = ("variable", "support", "mask", "hold_out", "start", "object", "pixel_size")


def cannot(what: str) -> NoReturn:
    """Raise the InputError for what the options of a command do not express."""
    raise InputError(
        "command line", f"{what} cannot be said in options", "Copy as Python, or save the result: proxiscope rerun FILE"
    )


def option(name: str, *values: Any) -> list[str]:
    """An option and its values; as one word where a single value could be taken for an option itself."""
    name, texts = f"--{name.replace('_', '-')}", list(map(str, values))
    if len(texts) == 1 and texts[0].startswith("-"):
        return [f"{name}={texts[0]}"]
    if any(text.startswith("-") and not _is_number(text) for text in texts):
        cannot(f"{name} with {texts!r}")
    return [name, *texts]


def pattern_words(recipe: Mapping[str, Any]) -> Words:
    """Of a diffraction pattern."""
    options = {name: value for name, value in recipe.get("options", {}).items() if name != "kind"}
    for step in recipe.get("then", ()):
        if step.get("name") != "hold_out" or step.get("seed", 0) != 0 or options.get("hold_out"):
            cannot("what was done with the pattern after it was loaded")
        options["hold_out"] = step["fraction"]
    intensities = options.pop("intensities", None)
    words = [] if intensities is None else [f"--{'intensities' if intensities else 'magnitudes'}"]
    steps = options.pop("steps", ())
    for name, value in options.items():
        if name not in _INPUT_OPTIONS:
            cannot(f"{name}={value!r:.40}")
        if value or name != "hold_out":
            words += option(name, _file_or_word(name, value))
    return [_input(recipe)], words + _step_words(steps)


def series_words(recipe: Mapping[str, Any]) -> Words:
    """Of a tilt series, or of several that are joined."""
    several = recipe.get("joined") or [recipe]
    found = [_series(one, last=len(several) == 1) for one in several]
    held_out = list(recipe.get("then", ())) if "joined" in recipe else found[0].pop("left")
    words: list[str] = []
    for name in ("angles", "tilt_axis", "mask", "in_plane"):
        values = [one[name] for one in found]
        if any(value is not None for value in values):
            if None in values:
                cannot(f"{name} of some of the series")
            words += option(name, *values)
    if len(found) > 1 and found[0]["in_plane"] is None:
        cannot("joined series that do not share their centre")
    for name in ("pixel_size", "variable", "reverse_angles", "steps"):
        if any(one[name] != found[0][name] for one in found):
            cannot(f"another {name} for each series")
    if any(one["support"] is not None for one in found[1:]):
        cannot("a support of another series than the first")
    for name in ("pixel_size", "variable", "support"):
        if found[0][name] is not None:
            words += option(name, found[0][name])
    words += ["--reverse-angles"] if found[0]["reverse_angles"] else []
    words += _step_words(found[0]["steps"])
    for step in held_out:
        if step.get("name") != "hold_out" or len(held_out) > 1:
            cannot("what was done with the series after it was loaded")
        words += option("hold-out-tilts", int(step["every"]))
    return [one["input"] for one in found], words


def _series(recipe: Mapping[str, Any], last: bool) -> dict[str, Any]:
    """What the options say of one series; angles and calibration are left out where its file has them."""
    given = {name: value for name, value in recipe.get("options", {}).items() if name != "kind"}
    found: dict[str, Any] = {"input": _input(recipe), "reverse_angles": bool(given.pop("reverse_angles", False))}
    found["steps"] = given.pop("steps", [])
    names = ("angles", "tilt_axis", "mask", "in_plane", "pixel_size", "variable", "support")
    found |= {name: _file_or_word(name, given.pop(name, None)) for name in names if name != "angles"}
    angles, left = given.pop("angles", None), list(recipe.get("then", ()))
    if given:
        cannot(f"the option {next(iter(given))!r:.40}")
    raw = read(found["input"], variable=found["variable"])
    found["angles"] = None
    if isinstance(angles, Mapping) and "path" in angles:
        found["angles"] = str(angles["path"])
    elif angles is not None:
        stored, order = tilts_as_in_file(raw)
        if stored is None or not np.array_equal(stored, from_value(angles, "angles")):
            cannot("angles that are not those of the file")
        if order is not None and not (left and left[0] == {"name": "subset", "tilts": order.tolist()}):
            cannot("the order of the images")
        left = left if order is None else left[1:]
    if found["pixel_size"] == raw.pixel_size:
        found["pixel_size"] = None
    if found["tilt_axis"] == raw.tilt_axis:
        found["tilt_axis"] = None
    if left and left[0].get("name") == "prepare" and not found["steps"]:
        found["steps"], left = left[0]["steps"], left[1:]
    if left and not last:
        cannot("what was done with one of the series after it was loaded")
    return found | {"left": left}


def _input(recipe: Mapping[str, Any]) -> str:
    path = source_in(recipe, lambda file: file["path"])
    if isinstance(path, list):
        cannot("a list of single images")
    text = str(path)
    return f"./{text}" if text.startswith("-") else text


def _file_or_word(name: str, value: Any) -> Any:
    """A number or a word as it is, a file by its path."""
    if not isinstance(value, Mapping):
        return value
    if "path" not in value:
        cannot(f"a {name} that is no file")
    return str(value["path"])


def _step_words(records: Sequence[Mapping[str, Any]]) -> list[str]:
    steps = steps_in(records, lambda file: file["path"])
    return [word for step in steps for word in option("step", words_of(step))]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

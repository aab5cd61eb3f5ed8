"""Laws on what algorithms, criteria and steps of preparation say of themselves and of their parameters."""

from typing import Any

import numpy as np
import pytest
from annotated_types import Interval
from tests.preparation.test_all_steps import NEEDS, example, tools_for
from tests.problems import problem_for, quick

from proxiscope.core import PRESETS, InputError, algorithms, applicable, criteria, iterate, parameters
from proxiscope.core.parameters import parts
from proxiscope.phase import ER, Ensemble
from proxiscope.preparation import step, steps
from proxiscope.tomography import InSlabs

DECLARED = algorithms() | {"ensemble": Ensemble, "in-slabs": InSlabs} | criteria() | steps()
EVERY = [pytest.param(cls, p, id=f"{name} {p.name}") for name, cls in DECLARED.items() for p in parameters(cls)]
MARKED = [
    pytest.param(name, p, id=f"{name} {p.name}") for name, cls in DECLARED.items() for p in parameters(cls) if p.when
]


@pytest.mark.parametrize(("cls", "parameter"), EVERY)
def test_a_parameter_is_explained_in_a_line_that_fits(cls, parameter):
    assert parameter.doc.endswith(".")
    assert parameter.doc[0].isupper() or parameter.doc[0] == "-"
    assert 2 <= len(parameter.title) <= 28
    if parameter.example:
        parameter.parse(parameter.example)
    if parameter.zero:
        assert parameter.interval.ge == 0
        assert len(parameter.zero) <= 17
    assert all(mark.name in {p.name for p in parameters(cls)} for mark in parameter.when)


@pytest.mark.parametrize("cls", DECLARED.values(), ids=DECLARED.keys())
def test_labels_of_one_form_differ(cls):
    titles = [p.title for p in parameters(cls)]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("cls", algorithms().values(), ids=algorithms().keys())
def test_an_algorithm_says_when_to_use_it(cls):
    assert 30 <= len(cls.use) <= 220
    assert cls.use.endswith(".")


@pytest.mark.parametrize("cls", algorithms().values(), ids=algorithms().keys())
def test_presets_are_what_they_are_called(cls):
    assert cls.presets.keys() <= PRESETS.keys()
    made = {"default": cls(), **{name: cls.preset(name) for name in cls.presets}}
    assert len(set(made.values())) == len(made)
    assert all(p.preset for name in cls.presets for p in parameters(cls) if p.name in cls.presets[name])
    if "fast" in made:
        problem = problem_for(cls)
        work = {name: one.iterations * one.work(problem) for name, one in made.items()}
        assert work["fast"] <= work["default"] / 3
    with pytest.raises(InputError, match=r"preset: .*none called 'slow'"):
        cls.preset("slow")


def off(parameter: Any, mark: Any) -> Any:
    """A value of the parameter that a mark is about, at which the marked one does not matter."""
    if not mark.values:
        return type(parameter.default)()
    if isinstance(mark.values[0], Interval):
        return mark.values[0].ge - 1
    values = {"choice": parameter.choices, "float": (0.5,), "table": (((20.0, 20.5),),), "bool": (True, False)}
    return next(value for value in values[parameter.kind] if not mark.holds(value))


def others(parameter: Any) -> list[Any]:
    """Values that are not the default."""
    low, high = parameter.interval.ge, parameter.interval.le
    if parameter.kind == "choice":
        return [choice for choice in parameter.choices if choice != parameter.default]
    if parameter.kind == "bool":
        return [not parameter.default]
    if parameter.kind == "schedule":
        return [((0.0, low),), ((0.0, min(high, 5.0)),)]
    few = min(high, 3 * parameter.default + 2)
    return [value for value in (low, few) if value != parameter.default]


def outcome(name: str, values: dict[str, Any]) -> list[np.ndarray]:
    """All arrays that come of an algorithm or a step with these values."""
    cls = DECLARED[name]
    if name in steps():
        images = example(cls.families[0], (40, 40))
        done = step(name, NEEDS.get(name, {}) | values)(images, tools_for(images))
        found = (done.values, done.valid, done.shifts, done.rotations, done.pixel_size)
        return [np.array(one, dtype=float) for one in found]  # NaN for None
    short, problem = quick(cls, 12), problem_for(cls)
    given = {p.name: getattr(short, p.name) for p in parameters(cls)} | values
    algorithm = cls(**given, **{part: ER(max_iterations=12) for part in parts(cls)})
    *_, last = iterate(algorithm, problem)
    return [last.estimate(), *last.metrics.values(), *algorithm.products(problem, last.state).values()]


@pytest.mark.parametrize(("name", "parameter"), MARKED)
def test_a_parameter_changes_nothing_where_it_does_not_matter(name, parameter):
    known = {p.name: p for p in parameters(DECLARED[name])}
    for mark in parameter.when:
        without = {mark.name: off(known[mark.name], mark)} | ({"gain": "gain"} if name == "dark-gain" else {})
        assert parameter.name not in applicable(DECLARED[name], without)
        plain = outcome(name, without)
        for value in others(parameter):
            for one, other in zip(plain, outcome(name, without | {parameter.name: value}), strict=True):
                np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("name", "parameter"), MARKED)
def test_a_parameter_matters_where_all_its_marks_hold(name, parameter):
    known = {p.name: p for p in parameters(DECLARED[name])}
    on: dict[str, Any] = {}
    for mark in parameter.when:
        if not mark.values:
            on[mark.name] = {"file": "dark.tif", "bool": True}.get(known[mark.name].kind, 2)
        elif isinstance(mark.values[0], Interval):
            on[mark.name] = mark.values[0].ge
        else:
            on[mark.name] = mark.values[0]
    assert parameter.name in applicable(DECLARED[name], on)

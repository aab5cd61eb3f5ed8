"""Parameters: declared once, checked on construction, read from and written as text and JSON."""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pytest
from annotated_types import Interval

from proxiscope.core import (
    Doc,
    Example,
    Group,
    InputError,
    Label,
    Schedule,
    Unit,
    When,
    Zero,
    algorithms,
    applicable,
    build,
    parameters,
    to_dict,
)
from proxiscope.core.parameters import File, Numbers, Table, at, check_parameters, parts


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One parameter of each kind."""

    count: Annotated[int, Interval(ge=1, le=10), Doc("How many.")] = 3
    width: Annotated[float, Interval(ge=0.1, le=2), Unit("px"), Doc("How wide.")] = 1.0
    free: float = 0.0
    on: Annotated[bool, Doc("Whether.")] = True
    window: Annotated[Literal["ramp", "hann"], Doc("Which.")] = "ramp"
    sigma: Annotated[Schedule, Interval(ge=0), Doc("When.")] = ((0.0, 0.01), (0.4, 0.1))
    dark: Annotated[File, Doc("Where.")] = ""
    tilts: Annotated[Numbers, Interval(ge=0), Doc("Which ones.")] = ()
    shifts: Annotated[Table, Interval(ge=-50, le=50), Doc("How far.")] = ()

    name = "sample"

    def __post_init__(self):
        check_parameters(self)


BY_NAME = {p.name: p for p in parameters(Sample)}


def test_a_declaration_is_read_whole():
    width = BY_NAME["width"]
    assert (width.kind, width.default, width.unit, width.doc) == ("float", 1.0, "px", "How wide.")
    assert (width.interval.ge, width.interval.le) == (0.1, 2)
    assert BY_NAME["window"].choices == ("ramp", "hann")
    assert [p.kind for p in parameters(Sample)] == [
        "int", "float", "float", "bool", "choice", "schedule", "file", "numbers", "table",
    ]  # fmt: skip
    assert parameters(Sample()) == parameters(Sample)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", 0), ("count", 11), ("count", 2.5), ("count", 2.0), ("count", True), ("count", "3"), ("count", None),
        ("width", 0), ("width", 2.001), ("width", np.nan), ("width", np.inf), ("width", "1"), ("width", False),
        ("width", [1.0]), ("width", 1j), ("free", -np.inf), ("free", 10**400),
        ("on", 1), ("on", "yes"), ("on", None),
        ("window", "hamming"), ("window", "RAMP"), ("window", 0), ("window", ["ramp"]),
        ("sigma", ()), ("sigma", ((0.1, 1.0),)), ("sigma", ((0.0, -1.0),)), ("sigma", ((0.0, 1.0), (1.0, 2.0))),
        ("sigma", ((0.0, 1.0), (0.0, 2.0))), ("sigma", ((0.0, 1.0), (0.6, 2.0), (0.5, 1.0))), ("sigma", 0.1),
        ("sigma", ((0.0,),)), ("sigma", ((0.0, np.nan),)), ("sigma", ((0.0, 1.0), (np.nan, 1.0))), ("sigma", "0: 1"),
        ("dark", None), ("dark", 3), ("dark", ["a.mrc"]),
        ("tilts", (1.5,)), ("tilts", (-1,)), ("tilts", 3), ("tilts", "1, 2"), ("tilts", (True, "2")),
        ("shifts", ((1.0,), (1.0, 2.0))), ("shifts", ((51.0, 0.0),)), ("shifts", ((np.nan, 0.0),)), ("shifts", "1 2"),
    ],
)  # fmt: skip
def test_a_bad_value_is_refused_by_name_value_and_remedy(name, value):
    with pytest.raises(InputError) as caught:
        Sample(**{name: value})
    assert caught.value.field == name
    assert caught.value.found == f"got {value!r}"
    assert caught.value.remedy == f"Give {BY_NAME[name].expects}"


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("count", np.int16(4), 4), ("width", 1, 1.0), ("width", np.float32(0.5), 0.5), ("on", np.True_, True),
        ("sigma", [[0, 1], [0.5, 2]], ((0.0, 1.0), (0.5, 2.0))),
        ("tilts", np.array([0, 3]), (0, 3)), ("shifts", np.array([[1, -2], [0, 0.5]]), ((1.0, -2.0), (0.0, 0.5))),
        ("dark", Path("a") / "dark.mrc", str(Path("a") / "dark.mrc")),
    ],
)  # fmt: skip
def test_values_are_kept_as_plain_python(name, value, kept):
    found = getattr(Sample(**{name: value}), name)
    assert found == kept
    assert type(found) is type(kept)
    assert type(to_dict(Sample(**{name: value}))[name]) in (int, float, bool, list, str)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("count", " 7 ", 7), ("width", "15e-1", 1.5), ("on", "No", False), ("on", "TRUE", True), ("on", "0", False),
        ("window", "hann", "hann"), ("sigma", "0:1", ((0.0, 1.0),)), ("sigma", "0.3", ((0.0, 0.3),)),
        ("sigma", " 0 : 0.01 , 0.4: 0.1", ((0.0, 0.01), (0.4, 0.1))),
        ("tilts", "0, 5-7,9", (0, 5, 6, 7, 9)), ("tilts", "", ()), ("dark", " my dark.mrc ", "my dark.mrc"),
        ("shifts", "0.5 -1; 2 0", ((0.5, -1.0), (2.0, 0.0))), ("shifts", "0.5, -1", ((0.5, -1.0),)), ("shifts", "", ()),
    ],
)  # fmt: skip
def test_text_is_parsed(name, text, value):
    assert BY_NAME[name].parse(text) == value
    assert BY_NAME[name].parse(BY_NAME[name].format(value)) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("count", "3.5"), ("count", ""), ("count", "11"), ("count", "9" * 5000), ("width", "wide"), ("width", "nan"),
        ("width", "2.1"), ("on", "maybe"), ("window", ""), ("sigma", ""), ("sigma", "-1"), ("sigma", "0:1:2"),
        ("sigma", "0:1,"), ("sigma", "a:b"), ("sigma", "a"),
        ("sigma", "0.1, 0.2"), ("tilts", "7-5"), ("tilts", "0-99999999999"), ("tilts", "-3"),
        ("tilts", "a"), ("tilts", "1-"), ("shifts", "1 2; 3"), ("shifts", "1 two"),
    ],
)  # fmt: skip
def test_bad_text_is_refused_by_name(name, text):
    with pytest.raises(InputError) as caught:
        BY_NAME[name].parse(text)
    assert caught.value.field == name
    if isinstance(BY_NAME[name].default, tuple):
        assert caught.value.found == f"got {text!r}"


def test_what_is_expected_is_said_in_words():
    assert BY_NAME["count"].expects == "a whole number >= 1 and <= 10"
    assert BY_NAME["width"].expects == "a number >= 0.1 and <= 2"
    assert BY_NAME["free"].expects == "a number"
    assert BY_NAME["on"].expects == "yes or no"
    assert BY_NAME["window"].expects == "one of ramp, hann"
    assert BY_NAME["sigma"].expects.startswith("start: value pairs")
    assert BY_NAME["tilts"].expects == "whole numbers, as 0, 5-7, >= 0"
    assert BY_NAME["dark"].expects == "the path of a file"


def test_a_dictionary_survives_json():
    tables = {"sigma": ((0.0, 0.1), (0.3, 0.2)), "tilts": (3, 4), "shifts": ((1.0, 2.0),)}
    sample = Sample(count=2, on=False, window="hann", **tables)
    assert build(Sample, json.loads(json.dumps(to_dict(sample)))) == sample


def test_build_takes_defaults_for_the_rest_and_refuses_unknown_names():
    assert build(Sample, {"count": 5}) == Sample(count=5)
    with pytest.raises(InputError, match=r"length: not a parameter of sample.*count, width"):
        build(Sample, {"length": 5})


def test_a_declaration_that_no_face_can_show_is_refused():
    @dataclass(frozen=True)
    class Text:
        note: str = ""

    @dataclass(frozen=True)
    class NoDefault:
        count: int

    @dataclass(frozen=True)
    class OpenBound:
        width: Annotated[float, Interval(gt=0)] = 1.0

    with pytest.raises(TypeError, match="width needs closed bounds"):
        parameters(OpenBound)
    with pytest.raises(TypeError, match="note has the unsupported type"):
        parameters(Text)
    with pytest.raises(TypeError, match="count needs a default"):
        parameters(NoDefault)


@pytest.mark.parametrize(
    ("fraction", "value"), [(0, 1.0), (0.2, 1.0), (0.39999, 1.0), (0.4, 2.0), (0.7, 2.0), (0.75, 0.5), (1, 0.5)]
)
def test_a_schedule_holds_each_value_from_its_fraction_on(fraction, value):
    assert at(((0.0, 1.0), (0.4, 2.0), (0.75, 0.5)), fraction) == value


@dataclass(frozen=True, kw_only=True)
class Running:
    """What all share."""

    length: int = 10
    seen: Annotated[int, Group("Showing")] = 1
    check: int = 1


@dataclass(frozen=True, kw_only=True)
class Filtered(Running):
    """What some share, one of it grouped by a heading that sorts before the other."""

    width: float = 1.0
    kept: Annotated[bool, Group("Keeping"), Doc("Whether.")] = True


@dataclass(frozen=True, kw_only=True)
class Settling(Running):
    """What others share."""

    settle: int = 0


@dataclass(frozen=True, kw_only=True)
class Own(Filtered, Settling):
    """One of them, with parameters of its own and another default of one that is shared."""

    step: float = 0.5
    settle: int = 50
    colour: Annotated[bool, Doc("Whether in colour.")] = True


def test_own_parameters_come_first_then_shared_ones_then_groups():
    assert [p.name for p in parameters(Own)] == [
        "step", "settle", "colour", "width", "length", "check", "kept", "seen",
    ]  # fmt: skip
    assert [p.name for p in parameters(Filtered)] == ["width", "length", "check", "kept", "seen"]
    assert [p.name for p in parameters(Settling)] == ["settle", "length", "check", "seen"]
    assert [p.default for p in parameters(Own) if p.name == "settle"] == [50]


def test_a_subclass_without_parameters_has_those_of_its_base_in_their_order():
    @dataclass(frozen=True, kw_only=True)
    class Nothing(Own):
        """Adds nothing."""

    assert parameters(Nothing) == parameters(Own)


def test_a_group_is_read_and_left_empty_where_there_is_none():
    groups = {p.name: p.group for p in parameters(Own)}
    assert groups.pop("kept") == "Keeping"
    assert groups.pop("seen") == "Showing"
    assert set(groups.values()) == {""}


SHRINK_WRAP = ["shrink_every", "shrink_threshold", "shrink_blur", "shrink_until"]


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("er", []), ("hio", ["beta", "polish"]), ("raar", ["beta", "polish"]),
        ("er-hio", ["hio_iterations", "er_iterations", "beta"]),
        ("oss", ["beta", "stages", "restart", "widest", "narrowest"]),
        ("gps-r", ["sigma", "s", "t", "stages", "restart", "widest", "narrowest"]),
    ],
)  # fmt: skip
def test_after_the_iterations_an_algorithm_has_what_is_its_own_before_what_all_share(name, own):
    shared = ["check_every", "device", *SHRINK_WRAP]
    assert [p.name for p in parameters(algorithms()[name])] == ["max_iterations", *own, *shared]


@pytest.mark.parametrize("cls", algorithms().values(), ids=algorithms().keys())
def test_every_parameter_is_there_once_and_groups_are_last(cls):
    found = parameters(cls)
    declared = {f.name for f in fields(cls) if f.metadata.get("parameter", True)}
    assert sorted(p.name for p in found) == sorted(declared - set(parts(cls)))
    assert [p.group for p in found] == sorted(p.group for p in found)


@dataclass(frozen=True, kw_only=True)
class Marked:
    """Parameters that depend on each other."""

    kind: Literal["disc", "box", "none"] = "none"
    radius: Annotated[float, Interval(ge=0), Unit("px"), Zero("found"), When("kind", "disc")] = 3.0
    edges: Annotated[Numbers, Label("Edge lengths"), Example("20, 30"), When("kind", "disc", "box")] = ()
    rounds: Annotated[int, Interval(ge=1, le=9)] = 1
    blur: Annotated[float, When("rounds", Interval(ge=2, le=5)), When("kind", "box")] = 0.0
    sharp: Annotated[bool, When("blur", 0)] = False
    deep: Annotated[int, When("sharp"), Group("Sample", preset=False)] = 0


def test_labels_examples_and_zeros_are_read():
    by_name = {p.name: p for p in parameters(Marked)}
    assert by_name["radius"].title == "Radius (px)"
    assert by_name["radius"].zero == "found"
    assert by_name["edges"].title == "Edge lengths"
    assert by_name["edges"].expects == "whole numbers, as 20, 30,"
    assert [p.name for p in parameters(Marked) if not p.preset] == ["deep"]


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({}, set()),
        ({"kind": "disc"}, {"radius", "edges"}),
        ({"kind": "box"}, {"edges"}),
        ({"kind": "box", "rounds": 2}, {"edges", "blur", "sharp"}),
        ({"kind": "box", "rounds": 6}, {"edges"}),
        ({"kind": "box", "rounds": 5, "blur": 1.5}, {"edges", "blur"}),
        ({"kind": "box", "rounds": 5, "sharp": True}, {"edges", "blur", "sharp", "deep"}),
        ({"kind": "disc", "rounds": 5, "sharp": True}, {"radius", "edges"}),  # through blur, which does not matter
    ],
)
def test_what_matters_follows_from_the_values(values, names):
    assert applicable(Marked, values) == {"kind", "rounds"} | names

"""Declaring an algorithm is all that it takes to find it everywhere."""

from dataclasses import dataclass
from typing import Annotated

import pytest
from annotated_types import Interval

from proxiscope.cli.commands import algorithm_from
from proxiscope.cli.main import main, parser
from proxiscope.core import Doc, InputError, algorithm, algorithms
from proxiscope.core.registry import _algorithms, register
from proxiscope.phase import ER, HIO
from tests.problems import random_walk


@pytest.fixture
def walk():
    with random_walk() as cls:
        yield cls


def test_a_declared_algorithm_is_found_by_name_and_family(walk):
    assert algorithms()["walk"] is walk
    assert algorithms("phase")["walk"] is walk
    assert "walk" not in algorithms("tomography")
    assert algorithm("WALK") is walk


def test_a_declared_algorithm_is_on_the_command_line_with_its_parameters(walk, capsys):
    options = parser().parse_args(["reconstruct", "walk", "in.mrc", "-o", "out.mrc", "--stride", "2.5", "--every=3"])
    assert algorithm_from(walk, options) == walk(stride=2.5, every=3)
    assert main(["algorithms"]) == 0
    assert "Random walk" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["reconstruct", "walk", "--help"])
    assert "Length of a step." in capsys.readouterr().out


def test_what_is_not_declared_any_more_is_gone():
    with random_walk():
        pass
    assert "walk" not in algorithms()
    with pytest.raises(SystemExit):
        parser().parse_args(["reconstruct", "walk", "in.mrc", "-o", "out.mrc"])


def test_algorithms_are_sorted_by_name_and_of_known_families():
    assert list(algorithms()) == sorted(algorithms())
    assert {cls.family for cls in algorithms().values()} == {"phase", "tomography"}
    assert all(cls.name == name == name.lower() for name, cls in algorithms().items())


def test_a_name_that_is_taken_is_refused():
    with pytest.raises(ValueError, match="two algorithms are named 'hio': HIO and"):

        @dataclass(frozen=True, kw_only=True)
        class Impostor(ER, name="hio"):
            """Another one of that name."""

    assert algorithms()["hio"] is HIO


def test_the_same_class_may_be_declared_again_as_when_a_module_is_reloaded(walk):
    same = {"name": "walk", "title": "Walk", "family": "phase", "__module__": walk.__module__}
    same["__qualname__"] = walk.__qualname__
    again = type("Again", (), same)
    register(again)
    assert algorithms()["walk"] is again


def test_a_subclass_without_a_name_is_no_algorithm():
    @dataclass(frozen=True, kw_only=True)
    class Base(ER):
        """Shares parameters."""

        extra: Annotated[int, Interval(ge=0, le=1), Doc("More.")] = 0

    assert Base not in _algorithms.values()
    assert algorithms()["er"] is ER


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match=r"there is no 'magic'\. Choose one of .*er, .*hio, .*sirt"):
        algorithm("magic")

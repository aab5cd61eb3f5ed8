"""What the documentation tells people to write works."""

import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from proxiscope.core import algorithms, registry
from proxiscope.core.algorithm import iterate
from tests.problems import small_series

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture
def landweber():
    """The algorithm that docs/adding-an-algorithm.md adds, for the time of a test."""
    (code,) = re.findall(r"```python\n(.*?)```", (DOCS / "adding-an-algorithm.md").read_text(), re.DOTALL)
    module = types.ModuleType("proxiscope.tomography.landweber")
    module.__package__ = "proxiscope.tomography"
    sys.modules[module.__name__] = module
    exec(compile(code, "adding-an-algorithm.md", "exec"), module.__dict__)
    yield module.Landweber
    del sys.modules[module.__name__]
    registry._algorithms.pop("landweber")


def test_the_example_of_a_new_algorithm_is_registered_and_converges(landweber):
    assert algorithms("tomography")["landweber"] is landweber
    figures = [p.metrics["r_factor"] for p in iterate(landweber(max_iterations=30, relaxation=0.8), small_series())]
    assert figures[-1] < 0.2 < figures[0]
    assert np.all(np.diff(figures[3:]) < 0)

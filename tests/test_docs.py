"""What the documentation tells people to write works."""

import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from proxiscope.core import algorithms, registry
from proxiscope.core.algorithm import iterate
from proxiscope.io import write_array
from tests.problems import small_series

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


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


def test_the_python_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    series = small_series()
    write_array(tmp_path / "series.mrc", series.projections, pixel_size=2.0, angles=series.angles)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == 2
    exec(compile("\n".join(blocks), "README.md", "exec"), {})
    assert (tmp_path / "volume.mrc").exists()
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("21 ")
    assert len(printed) == 180

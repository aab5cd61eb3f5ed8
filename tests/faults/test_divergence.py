"""Values that are not finite in the middle of a run: told at once, and never the result."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import proxiscope as px
from proxiscope.cli import main
from proxiscope.core import DivergedError, Record
from proxiscope.io import read, write_array
from proxiscope.phase import HIO
from proxiscope.tomography import RESIRE, SIRT
from tests.problems import small_pattern, small_series


def poisoned(monkeypatch, cls, at, value=math.nan):
    """Make the step of an algorithm write one bad value at an iteration, as a faulty kernel would."""
    step = cls.step

    def bad(self, problem, state):
        state = step(self, problem, state)
        if state.iteration == at:
            array = state.volume if hasattr(state, "volume") else state.input
            array.ravel()[array.size // 2] = value
        return state

    monkeypatch.setattr(cls, "step", bad)


@pytest.fixture
def series(tmp_path):
    path = tmp_path / "series.h5"
    write_array(path, small_series().projections, angles=small_series().angles, kind="tilt-series")
    return path


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize(("cls", "problem"), [(SIRT, small_series), (RESIRE, small_series), (HIO, small_pattern)])
def test_a_bad_value_is_told_with_its_iteration_and_what_was_good_is_kept(monkeypatch, cls, problem, value):
    poisoned(monkeypatch, cls, 12, value)
    with pytest.raises(DivergedError, match=rf"{cls.name} diverged at iteration \d+.*Reduce") as told:
        px.reconstruct(cls(max_iterations=40), problem())
    result = told.value.result
    assert 0 < result.iteration < 12
    assert np.isfinite(result.array).all()
    assert math.isfinite(result.merit)
    assert result.provenance["result_iteration"] == result.iteration
    whole = px.reconstruct(cls(max_iterations=40), problem(), callback=lambda p: p.iteration == result.iteration)
    np.testing.assert_array_equal(result.array, whole.array)


@pytest.mark.parametrize("cls", [SIRT, RESIRE])
def test_a_bad_value_of_the_last_iteration_leaves_what_was_good(monkeypatch, cls):
    poisoned(monkeypatch, cls, 12)
    with pytest.raises(DivergedError, match="diverged at iteration 12") as told:
        px.reconstruct(cls(max_iterations=12), small_series())
    assert 0 < told.value.result.iteration < 12
    assert np.isfinite(told.value.result.array).all()


@pytest.mark.parametrize("value", [1.0, math.nan, math.inf])
def test_what_is_kept_makes_room_for_a_result_that_is_good(value):
    record, algorithm, series = Record(RESIRE()), RESIRE(max_iterations=5), small_series()
    for progress in px.iterate(algorithm, series):
        record.add(progress)
    progress.state.volume.ravel()[0] = value
    record.make_room(progress.state)
    assert record.fall_back() == (not math.isfinite(value))  # what it falls back to is there only if it is needed


def test_what_was_kept_of_a_run_that_stands_for_its_last_iterate_can_be_repeated(monkeypatch, series, tmp_path):
    poisoned(monkeypatch, SIRT, 12)
    with pytest.raises(DivergedError) as told:
        px.reconstruct(SIRT(max_iterations=40), px.load(series))
    told.value.result.save(tmp_path / "kept.h5")
    assert px.rerun(tmp_path / "kept.h5").identical


def test_the_command_writes_what_was_good(monkeypatch, series, tmp_path, capsys):
    poisoned(monkeypatch, SIRT, 12)
    out, table = tmp_path / "a.h5", tmp_path / "a.csv"
    options = ["reconstruct", "sirt", str(series), "--quiet", "-o", str(out), "--metrics", str(table)]
    assert main(options) == 1
    said = capsys.readouterr().err
    assert "sirt diverged at iteration 13" in said
    assert len(said.splitlines()) == 1
    found = read(out)
    assert np.isfinite(found.data).all()
    assert found.declared.provenance["result_iteration"] < 12
    assert len(table.read_text().splitlines()) == 13


@dataclass(frozen=True, kw_only=True)
class Rarely(SIRT):
    """SIRT whose figures are recorded every tenth iteration only."""

    name: ClassVar[str] = "sirt"

    def records(self, iteration: int) -> bool:
        return iteration % 10 == 0


def test_a_bad_value_between_two_records_is_not_the_result(monkeypatch):
    poisoned(monkeypatch, SIRT, 24)
    with pytest.raises(DivergedError, match="iteration 25") as told:
        px.reconstruct(Rarely(max_iterations=40), small_series(), callback=lambda p: p.iteration == 25)
    assert told.value.result.iteration in (10, 20)
    assert np.isfinite(told.value.result.array).all()


def test_a_bad_value_that_no_figure_tells_is_not_the_result(monkeypatch):
    """Such as one outside of all rays."""
    estimate = SIRT.estimate

    def bad(self, problem, state):
        volume = estimate(self, problem, state)
        if state.iteration > 5:
            volume[0, 0, 0] = math.nan
        return volume

    monkeypatch.setattr(SIRT, "estimate", bad)
    with pytest.raises(DivergedError, match="its result is no longer finite"):
        px.reconstruct(SIRT(max_iterations=10), small_series())


def test_nothing_good_came_before(monkeypatch, series, tmp_path, capsys):
    poisoned(monkeypatch, SIRT, 1)
    out = tmp_path / "a.h5"
    assert main(["reconstruct", "sirt", str(series), "--quiet", "-o", str(out)]) == 1
    assert not out.exists()
    assert "diverged at iteration 2" in capsys.readouterr().err


def test_where_memory_is_short_no_copy_is_kept(monkeypatch):
    from proxiscope.core import record

    poisoned(monkeypatch, SIRT, 12)
    monkeypatch.setattr(record, "available", lambda: 1000)
    with pytest.raises(DivergedError) as told:
        px.reconstruct(SIRT(max_iterations=40), small_series())
    assert told.value.result.iteration == 1  # the first costs nothing to try

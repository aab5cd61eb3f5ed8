"""Estimates of time and memory, made of sizes alone."""

from dataclasses import replace

import numpy as np
import pytest

from proxiscope.core import InputError, algorithms, estimates, parameters
from proxiscope.core.estimates import (
    PatternSize,
    SeriesSize,
    estimate_memory,
    estimate_seconds,
    forget_speeds,
    in_words,
    memory_in_words,
    note_speed,
    size_of,
)
from proxiscope.phase import GPSR, HIO, BestQuality, DifferenceMap
from proxiscope.tomography import RESIRE, SIRT, AngleRefinement
from tests.problems import problem_for, small_pattern, small_series, started_pattern

every_algorithm = pytest.mark.parametrize("cls", algorithms().values(), ids=algorithms().keys())


@pytest.fixture(autouse=True)
def fresh():
    """No speeds from before, and none for later."""
    forget_speeds()
    yield
    forget_speeds()


def variants(cls):
    """Problems that differ in all that memory may depend on."""
    if cls.family == "phase":
        patterns = [small_pattern(), started_pattern(), small_pattern().copy_with(object="complex")]
        return [p for p in patterns if not getattr(cls, "needs_start", False) or p.start is not None]
    series = small_series()
    general = series.copy_with(rotations=np.add(series.rotations, [3.0, 0, -2.0]), shifts=np.full((21, 2), 0.5))
    support = np.zeros((24, 20, 24), bool)
    support[5:20, 5:15, 5:20] = True
    gap = np.where(np.arange(24) < 3, np.nan, series.projections)
    gaps, held_out = series.copy_with(projections=gap), series.hold_out(5)
    return [series, series.copy_with(support=support), gaps, held_out, general]


@every_algorithm
def test_a_size_stands_for_the_problem(cls):
    for problem in variants(cls):
        if cls is BestQuality and problem.start is not None:
            continue
        for algorithm in (cls(), *map(cls.preset, cls.presets)):
            try:
                algorithm.check_problem(problem)
            except InputError:
                with pytest.raises(InputError):
                    estimate_memory(algorithm, size_of(problem))
                continue
            assert estimate_memory(algorithm, size_of(problem)) == algorithm.memory(problem)
            assert algorithm.work(size_of(problem)) == algorithm.work(problem) > 0


def test_a_size_stands_for_a_film():
    for film in (RESIRE(film=True, depth=8), AngleRefinement(film=True, depth=8)):
        assert film.memory(size_of(small_series())) == film.memory(small_series())


def test_what_a_panel_knows_gives_the_size_of_the_problem():
    pattern, series = small_pattern(), small_series()
    box = PatternSize(pattern.shape, support_pixels=int(pattern.support.sum()))
    assert box == size_of(pattern)
    told = SeriesSize(series.shape, series.angles)
    assert SIRT().memory(told) == SIRT().memory(series)
    assert SIRT().memory(SeriesSize(series.shape)) == pytest.approx(SIRT().memory(series), rel=0.05)
    assert PatternSize((64, 64)).support.sum() == 32 * 32
    assert size_of(told) is told


def test_a_size_takes_no_memory_itself():
    huge = PatternSize((10**5, 10**5))
    assert huge.magnitudes.strides == (0, 0)
    assert estimate_memory(HIO(), huge) > 10**11
    series = SeriesSize((100, 10**4, 10**4), support_shape=(10**4,) * 3)
    assert estimate_memory(SIRT(), series) > 10**12


def test_work_grows_with_what_there_is_to_do():
    small, large = PatternSize((128, 128)), PatternSize((256, 256))
    assert 4 < HIO().work(large) / HIO().work(small) < 5
    assert HIO().work(PatternSize((128, 128), real=False)) == 2 * HIO().work(small)
    assert DifferenceMap(beta=0.9).work(small) == 2 * DifferenceMap(beta=1.0).work(small)
    search, more = BestQuality(refined=0), BestQuality(refined=0, starts=128)
    assert more.iterations * more.work(small) == 2 * search.iterations * search.work(small)
    assert search.work(small) == 16 * search.algorithm.work(small)  # side by side
    assert BestQuality().iterations * BestQuality().work(small) > 1.5 * search.iterations * search.work(small)
    series = SeriesSize((40, 64, 64))
    assert RESIRE().work(replace(series, shape=(40, 64, 128))) == 4 * RESIRE().work(series)
    assert RESIRE(depth=16).work(series) == RESIRE().work(series) / 4


@every_algorithm
def test_every_algorithm_has_a_speed(cls):
    assert cls.name in estimates.RATES
    size = size_of(problem_for(cls))
    assert 0 < estimate_seconds(cls(), size) < 120
    for name in {"max_iterations", "rounds"} & {p.name for p in parameters(cls)}:
        longer = replace(cls(), **{name: 2 * getattr(cls(), name)})
        assert estimate_seconds(longer, size) == pytest.approx(2 * estimate_seconds(cls(), size))


def test_what_a_run_took_corrects_the_next_estimate():
    size, larger = PatternSize((200, 200)), PatternSize((400, 400))
    before, other = estimate_seconds(GPSR(), size), estimate_seconds(HIO(), size)
    at_first = estimate_seconds(GPSR(), larger)
    note_speed(GPSR(), size, 3 * before / 1000)
    assert estimate_seconds(GPSR(), size) == pytest.approx(3 * before)
    assert estimate_seconds(GPSR(), larger) == pytest.approx(3 * at_first)
    assert estimate_seconds(HIO(), size) == pytest.approx(3 * other)  # the same computer
    note_speed(HIO(), size, other / 1000)
    assert estimate_seconds(HIO(), size) == pytest.approx(other)
    note_speed(HIO(), size, 0.0)
    assert estimate_seconds(HIO(), size) == pytest.approx(other)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "under a second"), (0.99, "under a second"), (1.0, "about 1 s"), (1.6, "about 2 s"), (37, "about 40 s"),
        (94, "about 90 s"), (95, "about 2 min"), (170, "about 3 min"), (1500, "about 20 min"), (5600, "about 90 min"),
        (7200, "about 2 h"), (86400, "about 20 h"), (400_000, "about 5 days"),
    ],
)  # fmt: skip
def test_times_in_words(seconds, words):
    assert in_words(seconds) == words


@pytest.mark.parametrize(
    ("size", "words"), [(10, "1 MB"), (3.4e8, "340 MB"), (9.6e8, "1.0 GB"), (1.234e9, "1.2 GB"), (6.4e10, "64.0 GB")]
)
def test_memory_in_words(size, words):
    assert memory_in_words(size) == words

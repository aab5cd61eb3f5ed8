"""The memory that a job may take."""

import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from proxiscope import load, save
from proxiscope.core import InputError, NotEnoughMemoryError, check, iterate
from proxiscope.core.algorithm import taken_up
from proxiscope.core.memory import available, memory_limit, set_memory_limit
from proxiscope.io.preparing import prepared_series
from proxiscope.io.raw import require_memory
from proxiscope.phase import HIO, DiffractionPattern, Ensemble
from proxiscope.preparation.bin import Bin
from proxiscope.simulate import sample_few_tilts, tilt_series, vesicle
from proxiscope.tomography import RESIRE, SIRT, AngleRefinement, InSlabs, TiltSeries
from proxiscope.tomography.resire_tv import TVRESIRE


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    monkeypatch.delenv("PROXISCOPE_MEMORY_LIMIT", raising=False)
    yield
    set_memory_limit(0)


def test_without_a_limit_it_is_what_is_free():
    assert memory_limit() == 0
    assert 0.5 < available() / psutil.virtual_memory().available < 2


def test_a_limit_binds_algorithms_and_readers_until_it_is_taken_back():
    series = sample_few_tilts()
    set_memory_limit(1e-3)
    assert available() == 10**6
    with pytest.raises(NotEnoughMemoryError, match=r"0\.001 GB are available"):
        check(RESIRE(), series)
    with pytest.raises(InputError, match="of memory are free"):
        require_memory(2 * 10**6, Path("large.mrc"))
    set_memory_limit(0)
    check(RESIRE(), series)


def test_a_limit_above_what_is_free_changes_nothing():
    set_memory_limit(1e9)
    assert available() < 1e17


def test_the_environment_limits_too_and_what_is_set_comes_first(monkeypatch):
    monkeypatch.setenv("PROXISCOPE_MEMORY_LIMIT", "0.5")
    assert available() <= 5 * 10**8
    set_memory_limit(0.25)
    assert memory_limit() == 0.25


@pytest.mark.parametrize("text", ["much", "-1", "nan", "inf"])
def test_an_environment_that_makes_no_sense_is_named(monkeypatch, text):
    monkeypatch.setenv("PROXISCOPE_MEMORY_LIMIT", text)
    with pytest.raises(InputError, match=f"PROXISCOPE_MEMORY_LIMIT: got '{text}'"):
        available()


@pytest.fixture(scope="module")
def large():
    """A series of which a reconstruction takes some 20 MB."""
    return tilt_series(vesicle((64, 160, 64)), np.arange(-60, 61, 12.0))


@pytest.fixture(scope="module")
def pattern():
    """A pattern whose support is an eighth of the frame."""
    support = np.zeros((128, 128), bool)
    support[56:72, 54:70] = True
    return DiffractionPattern(np.random.default_rng(0).random((128, 128)), support)


class TestProposals:
    """What is proposed where the memory does not suffice, each of which has to fit."""

    @staticmethod
    def refused(algorithm, problem, limit):
        """The error under a limit in bytes, once all that it proposes on the same data has proved to fit."""
        set_memory_limit(limit / 1e9)
        with pytest.raises(NotEnoughMemoryError) as caught:
            check(algorithm, problem)
        for proposal in caught.value.proposals:
            assert proposal.need <= limit
            assert proposal.text in str(caught.value)
            if proposal.algorithm is not None and proposal.binning == 1:
                check(proposal.algorithm, problem)
        return caught.value

    def test_slabs_as_thick_as_fit(self, large):
        slabs, *_ = self.refused(SIRT(), large, 0.9 * SIRT().memory(large)).proposals
        assert isinstance(slabs.algorithm, InSlabs)
        assert slabs.options == f"--in-slabs --slices {slabs.algorithm.slices}"
        thicker = replace(slabs.algorithm, slices=slabs.algorithm.slices + 32)
        assert thicker.memory(large) > 0.9 * SIRT().memory(large)

    def test_thinner_slabs(self, large):
        thick = InSlabs(algorithm=SIRT(), slices=160)
        slabs, *_ = self.refused(thick, large, 0.9 * thick.memory(large)).proposals
        assert slabs.algorithm.slices < 160

    def test_binning_by_the_smallest_factor(self, large):
        need = SIRT().memory(large)
        limit = need / 3
        *_, found = self.refused(SIRT(), large, limit).proposals
        assert found.binning > 1
        assert found.options == f"--step 'bin factor={found.binning}'"
        for factor in (found.binning - 1, found.binning):
            set_memory_limit(0)
            binned = prepared_series(large, [Bin(factor=factor)])[0]
            assert (SIRT().memory(binned) <= limit) == (factor == found.binning)

    def test_lengths_in_pixels_follow_the_binning(self, large):
        thin = SIRT(depth=20)
        *_, found = self.refused(thin, large, thin.memory(large) / 2).proposals
        assert found.algorithm.depth == round(20 / found.binning)
        assert f"--depth {found.algorithm.depth}" in found.options

    def test_no_slabs_where_a_method_needs_the_whole_and_no_binning_under_a_support(self, large):
        refining = AngleRefinement()
        assert all(p.binning > 1 for p in self.refused(refining, large, 0.9 * refining.memory(large)).proposals)
        within = large.copy_with(support=np.ones((64, 160, 64), bool))
        error = self.refused(refining, within, 0.9 * refining.memory(within))
        assert not error.proposals
        assert refining.remedy in str(error)

    def test_out_of_core_only_from_a_file_as_it_is(self, tmp_path):
        series = TiltSeries(np.ones((3, 1024, 128), np.float32), [-10, 0, 10], announce=False)
        save(tmp_path / "s.mrc", series)
        loaded = load(tmp_path / "s.mrc")
        limit = 0.5 * SIRT().memory(series)
        assert "--out-of-core" in [p.options for p in self.refused(SIRT(), loaded, limit).proposals]
        for other, algorithm in ((series, SIRT()), (loaded, TVRESIRE()), (loaded.copy_with(recipe=None), SIRT())):
            assert "--out-of-core" not in [p.options for p in self.refused(algorithm, other, limit).proposals]

    def test_fewer_starts_at_a_time(self, pattern):
        many = Ensemble(algorithm=HIO(), starts=6, batch=6)
        limit = many.memory(pattern) - HIO().memory(pattern)
        fewer, *_ = self.refused(many, pattern, limit).proposals
        assert fewer.options == "--batch 5"
        assert fewer.algorithm == replace(many, batch=5)

    def test_a_pattern_is_binned_only_where_its_support_leaves_room(self, pattern):
        need = HIO().memory(pattern)
        (found,) = self.refused(HIO(), pattern, need / 3).proposals
        assert found.binning == 2
        half = DiffractionPattern(pattern.magnitudes)
        assert not self.refused(HIO(), half, need / 3).proposals

    def test_they_survive_the_way_from_another_process(self, large):
        error = self.refused(SIRT(), large, 0.9 * SIRT().memory(large))
        assert pickle.loads(pickle.dumps(error)).proposals == error.proposals

    def test_a_change_on_the_way_is_checked_too(self, large):
        state = next(iterate(SIRT(), large)).state
        set_memory_limit(1e-3)
        with pytest.raises(NotEnoughMemoryError):
            taken_up(SIRT(relaxation=0.5), large, state)


PEAK = """
import gc, sys
sys.path.insert(0, "benchmarks")
import _memory, numpy as np
from proxiscope.core import algorithm, iterate
from proxiscope.tomography import TiltSeries

def run(size):
    rng = np.random.default_rng(0)
    series = TiltSeries(rng.random((40, size, size), np.float32), np.linspace(-60, 60, 40), announce=False)
    method = algorithm(sys.argv[1])()
    gc.collect()
    before = _memory.resident()
    _memory.reset()
    for progress in iterate(method, series):
        if progress.iteration == 2:
            break
    progress.estimate()
    return method.memory(series), _memory.peak() - before

run(16)
print(*run(128))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak is read from Linux")
@pytest.mark.parametrize("name", ["resire-accelerated", "resire-tv"])
def test_algorithms_declare_what_they_take(name):
    """Not much less than they allocate at their peak, and not many times as much."""
    command = [sys.executable, "-c", PEAK, name]
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "PROXISCOPE_NUM_THREADS": "2"}
    root = Path(__file__).parents[2]
    output = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, cwd=root).stdout
    declared, measured = map(int, output.split())
    assert declared / 3 < measured < 1.1 * declared

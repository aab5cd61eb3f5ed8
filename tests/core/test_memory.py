"""The memory that a job may take."""

from pathlib import Path

import psutil
import pytest

from proxiscope.core import InputError, NotEnoughMemoryError, check
from proxiscope.core.memory import available, memory_limit, set_memory_limit
from proxiscope.io.raw import require_memory
from proxiscope.simulate import sample_few_tilts
from proxiscope.tomography import RESIRE


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

"""Damaged files of every format are read or refused: no crash, no other exception, little memory, soon.

``make fuzz`` reads more of them, and ``python -m tests.fuzz`` any of them again by its seed.
"""

import pytest
from tests.fuzz import fuzz, use, write_target
from tests.fuzz_targets import TARGETS
from tests.samples import SAMPLES, write_sample

from proxiscope.core import InputError

COUNT, FEW = 80, 25
UNREADABLE = ("lzw.tif",)  # without imagecodecs


@pytest.mark.parametrize("name", SAMPLES)
def test_the_samples_are_sound(tmp_path, name):
    try:
        use(write_sample(name, tmp_path), 0)
    except InputError:
        assert name in UNREADABLE


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """Of all samples, which one process reads as long as it lives: to start it takes longer than to read them."""
    pytest.importorskip("resource", reason="the memory that reading takes is not measured here")
    folder = tmp_path_factory.mktemp("samples")
    return fuzz([write_sample(name, folder) for name in SAMPLES], COUNT)


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
def test_mutants_are_read_or_refused(outcomes, name):
    found = outcomes[name]
    assert not found.failures, f"{name} at the seeds {found.failures[:10]}; see python -m tests.fuzz {name}"
    assert found.counts["read"] + found.counts["refused"] == COUNT
    assert found.counts["refused"] > 0


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    pytest.importorskip("resource", reason="the memory that reading takes is not measured here")
    folder = tmp_path_factory.mktemp("targets")
    return fuzz([write_target(name, folder) for name in TARGETS], FEW)


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_what_else_comes_from_outside_is_taken_or_refused(others, name):
    """Parameters, command lines, checkpoints, plans, records and sessions."""
    found = others[name]
    assert not found.failures, f"{name} at the seeds {found.failures[:10]}; see python -m tests.fuzz {name}"
    assert found.counts["read"] > 0
    assert found.counts["refused"] > 0

"""Damaged files of every format are read or refused: no crash, no other exception, little memory, soon.

``python -m tests.fuzz`` reads more of them, and any of them again by its seed.
"""

import pytest
from tests.fuzz import fuzz, use
from tests.samples import SAMPLES, write_sample

from proxiscope.core import InputError

COUNT = 300
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
    folder = tmp_path_factory.mktemp("samples")
    return fuzz([write_sample(name, folder) for name in SAMPLES], COUNT)


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
def test_mutants_are_read_or_refused(outcomes, name):
    found = outcomes[name]
    assert not found.failures, f"{name} at the seeds {found.failures[:10]}; see python -m tests.fuzz {name}"
    assert found.counts["read"] + found.counts["refused"] == COUNT
    assert found.counts["refused"] > 0

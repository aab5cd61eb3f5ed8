"""Fixtures that all tests share."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """``shared_data("folder/file")``: a path in the test data; skips the test where it is absent.

    They lie at ``PROXISCOPE_TEST_DATA``, else in ``shared/data`` beside the repository.
    """
    beside = Path(__file__).parents[2] / "shared" / "data"
    root = Path(os.environ.get("PROXISCOPE_TEST_DATA") or beside)

    def find(name: str) -> Path:
        path = root / name
        if not path.exists():
            pytest.skip(f"test data {name} are not here; set PROXISCOPE_TEST_DATA to their folder")
        return path

    return find

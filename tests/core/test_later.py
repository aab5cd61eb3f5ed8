"""Modules that are imported when they are first used."""

import sys

import pytest

from proxiscope.core.later import Later


def test_it_waits_until_something_is_used(monkeypatch):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    later = Later("colorsys")
    assert "colorsys" not in sys.modules
    assert later.rgb_to_hsv(1.0, 0.0, 0.0) == (0.0, 1.0, 1.0)
    assert "colorsys" in sys.modules


def test_what_a_module_lacks_is_missing_in_it_too():
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        Later("colorsys").nothing_of_the_kind  # noqa: B018

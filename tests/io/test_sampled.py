"""Samples are read as if they had been saved."""

import numpy as np
import pytest

import proxiscope as px
from proxiscope.core import InputError
from proxiscope.io import read, read_array
from proxiscope.io.rebuild import problem_of
from proxiscope.io.sampled import sample, sample_names
from proxiscope.reconstruction import describe


def test_a_sample_is_the_file_that_save_would_make_of_it(tmp_path):
    made = sample("pattern")
    px.save(tmp_path / "pattern.h5", made)
    for loaded in (px.load("sample:pattern"), px.load(tmp_path / "pattern.h5")):
        assert describe(loaded)["sha256"] == describe(made)["sha256"]
        assert (loaded.object, loaded.pixel_size) == (made.object, made.pixel_size)


def test_of_several_each_has_a_number():
    first, second = (px.load(f"sample:double-tilt-{i}") for i in (1, 2))
    np.testing.assert_array_equal(second.rotations - first.rotations, np.tile([90.0, 0, 0], (31, 1)))
    assert px.load("sample:double-tilt").recipe["sample"] == "double-tilt"
    assert read_array("sample:blocked-series-2").any()


def test_its_recipe_makes_it_again():
    series = px.load("sample:blocked-series", steps="bin factor=2").hold_out(5)
    assert series.recipe["sample"] == "blocked-series"
    assert describe(problem_of(series.recipe))["sha256"] == describe(series)["sha256"]


@pytest.mark.parametrize("name", ["none", "", "pattern-2", "double-tilt-3", "double-tilt-0", "../pattern", "__class__"])
def test_what_is_no_sample_is_refused_with_those_that_there_are(name):
    assert {"pattern", "tilt-series"} <= set(sample_names())
    with pytest.raises(InputError, match=r"no such sample\. Samples are .*pattern"):
        read(f"sample:{name}")

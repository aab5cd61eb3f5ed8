"""Recipes are plain values, of which arrays come back as they were, or not at all."""

import json

import numpy as np
import pytest

from proxiscope.core import InputError
from proxiscope.core.recipes import INLINE, array_hash, by_value, file_hash, files_of, from_value, joined, then


@pytest.mark.parametrize("kind", ["f4", "f8", "i2", "u1", "?"])
def test_small_arrays_come_back_bit_for_bit(kind):
    array = (np.random.default_rng(0).random((3, 4)) * 9).astype(kind)
    found = from_value(json.loads(json.dumps(by_value(array))), "mask")
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("array", [np.zeros(INLINE + 1), np.ones(3, complex), np.array([1, np.nan])])
def test_others_are_kept_as_a_hash_which_says_so(array):
    value = json.loads(json.dumps(by_value(array)))
    assert value["array"] == array_hash(array)
    with pytest.raises(InputError, match=r"start: given in Python .* hash only\. Save the array to a file"):
        from_value(value, "start")


def test_hashes_tell_type_shape_and_values():
    arrays = [np.zeros(4), np.zeros((2, 2)), np.zeros(4, "f4"), np.ones(4)]
    assert len({array_hash(a) for a in arrays}) == 4
    assert array_hash(np.arange(6).reshape(2, 3).T) == array_hash(np.arange(6).reshape(2, 3).T.copy())


def test_a_folder_has_a_hash_of_its_files_and_their_names(tmp_path):
    hashes = []
    for name, text in (("a", "1"), ("a", "2"), ("b", "2")):
        folder = tmp_path / str(len(hashes))
        folder.mkdir()
        (folder / name).write_text(text)
        hashes.append(file_hash(folder))
    assert len(set(hashes)) == 3
    assert file_hash(tmp_path / "0") == hashes[0]


def test_steps_are_added_and_the_unknown_stays_unknown():
    recipe = {"path": "a", "sha256": "1", "options": {}, "then": []}
    more = then(then(recipe, "hold_out", every=3), "subset", tilts=[0, 1])
    assert [step["name"] for step in more["then"]] == ["hold_out", "subset"]
    assert recipe["then"] == []
    assert then(None, "hold_out", every=3) is None
    assert joined(recipe, None) is None
    assert joined(recipe, more)["joined"] == [recipe, more]


def test_files_are_found_wherever_they_stand():
    inner = {"path": "m", "sha256": "2"}
    recipe = {"path": "a", "sha256": "1", "options": {"mask": inner, "steps": [{"dark": inner}]}, "then": []}
    assert [f["path"] for f in files_of(joined(recipe, recipe))] == ["a", "m", "m"] * 2
    assert files_of(None) == []

"""Recipes are plain values, of which arrays come back as they were, or not at all."""

import json

import numpy as np
import pytest

from proxiscope.core import InputError, recipes
from proxiscope.core.recipes import (
    INLINE,
    array_hash,
    by_value,
    file_hash,
    files_of,
    from_value,
    joined,
    repeatable,
    then,
)


@pytest.mark.parametrize("kind", ["f4", "f8", "i2", "u1", "?"])
def test_small_arrays_come_back_bit_for_bit(kind):
    array = (np.random.default_rng(0).random((3, 4)) * 9).astype(kind)
    found = from_value(json.loads(json.dumps(by_value(array))), "mask")
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("shape", [(9, 13), (1, 7, 31), (300, 300)])
def test_masks_are_packed_and_come_back(shape):
    mask = np.indices(shape).sum(axis=0) % 90 < 40
    value = json.loads(json.dumps(by_value(mask)))
    assert len(value["packed"]) < 2000
    found = from_value(value, "mask")
    assert found.dtype == bool
    np.testing.assert_array_equal(found, mask)


def test_a_mask_that_does_not_become_small_is_kept_as_a_hash():
    assert "array" in by_value(np.random.default_rng(0).random((1000, 1000)) > 0.5)


@pytest.mark.parametrize(
    "changes",
    [
        {"packed": "?"}, {"packed": 3}, {"packed": "A" * 60_000}, {"packed": ""},
        {"shape": [3, 1000]}, {"shape": [-2, -9]}, {"shape": [3, 50]}, {"shape": [10**9, 10**9]}, {"shape": [1e400]},
        {"shape": 5}, {"shape": ["x"]}, {"shape": []},
    ],
)  # fmt: skip
def test_a_damaged_mask_is_refused(changes):
    value = by_value(np.arange(200) % 3 > 0) | changes
    with pytest.raises(InputError, match="cannot be unpacked"):
        from_value(value, "mask")


def test_a_mask_larger_than_memory_is_refused_before_it_is_unpacked(monkeypatch):
    value = by_value(np.ones((3000, 3000), bool))
    assert from_value(value, "mask").all()
    monkeypatch.setattr(recipes, "available", lambda: 10**6)
    with pytest.raises(InputError, match="cannot be unpacked"):
        from_value(value, "mask")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1], "O"), ([1], "M8[s]"), ([1], "c16"), ([1], "V4"), ([1], "i4,f4"), ([1], "none"), ([1], {"evil": 3}),
        ([[1], [1, 2]], "f8"), (["a"], "f8"), (["a"], "?"), ([300], "u1"), ([1e400], "i4"), ({}, "f8"), ([None], "f8"),
    ],
)  # fmt: skip
def test_values_that_are_no_real_numbers_are_refused(values, kind):
    with pytest.raises(InputError, match=r"start: values of the type .*no real numbers"):
        from_value({"values": values, "type": kind}, "start")
    with pytest.raises(InputError, match="start: values of the type None"):
        from_value({"values": [1]}, "start")


def test_what_can_be_made_again():
    file = {"path": "a", "sha256": "1", "options": {}, "then": []}
    assert repeatable(file)
    assert repeatable(joined(file, then(file, "within", support=by_value(np.ones((20, 20), bool)))))
    for start in (np.ones(3, complex), np.zeros(INLINE + 1)):
        assert not repeatable(joined(file, then(file, "starting_from", image=by_value(start))))
    assert not repeatable(None)


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

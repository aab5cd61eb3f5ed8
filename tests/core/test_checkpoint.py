"""States on disk: what is saved comes back, and no file makes loading end in anything but one clear error."""

import json
import os
import pickle

import h5py
import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxiscope.core import InputError, NotEnoughMemoryError, iterate
from proxiscope.core.checkpoint import _seal, load_checkpoint, save_checkpoint
from proxiscope.phase import ER, GPSF
from tests.problems import Walkers, random_walk, small_pattern


@pytest.fixture
def walk():
    with random_walk() as cls:
        yield cls


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A checkpoint of an ER run."""
    path = tmp_path_factory.mktemp("saved") / "er.h5"
    save_checkpoint(path, ER(), next(iterate(ER(), small_pattern())).state)
    return path


def forged(path, build, **attributes):
    """A sealed file with the attributes of an ER checkpoint and the state that `build` puts into it."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file.attrs.update({"algorithm": "er", "parameters": "{}", **attributes})
        build(file)
    with path.open("r+b") as file:
        file.write(_seal(file))
    return path


def an_er_state(file, shape=(4, 4), iteration=1):
    group = file.create_group("state")
    group.attrs.update({"iteration": iteration, "shrunk": 0, "r_factor": 0.5, "free_r_factor": np.nan})
    group["image"] = group["input"] = np.zeros(shape, np.float32)
    group["support"] = np.zeros(shape, bool)


def test_arrays_numbers_and_nothing_come_back(walk, tmp_path):
    algorithm = walk(max_iterations=7, stride=0.1 + 0.2)
    state = next(iterate(algorithm, Walkers())).state
    save_checkpoint(tmp_path / "walk.h5", algorithm, state)
    loaded, back = load_checkpoint(tmp_path / "walk.h5")
    assert loaded == algorithm
    np.testing.assert_array_equal(back.position, state.position)
    assert (back.position.dtype, back.iteration, back.furthest) == (np.float64, 1, state.furthest)
    assert type(back.iteration) is int
    assert back.note is None
    assert back.work is None
    state.note = "halfway"
    save_checkpoint(tmp_path / "walk.h5", algorithm, state)
    assert load_checkpoint(tmp_path / "walk.h5")[1].note == "halfway"


def test_the_random_generator_goes_on_where_it_was(walk, tmp_path):
    algorithm = walk(max_iterations=20)
    whole = [p.estimate() for p in iterate(algorithm, Walkers(), seed=5)]
    for progress in iterate(algorithm, Walkers(), seed=5):
        if progress.iteration == 7:
            save_checkpoint(tmp_path / "walk.h5", algorithm, progress.state)
            break
    loaded, state = load_checkpoint(tmp_path / "walk.h5")
    resumed = [p.estimate() for p in iterate(loaded, Walkers(), state=state, seed=99)]
    np.testing.assert_array_equal(resumed, whole[7:])


def test_saving_draws_nothing_from_the_random_generator(walk, tmp_path):
    algorithm = walk(max_iterations=5)
    plain = [p.estimate() for p in iterate(algorithm, Walkers())]
    watched = []
    for progress in iterate(algorithm, Walkers()):
        save_checkpoint(tmp_path / "walk.h5", algorithm, progress.state)
        watched.append(progress.estimate())
    np.testing.assert_array_equal(watched, plain)


def test_a_state_that_was_saved_keeps_running_while_the_file_stays(tmp_path):
    algorithm = GPSF(max_iterations=6)
    run = iterate(algorithm, small_pattern())
    save_checkpoint(tmp_path / "c.h5", algorithm, next(run).state)
    list(run)
    assert load_checkpoint(tmp_path / "c.h5")[1].iteration == 1


def test_the_file_is_plain_hdf5_without_pickles(saved):
    with h5py.File(saved, "r") as file:
        assert file.attrs["algorithm"] == "er"
        assert json.loads(file.attrs["parameters"])["max_iterations"] == 1000
        assert file["state/image"].dtype == np.float32
        assert "work" not in file["state"]


def test_an_algorithm_that_is_not_installed_is_named(walk, tmp_path):
    save_checkpoint(tmp_path / "walk.h5", walk(), next(iterate(walk(), Walkers())).state)
    with h5py.File(tmp_path / "walk.h5", "r+") as file:
        file.attrs["algorithm"] = "teleport"
    with (tmp_path / "walk.h5").open("r+b") as file:
        file.write(_seal(file))
    with pytest.raises(InputError, match=r"there is no 'teleport'\. Choose one of .*er, "):
        load_checkpoint(tmp_path / "walk.h5")


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 5000, b"not a checkpoint", pickle.dumps({"a": 1}), b"\x89HDF\r\n\x1a\n" + b"\0" * 600,
     b"proxiscope checkpoint 2\n".ljust(2000, b"\0")],
    ids=["empty", "zeros", "text", "pickle", "HDF5 signature", "a later version"],
)  # fmt: skip
def test_a_foreign_file_is_refused(tmp_path, content):
    path = tmp_path / "foreign.h5"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"foreign.h5: not a usable checkpoint: it is some other file"):
        load_checkpoint(path)


def test_an_hdf5_file_of_another_program_is_refused(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        an_er_state(file)
    with pytest.raises(InputError, match="some other file"):
        load_checkpoint(tmp_path / "other.h5")


def test_a_missing_file_and_a_folder_are_refused_with_the_reason(tmp_path):
    with pytest.raises(InputError, match=r"gone.h5: .*No such file"):
        load_checkpoint(tmp_path / "gone.h5")
    with pytest.raises(InputError, match="not a usable checkpoint"):
        load_checkpoint(tmp_path)


def test_a_truncated_file_is_refused_wherever_it_was_cut(saved, tmp_path):
    whole = saved.read_bytes()
    path = tmp_path / "cut.h5"
    for length in [*range(0, len(whole), 997), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="not a usable checkpoint"):
            load_checkpoint(path)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.floats(0, 1, exclude_max=True), st.integers(1, 255))
def test_a_changed_byte_is_noticed(saved, tmp_path_factory, where, change):
    damaged = bytearray(saved.read_bytes())
    damaged[int(where * len(damaged))] ^= change
    path = tmp_path_factory.getbasetemp() / "damaged.h5"
    path.write_bytes(damaged)
    with pytest.raises(InputError, match="not a usable checkpoint"):
        load_checkpoint(path)


def empty_state(file):
    file.create_group("state")


def no_iteration(file):
    an_er_state(file)
    del file["state"].attrs["iteration"]


def no_image(file):
    an_er_state(file)
    del file["state/image"]


def state_is_an_array(file):
    file["state"] = np.zeros(3)


def image_is_text(file):
    an_er_state(file)
    del file["state/image"]
    file["state"].create_dataset("image", data=np.array(["a"], dtype=h5py.string_dtype()))


def image_is_elsewhere(file):
    an_er_state(file)
    del file["state/image"]
    file["state/image"] = h5py.ExternalLink("elsewhere.h5", "/image")


def image_is_its_own_link(file):
    an_er_state(file)
    del file["state/image"]
    file["state/image"] = h5py.SoftLink("/state/image")


def image_is_stored_outside(file):
    an_er_state(file)
    del file["state/image"]
    file["state"].create_dataset("image", (4, 4), "f4", external=[("outside.raw", 0, 64)])


def image_is_virtual(file):
    an_er_state(file)
    del file["state/image"]
    layout = h5py.VirtualLayout((4, 4), "f4")
    layout[...] = h5py.VirtualSource("elsewhere.h5", "image", (4, 4))
    file["state"].create_virtual_dataset("image", layout)


def generator_of_another_make(file):
    an_er_state(file)
    file["state"].attrs["iteration"] = '{"bit_generator": "MT19937"}'


def generator_without_a_state(file):
    an_er_state(file)
    file["state"].attrs["iteration"] = '{"bit_generator": "PCG64", "state": {"inc": 1}}'


@pytest.mark.parametrize(
    "build",
    [
        empty_state, no_iteration, no_image, state_is_an_array, image_is_text, image_is_elsewhere,
        image_is_its_own_link, image_is_stored_outside, image_is_virtual, generator_of_another_make,
        generator_without_a_state, lambda file: None,
    ],
)  # fmt: skip
def test_a_forged_state_is_refused(tmp_path, build):
    with pytest.raises(InputError, match="not a usable checkpoint"):
        load_checkpoint(forged(tmp_path / "forged.h5", build))


@pytest.mark.parametrize(
    "attributes",
    [
        {"parameters": "[" * 30000}, {"parameters": "5"}, {"parameters": 5}, {"parameters": "{"},
        {"parameters": '{"max_iterations": NaN}'}, {"parameters": '{"max_iterations": 10000000000}'},
        {"parameters": '{"__class__": 1}'}, {"parameters": "[1]"}, {"algorithm": 5}, {"algorithm": np.ones(3)},
        {"algorithm": ""},
    ],
    ids=str,
)  # fmt: skip
def test_forged_attributes_are_refused(tmp_path, attributes):
    with pytest.raises(InputError):
        load_checkpoint(forged(tmp_path / "forged.h5", an_er_state, **attributes))


def test_the_forgeries_are_refused_for_what_is_forged_in_them(tmp_path):
    algorithm, state = load_checkpoint(forged(tmp_path / "sound.h5", an_er_state))
    assert algorithm == ER()
    assert state.image.shape == (4, 4)


@pytest.mark.parametrize("iteration", ["x", [1, 2], 1.5, -3])
def test_a_forged_iteration_is_refused_on_loading_or_resuming(tmp_path, iteration):
    def build(file):
        an_er_state(file, small_pattern().shape, iteration)

    def load_and_resume(path):
        algorithm, state = load_checkpoint(path)
        next(iterate(algorithm, small_pattern(), state=state))

    path = forged(tmp_path / "forged.h5", build)
    with pytest.raises(InputError, match="iteration"):
        load_and_resume(path)


def test_a_group_in_place_of_an_array_is_refused_on_resuming(tmp_path):
    def build(file):
        an_er_state(file, small_pattern().shape)
        del file["state/image"]
        file.create_group("state/image")

    algorithm, state = load_checkpoint(forged(tmp_path / "forged.h5", build))
    with pytest.raises(InputError, match=r"its image is .* where this run takes float32"):
        next(iterate(algorithm, small_pattern(), state=state))


def test_a_small_file_that_claims_a_huge_array_is_refused(tmp_path):
    def huge(file):
        an_er_state(file)
        del file["state/image"]
        file["state"].create_dataset("image", (10**6, 10**6), "f4", chunks=(100, 100))

    path = forged(tmp_path / "huge.h5", huge)
    assert path.stat().st_size < 100_000
    with pytest.raises(NotEnoughMemoryError, match=r"takes 4e\+03 GB"):
        load_checkpoint(path)


def test_a_state_larger_than_the_memory_is_refused(saved, monkeypatch):
    class Little:
        available = 1000

    monkeypatch.setattr(psutil, "virtual_memory", lambda: Little)
    with pytest.raises(NotEnoughMemoryError, match="available"):
        load_checkpoint(saved)


def test_a_failed_save_leaves_the_previous_file_and_no_litter(walk, tmp_path):
    path, state = tmp_path / "walk.h5", next(iterate(walk(), Walkers())).state
    save_checkpoint(path, walk(), state)
    before = path.read_bytes()
    state.note = object()
    with pytest.raises(TypeError):
        save_checkpoint(path, walk(), state)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["walk.h5"]


def test_a_checkpoint_cannot_be_saved_into_a_missing_folder(walk, tmp_path):
    with pytest.raises(InputError, match="folder"):
        save_checkpoint(tmp_path / "nowhere" / "walk.h5", walk(), next(iterate(walk(), Walkers())).state)

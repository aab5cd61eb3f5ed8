"""HDF5 files that lead elsewhere, claim too much, hang the library or leave a choice."""

import h5py
import numpy as np
import pytest

from proxiscope.core.errors import InputError
from proxiscope.io import read, write_array

STACK = np.random.default_rng(1).random((4, 5, 6)).astype(np.float32)


def refuses(path, match="", **options):
    with pytest.raises(InputError, match=match) as caught:
        read(path, **options)
    return caught.value


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("size", [0, 2**64 - 1, 2**20])
def test_damaged_heap_does_not_hang(tmp_path, monkeypatch, size, large):
    """A free object of size 0 makes the HDF5 library loop for ever; so it must not get that far.

    Of a large file the values of its arrays are not searched.
    """
    if large:
        monkeypatch.setattr("proxiscope.io.hdf5_access._SEARCHED", 0)
    write_array(tmp_path / "a.h5", STACK, pixel_size=2)
    block = bytearray((tmp_path / "a.h5").read_bytes())
    free = block.index(b"GCOL") + 16
    while number := int.from_bytes(block[free : free + 2], "little"):
        assert number
        free += 16 + -(-int.from_bytes(block[free + 8 : free + 16], "little") // 8) * 8
    block[free + 8 : free + 16] = size.to_bytes(8, "little")
    (tmp_path / "a.h5").write_bytes(block)
    refuses(tmp_path / "a.h5", "heap of strings")


def test_huge_hdf5_dataset_without_content(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", (2**20, 2**14, 2**14), "f4", chunks=(1, 64, 64))
    assert (tmp_path / "a.h5").stat().st_size < 10_000
    refuses(tmp_path / "a.h5", "memory")


def test_hdf5_with_several_candidates(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["one"], file["two"] = STACK, STACK
    error = refuses(tmp_path / "a.h5", "one, two")
    assert "variable='one'" in error.remedy
    assert read(tmp_path / "a.h5", variable="two").data.shape == STACK.shape
    refuses(tmp_path / "a.h5", "no array 'three'", variable="three")
    refuses(tmp_path / "a.h5", "no array 'one/more'", variable="one/more")


def test_hdf5_never_leaves_the_file(tmp_path):
    write_array(tmp_path / "other.h5", STACK)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["link"] = h5py.ExternalLink("other.h5", "/data")
        file["group"] = h5py.ExternalLink("other.h5", "/")
        file["detour"] = h5py.SoftLink("/group/data")
        file["loop"] = h5py.SoftLink("/loop")
        file["dangling"] = h5py.SoftLink("/nowhere")
        layout = h5py.VirtualLayout((4, 5, 6), "f4")
        layout[:] = h5py.VirtualSource("other.h5", "data", (4, 5, 6))
        file.create_virtual_dataset("virtual", layout)
        (tmp_path / "raw.bin").write_bytes(bytes(480))
        file.create_dataset("outside", (4, 5, 6), "f4", external=[(str(tmp_path / "raw.bin"), 0, 480)])
    for name in ("link", "group/data", "detour"):
        refuses(tmp_path / "a.h5", "link into another file", variable=name)
    for name in ("virtual", "outside"):
        refuses(tmp_path / "a.h5", "other files", variable=name)
    for name in ("loop", "dangling", ""):
        refuses(tmp_path / "a.h5", "no array", variable=name)

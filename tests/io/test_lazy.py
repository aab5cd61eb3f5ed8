"""Twenty gigabytes open in no time and no memory, and their pieces are read when they are asked for."""

import gc

import h5py
import mrcfile
import numpy as np
import psutil
import pytest
import tifffile
import zarr

from proxiscope.core.errors import InputError
from proxiscope.io import read
from proxiscope.io.lazy import LAZY, in_memory, is_lazy

SHAPE = (1250, 2048, 4096)  # of int16: 19.5 GiB
SMALL = (3, 2048, 4096)


def _mrc(path, shape):
    with mrcfile.new(path, overwrite=True) as mrc:
        mrc.set_data(np.ones((1, *shape[1:]), np.int16))
    with open(path, "r+b") as file:
        file.seek(8)
        file.write(np.array(shape[0], "<i4").tobytes())
        file.truncate(1024 + 2 * int(np.prod(shape)))


def _npy(path, shape):
    np.lib.format.open_memmap(path, "w+", np.int16, shape).flush()


def _tif(path, shape):
    del_me = tifffile.memmap(path, shape=shape, dtype=np.int16, bigtiff=True, metadata=None, photometric="minisblack")
    del del_me


def _h5(path, shape):
    with h5py.File(path, "w") as file:
        layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        layout.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        layout.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        h5py.h5d.create(file.id, b"images", h5py.h5t.NATIVE_INT16, h5py.h5s.create_simple(shape), layout)
        file["images"].attrs["units"] = "text that lies in a heap"


def _chunked_h5(path, shape):
    with h5py.File(path, "w") as file:
        images = file.create_dataset("images", shape, "i2", chunks=(1, *shape[1:]), compression="gzip")
        images[0] = 1


def _zarr(path, shape):
    array = zarr.open_group(path, mode="w").create_array("0", shape=shape, chunks=(1, 1024, 1024), dtype="i2")
    array[0, :1024, :1024] = 1


def supports_holes(folder) -> bool:
    """Whether files may be long and take no space."""
    path = folder / "hole"
    with path.open("wb") as file:
        file.truncate(2**30)
    blocks = getattr(path.stat(), "st_blocks", None)
    path.unlink()
    return blocks is not None and blocks * 512 < 2**20


WRITERS = {"a.mrc": _mrc, "a.npy": _npy, "a.tif": _tif, "a.h5": _h5, "b.h5": _chunked_h5, "a.zarr": _zarr}


@pytest.mark.parametrize("name", WRITERS)
def test_twenty_gigabytes_take_no_memory(tmp_path, name):
    if not supports_holes(tmp_path):
        pytest.skip("files cannot have holes here")
    WRITERS[name](tmp_path / f"small{name}", SMALL)
    np.asarray(read(tmp_path / f"small{name}").data[0, 0])  # what the libraries take
    WRITERS[name](tmp_path / name, SHAPE)
    gc.collect()
    process = psutil.Process()
    before = process.memory_info().rss
    raw = read(tmp_path / name)
    assert raw.data.shape == SHAPE
    assert np.asarray(raw.data[0, 3, :100]).shape == (100,)
    assert np.asarray(raw.data[-1, :10, :10]).max() == 0
    assert process.memory_info().rss - before < 100e6


def test_large_unsigned_counts_wait(tmp_path):
    """The offset of FEI's counts is added piece by piece."""
    counts = np.random.default_rng(0).integers(0, 9000, (9, 2000, 2000), np.uint16)
    with mrcfile.new(tmp_path / "a.mrc") as mrc:
        mrc.set_data((counts.astype(np.int32) - 32768).astype(np.int16))
    raw = read(tmp_path / "a.mrc")
    assert is_lazy(raw.data)
    assert any("-32768" in note for note in raw.notes)
    np.testing.assert_array_equal(raw.data[4], counts[4])


def test_a_file_that_was_replaced_is_noticed(tmp_path):
    shape = (2, 6000, 6000)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("images", shape, "i2", chunks=(1, 600, 6000), compression="lzf")[0] = np.ones(shape[1:])
    raw = read(tmp_path / "a.h5")
    assert raw.data.nbytes > LAZY
    assert np.asarray(raw.data[0, 0]).min() == 1
    with h5py.File(tmp_path / "a.h5", "w") as file:  # nothing keeps it open
        file["images"] = np.zeros((2, 3))
    with pytest.raises(InputError, match="has changed"):
        np.asarray(raw.data[0])


def test_values_are_only_taken_into_memory_that_there_is(tmp_path, monkeypatch):
    from collections import namedtuple

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("images", (2, 6000, 6000), "i2", chunks=(1, 600, 6000))[0] = np.ones((6000, 6000))
    data = read(tmp_path / "a.h5").data
    monkeypatch.setattr(psutil, "virtual_memory", lambda: namedtuple("memory", "available")(2**20))
    with pytest.raises(InputError, match="memory"):
        in_memory(data, tmp_path / "a.h5")


def test_large_packed_pages_are_read_one_by_one(tmp_path):
    images = np.zeros((20, 1500, 1500), np.int16)
    images[:, 100:200, :50] = np.random.default_rng(0).integers(0, 9, (20, 100, 50))
    tifffile.imwrite(tmp_path / "a.tif", images, compression="zlib", photometric="minisblack")
    data = read(tmp_path / "a.tif").data
    assert is_lazy(data)
    np.testing.assert_array_equal(data[7, 100:200], images[7, 100:200])
    np.testing.assert_array_equal(data[3:5], images[3:5])


@pytest.mark.parametrize("name", ["a.mrc", "a.npy", "a.tif", "a.h5", "b.h5"])
def test_only_what_is_asked_for_is_read(tmp_path, monkeypatch, name):
    """A few rows of all images, or images in another order, are not worth reading all."""
    from proxiscope.io import lazy

    shape, asked = (9, 2048, 2048), []
    images = np.broadcast_to(np.arange(9, dtype=np.int16)[:, None, None], shape)
    if name == "a.mrc":
        with mrcfile.new(tmp_path / name) as mrc:
            mrc.set_data(images.copy())
    elif name == "a.npy":
        np.save(tmp_path / name, images)
    elif name == "a.tif":
        tifffile.imwrite(tmp_path / name, images, photometric="minisblack")
    else:
        with h5py.File(tmp_path / name, "w") as file:
            chunks = {"chunks": (1, 2048, 2048), "compression": "lzf"} if name == "b.h5" else {}
            file.create_dataset("images", data=images, **chunks)
    data, values = read(tmp_path / name).data, lazy.OnDisk._values

    def watched(self, key):
        found = values(self, key)
        asked.append(found.nbytes)
        return found

    monkeypatch.setattr(lazy.OnDisk, "_values", watched)
    np.testing.assert_array_equal(data[:, 700:702, 5], np.arange(9)[:, None] * [1, 1])
    assert sum(asked) < 9 * 2 * 2048 * 2 + 1
    order = [4, 0, 8, 2, 6, 1, 3, 5, 7]
    np.testing.assert_array_equal(data[np.array(order)][:, 0, 0], order)
    np.testing.assert_array_equal(data[1, ::-3, 7:0:-2], np.ones((683, 4)))

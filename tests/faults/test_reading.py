"""Files that vanish, shrink, grow or are written to while they are read: one clear error, and the process lives.

A file that is cut short while it is mapped into memory kills the process that looks at it (SIGBUS), which is why
nothing is mapped.
"""

import os
import shutil
import zipfile
from pathlib import Path

import h5py
import mrcfile
import numpy as np
import pytest
import tifffile
import zarr

from proxiscope.core import InputError
from proxiscope.io import read
from proxiscope.io.lazy import is_lazy
from tests.builders import DM

SHAPE = (9, 64, 64)


@pytest.fixture(autouse=True)
def all_stays_on_disk(monkeypatch):
    """As if these small arrays were large ones."""
    for name in ("dm", "edf", "frames", "hdf5_access", "lazy", "tiff", "zarr_access"):
        monkeypatch.setattr(f"proxiscope.io.{name}.LAZY", 1000)


def _images() -> np.ndarray:
    return np.broadcast_to(np.arange(9, dtype=np.int16)[:, None, None], SHAPE).copy()


def _mrc(path):
    with mrcfile.new(path) as mrc:
        mrc.set_data(_images())


def _hdf5(path):
    with h5py.File(path, "w") as file:
        file["images"] = _images()


def _packed_hdf5(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("images", data=_images(), chunks=(1, 64, 64), compression="lzf")


def _pages(path):
    tifffile.imwrite(path, _images(), compression="zlib", photometric="minisblack")


def _edf(path):
    from fabio.edfimage import EdfImage

    first, *rest = _images()
    image = EdfImage(data=first)
    for frame in rest:
        image.append_frame(data=frame)
    image.write(str(path))


def _dm(path):
    writer = DM(4)
    path.write_bytes(writer.file(writer.image(_images().astype(np.float32), 6, 2, ("nm",) * 3, (0.5,) * 3)))


def _zarr(path):
    zarr.open_group(path, mode="w").create_array("images", data=_images(), chunks=(1, 64, 64))


def _zipped_zarr(path):
    folder = path.with_name("plain.zarr")
    _zarr(folder)
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(f for f in folder.rglob("*") if f.is_file()):
            archive.write(file, file.relative_to(folder))
    shutil.rmtree(folder)


LAZILY = {
    "a.mrc": _mrc,
    "a.npy": lambda path: np.save(path, _images()),
    "fortran.npy": lambda path: np.save(path, np.asfortranarray(_images())),
    "a.tif": lambda path: tifffile.imwrite(path, _images(), photometric="minisblack"),
    "packed.tif": _pages,
    "a.h5": _hdf5,
    "packed.h5": _packed_hdf5,
    "a.edf": _edf,
    "a.dm4": _dm,
    "a.zarr": _zarr,
    "a.zarr.zip": _zipped_zarr,
}
"""One of each family of readers that leave large arrays on the disk."""


def vanish(path: Path) -> None:
    path.unlink()


def shrink(path: Path) -> None:
    os.truncate(path, 3000)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(bytes(5000))


def rewrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(5000)
        file.write(bytes(5000))
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))  # clocks of some file systems are coarse


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"something else")
    os.replace(other, path)


CHANGES = (vanish, shrink, grow, rewrite, replace)


@pytest.mark.skipif(os.name != "posix", reason="files in use cannot be removed elsewhere")
@pytest.mark.parametrize("name", LAZILY)
@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changes_while_it_is_read_is_told(tmp_path, name, change):
    path = tmp_path / name
    LAZILY[name](path)
    data = read(path).data
    assert is_lazy(data)
    np.testing.assert_array_equal(data[3, 5:7, 5:7], 3)
    if path.is_dir():
        if change is not vanish:
            pytest.skip("what a folder of chunks holds is looked at chunk by chunk")
        shutil.rmtree(path)
    else:
        change(path)
    for part in (data[4, :2], data):
        with pytest.raises(InputError) as told:
            np.asarray(part)
        assert name in str(told.value)
        assert len(str(told.value)) < 400


@pytest.mark.parametrize("change", [vanish, shrink, replace])
def test_an_image_of_many_that_changes_is_told(tmp_path, change):
    paths = [tmp_path / f"frame_{i}.tif" for i in range(9)]
    for path, image in zip(paths, _images(), strict=True):
        tifffile.imwrite(path, image)
    data = read(paths).data
    assert is_lazy(data)
    np.testing.assert_array_equal(data[3, 5:7, 5:7], 3)
    change(paths[4])
    with pytest.raises(InputError, match=r"frame_\d\.tif"):
        np.asarray(data)


@pytest.mark.skipif(os.name != "posix", reason="files in use cannot be removed elsewhere")
@pytest.mark.parametrize("change", [shrink, rewrite])
def test_a_file_that_changes_within_a_read_is_told(tmp_path, monkeypatch, change):
    """Between the look at the file and the values."""
    from proxiscope.io import lazy

    _mrc(tmp_path / "a.mrc")
    data, rows = read(tmp_path / "a.mrc").data, lazy._rows

    def late(file, shape, *more):
        change(tmp_path / "a.mrc")
        return rows(file, shape, *more)

    monkeypatch.setattr(lazy, "_rows", late)
    with pytest.raises(InputError, match=r"has changed|ends before"):
        np.asarray(data[2])


def test_small_files_are_in_memory_once_they_are_open(tmp_path, monkeypatch):
    """What the window shows of them stays whatever becomes of the file."""
    monkeypatch.undo()
    images = np.arange(5 * 12 * 10, dtype=np.float32).reshape(5, 12, 10)
    np.save(tmp_path / "a.npy", images)
    tifffile.imwrite(tmp_path / "a.tif", images, photometric="minisblack")
    with mrcfile.new(tmp_path / "a.mrc") as mrc:
        mrc.set_data(images)
    for path in sorted(tmp_path.iterdir()):
        data = read(path).data
        os.truncate(path, 10)
        np.testing.assert_array_equal(data, images)

"""Files that cannot be used end in one clear error that names the file, whatever is wrong with them."""

import gzip
import io
import os
import pickle
import threading
import zipfile
from collections import namedtuple

import h5py
import mrcfile
import numpy as np
import psutil
import pytest
import scipy.io
import tifffile

from proxiscope.core.errors import InputError
from proxiscope.io import READ_SUFFIXES, read, read_angles, read_array, write_array
from proxiscope.io.raw import reading

STACK = np.random.default_rng(1).random((4, 5, 6)).astype(np.float32)


def make(path, data=STACK):
    """A small valid file of the format that the suffix of `path` stands for."""
    if path.name.endswith(".gz"):
        write_array(path.with_name("x.mrc"), data)
        path.write_bytes(gzip.compress(path.with_name("x.mrc").read_bytes()))
    elif path.suffix == ".mat":
        scipy.io.savemat(path, {"data": data}, do_compression=True)
    elif path.suffix == ".hspy":
        with h5py.File(path, "w") as file:
            group = file.create_group("Experiments/a")
            group.create_dataset("data", data=data, chunks=True, compression="gzip")
            for i, units in enumerate(["degrees", "nm", "nm"]):
                group.create_group(f"axis-{i}").attrs.update({"units": units, "scale": 2.0, "navigate": i == 0})
    else:
        write_array(path, data, pixel_size=0.5)
    return path


def refuses(path, match=None, **options):
    with pytest.raises(InputError, match=match) as caught:
        read(path, **options)
    assert caught.value.field
    assert len(str(caught.value)) < 1000
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.fixture
def little_memory(monkeypatch):
    """A machine with 1 MiB to spare."""
    memory = namedtuple("memory", "available")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory(2**20))


@pytest.mark.parametrize("suffix", READ_SUFFIXES)
class TestEveryFormat:
    def test_missing(self, tmp_path, suffix):
        error = refuses(tmp_path / f"a{suffix}", "does not exist")
        assert error.field == f"a{suffix}"

    def test_folder(self, tmp_path, suffix):
        (tmp_path / f"a{suffix}").mkdir()
        refuses(tmp_path / f"a{suffix}", "is a folder")

    def test_empty(self, tmp_path, suffix):
        (tmp_path / f"a{suffix}").touch()
        error = refuses(tmp_path / f"a{suffix}")
        assert str(error) == f"a{suffix}: the file is empty (0 bytes). Copy or export it again."

    @pytest.mark.parametrize("size", [1, 100, 5000])
    def test_text(self, tmp_path, suffix, size):
        (tmp_path / f"a{suffix}").write_text(("Dear microscope, " * 300)[:size])
        assert refuses(tmp_path / f"a{suffix}").field == f"a{suffix}"

    @pytest.mark.parametrize("byte", [b"\0", b"\xff", b"\x01"])
    def test_constant_bytes(self, tmp_path, suffix, byte):
        (tmp_path / f"a{suffix}").write_bytes(byte * 4000)
        refuses(tmp_path / f"a{suffix}")


FUZZED = [".mrc", ".mrc.gz", ".npy", ".npz", ".h5", ".hspy", ".tif", ".mat"]


@pytest.mark.parametrize("suffix", FUZZED)
def test_cut_short(tmp_path, suffix):
    whole = make(tmp_path / f"whole{suffix}").read_bytes()
    path = tmp_path / f"a{suffix}"
    for part in (0.1, 0.5, 0.9):
        path.write_bytes(whole[: int(len(whole) * part)])
        try:
            np.asarray(read(path).data).sum()
        except InputError as error:
            assert error.field == path.name  # noqa: PT017
        else:
            assert part == 0.9  # only what comes after the data is missing
            np.testing.assert_array_equal(read(path).data, STACK)


@pytest.mark.parametrize("suffix", FUZZED)
def test_mutated_bytes(tmp_path, suffix):
    """200 seeded mutations: each file is read or refused, and nothing else happens."""
    whole = make(tmp_path / f"whole{suffix}").read_bytes()
    rng = np.random.default_rng(FUZZED.index(suffix))
    path = tmp_path / f"a{suffix}"
    for i in range(200):
        block = bytearray(whole)
        reach = len(block) if i % 2 else min(len(block), 1200)  # every other one aims at the headers
        for position in rng.integers(0, reach, rng.integers(1, 9)):
            block[position] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.integers(256)])
        path.unlink(missing_ok=True)
        path.write_bytes(block)
        try:
            raw = read(path)
        except InputError:
            continue
        assert raw.data.ndim in (2, 3)
        assert np.asarray(raw.data).nbytes < 2**20


def test_unknown_suffix_lists_those_known(tmp_path):
    for name in ("a.xyz", "a", "a.txt.gz", "a.gz"):
        (tmp_path / name).write_text("x")
        error = refuses(tmp_path / name, "not read")
        assert ".mrc" in error.remedy
        assert ".tif" in error.remedy
    with pytest.raises(InputError, match=r"not written.*\.mrc"):
        write_array(tmp_path / "a.png", STACK)


def test_suffix_in_capitals(tmp_path):
    make(tmp_path / "a.npy").rename(tmp_path / "A.NPY")
    assert read(tmp_path / "A.NPY").data.shape == STACK.shape


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "a.mrc")
    refuses(tmp_path / "a.mrc", "no regular file")


def test_names_that_are_no_paths():
    for name in ("a\0b.mrc", "x" * 5000 + ".mrc"):
        refuses(name)


@pytest.mark.parametrize("shape", [(2**20, 2**20, 2**20), (2**23, 100, 100)])
def test_mrc_header_claims_more_than_there_is(tmp_path, shape):
    for name in ("a.mrc", "a.mrc.gz"):
        path = make(tmp_path / name)
        block = bytearray(gzip.decompress(path.read_bytes()) if name.endswith(".gz") else path.read_bytes())
        block[:12] = np.array(shape[::-1], "<i4").tobytes()
        path.write_bytes(gzip.compress(bytes(block)) if name.endswith(".gz") else bytes(block))
        refuses(path, "claim")


def test_complex_mrc(tmp_path):
    with mrcfile.new(tmp_path / "a.mrc") as mrc:
        mrc.set_data(STACK.astype(np.complex64))
    refuses(tmp_path / "a.mrc", "complex")


def test_packed_mrc_larger_than_memory(tmp_path, little_memory):
    with gzip.open(tmp_path / "a.mrc.gz", "wb") as file:
        file.write(write_bytes_of(np.zeros((10, 256, 256), np.float32), tmp_path))
    refuses(tmp_path / "a.mrc.gz", "memory")


def write_bytes_of(data, folder):
    write_array(folder / "bytes.mrc", data)
    return (folder / "bytes.mrc").read_bytes()


BAD_ARRAYS = [
    (np.ones((3, 3), complex), "complex"),
    (np.ones(5), r"shape \(5,\)|no numeric array|no real array"),
    (np.ones((2, 3, 4, 5)), r"shape \(2, 3, 4, 5\)|no numeric array|no real array"),
    (np.array([["a", "b"], ["c", "d"]]), "type|no real array|no numeric array"),
    (np.ones((0, 3)), r"shape \(0, 3\)|no numeric array|no real array"),
]


@pytest.mark.parametrize(("array", "match"), BAD_ARRAYS)
def test_arrays_of_the_wrong_kind(tmp_path, array, match):
    np.save(tmp_path / "a.npy", array)
    refuses(tmp_path / "a.npy", match)
    np.savez(tmp_path / "a.npz", a=array)
    refuses(tmp_path / "a.npz", match)
    if array.dtype.kind != "U":
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["a"] = array
        refuses(tmp_path / "a.h5")
        refuses(tmp_path / "a.h5", match, variable="a")
    if array.ndim != 1 and array.size:
        scipy.io.savemat(tmp_path / "a.mat", {"a": array})
        refuses(tmp_path / "a.mat")


class Evil:
    """Unpickling this makes a file."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return type(self.mark).touch, (self.mark,)


def test_pickles_are_never_opened(tmp_path):
    mark = tmp_path / "mark"
    pickle.loads(pickle.dumps(Evil(mark)))
    assert mark.exists()
    mark.unlink()
    array = np.array([[Evil(mark)]], dtype=object)
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    refuses(tmp_path / "a.npy", "pickle")
    np.savez(tmp_path / "a.npz", data=array, allow_pickle=True)
    refuses(tmp_path / "a.npz", "pickle")
    refuses(tmp_path / "a.npz", "pickle", variable="data")
    with pytest.raises(InputError, match="pickle"):
        read_angles(tmp_path / "a.npy")
    assert not mark.exists()


def test_npz_with_nothing_usable(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("readme.txt", "nothing")
    refuses(tmp_path / "a.npz", "no numeric array")
    with zipfile.ZipFile(tmp_path / "a.npz", "w"):
        pass
    refuses(tmp_path / "a.npz", "no numeric array")


def npy_header(shape, dtype="<f4"):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue()


def test_zip_bomb(tmp_path, little_memory):
    """A few kB that unpack to 64 MiB are refused before they are unpacked."""
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.npy", npy_header((4096, 4096)) + bytes(4 * 4096 * 4096))
        archive.writestr("angles.npy", npy_header((3,)) + bytes(12) + bytes(2**26))
    assert (tmp_path / "a.npz").stat().st_size < 200_000
    refuses(tmp_path / "a.npz", "memory")


def test_npz_that_claims_more_than_it_has(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("data.npy", npy_header((64, 64)) + bytes(100))
    refuses(tmp_path / "a.npz", "holds less")


@pytest.mark.parametrize("shape", [(10**9, 10**9), (-3, 5), (2**62, 4)])
def test_npy_header_claims_more_than_there_is(tmp_path, shape):
    (tmp_path / "a.npy").write_bytes(npy_header(shape) + bytes(100))
    refuses(tmp_path / "a.npy", "claim")


def test_hyperspy_links_are_not_followed(tmp_path):
    make(tmp_path / "other.hspy")
    make(tmp_path / "a.hspy")
    with h5py.File(tmp_path / "a.hspy", "r+") as file:
        del file["Experiments/a/axis-0"]
        file["Experiments/a/axis-0"] = h5py.ExternalLink("other.hspy", "/Experiments/a/axis-0")
    assert read(tmp_path / "a.hspy").angles is None


def test_matlab_without_arrays(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"text": "hello", "cell": np.array([[1, "a"]], dtype=object), "x": 3})
    refuses(tmp_path / "a.mat", "no numeric array")
    refuses(tmp_path / "a.mat", "no array 'y'", variable="y")


def test_matlab_larger_than_memory(tmp_path, little_memory):
    scipy.io.savemat(tmp_path / "a.mat", {"a": np.zeros((500, 500))}, do_compression=True)
    refuses(tmp_path / "a.mat", "memory")


def test_colour_and_many_dimensions_in_tiff(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((8, 9, 3), np.uint8), photometric="rgb")
    refuses(tmp_path / "a.tif", "colour")
    tifffile.imwrite(tmp_path / "b.tif", np.ones((2, 3, 8, 9), np.uint8), photometric="minisblack")
    refuses(tmp_path / "b.tif", "shape")
    tifffile.imwrite(tmp_path / "c.tif", np.ones((8, 9), np.complex64))
    refuses(tmp_path / "c.tif", "complex")


def test_ome_tiff_opens_no_other_file(tmp_path):
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, metadata={"axes": "ZYX"})
    block = (tmp_path / "a.ome.tif").read_bytes()
    assert read(tmp_path / "a.ome.tif").data.shape == STACK.shape
    (tmp_path / "b.ome.tif").write_bytes(block.replace(b"a.ome.tif", b"c.ome.tif"))
    assert read(tmp_path / "b.ome.tif").data.shape[-2:] == STACK.shape[-2:]


def test_read_array_refuses_alike(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_array(tmp_path / "a.npy")


def test_readers_in_threads(tmp_path):
    """Reading is safe from several threads at once, as the GUI and a script may do it."""
    paths = [make(tmp_path / f"a{suffix}") for suffix in FUZZED]
    failures = []

    def work():
        for path in paths:
            try:
                data = read(path).data
                np.testing.assert_array_equal(data.T if path.suffix == ".mat" else data, STACK)
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_library_that_is_missing_is_named(tmp_path):
    (tmp_path / "a.mrc").write_bytes(bytes(2000))
    with pytest.raises(InputError, match="library rsciio, which is not installed"), reading(tmp_path / "a.mrc", "DM"):
        raise ModuleNotFoundError("No module named 'rsciio'", name="rsciio")

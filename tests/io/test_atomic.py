"""Writes either happen or leave everything as it was."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from proxiscope.core.errors import InputError
from proxiscope.core.files import atomic
from proxiscope.io import WRITE_SUFFIXES, write_array


def test_success_replaces(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")
    with atomic(path) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".txt"
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["result.txt"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, GeneratorExit])
def test_failure_keeps_the_previous_output(tmp_path, error):
    path = tmp_path / "result.txt"
    path.write_text("old")

    def write():
        with atomic(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        write()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["result.txt"]


def test_failure_leaves_no_file(tmp_path):
    with pytest.raises(InputError, match="complex"):
        write_array(tmp_path / "new.mrc", np.ones((4, 4), complex))
    assert os.listdir(tmp_path) == []


def content(path):
    """The bytes of a file, or of all files of a folder."""
    if path.is_dir():
        return {p.relative_to(path): p.read_bytes() for p in path.rglob("*") if p.is_file()}
    return path.read_bytes()


@pytest.mark.parametrize("suffix", WRITE_SUFFIXES)
def test_killed_while_writing(tmp_path, suffix):
    """A process that is killed between the first byte and the rename leaves the previous file intact."""
    path = tmp_path / f"result{suffix}"
    write_array(path, np.ones((4, 4), np.float32))
    before = content(path)
    code = (
        "import sys, time, os, types, numpy as np, proxiscope.core.files as files\n"
        "def stuck(*names):\n"
        "    print('written', flush=True); time.sleep(60)\n"
        "files.os = types.SimpleNamespace(**vars(os) | {'replace': stuck})\n"  # zarr has renames of its own
        "from proxiscope.io import write_array\n"
        "write_array(sys.argv[1], np.zeros((64, 64, 64), np.float32))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline().strip() == b"written"
        process.kill()
    assert process.returncode != 0
    if suffix == ".zarr":  # killed between two renames: the old one is whole, under another name
        (path,) = tmp_path.glob(".result.*.old.zarr")
    assert content(path) == before


@pytest.mark.skipif(os.name != "posix", reason="sends SIGKILL")
def test_killed_at_any_moment(tmp_path):
    path = tmp_path / "result.npy"
    code = (
        "import sys, numpy as np\nfrom proxiscope.io import write_array\nprint('go', flush=True)\n"
        "i = 0\nwhile True:\n    i += 1\n    write_array(sys.argv[1], np.full((256, 256), i, np.int64))\n"
    )
    for delay in (0.02, 0.05, 0.11):
        with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            while not path.exists():
                time.sleep(0.001)
            time.sleep(delay)
            os.kill(process.pid, signal.SIGKILL)
        values = np.load(path)
        assert values.shape == (256, 256)
        assert values.min() == values.max()


def test_mode_and_links_survive(tmp_path):
    if os.name != "posix":
        pytest.skip("modes and links of POSIX")
    path, link = tmp_path / "result.txt", tmp_path / "link.txt"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    with atomic(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o640


def test_new_files_have_the_usual_mode(tmp_path):
    (tmp_path / "usual").touch()
    write_array(tmp_path / "a.npy", np.ones((2, 2)))
    assert (tmp_path / "a.npy").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_missing_folder(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        write_array(tmp_path / "no" / "a.npy", np.ones((2, 2)))


def test_folder_in_the_way(tmp_path):
    (tmp_path / "a.npy").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        write_array(tmp_path / "a.npy", np.ones((2, 2)))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_unwritable_folder(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(InputError, match="cannot be written"):
            write_array(tmp_path / "a.npy", np.ones((2, 2)))
    finally:
        tmp_path.chmod(0o700)


def test_disk_full(tmp_path, monkeypatch):
    path = tmp_path / "a.npy"
    write_array(path, np.ones((2, 2)))

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(InputError, match="No space left"):
        write_array(path, np.zeros((2, 2)))
    monkeypatch.undo()
    np.testing.assert_array_equal(np.load(path), 1)
    assert sorted(os.listdir(tmp_path)) == ["a.npy", "a.npy.json"]


def test_a_folder_replaces_a_zarr(tmp_path):
    path = tmp_path / "a.zarr"
    for value in (1, 2):
        with atomic(path, folder=True) as temporary:
            assert temporary.is_dir()
            (temporary / "zarr.json").write_text(str(value))
            (temporary / "0").mkdir()
            (temporary / "0" / "c").write_text("chunk")
    assert (path / "zarr.json").read_text() == "2"
    assert os.listdir(tmp_path) == ["a.zarr"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_folder_that_fails_leaves_the_previous_one(tmp_path, error):
    path = tmp_path / "a.zarr"
    write_array(path, np.ones((4, 4), np.float32))
    before = content(path)

    def write():
        with atomic(path, folder=True) as temporary:
            (temporary / "zarr.json").write_text("half")
            raise error

    with pytest.raises(error):
        write()
    assert content(path) == before
    assert os.listdir(tmp_path) == ["a.zarr"]


def test_a_rename_that_fails_puts_the_previous_folder_back(tmp_path, monkeypatch):
    path = tmp_path / "a.zarr"
    write_array(path, np.ones((4, 4), np.float32))
    before = content(path)

    def refuse(*names):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("proxiscope.core.files.os.replace", refuse)
    with pytest.raises(InputError, match="Input/output error"):
        write_array(path, np.zeros((4, 4), np.float32))
    assert content(path) == before
    assert os.listdir(tmp_path) == ["a.zarr"]


def test_no_folder_of_other_things_is_replaced(tmp_path):
    (tmp_path / "photos.zarr").mkdir()
    (tmp_path / "photos.zarr" / "holiday.jpg").write_text("irreplaceable")
    (tmp_path / "file.zarr").write_text("a file")
    for name, words in (("photos.zarr", "other things"), ("file.zarr", "is a file")):
        with pytest.raises(InputError, match=words):
            write_array(tmp_path / name, np.ones((4, 4), np.float32))
    assert (tmp_path / "photos.zarr" / "holiday.jpg").read_text() == "irreplaceable"

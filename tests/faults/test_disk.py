"""A disk that is full, read-only or gone: one clear message, the previous files intact, the result not lost.

The disk is a real one, in memory, of 300 kB.
"""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

import proxiscope as px
from proxiscope.cli import main
from proxiscope.core import InputError
from proxiscope.core.files import atomic
from proxiscope.io import WRITE_SUFFIXES, read, write_array
from proxiscope.tomography import SIRT
from tests.problems import small_series

NAMES = [*(f"a{s}" for s in WRITE_SUFFIXES), "a.csv", "a.txt", "a.xf", "steps.json", "session.h5", "checkpoint.h5"]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What became of each attempt."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-rm", "true"], capture_output=True).returncode:
        pytest.skip("no name spaces here in which to mount a disk")
    command = [unshare, "-rm", sys.executable, "-m", "tests.faults.small_disk", str(tmp_path_factory.mktemp("small"))]
    done = subprocess.run(command, capture_output=True, text=True)
    if "mount" in done.stderr and "permission denied" in done.stderr:
        pytest.skip("no disk may be mounted here")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # not even what is told of errors that nobody catches
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["full", "limited"])
def test_what_does_not_fit_leaves_what_was_there(found, how, name):
    told = found[f"{how} {name}"]
    assert told["kept"]
    assert name in told["said"]
    assert "cannot be written" in told["said"]
    assert len(told["said"]) < 300


@pytest.mark.slow
def test_the_previous_checkpoint_can_be_read(found):
    assert found["checkpoint"] == "sirt"


@pytest.mark.slow
@pytest.mark.parametrize("how", ["full", "read-only"])
def test_a_result_that_cannot_be_written_is_kept_elsewhere(found, how):
    told = found[f"command {how}"]
    assert told["code"] == 2
    assert told["kept"] == "the previous result"
    assert "result.mrc: cannot be written" in told["said"]
    assert set(told["home"]) == {"proxiscope-kept-/result.mrc", "proxiscope-kept-/metrics.csv"}
    assert all(path in told["said"] for path in told["home"].values())
    assert len(told["said"].splitlines()) == 1
    expected = px.reconstruct(SIRT(max_iterations=3), small_series())
    result = read(told["home"]["proxiscope-kept-/result.mrc"])
    np.testing.assert_array_equal(result.data, expected.array)
    assert result.declared.provenance["algorithm"] == "sirt"
    with open(told["home"]["proxiscope-kept-/metrics.csv"]) as table:
        assert len(table.readlines()) == 4


@pytest.mark.slow
def test_a_folder_that_is_read_only_is_refused_before_the_run(found):
    assert found["refused"]["code"] == 2
    assert "Read-only file system" in found["refused"]["said"]


@pytest.mark.slow
def test_a_result_that_can_be_written_nowhere_says_so(found):
    told = found["nowhere"]
    assert told["code"] == 2
    assert "the folder" in told["said"]
    assert "result.mrc, metrics.csv could be written nowhere else either" in told["said"]
    assert len(told["said"].splitlines()) == 1


@pytest.mark.skipif(os.name != "posix", reason="a folder in use cannot be removed elsewhere")
def test_a_folder_that_is_removed_while_a_run_goes_on(tmp_path, monkeypatch, capsys):
    from proxiscope.cli import commands

    monkeypatch.setenv("HOME", str(tmp_path))
    folder, run = tmp_path / "results", commands.run
    folder.mkdir()
    write_array(tmp_path / "series.h5", small_series().projections, angles=small_series().angles, kind="tilt-series")

    def then(*given, **options):
        result = run(*given, **options)
        folder.rmdir()
        return result

    monkeypatch.setattr(commands, "run", then)
    assert main(["reconstruct", "fbp", str(tmp_path / "series.h5"), "--quiet", "-o", str(folder / "a.npy")]) == 2
    (kept,) = tmp_path.glob("proxiscope-kept-*/a.npy")
    said = capsys.readouterr().err
    assert str(kept) in said
    assert "does not exist" in said
    assert kept.parent.stat().st_mode & 0o777 == 0o700


def test_an_error_that_nobody_thought_of_does_not_cost_the_result(tmp_path, monkeypatch, capsys):
    from proxiscope.io.writing import npz

    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    write_array(tmp_path / "series.h5", small_series().projections, angles=small_series().angles, kind="tilt-series")
    write, out = npz.write, tmp_path / "a.npz"

    def broken(path, contents):
        if path.parent == tmp_path:
            raise KeyError("a mistake")
        return write(path, contents)

    monkeypatch.setattr(npz, "write", broken)
    assert main(["reconstruct", "fbp", str(tmp_path / "series.h5"), "--quiet", "-o", str(out)]) == 2
    assert not out.exists()
    (kept,) = tmp_path.glob("proxiscope-kept-*/a.npz")
    said = capsys.readouterr().err
    assert "a mistake" in said
    assert str(kept) in said


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_no_device_is_replaced(tmp_path):
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(InputError, match="no regular file"), atomic(tmp_path / "a.csv"):
        pass
    assert (tmp_path / "a.csv").is_fifo()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_the_device_that_is_always_full_stays_what_it_is(capsys, tmp_path):
    write_array(tmp_path / "series.h5", small_series().projections, angles=small_series().angles, kind="tilt-series")
    out = ["-o", str(tmp_path / "a.npy"), "--metrics", "/dev/full"]
    assert main(["reconstruct", "fbp", str(tmp_path / "series.h5"), *out]) == 2
    assert "/dev/full" in capsys.readouterr().err
    assert os.path.exists("/dev/full")
    assert not os.path.isfile("/dev/full")

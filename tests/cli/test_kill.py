"""A run that is killed, whatever it was doing, leaves the previous output as it was."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import proxiscope as px
from proxiscope.cli import main
from proxiscope.io import WRITE_SUFFIXES, read, write_array
from proxiscope.tomography import FBP
from tests.problems import small_series

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends SIGKILL")

START = "import sys, time\nfrom proxiscope.cli import main\n"
RUN = "sys.exit(main())\n"
STUCK = "def stuck(*arguments):\n    print('stuck', flush=True)\n    time.sleep(600)\n"
HALFWAY = (  # each writer writes half of its file and stops there
    "from proxiscope.io import writing\n"
    "writer_for = writing.writer_for\n"
    "def half(name):\n"
    "    def write(path, *arguments):\n"
    "        writer_for(name)(path, *arguments)\n"
    "        whole = path.read_bytes()\n"
    "        path.write_bytes(whole[: len(whole) // 2])\n"
    "        stuck()\n"
    "    return write\n"
    "writing.writer_for = half\n"
)
BEFORE_THE_RENAME = "import os\nos.replace = stuck\n"
BEFORE_THE_METRICS_ARE_RENAMED = (
    "import os\nreplace = os.replace\n"
    "os.replace = lambda source, target: stuck() if str(target).endswith('.csv') else replace(source, target)\n"
)


@pytest.fixture(scope="module")
def series(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "series.mrc"
    write_array(path, small_series().projections)
    path.with_suffix(".rawtlt").write_text("\n".join(map(str, small_series().angles)))
    return path


@contextmanager
def running(code: str, *arguments, until: bytes):
    """A process that runs `code` and has printed `until`; killed when the block ends."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            seen = b""
            while until not in seen:
                piece = os.read(process.stdout.fileno(), 4096)
                assert piece, seen.decode()
                seen += piece
            yield process
            assert process.poll() is None, "it ended by itself"
        finally:
            process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


def litter(folder: Path) -> list[str]:
    """Hidden temporary files, which a killed process cannot remove."""
    return [name for name in os.listdir(folder) if name.startswith(".") and ".tmp." in name]


@pytest.mark.parametrize("delay", [0.0, 0.1])
def test_killed_in_the_middle_of_the_iterations(series, tmp_path, delay):
    out, table = tmp_path / "result.mrc", tmp_path / "metrics.csv"
    out.write_bytes(b"the previous result")
    table.write_bytes(b"the previous metrics")
    options = ["reconstruct", "sirt", series, "--max-iterations", 1_000_000, "-o", out, "--metrics", table]
    with running(START + RUN, *options, until=b"R_F"):
        time.sleep(delay)
    assert out.read_bytes() == b"the previous result"
    assert table.read_bytes() == b"the previous metrics"
    assert sorted(os.listdir(tmp_path)) == ["metrics.csv", "result.mrc"]


@pytest.mark.parametrize(
    "suffix",
    [s if s in (".mrc", ".h5") else pytest.param(s, marks=pytest.mark.slow) for s in WRITE_SUFFIXES if s != ".zarr"],
)
def test_killed_while_half_of_the_result_is_written(series, tmp_path, suffix):
    out = tmp_path / f"result{suffix}"
    out.write_bytes(b"the previous result")
    options = ["reconstruct", "fbp", series, "--quiet", "-o", out]
    with running(START + STUCK + HALFWAY + RUN, *options, until=b"stuck"):
        (half,) = litter(tmp_path)
        assert (tmp_path / half).stat().st_size > 100
    assert out.read_bytes() == b"the previous result"
    assert main([str(o) for o in options]) == 0  # the litter is in nobody's way
    np.testing.assert_array_equal(read(out).data, px.reconstruct(FBP(), px.load(series)).array)
    beside = ["result.npy.json"] if suffix == ".npy" else []
    assert sorted(os.listdir(tmp_path)) == sorted([half, out.name, *beside])


def test_killed_before_the_new_result_takes_its_place(series, tmp_path):
    out = tmp_path / "result.mrc"
    out.write_bytes(b"the previous result")
    options = ["reconstruct", "fbp", series, "--quiet", "-o", out]
    with running(START + STUCK + BEFORE_THE_RENAME + RUN, *options, until=b"stuck"):
        pass
    assert out.read_bytes() == b"the previous result"
    assert len(litter(tmp_path)) == 1


def test_killed_while_the_metrics_are_written(series, tmp_path):
    out, table = tmp_path / "result.npy", tmp_path / "metrics.csv"
    out.write_bytes(b"the previous result")
    table.write_bytes(b"the previous metrics")
    options = ["reconstruct", "fbp", series, "--quiet", "-o", out, "--metrics", table]
    with running(START + STUCK + BEFORE_THE_METRICS_ARE_RENAMED + RUN, *options, until=b"stuck"):
        pass
    np.testing.assert_array_equal(np.load(out), px.reconstruct(FBP(), px.load(series)).array)
    assert table.read_bytes() == b"the previous metrics"


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".mrc", ".h5"])
def test_killed_at_any_moment_of_many_runs_the_output_is_always_a_whole_one(series, tmp_path, suffix):
    """Two runs in turn write to one file; whenever they are killed, it holds the result of one of them."""
    out = tmp_path / f"result{suffix}"
    filters = ("ram-lak", "hann")
    whole = [px.reconstruct(FBP(filter=f), px.load(series)).array for f in filters]
    loop = START + (
        "for i in range(1_000_000):\n"
        f"    assert main([*sys.argv[1:], '--filter', {filters}[i % 2]]) == 0\n"
        "    if i == 1:\n"
        "        print('going', flush=True)\n"
    )
    options = ["reconstruct", "fbp", series, "--quiet", "-o", out]
    for delay in (0.0, 0.013, 0.029, 0.051, 0.083):
        with running(loop, *options, until=b"going"):
            time.sleep(delay)
        found = read(out).data
        assert any(np.array_equal(found, w) for w in whole)

"""Errors in threads, memory that runs out, and Ctrl-C at any moment: one line, and what was computed kept."""

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from proxiscope.cli import main
from proxiscope.core import threads
from proxiscope.io import read, write_array
from proxiscope.tomography import SIRT
from tests.problems import small_series

posix = pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "series.h5"
    write_array(path, small_series().projections, angles=small_series().angles, kind="tilt-series")
    return path


def test_memory_that_runs_out_in_the_middle_of_a_run(monkeypatch, series, tmp_path, capsys):
    step, out = SIRT.step, tmp_path / "a.h5"

    def short(self, problem, state):
        if state.iteration == 5:
            np.empty(2**62, np.uint8)  # what NumPy says of it names bytes, and no remedy
        return step(self, problem, state)

    monkeypatch.setattr(SIRT, "step", short)
    assert main(["reconstruct", "sirt", str(series), "--quiet", "-o", str(out)]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert "Traceback" not in said
    assert not out.exists()


def test_an_error_in_a_thread_of_a_kernel_comes_through(monkeypatch):
    """It is raised where the work was asked for, and the other threads are waited for."""
    done = []

    def work(i):
        if i == 3:
            raise ZeroDivisionError("a mistake in a kernel")
        time.sleep(0.01)
        done.append(i)

    with pytest.raises(ZeroDivisionError, match="a mistake"):
        threads.parallel(work, [(i,) for i in range(8)])
    count = len(done)
    time.sleep(0.05)
    assert len(done) == count


LATE = (
    "import sys, time\nfrom proxiscope import io\nwrite = io.write\n"
    "def slow(*given):\n"
    "    print('writing', file=sys.stderr, flush=True)\n    time.sleep(0.5)\n    return write(*given)\n"
    "io.write = slow\nfrom proxiscope.__main__ import main\nsys.exit(main())\n"
)


@posix
@pytest.mark.slow
def test_ctrl_c_while_the_result_is_written_waits_for_it(series, tmp_path):
    out = tmp_path / "a.h5"
    command = [sys.executable, "-c", LATE, "reconstruct", "fbp", str(series), "--quiet", "-o", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr.readline() == "writing\n"
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == ""
    assert process.returncode == 0
    assert read(out).data.shape == (24, 20, 24)


SLOWLY = (
    "import os, signal, sys\nfrom proxiscope.tomography import SIRT\nstep = SIRT.step\n"
    "def slow(self, problem, state):\n"
    "    if state.iteration == 7:\n        os.kill(os.getpid(), signal.SIGTERM)\n"
    "    return step(self, problem, state)\n"
    "SIRT.step = slow\nfrom proxiscope.__main__ import main\nsys.exit(main())\n"
)


@posix
@pytest.mark.parametrize("ignored", ["", "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"], ids=["alone", "behind"])
def test_the_signal_of_a_queue_whose_time_is_up_counts_as_ctrl_c(series, tmp_path, ignored):
    out = tmp_path / "a.h5"
    slowly = SLOWLY.replace("step = ", ignored + "step = ", 1)
    command = [sys.executable, "-c", slowly, "reconstruct", "sirt", str(series), "--quiet", "-o", str(out)]
    assert subprocess.run(command, capture_output=True, timeout=60).returncode == 130
    assert read(out).declared.provenance["iterations"] == 8
    assert main(["resume", str(out), "--quiet"]) == 0
    assert read(out).declared.provenance["iterations"] == SIRT().iterations


BEGUN = "import sys\nfrom proxiscope.__main__ import main\nprint('begun', flush=True)\nsys.exit(main())\n"


def interrupted(command, delay):
    """Run, send SIGINT some time after Python has begun, and give code and words; one that stays is a failure."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout.readline() == b"begun\n"
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    try:
        said, _ = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, said.decode()


def check_ctrl_c(series, folder, delay):
    """A run of an iteration after the other that is interrupted at some time; its code."""
    out = folder / "a.h5"
    out.write_bytes(b"the previous result")
    command = [sys.executable, "-c", BEGUN, "reconstruct", "sirt", str(series), "-o", str(out)]
    code, said = interrupted([*command, "--max-iterations", "1500"], delay)
    assert code in (0, 130), (delay, code, said)
    assert "Traceback" not in said, (delay, said)
    assert "Error" not in said, (delay, said)
    if out.read_bytes() != b"the previous result":
        iterations = read(out).declared.provenance["iterations"]
        assert iterations == 1500 or code == 130
        assert np.isfinite(read(out).data).all()
    else:
        assert code == 130
        assert "interrupted, nothing was written" in said, (delay, said)
    assert not [name for name in os.listdir(folder) if ".tmp." in name]
    return code


@posix
@pytest.mark.slow
def test_ctrl_c_at_random_moments(series, tmp_path):
    """From where Python has begun to where it tidies up; ``python -m tests.faults.test_interrupts`` does 30."""
    rng = random.Random(0)
    codes = [check_ctrl_c(series, tmp_path, rng.uniform(0.02, 3)) for _ in range(3)]
    assert set(codes) <= {0, 130}


if __name__ == "__main__":
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "series.h5"
        write_array(data, small_series().projections, angles=small_series().angles, kind="tilt-series")
        found = [check_ctrl_c(data, Path(folder), 0.02 + 0.1 * i) for i in range(30)]
        print(f"30 runs interrupted: {found.count(130)} ended with 130, {found.count(0)} had ended before")

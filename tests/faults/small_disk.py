"""A disk that is full, or that nobody may write to: ``unshare -rm python -m tests.faults.small_disk FOLDER``.

It is mounted at FOLDER/disk in a namespace of this process's own, and goes with it. What became of each attempt is
printed as JSON, by its name.
"""

import contextlib
import io
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from proxiscope.cli import commands, main
from proxiscope.core import InputError
from proxiscope.core.checkpoint import load_checkpoint, save_checkpoint
from proxiscope.io import WRITE_SUFFIXES, write_angles, write_array
from proxiscope.io.xf import write_xf
from proxiscope.napari.session_file import write_document
from proxiscope.preparation import steps
from proxiscope.preparation.chains import save_steps
from proxiscope.tomography import SIRT
from tests.problems import small_series

SIZE = 300_000
"""Bytes of the disk, and of the largest file that may be written."""

NOISE = np.random.default_rng(0).random((64, 64, 64)).astype(np.float32)
SMALL = np.ones((8, 8), np.float32)


def checkpoint(path: Path, size: int) -> None:
    """A checkpoint that holds a volume of so many bytes."""
    algorithm = SIRT()
    state = algorithm.init(small_series(), 0)
    state.volume = np.random.default_rng(0).random((1, 1, size // 4)).astype(np.float32)
    save_checkpoint(path, algorithm, state)


def writers() -> dict[str, tuple[Callable[[Path], Any], Callable[[Path], Any]]]:
    """By name of a file, what writes a small one and what writes one larger than the disk."""
    from proxiscope.cli.outputs import write_metrics

    def metrics(n: int) -> Callable[[Path], Any]:
        figures = {"iteration": np.arange(n), "r_factor": np.sqrt(np.arange(n))}
        return lambda path: write_metrics(path, SimpleNamespace(metrics=figures))

    def angles(n: int) -> Callable[[Path], Any]:
        return lambda path: write_angles(path, np.ones((n, 3)) / 3, np.ones((n, 2)) / 3)

    def transforms(n: int) -> Callable[[Path], Any]:
        return lambda path: write_xf(path, np.ones((n, 2)) / 3, (20, 24))

    def chain(n: int) -> Callable[[Path], Any]:
        return lambda path: save_steps(path, [steps()["bin"]()] * n)

    found = {
        f"a{suffix}": (lambda path: write_array(path, SMALL), lambda path: write_array(path, NOISE))
        for suffix in WRITE_SUFFIXES
    }
    found["a.mrc"] = tuple(  # the array of the second fits on the disk, and what goes with it does not
        lambda path, values=values: write_array(path, SMALL, products={"shape": values}) for values in (SMALL, NOISE)
    )
    found |= {name: (of(2), of(20_000)) for name, of in (("a.csv", metrics), ("a.txt", angles), ("a.xf", transforms))}
    found["steps.json"] = chain(2), chain(20_000)
    found["session.h5"] = tuple(lambda path, v=v: write_document(path, {"array": v}) for v in (SMALL, NOISE))
    found["checkpoint.h5"] = tuple(lambda path, n=n: checkpoint(path, n) for n in (4, 2**20))
    return found


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def attempt(write: Callable[[Path], Any], path: Path) -> dict[str, Any]:
    """Write, and tell the message, and whether all files are what they were."""
    before = contents(path.parent)
    try:
        write(path)
        said = "nothing"
    except InputError as error:
        said = str(error)
    return {"said": said, "kept": before == contents(path.parent)}


@contextmanager
def files_of_at_most(nbytes: int) -> Iterator[None]:
    """Writing beyond fails, as on a full disk."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (nbytes, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


def command(*arguments: Any, after_the_run: Callable[[], Any] = lambda: None) -> dict[str, Any]:
    """Run the command line, and do something between the last iteration and the writing."""
    run = commands.run

    def then(*given: Any, **options: Any) -> Any:
        result = run(*given, **options)
        after_the_run()
        return result

    out, err, commands.run = io.StringIO(), io.StringIO(), then
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(list(map(str, arguments)))
    finally:
        commands.run = run
    home = {f"{p.parent.name[:16]}/{p.name}": str(p) for p in Path.home().rglob("*") if p.is_file()}
    return {"code": code, "said": err.getvalue(), "out": out.getvalue(), "home": home}


def fill(disk: Path) -> None:
    """Leave no room for anything."""
    with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def mount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)], check=True)


def try_all(folder: Path) -> dict[str, Any]:
    """All attempts."""
    disk, found = folder / "disk", {}
    disk.mkdir()
    mount(disk, f"size={SIZE}")
    for name, (small, large) in writers().items():
        place = disk / "previous"
        place.mkdir()
        small(place / name)
        found[f"full {name}"] = attempt(large, place / name)
        with files_of_at_most(10_000):
            found[f"limited {name}"] = attempt(large, place / name)
        shutil.rmtree(place)
    checkpoint(disk / "whole.h5", 4)
    with files_of_at_most(1000):
        attempt(lambda path: checkpoint(path, 2**20), disk / "whole.h5")
    found["checkpoint"] = load_checkpoint(disk / "whole.h5")[0].name

    series = folder / "series.h5"
    write_array(series, small_series().projections, angles=small_series().angles, kind="tilt-series")
    out, table = disk / "result.mrc", disk / "metrics.csv"
    run = ["reconstruct", "sirt", series, "--max-iterations", 3, "--quiet", "-o", out, "--metrics", table]
    out.write_bytes(b"the previous result")
    for name, home, after in (
        ("full", "home", lambda: fill(disk)),
        ("read-only", "home2", lambda: subprocess.run(["mount", "-o", "remount,ro", disk], check=True)),
    ):
        os.environ["HOME"] = str(folder / home)
        Path.home().mkdir()
        found[f"command {name}"] = command(*run, after_the_run=after) | {"kept": out.read_bytes().decode()}
    found["refused"] = command(*run, after_the_run=lambda: sys.exit("the run was not to begin"))
    os.environ["HOME"] = tempfile.tempdir = str(disk)
    gone = folder / "gone"
    gone.mkdir()
    run[run.index(out)], run[run.index(table)] = gone / "result.mrc", gone / "metrics.csv"
    found["nowhere"] = command(*run, after_the_run=lambda: shutil.rmtree(gone))
    return found


if __name__ == "__main__":
    print(json.dumps(try_all(Path(sys.argv[1]))))

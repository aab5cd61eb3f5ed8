"""What the package must never do, told by its source, and that nothing listens unless a user starts a cluster."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import proxiscope
from proxiscope.io import write_array
from tests.problems import small_series

ROOT = Path(proxiscope.__file__).parent

MODULES = {
    "pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml", "ctypes", "cffi",
    "code", "codeop", "xml", "lxml", "socket", "socketserver", "http", "ftplib", "smtplib", "telnetlib", "xmlrpc",
    "urllib", "requests", "asyncio", "ssl", "select", "mmap", "pty", "webbrowser", "multiprocessing", "subprocess",
}  # fmt: skip
"""Modules that run what a file says, listen, talk to a network, start programs, or can crash the process."""

ALLOWED = {
    "cluster/local.py": {"subprocess"},  # the workers that a user asks for
    "experiments/__main__.py": {"subprocess"},  # the experiments, each in a process of its own
}

CALLS = {
    "eval", "exec", "compile", "__import__", "breakpoint", "input",
    "os.system", "os.popen", "os.fork", "os.startfile", "tempfile.mktemp",
}  # fmt: skip
"""Calls that run text as code, or programs through a shell, or race for a name."""

METHODS = {"extractall", "extract"}
"""Methods that unpack archives to where the archive says."""

MAPS = {"memmap", "open_memmap", "mmap_mode"}
"""What maps files into memory: one that is cut short kills the process that looks at it (SIGBUS)."""


def sources() -> Iterator[tuple[str, ast.AST]]:
    for path in sorted(ROOT.rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def dotted(node: ast.AST) -> str:
    """``a.b.c`` of an expression of names; empty for any other."""
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return node.id if isinstance(node, ast.Name) else ""


def complaints(name: str, tree: ast.AST) -> list[str]:
    """What in a module is forbidden, with its line."""
    found = []
    for node in ast.walk(tree):
        line = f"{name}:{getattr(node, 'lineno', 0)}"
        modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        top = {module.split(".")[0] for module in modules}
        found += [f"{line} imports {module}" for module in top & MODULES - ALLOWED.get(name, set())]
        if {getattr(node, "attr", ""), getattr(node, "arg", "")} & MAPS:
            found.append(f"{line} maps a file into memory")
        if not isinstance(node, ast.Call):
            continue
        called, given = dotted(node.func), {k.arg: getattr(k.value, "value", "?") for k in node.keywords}
        if called in CALLS or called.startswith(("os.exec", "os.spawn")):
            found.append(f"{line} calls {called}")
        if isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
            found.append(f"{line} unpacks an archive")
        if given.get("shell") not in (None, False):
            found.append(f"{line} runs a shell")
        reads = called in ("np.load", "numpy.load", "npformat.read_array")
        if reads and given.get("allow_pickle") is not False:
            found.append(f"{line} calls {called} without allow_pickle=False")
        if called == "torch.load" and given.get("weights_only") is not True:
            found.append(f"{line} calls torch.load without weights_only=True")
    return found


def test_the_source_does_nothing_of_the_kind():
    found = [complaint for name, tree in sources() for complaint in complaints(name, tree)]
    assert not found, "\n".join(found)


BAD = """
import pickle
from http.server import HTTPServer
import os, subprocess, numpy as np
eval("1")
os.system("ls")
os.execv("ls", [])
subprocess.run("ls", shell=True)
np.load("a.npy")
np.load("a.npy", allow_pickle=True)
np.memmap("a.npy")
np.load("a.npy", mmap_mode="r", allow_pickle=False)
archive.extractall("folder")
torch.load("a.pt")
"""


def test_the_walk_over_the_source_sees_what_it_is_for():
    """Thirteen things, and none in what looks like them."""
    assert len(complaints("bad.py", ast.parse(BAD))) == 13
    good = "np.load('a', allow_pickle=False)\nmodel.eval()\nbox.exec()\nre.compile('a')\nsubprocess_of = 1\n"
    assert complaints("good.py", ast.parse(good)) == []


LISTENING = """
import json, sys
import psutil
import proxiscope
from proxiscope.cli import main
codes = [main(line) for line in json.loads(sys.argv[1])]
process = psutil.Process()
connections = getattr(process, "net_connections", None) or process.connections
found = [str(c) for one in (process, *process.children(recursive=True)) for c in connections(kind="inet")]
print(json.dumps([codes, found]))
"""


def listening(*lines: list[str]) -> tuple[list[int], list[str]]:
    """Exit codes of command lines, and sockets that are open after them."""
    done = subprocess.run(
        [sys.executable, "-c", LISTENING, json.dumps(lines)], capture_output=True, text=True, check=True
    )
    codes, found = json.loads(done.stdout.splitlines()[-1])
    return codes, found


@pytest.mark.slow
def test_a_run_opens_no_socket(tmp_path):
    write_array(tmp_path / "a.h5", small_series().projections, angles=small_series().angles, kind="tilt-series")
    run = ["reconstruct", "fbp", str(tmp_path / "a.h5"), "--quiet", "-o", str(tmp_path / "b.zarr")]
    codes, found = listening(run, ["info", str(tmp_path / "b.zarr")], ["rerun", str(tmp_path / "b.zarr"), "--quiet"])
    assert codes == [0, 0, 0]
    assert found == []


@pytest.mark.parametrize(
    "name", ["../secret.h5", "http://127.0.0.1:1/a.zarr", "s3://bucket/a.zarr", "file:///etc/passwd", "\\\\host\\a.h5"]
)
def test_names_are_names_of_files(tmp_path, monkeypatch, name):
    """Nothing is fetched, whatever a name looks like."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(proxiscope.InputError):
        proxiscope.load(name)

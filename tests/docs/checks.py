"""What is checked of commands that tests cannot run: that programs, files, options, extras and targets exist."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from proxiscope.cli.commands import algorithm_from, changes_from, criteria_from, reconstruct
from proxiscope.cli.main import parser
from proxiscope.core import InputError, algorithms
from proxiscope.experiments.catalogue import CATALOGUE
from tests.docs.pages import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
OTHERS = {"pip-audit", "torch", "cupy-cuda12x"}
"""Packages of others that pages have installed."""


def check(line: str) -> None:
    """Check a line by the program that it begins with; KeyError if nothing here knows that program."""
    words = shlex.split(line, comments=True)
    if words:
        PROGRAMS[words[0]](words[1:])


def no_command(text: str) -> None:
    """Nothing in a text is meant to be typed."""
    first = [line.split()[0] for line in text.splitlines() if line.strip()]
    assert not set(first) & set(PROGRAMS)


def lines(text: str) -> None:
    """Check a text line by line."""
    for line in text.replace("\\\n", " ").splitlines():
        check(line)


def python(text: str) -> None:
    """See that a text is Python."""
    compile(text, "page", "exec")


def environment(text: str) -> None:
    """See that what is activated is the environment that was made."""
    activated = r"(source \1/bin/activate|& \1\\Scripts\\Activate\.ps1)"
    assert re.fullmatch(rf"(?:python3|py) -m venv (\S+)\n{activated}\n", text)


def clone(text: str) -> None:
    """See that our repository is cloned, that its folder is entered, and that make has the target."""
    address = PROJECT["urls"]["Source Code"]
    begin, make = text.split("\nmake ")
    assert begin == f"git clone {address}\ncd {address.rpartition('/')[2]}"
    is_target([make.strip()])


def freeze(text: str) -> None:
    """See that what is audited is the file that was written."""
    install, write, audit = text.splitlines()
    check(install)
    command, file = write.split(" > ")
    check(command)
    assert audit.startswith(f"pip-audit -r {file} ")  # its other options are known to nobody here


def parses(words: list[str]) -> None:
    """See that the command line takes an order, with all its options and the values of parameters."""
    try:
        options, unknown = parser().parse_known_args(words)
        if options.command is reconstruct:
            for build in (algorithm_from, criteria_from, changes_from):
                build(algorithms()[options.algorithm], options)
    except (SystemExit, InputError) as error:
        raise AssertionError(f"proxiscope refuses {shlex.join(words)}: {error}") from error
    assert not unknown


def runs_python(words: list[str]) -> None:
    """See that a file or module exists, with the options that it is given."""
    if words == ["--version"]:
        return
    if words[:2] in (["-m", "pip"], ["-m", "pytest"]):
        PROGRAMS[words[1]](words[2:])
        return
    name, *rest = words[1:] if words[0] == "-m" else words
    assert file_of(name), f"no file {name}"
    given = {word.partition("=")[0] for word in rest if word.startswith("--")}
    if given and lacks_module(name):
        return  # it would not even print its help
    assert not given or given <= options_of(name), f"{name} takes {sorted(options_of(name))}"


def file_of(name: str) -> Path | None:
    """The file of a script or a module of ours."""
    path = name.replace(".", "/")
    files = [name, *(f"{folder}{path}{end}" for folder in ("", "src/") for end in (".py", "/__main__.py"))]
    return next((ROOT / file for file in files if (ROOT / file).is_file()), None)


def lacks_module(name: str) -> str:
    """The package that an experiment needs and that is not installed, such as torch."""
    entry = CATALOGUE.get(name.removeprefix("proxiscope.experiments."))
    return entry.lacks_module() if entry else ""


@cache
def options_of(name: str) -> frozenset[str]:
    """The options in the help of a script or a module, as it prints it."""
    how = [name] if name.endswith(".py") else ["-m", name]
    return _listed([sys.executable, *how, "--help"])


def _listed(command: list[str]) -> frozenset[str]:
    """The options that a help lists; words of its descriptions are none."""
    plain = {"NO_COLOR": "1", "COLUMNS": "120", "QT_QPA_PLATFORM": "offscreen"}
    ran = subprocess.run(command, cwd=ROOT, env=os.environ | plain, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    heads = [re.split(r"\s{2,}", line.strip())[0] for line in ran.stdout.splitlines() if re.match(r" {2,6}-", line)]
    return frozenset(option for head in heads for option in re.findall(r"--[a-z][\w-]*", head))


def pip(words: list[str]) -> None:
    """See that packages are ours, with extras that we have, and that pip, where there is one, has the options."""
    command, *rest = words
    given = {word for word in rest if word.startswith("-")}
    if given and find_spec("pip"):  # an environment that uv made has none
        assert given <= _listed([sys.executable, "-m", "pip", command, "--help"])
    for package in (word for word in rest if not word.startswith("-") and "://" not in word and word != "..."):
        name, _, extras = package.rstrip("]").partition("[")
        assert name in OTHERS | {PROJECT["name"]}, package
        assert not extras or set(extras.split(",")) <= set(EXTRAS), package


def is_target(words: list[str]) -> None:
    """See that make has a target."""
    assert f"\n{words[0]}:" in MAKEFILE, words


def pytest_finds(words: list[str]) -> None:
    """See that the files of tests exist."""
    assert words
    assert all((ROOT / word).exists() for word in words), words


def in_a_display(words: list[str]) -> None:
    """Check what runs in it."""
    assert words.pop(0) == "-a"
    check(shlex.join(words))


def dask(words: list[str]) -> None:
    """See that dask has the options: it ignores others."""
    if find_spec("distributed") is None:
        pytest.skip("needs distributed")
    command, *rest = words
    given = {word for word in rest if word.startswith("--")}
    assert given <= _listed([sys.executable, "-m", "dask", command, "--help"])


def apt(words: list[str]) -> None:
    """See that packages are those that the Makefile installs."""
    assert words[:2] == ["apt", "install"]
    assert [name for name in words[2:] if not re.search(rf"[ (,:]{re.escape(name)}[\s),]", MAKEFILE)] == []


def comes_with(package: str, extra: str):
    """See that a program without arguments, or one of its commands, comes with an extra."""

    def see(words: list[str]) -> None:
        assert not [word for word in words if word.startswith("-")]
        assert any(re.match(rf"{package}\b", needed) for needed in EXTRAS[extra])

    return see


PROGRAMS = {
    "proxiscope": parses,
    "python": runs_python,
    "python3": runs_python,
    ".venv/bin/python": runs_python,
    "pip": pip,
    "pytest": pytest_finds,
    "make": is_target,
    "xvfb-run": in_a_display,
    "dask": dask,
    "sudo": apt,
    "napari": comes_with("napari", "all"),
    ".venv/bin/ruff": comes_with("ruff", "dev"),
}
"""What checks the words after the name of a program."""

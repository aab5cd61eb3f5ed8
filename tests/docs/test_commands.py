"""Commands of the documentation that are not run: those in blocks of plain text, and scripts of the repository.

Blocks in sh and Python are run, by test_pages.py.
"""

import re
import shlex

import pytest

from tests.docs import checks
from tests.docs.pages import PAGES, TEXTS, code, commands, name_of

EVERYWHERE = [*PAGES, *TEXTS]

LISTED = {
    "README.md": {'pip install "napari-proxiscope[all]"': checks.lines},  # no package index here: extras exist
    "SECURITY.md": {"python -m pip install pip-audit": checks.freeze},  # no package index, no advisories
    "docs/index.md": {'pip install "napari-proxiscope[all]"': checks.lines},  # no package index: extras, and napari
    "docs/contributing.md": {
        "git clone": checks.clone,  # no network: the address, the folder and the target
        ".venv/bin/python -m pytest": checks.lines,  # tests that run tests: files exist
    },
    "docs/tutorials/install.md": {
        "python3 --version": checks.lines,  # Python's own
        "sudo apt install": checks.lines,  # wants an administrator: packages are those of the Makefile
        "python3 -m venv": checks.environment,  # lasts beyond its shell: the same folder in both lines
        "py -m venv": checks.environment,  # Windows: the same
        'pip install "napari-proxiscope[all]"': checks.lines,
        "napari": checks.lines,  # a window: comes with the extra of the line before
    },
    "docs/tutorials/cluster.md": {
        "dask scheduler": checks.lines,  # several machines, and never ends: options are in dask's help
        "proxiscope reconstruct": checks.lines,  # wants that scheduler: parsed by our own parser
    },
    "docs/how-to/cluster.md": {
        'pip install "napari-proxiscope[cluster]"': checks.lines,
        "dask scheduler": checks.lines,
        "from dask_jobqueue import": checks.python,  # wants SLURM, and a package that no extra brings: compiled
        "from dask_kubernetes": checks.python,  # wants Kubernetes: the same
        "python benchmarks/cluster.py": checks.lines,  # takes minutes: the file exists, and has the options
    },
    "docs/how-to/preparation.md": {"HAADF.mrc:": checks.no_command},  # printed
    "docs/how-to/learning.md": {  # formulas
        "phi(x) =": checks.no_command,
        "y <- x": checks.no_command,
        "w <- w": checks.no_command,
        "u(w, t) =": checks.no_command,
    },
}
"""All blocks of plain text, by how they begin, and what is checked of each. Why none is run stands beside them."""


def test_the_list_names_pages():
    assert set(LISTED) <= set(map(name_of, EVERYWHERE))


@pytest.mark.parametrize("page", EVERYWHERE, ids=name_of)
def test_plain_text_is_listed_and_checked(page):
    check_all(code(page, "text"), LISTED.get(name_of(page), {}))


def check_all(texts, listed):
    """Check texts by what a list says of them; each entry is of one."""
    left = dict(listed)
    for text in texts:
        begins = next((begins for begins in left if text.startswith(begins)), None)
        assert begins, f"make it a block in sh, or list in {__name__} what checks it:\n{text}"
        left.pop(begins)(text)
    assert left == {}, "no such blocks"


@pytest.mark.parametrize(
    ("texts", "listed"),
    [
        (["proxiscope algorithms\n"], {}),
        (["make test\n", "make test\n"], {"make": checks.lines}),
        ([], {"make": checks.lines}),
        (["make test\n"], {"make": checks.no_command}),
    ],
)
def test_what_is_not_listed_is_noticed(texts, listed):
    with pytest.raises(AssertionError):
        check_all(texts, listed)


@pytest.mark.parametrize("page", EVERYWHERE, ids=name_of)
def test_scripts_that_a_page_names_exist_and_know_the_options(page):
    for line in commands(page):
        for name, rest in re.findall(r"\bpython (?:-m )?((?:benchmarks|docs|tests|proxiscope)[\w./]*)(.*)", line):
            checks.runs_python([name, *shlex.split(rest, comments=True)])


@pytest.mark.parametrize("page", EVERYWHERE, ids=name_of)
def test_packages_that_a_page_installs_are_ours(page):
    for line in commands(page):
        if line.startswith("pip install"):
            checks.check(line)


WRONG = [
    "proxiscope reconstruct gps-f pattern.cxi --startz 500 -o images.h5",
    "proxiscope reconstruct gps-f pattern.cxi --starts many -o images.h5",
    'pip install "napari-proxiscope[clusters]"',
    "pip install --upgradee napari-proxiscope",
    "python benchmarks/clusters.py",
    "python benchmarks/cluster.py --data FOLDER",
    "python -m tests.crash --trials 100",
    "python -m pytest tests/phase/test_none.py",
    "dask worker --nworker 4",
    "make tests",
    "sudo apt install python3-venv libnone1",
]


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_command_is_noticed(line):
    if "--upgradee" in line:
        pytest.importorskip("pip", reason="an environment that uv made has none")
    with pytest.raises(AssertionError):
        checks.check(line)


def test_an_unknown_program_is_noticed():
    with pytest.raises(KeyError):
        checks.check("conda install napari-proxiscope")

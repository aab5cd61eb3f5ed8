"""Every block of code of the documentation runs, page by page, in a folder that has the files it names.

What is not run is checked by test_commands.py.
"""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from proxiscope.cli import main
from tests.docs import checks
from tests.docs.laboratory import furnish
from tests.docs.pages import PAGES, ROOT, TEXTS, blocks, name_of

EXAMPLES = ("adding-an-algorithm", "adding-a-step")
"""Their Python adds files to the package, as tests/docs/test_examples.py does."""

RUN = [page for page in [*PAGES, ROOT / "README.md"] if page.stem not in EXAMPLES]
RUN = [page for page in RUN if any(block.language in ("sh", "python") for block in blocks(page))]

LONG = re.compile(r"--starts \d\d|--generations|best-quality|angle-refinement")
"""Commands that would take minutes: the tests end them early, by --end-at."""

ELSEWHERE = {"proxiscope resume": "tests/cli/test_resume.py"}
"""Commands that go on from something that a page cannot bring about, such as a kill; and where they are run."""


@pytest.fixture(scope="session")
def furnished(tmp_path_factory) -> Path:
    """A folder with all files."""
    folder = tmp_path_factory.mktemp("laboratory")
    furnish(folder)
    return folder


@pytest.fixture
def laboratory(furnished, tmp_path, monkeypatch) -> Path:
    """A copy of it, to work in."""
    folder = tmp_path / "laboratory"
    shutil.copytree(furnished, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("page", [*PAGES, *TEXTS], ids=name_of)
def test_blocks_are_in_languages_that_are_run_or_plain(page):
    assert {block.language for block in blocks(page)} <= {"sh", "python", "text", "json", "{toctree}"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_the_code_of_a_page_runs(page, laboratory, capsys):
    names: dict = {}
    for block in blocks(page):
        where = f"{page.name}:{block.line}"
        text = on_this_machine(block.text)
        if block.language == "sh":
            for line in text.splitlines():
                run(line, where)
        elif block.language == "python" and not any(name in text for name in ("import torch", "viewer")):
            exec(compile(text, where, "exec"), names)  # those two are run by test_examples and tests/napari


def on_this_machine(text: str) -> str:
    """Code for a GPU, changed to go without."""
    return re.sub(r"\bcuda\b", "torch-cpu", text)


def run(line: str, where: str) -> None:
    """Run a line of a shell; of make only see that there is such a target."""
    words = shlex.split(line, comments=True)
    if not words:
        return
    if words[0] == "make":
        checks.is_target(words[1:])
        return
    assert words[0] == "proxiscope", f"{where}: who runs {line!r}?"
    if " ".join(words[:2]) in ELSEWHERE:
        assert (ROOT / ELSEWHERE[" ".join(words[:2])]).exists()
        checks.parses(words[1:])
        return
    try:
        code = main(words[1:] + (["--end-at", "3"] if LONG.search(line) else []))
    except SystemExit as end:  # --help
        code = end.code
    assert not code, f"{where}: {line}"

"""Every picture of the documentation is shown, and is made by something that can make it again."""

import ast

import pytest

from proxiscope.experiments.catalogue import CATALOGUE
from tests.docs.checks import options_of
from tests.docs.pages import DOCS, PAGES, TEXTS, commands, links, target

IMAGES = DOCS / "images"


def declared(script: str) -> set[str]:
    """Names of the pictures that a script of docs/scripts takes; read, as running it needs a display."""
    tree = ast.parse((DOCS / "scripts" / script).read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {f.name.replace("_", "-") for f in functions if "picture" in map(ast.unparse, f.decorator_list)}


MAKERS = {"gallery": declared("gallery.py"), "tutorials": declared("tutorials.py"), "experiments": set(CATALOGUE)}
"""What is in a folder of docs/images, by what makes it: a script with a display, or `make reproduce`."""

CHOOSING = ("benchmarks/choosing.py", "--docs docs")
MEASURED = {
    "choosing-phase.png": CHOOSING,
    "choosing-tomography.png": CHOOSING,
    "closing.png": ("benchmarks/closing.py", "--output docs/images/closing.png"),
    "growth.png": ("benchmarks/growth.py", "--picture docs/images/growth.png"),
    "soak.png": ("benchmarks/soak.py", "--output FOLDER"),  # one of its files
}
"""What lies in docs/images itself: the benchmark, and the option that has it drawn."""


def pages_with(name: str) -> list:
    """The pages that show a picture."""
    file = (IMAGES / name).resolve()
    return [page for page in [*PAGES, *TEXTS] if any(target(page, link) == file for link in links(page))]


def test_every_picture_is_shown():
    files = [file.relative_to(IMAGES).as_posix() for file in sorted(IMAGES.rglob("*")) if file.is_file()]
    assert [name for name in files if not pages_with(name)] == []


def test_there_are_no_other_pictures_than_those_with_a_maker():
    assert {path.name for path in IMAGES.iterdir()} == {*MAKERS, *MEASURED}


@pytest.mark.parametrize("folder", MAKERS)
def test_a_folder_has_what_its_maker_makes(folder):
    assert {path.name for path in (IMAGES / folder).iterdir()} == {f"{name}.png" for name in MAKERS[folder]}


@pytest.mark.parametrize("name", MEASURED)
def test_a_page_that_shows_what_was_measured_says_how_it_is_drawn(name):
    script, option = MEASURED[name]
    assert option.split()[0] in options_of(script)
    said = [line for page in pages_with(name) for line in commands(page)]
    assert [line for line in said if f"python {script} " in line and option in line]

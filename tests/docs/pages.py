"""The pages of the documentation, and the code, commands and links in them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
MADE = ("_build", "_generated")
PAGES = sorted(page for page in DOCS.rglob("*.md") if not set(MADE) & set(page.parts))
TEXTS = [ROOT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md")]

OURS = {
    "https://proxiscope.github.io/napari-proxiscope": "docs",
    "https://github.com/proxiscope/napari-proxiscope/blob/main": "",
    "https://raw.githubusercontent.com/proxiscope/napari-proxiscope/main": "",
}
"""Where absolute addresses of the project, which PyPI and the plugin hub need, lie in the repository."""

FENCE = re.compile(r"(\s*)(`{3,}|~{3,})([^`]*)")


class Block(NamedTuple):
    """A fenced block: its language, its text, and the line that it begins on."""

    language: str
    text: str
    line: int


def name_of(page: Path) -> str:
    """The name of a page in the repository, which tests and their messages use."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    """The blocks of code of a page, in their order."""
    return fenced(page.read_text(encoding="utf-8"))


def fenced(text: str) -> list[Block]:
    """The fenced blocks of a text; of Sphinx' directives, such as ``{toctree}``, with their braces as the language."""
    lines = iter(enumerate(text.splitlines(keepends=True), 1))
    found = []
    for number, line in lines:
        if opening := FENCE.fullmatch(line.rstrip()):
            indent, fence, info = opening.groups()
            inside = "".join(one.removeprefix(indent) for one in _inside(lines, fence, number))
            found.append(Block((info.split() or [""])[0], inside, number))
    return found


def _inside(lines: Iterator[tuple[int, str]], fence: str, number: int) -> Iterator[str]:
    """Lines up to a fence of the same sign that is at least as long and has nothing behind it."""
    for _, line in lines:
        if re.fullmatch(rf"\s*{fence[0]}{{{len(fence)},}}\s*", line):
            return
        yield line
    raise ValueError(f"the block that begins on line {number} has no end")


def code(page: Path, language: str) -> list[str]:
    """The texts of the blocks in a language."""
    return [block.text for block in blocks(page) if block.language == language]


def prose(page: Path) -> str:
    """What is in no block; its lines have their numbers."""
    lines = page.read_text(encoding="utf-8").splitlines()
    for block in blocks(page):
        last = block.line + block.text.count("\n") + 1
        lines[block.line - 1 : last] = [""] * (last - block.line + 1)
    return "\n".join(lines) + "\n"


def commands(page: Path) -> list[str]:
    """Lines of blocks, what stands between backquotes, and comments, which may hold commands; each on one line."""
    marked = re.findall(r"`([^`]+)`|<!--(.+?)-->", prose(page), re.DOTALL)
    lines = [line for block in blocks(page) for line in block.text.replace("\\\n", " ").splitlines()]
    return lines + [" ".join("".join(parts).split()) for parts in marked]


def links(page: Path) -> list[str]:
    """Where the links and pictures of a page lead, also those defined at its end."""
    text = page.read_text(encoding="utf-8")
    return re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"^\[[\w-]+\]: (\S+)$", text, re.MULTILINE)


def target(page: Path, link: str) -> Path | None:
    """The file in the repository that a link leads to; None if it leads elsewhere."""
    name = link.partition("#")[0]
    ours = next((address for address in OURS if name.startswith(address)), None)
    if ours:
        return (ROOT / OURS[ours] / name.removeprefix(ours).removeprefix("/").replace(".html", ".md")).resolve()
    return None if "://" in name else (page.parent / name if name else page).resolve()

"""The pages of the documentation, and the code in them."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
MADE = ("_build", "_generated")
PAGES = sorted(page for page in DOCS.rglob("*.md") if not set(MADE) & set(page.parts))
TEXTS = [ROOT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md")]


class Block(NamedTuple):
    """A fenced block: its language, its text, and the line that it begins on."""

    language: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    """The blocks of code of a page, in their order."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [Block(block[1], block[2], text[: block.start()].count("\n") + 1) for block in found]


def code(page: Path, language: str) -> list[str]:
    """The texts of the blocks in a language."""
    return [block.text for block in blocks(page) if block.language == language]

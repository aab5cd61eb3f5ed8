"""The table of all steps in docs/how-to/preparation.md; run as a module it is brought up to date."""

import re
from pathlib import Path

from proxiscope.core.parameters import Parameter, parameters
from proxiscope.preparation import steps

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "preparation.md"
BETWEEN = re.compile(r"(<!-- steps: .*? -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def table() -> str:
    """Name, what it is for, what it does, and its parameters with their defaults."""
    lines = ["| step | for | what it does | parameters |", "|---|---|---|---|"]
    for name, cls in steps().items():
        what = re.match(r"(.*?\.)(\s|$)", " ".join(cls.__doc__.split())).group(1)
        given = ", ".join(f"`{p.name}` {default(p)}" for p in parameters(cls))
        lines.append(f"| `{name}` | {', '.join(cls.families)} | {what} | {given} |")
    return "\n".join(lines) + "\n"


def default(parameter: Parameter) -> str:
    """The default as text, with its unit."""
    text = parameter.format(parameter.default).removesuffix(".0")
    return f"{text} {parameter.unit.removeprefix('1')}".strip() if text else "none"


def written() -> str:
    """The table as the page has it."""
    return BETWEEN.search(PAGE.read_text(encoding="utf-8")).group(2)


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(BETWEEN.sub(lambda m: m.group(1) + table() + m.group(3), page), encoding="utf-8")

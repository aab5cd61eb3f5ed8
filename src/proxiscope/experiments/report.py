"""What an experiment leaves: a table beside the printed figures and a picture; and the command line that all share."""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..core import InputError, ProxiscopeError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE = "reproduction/learning.md"


@dataclass(frozen=True)
class Table:
    """A table: the heads of its columns, and rows of cells as they are to be read."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """The table in Markdown."""
        lines = [self.columns, ("---",) * len(self.columns), *self.rows]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)


@dataclass(frozen=True)
class Report:
    """What an experiment found.

    Parameters
    ----------
    scale : str
        Trials and whatever was run smaller than in the thesis, in a sentence or two.
    tables : sequence of Table
    draw : callable
        Draws the picture into an empty matplotlib figure.
    caption : str
        Of the picture.
    """

    scale: str
    tables: Sequence[Table]
    draw: Callable[["Figure"], None]
    caption: str

    def markdown(self, command: str) -> str:
        """The scale, the command that made it, and the tables."""
        tables = "\n\n".join(table.markdown() for table in self.tables)
        return f"{self.scale} `{command}`\n\n{tables}"


Experiment = Callable[[argparse.Namespace], Report]


def main(experiment: Experiment, *options: tuple[str, dict], data: str = "", trials: int = 0) -> int:
    """Run an experiment from the command line.

    Parameters
    ----------
    experiment : callable
        From the options to a `Report`; its module's name is the name of the experiment, and its docstring the help.
    *options
        More of them: (flag, keywords of ``add_argument``).
    data : str
        What folder ``--data`` has to name; none is needed where this is empty.
    trials : int
        Independent runs by default; no ``--trials`` where it is 0.
    """
    module = sys.modules[experiment.__module__]
    name = Path(module.__file__).stem
    parser = argparse.ArgumentParser(
        prog=f"python -m proxiscope.experiments.{name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if data:
        parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help=data)
    if trials:
        parser.add_argument("--trials", type=number, default=trials, help=f"independent runs ({trials})")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first run; later ones count on (0)")
    for flag, keywords in options:
        parser.add_argument(flag, **keywords)
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="write the table and the picture here")
    parser.add_argument("--docs", type=Path, metavar="FOLDER", help=f"put both into {PAGE} in this folder")
    chosen = parser.parse_args()
    command = _command(name, sys.argv[1:])
    try:
        report = experiment(chosen)
        text = report.markdown(command)
        print(text)
        if chosen.output:
            chosen.output.mkdir(parents=True, exist_ok=True)
            (chosen.output / f"{name}.md").write_text(text + "\n", encoding="utf-8")
            draw(report, chosen.output / f"{name}.png")
        if chosen.docs:
            put_into(chosen.docs, name, report, command)
    except ProxiscopeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def number(text: str) -> int:
    """A whole number from 1 on, of the command line."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"got {text!r}; give a whole number from 1 on")
    return int(text)


def put_into(docs: Path, name: str, report: Report, command: str) -> None:
    """Replace what the page says between the marks of this experiment, and its picture.

    Raises
    ------
    InputError
        If there is no such page, or it has no such marks.
    """
    page = docs / PAGE
    marks = f"<!-- {name} -->", f"<!-- end of {name} -->"
    _marked(page, marks)
    picture = f"images/experiments/{name}.png"
    (docs / picture).parent.mkdir(parents=True, exist_ok=True)
    draw(report, docs / picture)
    body = f"{marks[0]}\n{report.markdown(command)}\n\n![{report.caption}](../{picture})\n{marks[1]}"
    pattern = re.compile(re.escape(marks[0]) + ".*" + re.escape(marks[1]), re.DOTALL)
    text = _marked(page, marks)  # read anew: while this one drew, another experiment may have written its part
    page.write_text(pattern.sub(lambda _: body, text), encoding="utf-8")


def _marked(page: Path, marks: tuple[str, str]) -> str:
    """The text of a page with one pair of these marks; raises InputError if it has not."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    if any(text.count(mark) != 1 for mark in marks) or text.index(marks[0]) > text.index(marks[1]):
        raise InputError(str(page), f"not one pair of the marks {marks[0]} and {marks[1]}", "Put them where it belongs")
    return text


def draw(report: Report, path: Path) -> None:
    """Write the picture of a report."""
    import matplotlib
    from matplotlib.figure import Figure

    from ..figures import STYLE

    with matplotlib.rc_context(STYLE):
        figure = Figure(layout="constrained", dpi=150)
        report.draw(figure)
        figure.savefig(path, metadata={"Software": None})


def _command(name: str, arguments: Sequence[str]) -> str:
    """The command without what only says where things lie."""
    kept, skip = [], False
    for argument in arguments:
        flag = argument.split("=")[0]
        if skip:
            skip = False
        elif flag in ("--docs", "--output", "--data"):
            skip = "=" not in argument
            if flag == "--data":
                kept += ["--data", "FOLDER"]
        else:
            kept.append(argument)
    return " ".join([f"python -m proxiscope.experiments.{name}", *kept])

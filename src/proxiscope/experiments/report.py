"""What an experiment leaves: a table beside the printed figures and a picture; and the command line that all share."""

import argparse
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tqdm import tqdm

from ..core import InputError, ProxiscopeError
from .catalogue import CATALOGUE, Entry

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGES = "reproduction"
"""Folder of the docs whose pages have marks for the experiments."""

SCALES = "full", "reduced"
SKIPPED = 3
"""Exit status of an experiment whose data are not there."""

T = TypeVar("T")


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


def main(
    experiment: Experiment,
    *options: tuple[str, dict],
    trials: int = 0,
    reduced: Mapping[str, Any] | None = None,
) -> int:
    """Run an experiment from the command line.

    Parameters
    ----------
    experiment : callable
        From the options to a `Report`; its module's name is the name of the experiment, and its docstring the help.
    *options
        More of them: (flag, keywords of ``add_argument``), whose defaults are those of the full scale.
    trials : int
        Independent runs at full scale; no ``--trials`` where it is 0.
    reduced : Mapping[str, Any], optional
        By the options' names: their values at reduced scale.

    Returns
    -------
    int
        Exit status: `SKIPPED` where the data are absent.
    """
    name = Path(sys.modules[experiment.__module__].__file__).stem
    entry = CATALOGUE.get(name, Entry(""))
    parser = _parser(experiment, name, entry, options, trials)
    if parser.parse_args().scale == "reduced":
        parser.set_defaults(**(reduced or {}))
    chosen = parser.parse_args()
    command = _command(name, sys.argv[1:])
    try:
        if entry.data:
            chosen.data = entry.folder_in(chosen.data)
            if missing := entry.missing(chosen.data):
                print(f"{name}: skipped, {missing}", file=sys.stderr)
                return SKIPPED
        report = experiment(chosen)
        print(report.markdown(command))
        if chosen.output:
            write(chosen.output, name, report, command)
        if chosen.docs:
            put_into(chosen.docs, name, report, command)
    except ProxiscopeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser(
    experiment: Experiment, name: str, entry: Entry, options: Sequence[tuple[str, dict]], trials: int
) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m proxiscope.experiments.{name}",
        description=sys.modules[experiment.__module__].__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scale", choices=SCALES, default="full", help="defaults of the other options (full)")
    if entry.data:
        what = f"with {entry.folder}/{entry.data[0]}, or what is in {entry.folder}" if entry.folder else "of data"
        parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help=what)
    if trials:
        parser.add_argument("--trials", type=number, default=trials, help=f"independent runs ({trials})")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first run; later ones count on (0)")
    for flag, keywords in options:
        parser.add_argument(flag, **keywords)
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="write the table and the picture here")
    parser.add_argument("--docs", type=Path, metavar="FOLDER", help=f"put both into {PAGES} in this folder")
    return parser


def bar(items: Collection[T]) -> Iterable[T]:
    """The items, with a progress bar on a terminal."""
    return tqdm(items, disable=not sys.stderr.isatty())


def number(text: str) -> int:
    """A whole number from 1 on, of the command line."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"got {text!r}; give a whole number from 1 on")
    return int(text)


def write(folder: Path, name: str, report: Report, command: str) -> None:
    """Write the table and the picture into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    text = f"{report.markdown(command)}\n\n![{report.caption}]({name}.png)\n"
    (folder / f"{name}.md").write_text(text, encoding="utf-8")
    draw(report, folder / f"{name}.png")


def put_into(docs: Path, name: str, report: Report, command: str) -> None:
    """Replace what a page says between the marks of this experiment, and its picture.

    Raises
    ------
    InputError
        If no page has such marks, or one has not one pair of them.
    """
    marks = f"<!-- {name} -->", f"<!-- end of {name} -->"
    page = _page_with(docs / PAGES, marks)
    _marked(page, marks)
    picture = f"images/experiments/{name}.png"
    (docs / picture).parent.mkdir(parents=True, exist_ok=True)
    draw(report, docs / picture)
    body = f"{marks[0]}\n{report.markdown(command)}\n\n![{report.caption}](../{picture})\n{marks[1]}"
    pattern = re.compile(re.escape(marks[0]) + ".*" + re.escape(marks[1]), re.DOTALL)
    text = _marked(page, marks)  # read anew: while this one drew, another experiment may have written its part
    page.write_text(pattern.sub(lambda _: body, text), encoding="utf-8")


def _page_with(folder: Path, marks: tuple[str, str]) -> Path:
    """The page with the first of the marks, or the folder if there is none."""
    pages = sorted(folder.glob("*.md"))
    return next((page for page in pages if marks[0] in page.read_text(encoding="utf-8")), folder)


def _marked(page: Path, marks: tuple[str, str]) -> str:
    """The text of a page with one pair of these marks; raises InputError if it has not."""
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
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
    """The command without what is the default and what only says where things lie."""
    kept, words = [], iter(arguments)
    for word in words:
        flag, equals, value = word.partition("=")
        if flag not in ("--docs", "--output", "--data", "--scale"):
            kept.append(word)
            continue
        value = value if equals else next(words)
        if flag == "--data":
            kept += ["--data", "FOLDER"]
        elif flag == "--scale" and value != SCALES[0]:
            kept += ["--scale", value]
    return " ".join([f"python -m proxiscope.experiments.{name}", *kept])

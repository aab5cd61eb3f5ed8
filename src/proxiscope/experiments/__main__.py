"""All experiments of the thesis' chapters 2 to 5, one after the other, each in a process of its own.

One that fails does not end the others; one whose data are not there is skipped. At the end stands what was made, how
long it took, and what was not.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .catalogue import CATALOGUE
from .report import SCALES, SKIPPED

LINES = 12
"""Of what a failing experiment wrote, that are shown."""


class Outcome(NamedTuple):
    """What became of an experiment: "made", "skipped" or "failed", after so many seconds, and why."""

    name: str
    what: str
    seconds: float
    why: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run those that are asked for; 1 if one failed, 130 if all was ended by Ctrl-C."""
    options = _parser().parse_args(arguments)
    outcomes: list[Outcome] = []
    code = 0
    try:
        for name in options.names or CATALOGUE:
            print(f"{name}: {CATALOGUE[name].of} ...", flush=True)
            outcomes.append(run(name, options))
            print(f"  {_words(outcomes[-1])}", flush=True)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    summary = _summary(outcomes, options.scale)
    print(f"\n{summary}")
    if not options.docs:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "index.md").write_text(summary + "\n", encoding="utf-8")
        print(f"\n{options.output / 'index.md'}")
    return code or int(any(outcome.what == "failed" for outcome in outcomes))


def _parser() -> argparse.ArgumentParser:
    names = "\n".join(f"  {name:20} {entry.of}" for name, entry in CATALOGUE.items())
    parser = argparse.ArgumentParser(
        prog="python -m proxiscope.experiments",
        description=f"{__doc__}\nNames:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "names", nargs="*", type=_known, metavar="NAME", help="of experiments, without .py; all by default"
    )
    took = "reduced: minutes in all; full: hours, with networks days"
    parser.add_argument("--scale", choices=SCALES, default="reduced", help=took)
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="with the folders of all data")
    output = Path("reproduction-output")
    parser.add_argument("--output", type=Path, metavar="FOLDER", default=output, help=f"where to write ({output})")
    parser.add_argument("--docs", type=Path, metavar="FOLDER", help="put it into the pages of this folder instead")
    return parser


def _known(name: str) -> str:
    if name not in CATALOGUE:
        raise argparse.ArgumentTypeError(f"got {name!r}; give one of {', '.join(CATALOGUE)}")
    return name


def run(name: str, options: argparse.Namespace) -> Outcome:
    """Run one in a process of its own."""
    entry = CATALOGUE[name]
    if lacking := entry.lacks_module():
        return Outcome(name, "skipped", 0, f"{lacking} is not installed")
    if entry.data and options.data is None:
        return Outcome(name, "skipped", 0, f"no data: give --data with {entry.folder or 'any of its folders'}")
    where = ["--docs", options.docs] if options.docs else ["--output", options.output]
    data = ["--data", options.data] if entry.data else []
    command = [sys.executable, "-m", f"{__package__}.{name}", "--scale", options.scale, *where, *data]
    begun = time.perf_counter()
    done = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8", errors="replace",
    )  # fmt: skip
    seconds, told = time.perf_counter() - begun, done.stderr.strip().splitlines()
    if done.returncode == 0:
        return Outcome(name, "made", seconds)
    if done.returncode == SKIPPED:
        return Outcome(name, "skipped", seconds, told[-1].split("skipped, ")[-1])
    print("\n".join(f"  | {line}" for line in told[-LINES:]), file=sys.stderr)
    return Outcome(name, "failed", seconds, told[-1] if told else f"exit status {done.returncode}")


def _words(outcome: Outcome) -> str:
    why = f": {outcome.why}" if outcome.why else ""
    return f"{outcome.what}{why}" if outcome.what == "skipped" else f"{outcome.what} in {outcome.seconds:.0f} s{why}"


def _summary(outcomes: Sequence[Outcome], scale: str) -> str:
    """All of them in a table, and their number."""
    lines = [f"# Reproduction at {scale} scale", "", "| experiment | of | outcome | s |", "| --- | --- | --- | --- |"]
    for outcome in outcomes:
        name = f"[{outcome.name}]({outcome.name}.md)" if outcome.what == "made" else outcome.name
        what = f"{outcome.what}: {outcome.why}" if outcome.why else outcome.what
        lines.append(f"| {name} | {CATALOGUE[outcome.name].of} | {what} | {outcome.seconds:.0f} |")
    counts = (f"{sum(o.what == what for o in outcomes)} {what}" for what in ("made", "skipped", "failed"))
    lines += ["", f"{', '.join(counts)}; {sum(o.seconds for o in outcomes) / 60:.1f} minutes."]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())

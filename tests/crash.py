"""Runs that are killed: ``python -m tests.crash --count 100`` kills so many, resumes them, and compares bit for bit.

Each run is ``proxiscope reconstruct`` in a process of its own that writes checkpoints often. It is killed by SIGKILL at
a seeded moment, which may be in the middle of writing a checkpoint, goes on by ``proxiscope resume``, is killed again
perhaps, and has to come to the result of a run that nobody touched: array, products, figures over iterations and
record. The processes are forked from one that has the libraries, so that a run takes as long as its iterations.
"""

import argparse
import json
import multiprocessing
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

RUNS = {
    "gps-r, held-out": ["gps-r", "pattern.npz", "--hold-out", "0.05", "--stop", "held-out", "--seed", "3"],
    "er-hio, shrink-wrap": ["er-hio", "pattern.npz", "--max-iterations", "700", "--shrink-every", "50", "--seed", "4"],
    "ensemble": ["gps-f", "pattern.npz", "--max-iterations", "60", "--starts", "10", "--batch", "4", "--refined", "2"],
    "resire-accelerated": ["resire-accelerated", "series.npz", "--max-iterations", "80", "--stop", "plateau",
                           "--plateau-patience", "30"],
    "sart": ["sart", "series.npz", "--max-iterations", "15"],
    "sgd, seeded order": ["sgd", "series.npz", "--max-iterations", "20", "--seed", "7"],
    "in slabs": ["resire", "series.npz", "--in-slabs", "--slices", "32", "--max-iterations", "25"],
    "changed on the way": ["sirt", "series.npz", "--max-iterations", "150", "--change", "60: relaxation=0.7",
                           "--end-at", "120"],
    "refined angles": ["angle-refinement", "series.npz", "--refined-angles", "refined.txt", "--rounds", "3",
                       "--steps", "20"],
}  # fmt: skip
"""Commands by the names of what they are to show."""

PATIENCE = 120.0
"""Seconds that a run may take."""

VARIES = ("seconds", "finished", "resumed")
"""What may differ in the record of a run that was taken up."""

_context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")


@dataclass
class Outcome:
    """What became of a run: iterations at which it was killed and from which it went on, and whether it is the same."""

    name: str
    interval: int
    killed: list[int] = field(default_factory=list)
    went_on: list[int] = field(default_factory=list)
    writing: int = 0
    wrong: str = ""

    def line(self) -> str:
        """A row of the table."""
        lost = [at - on for at, on in zip(self.killed, self.went_on, strict=True)]
        columns = (" ".join(map(str, column)) for column in (self.killed, self.went_on, lost))
        return " | ".join(
            f"{text:<{width}}"
            for text, width in zip(
                (self.name, *columns, str(self.interval), str(self.writing), self.wrong or "identical"),
                (20, 18, 18, 14, 3, 2, 0),
                strict=True,
            )
        )


HEADER = (
    "run                  | killed at          | went on from       | lost           | of  | w  | result\n"
    "(w: how often it was killed while it wrote a checkpoint)"
)


def write_data(folder: Path) -> None:
    """The data of all runs."""
    from proxiscope.io import save
    from proxiscope.simulate import diffraction_pattern, tilt_series, vesicle

    save(folder / "pattern.npz", diffraction_pattern(vesicle((40, 36)), (96, 100), flux=1e7, seed=1))
    series = tilt_series(vesicle((32, 64, 32)), np.arange(-60, 61, 8.0), noise=0.1)
    save(folder / "series.npz", series)


def child(arguments: list[str], folder: str, diary: str) -> None:
    """Run the command line in this process, and note each iteration before it is offered as a checkpoint."""
    from tqdm import tqdm

    from proxiscope import keeping
    from proxiscope.cli import main

    tqdm.set_lock(threading.RLock())  # its own is shared between processes, and would be left by one that is killed
    file = os.open(diary, os.O_WRONLY | os.O_CREAT)
    offer = keeping.Checkpoints.offer

    def noted(self, progress, record, seconds):
        os.pwrite(file, progress.iteration.to_bytes(8, "little"), 0)
        return offer(self, progress, record, seconds)

    keeping.Checkpoints.offer = noted
    os.chdir(folder)
    errors = os.open(f"{diary}.err", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(errors, 1)
    os.dup2(errors, 2)
    sys.stdout, sys.stderr = (os.fdopen(os.dup(errors), "w") for _ in range(2))
    os._exit(main(arguments))


class Running:
    """A process that runs a command in a folder; killed when the block ends."""

    def __init__(self, arguments: list[str], folder: Path):
        self.folder, self._diary = folder, folder.parent / f"{folder.name}.diary"
        self._diary.write_bytes(b"")
        self._process = _context.Process(target=child, args=(arguments, str(folder), str(self._diary)))

    def __enter__(self) -> "Running":
        self._process.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()

    @property
    def iteration(self) -> int:
        """The last one that is done."""
        return int.from_bytes(self._diary.read_bytes()[:8], "little")

    @property
    def is_writing(self) -> bool:
        """Whether a checkpoint is half written."""
        return any(name.startswith(".") and ".tmp." in name for name in os.listdir(self.folder))

    @property
    def code(self) -> int | None:
        """The exit code once it has ended."""
        return self._process.exitcode

    @property
    def errors(self) -> str:
        """The last line that it wrote."""
        lines = Path(f"{self._diary}.err").read_text(errors="replace").split("\n")
        return " ".join(lines[-3:]).strip()[-300:]

    def kill(self) -> None:
        """Send SIGKILL."""
        if self.code is None:
            self._process.kill()
        self._process.join()

    def moments(self) -> Iterator[float]:
        """Seconds since its first iteration, again and again until it ends."""
        begin, first = time.monotonic(), None
        while self.code is None:
            if time.monotonic() - begin > PATIENCE:
                raise TimeoutError(f"{PATIENCE} s")
            if first is None and self.iteration:
                first = time.monotonic()
            yield 0.0 if first is None else time.monotonic() - first
            time.sleep(0.0003)


def command(name: str, folder: Path, every: str) -> list[str]:
    """The arguments of a run with the data in a folder."""
    algorithm, data, *rest = RUNS[name]
    outputs = ["-o", "result.npz", "--metrics", "metrics.csv", "--quiet", "--checkpoint-every", every]
    return ["reconstruct", algorithm, str(folder / data), *rest, *outputs]


def whole(name: str, folder: Path) -> tuple[Path, float, int]:
    """The folder of a run that nobody touches, its seconds from the first iteration on, and how many it has."""
    target, seconds = folder / f"whole {name}", 0.0
    target.mkdir()
    with Running(command(name, folder, "1000000it"), target) as running:
        for moment in running.moments():
            seconds = moment
        if running.code:
            raise RuntimeError(f"{name}: {running.errors}")
        return target, seconds, running.iteration


def crash(name: str, folder: Path, reference: tuple[Path, float, int], seed: int) -> Outcome:
    """Kill a run once or several times, resume it each time, and compare it with the one that nobody touched."""
    from proxiscope.checkpoints import load_run
    from proxiscope.core import InputError

    rng = random.Random(f"{name} {seed}")
    interval = rng.choice((1, 2, 5, 10))
    outcome = Outcome(name, interval)
    target = folder / f"{name} {seed}"
    target.mkdir()
    first, arguments = command(name, folder, f"{interval}it"), None
    kills, (_, seconds, iterations) = rng.choice((1, 1, 2, 3)), reference
    while True:
        with Running(arguments or first, target) as running:
            if kills:
                done = outcome.went_on[-1] if outcome.went_on else 0
                while_writing = rng.random() < 0.4
                at = rng.uniform(0, max(seconds * (1 - done / iterations), 0.05))
                goal = rng.randrange(done, max(iterations, done + 1))
                for moment in running.moments():
                    if running.iteration >= goal and running.is_writing if while_writing else moment > at:
                        break
                writing = running.is_writing
                running.kill()
            else:
                for _ in running.moments():
                    pass
            code, reached, said = running.code, running.iteration, running.errors
        if code == 0:
            break
        if not kills or code > 0:
            outcome.wrong = f"exit code {code}: {said}"
            return outcome
        kills, outcome.writing = kills - 1, outcome.writing + writing
        try:
            found, arguments = load_run(target).iteration, ["resume", str(rng.choice(("result.npz", "."))), "--quiet"]
        except InputError:
            found, arguments = 0, None  # killed before the first checkpoint: begun anew
        reached = max(reached, found)
        outcome.killed.append(reached)
        outcome.went_on.append(found)
        step = STEPS.get(name, 1)
        if reached - found > max(interval, step) + step - 1 and found:
            outcome.wrong = f"lost {reached - found} iterations"
            return outcome
    outcome.wrong = difference(reference[0], target)
    return outcome


STEPS = {"ensemble": 10}
"""Iterations that a step takes where it is more than one."""


def difference(one: Path, other: Path) -> str:
    """What differs between the outputs in two folders; empty if nothing does."""
    names = sorted(os.listdir(one))
    if sorted(os.listdir(other)) != names:
        return f"files {sorted(os.listdir(other))}"
    texts = [name for name in names if not name.endswith(".npz")]
    wrong = [name for name in texts if (one / name).read_bytes() != (other / name).read_bytes()]
    with np.load(one / "result.npz") as a, np.load(other / "result.npz") as b:
        if sorted(a) != sorted(b):
            return f"arrays {sorted(b)}"
        for name in a:
            if name == "metadata":
                records = [json.loads(str(x[name])) for x in (a, b)]
                keys = {key for record in records for key in record} - set(VARIES)
                wrong += [f"record: {key}" for key in sorted(keys) if records[0].get(key) != records[1].get(key)]
            elif a[name].dtype != b[name].dtype or a[name].tobytes() != b[name].tobytes():
                wrong.append(name)
    return f"differ: {', '.join(wrong)}" if wrong else ""


def crashes(count: int, folder: Path, first: int = 0) -> Iterator[Outcome]:
    """What becomes of so many runs, of each kind in turn."""
    _context.set_forkserver_preload(["proxiscope.cli.main", "proxiscope.checkpoints", "proxiscope.io.load"])
    write_data(folder)
    references: dict[str, tuple[Path, float, int]] = {}
    names = list(RUNS)
    for seed in range(first, first + count):
        name = names[seed % len(names)]
        if name not in references:
            references[name] = whole(name, folder)
        yield crash(name, folder, references[name], seed)


def main() -> int:
    """Print a row for each run; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="seed of the first")
    options = parser.parse_args()
    print(HEADER)
    wrong = kills = writing = 0
    with tempfile.TemporaryDirectory() as folder:
        for outcome in crashes(options.count, Path(folder), options.first):
            print(outcome.line(), flush=True)
            wrong, kills, writing = wrong + bool(outcome.wrong), kills + len(outcome.killed), writing + outcome.writing
    print(f"{options.count} runs, killed {kills} times, {writing} of them while writing; {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

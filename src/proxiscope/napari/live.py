"""A run with all that shows it."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from qtpy.QtCore import QObject

from ..core import Algorithm, Criterion, InputError, lowest_of, parameters
from .activity import Activity
from .iterates import Kept
from .plots import Curves
from .run import Run
from .run_list import Row
from .stream import Stream
from .worker import Status

REMEMBERED = 2**30
"""Bytes of last iterates that a panel holds in all, to go on from; of older runs there is the result only."""


class Live(QObject):
    """A run, its stream and its progress bar.

    Parameters
    ----------
    panel : QWidget
        In whose window the progress is shown.
    run : Run
    stream : type[Stream]
    name : str
        In the list of runs; the layer is that of the source.
    source : napari.layers.Layer
        What it reconstructs from.
    colour : str
        Of its curves.
    follow : callable
        Called with this object and the run's status whenever there is news and time to paint.

    Attributes
    ----------
    drawn : bool
        Whether its curves are shown.
    warned, unsaved : bool
        Whether what the making of the problem warned of has been told, and that a checkpoint could not be written.
    """

    def __init__(
        self, panel: Any, run: Run, stream: type[Stream], name: str, source: Any, colour: str,
        follow: Callable[["Live", Status], None],
    ):  # fmt: skip
        super().__init__(panel)
        self.run, self.name, self.colour, self.source = run, name, colour, source
        self.drawn, self.warned, self.unsaved = True, False, False
        layer_name = f"{name} of {source.name}"
        self.activity = Activity(panel.window(), layer_name, run.total)
        self.stream = stream(panel.viewer, run, layer_name, source, partial(follow, self), parent=self)

    @property
    def active(self) -> bool:
        """Whether the end of the run has yet to be shown."""
        return self.stream.active

    def begin(self) -> None:
        """Start the thread, and look at it."""
        self.run.start()
        self.stream.look()

    def do(self, what: Callable[[], None]) -> None:
        """Ask the run for something, and show at once that it was asked."""
        if self.active:
            what()
            self.stream.look()

    def leave(self, interrupt: bool = False) -> None:
        """Cancel a run that is under way, take its half-made layer away, and show nothing more of it.

        One that is interrupted leaves a checkpoint; one whose result was shown needs none.
        """
        under_way = self.active
        self.stream.stop()
        (self.run.interrupt if interrupt else self.run.cancel)()
        self.release(keep=interrupt and under_way)
        self.activity.close()
        if under_way:
            self.stream.remove_layer()

    def release(self, keep: bool = False) -> None:
        """Remove the checkpoint that has the result, or keep it for another time."""
        if self.run.checkpoints is not None:
            self.run.checkpoints.release(keep)

    @property
    def failure(self) -> str:
        """What failed, and when."""
        return f"{self.stream.name} failed after iteration {self.run.iteration}, and what there was is kept"

    def rename(self, name: str) -> None:
        """Give the run, and its layer, another name."""
        self.name, self.stream.name = name, f"{name} of {self.source.name}"
        if self.stream.layer is not None:
            self.stream.layer.name = self.stream.name

    def run_from(self, kept: Kept, algorithm: Algorithm, stop: Sequence[Criterion]) -> Run:
        """A run that goes on from `kept` with `algorithm`.

        Also where that is the one that was at work, it is a change: the criteria watch what follows it.

        Raises
        ------
        InputError
            If `stop` would have the result be another iterate than what was kept track of so far.
        """
        run = self.run
        if lowest_of(stop) != lowest_of(run.stop_by):
            found = "held-out data decide on the result in one of the runs only"
            raise InputError("stop", found, "Choose the same criterion, or press Run to begin anew")
        changes = {i: change for i, change in dict(run.changes).items() if i < kept.iteration}
        changes[kept.iteration] = algorithm
        return Run(run.algorithm, run.make_problem, seed=run.seed, stop=stop, begin=kept, changes=changes)

    def curves(self) -> Curves:
        """What is drawn of it."""
        run = self.run
        return Curves(
            name=self.name,
            colour=self.colour,
            figures=run.curves,
            best=run.result.iteration if run.result is not None else None,
            kept=tuple(kept.iteration for kept, _ in self.stream.kept),
            changes=tuple(dict(run.changes)),
        )

    def row(self) -> Row:
        """What the list says of it."""
        run, status = self.run, self.run.status
        r_factor = run.result.r_factor if run.result is not None else run.curve[-1][1] if run.curve else None
        return Row(
            key=self,
            name=self.name,
            colour=self.colour,
            state=f"{run.iteration}/{run.total}" if status is Status.RUNNING else status.value,
            r_factor=r_factor,
            checked=self.drawn,
            kept=tuple((kept.iteration, kept.r_factor) for kept, _ in self.stream.kept),
            busy=not status.ended,
        )


def short_name(cls: type[Algorithm]) -> str:
    """An algorithm's name as it is written: "GPS-R", "RESIRE accelerated"."""
    words = re.findall(r"[A-Za-z]+", cls.title)
    parts = [part.upper() if part.upper() in words or len(part) <= 2 else part for part in cls.name.split("-")]
    name = parts[0]
    for before, part in pairwise(parts):
        name += f"-{part}" if before.isupper() and part.isupper() else f" {part}"
    return name[0].upper() + name[1:]


def differences(before: Algorithm, after: Algorithm) -> str:
    """What another algorithm, or other parameters, change, in words."""
    if type(before) is not type(after):
        return after.title or after.name
    changed = [p for p in parameters(after) if getattr(before, p.name) != getattr(after, p.name)]
    said = [f"{p.name.replace('_', ' ')} {p.format(getattr(after, p.name))}" for p in changed]
    return ", ".join(said) or "other parameters"


def forget_old(lives: Iterable[Live]) -> None:
    """Let go of the last iterates of older runs, where all together they are large."""
    held = 0
    for live in reversed(list(lives)):
        if live.run.final is None:
            continue
        held += sum(getattr(value, "nbytes", 0) for value in vars(live.run.final.state).values())
        if held > REMEMBERED:
            live.run.final = None

"""What is drawn of a run over its iterations."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt

from ..theme import BEST, RUN_COLOURS
from .line import Line

if TYPE_CHECKING:
    from .base import Plot

Recorded = Sequence[tuple[int, float]]
"""Iterations with their figures."""

R_FACTORS = {
    "r_factor": ("R_F", Qt.PenStyle.SolidLine),
    "free_r_factor": ("free R", Qt.PenStyle.DashLine),
    "median_r_factor": ("median of starts", Qt.PenStyle.DotLine),
}
"""Fractions, which are drawn together, in percent."""


@dataclass(frozen=True, kw_only=True)
class Curves:
    """What is drawn of a run.

    Attributes
    ----------
    name, colour : str
    figures : mapping of str to sequence of (iteration, value)
        ``"r_factor"``, ``"free_r_factor"`` and ``"median_r_factor"`` are fractions. Of a list that grows, only what is
        new is looked at.
    best : int or None
        Iteration of the iterate that the run stands for.
    kept, changes : sequence of int
        Iterations of those that were kept, and those at which parameters were changed.
    """

    name: str
    figures: Mapping[str, Recorded]
    colour: str = RUN_COLOURS[0]
    best: int | None = None
    kept: Sequence[int] = ()
    changes: Sequence[int] = ()


class RunCurves:
    """The curves and marks of one run."""

    def __init__(self, plot: "Plot"):
        self._plot = plot
        self.shown = Curves(name="", figures={})
        self.lines: dict[str, Line] = {}
        self._points: dict[str, _Points] = {}

    def show(self, run: Curves, quantity: str) -> bool:
        """Take what is to be drawn of a quantity (empty for the R-factors); returns whether anything is new."""
        before, self.shown = self.shown, run
        wanted = [name for name in (R_FACTORS if not quantity else (quantity,)) if len(run.figures.get(name, ()))]
        looks = (run.name, run.colour)
        changed = looks != (before.name, before.colour) or self._signs(run) != self._signs(before)
        if looks != (before.name, before.colour) or wanted != list(self.lines):
            changed = True
            self.draw({name: figure_name(name) for name in wanted})
        for name, line in self.lines.items():
            changed |= line.set(*self._points.setdefault(name, _Points()).of(run.figures[name], name))
        return changed

    def draw(self, figures: Mapping[str, str]) -> None:
        """Draw these figures in place of those that were drawn."""
        for line in self.lines.values():
            self._plot.remove_line(line)
        prefix = f"{self.shown.name}: " if self.shown.name else ""
        self.lines = {
            name: self._plot.line(prefix + text, self.shown.colour, R_FACTORS.get(name, _SOLID)[1])
            for name, text in figures.items()
        }

    def notes(self, iteration: float) -> list[str]:
        """What is marked at an iteration."""
        return [name for name, iterations in zip(("best", "kept", "changed"), self._signs(self.shown), strict=True)
                if iteration in iterations]  # fmt: skip

    def marks(self) -> Iterator[tuple]:
        """Place, symbol, size, brush and pen of each mark, on the first of the curves."""
        line = next(iter(self.lines.values()), None)
        if line is None:
            return
        ink, text = self._plot.ink(self.shown.colour).name(), self._plot.text_colour
        best, kept, changes = self._signs(self.shown)
        looks = ((changes, "|", 16, text, None), (kept, "s", 6, ink, text), (best, "o", 9, BEST, "k"))
        for iterations, *look in looks:
            y = self._plot.drawn(line.at(np.asarray(iterations, float)))
            yield from (
                (x, value, *look) for x, value in zip(iterations, y.tolist(), strict=True) if np.isfinite(value)
            )

    @staticmethod
    def _signs(run: Curves) -> tuple[tuple[int, ...], ...]:
        return () if run.best is None else (run.best,), tuple(run.kept), tuple(run.changes)


class _Points:
    """A recorded figure as arrays; of a list that grows, only what is new is converted."""

    def __init__(self) -> None:
        self._source: Any = None
        self._x, self._y = np.empty(0), np.empty(0)

    def of(self, recorded: Recorded, name: str) -> tuple[NDArray, NDArray]:
        """Iterations and values, in percent of the R-factors."""
        if recorded is not self._source or len(recorded) < len(self._x):
            self._source = recorded
            self._x, self._y = np.empty(0), np.empty(0)
        new = recorded[len(self._x) :]  # a copy: a run in a thread of its own may add to it
        if len(new):
            x, y = np.array(new, float).T
            self._x = np.concatenate([self._x, x])
            self._y = np.concatenate([self._y, (100 if name in R_FACTORS else 1) * y])
        return self._x, self._y


_SOLID = ("", Qt.PenStyle.SolidLine)


def figure_name(figure: str) -> str:
    """What a figure is called."""
    return R_FACTORS[figure][0] if figure in R_FACTORS else figure.replace("_", " ").replace("fourier", "Fourier")


def figure_value(figure: str, value: float) -> str:
    """A value as it is read out."""
    return f"{value:.2f} %" if figure in R_FACTORS else f"{value:.4g}"

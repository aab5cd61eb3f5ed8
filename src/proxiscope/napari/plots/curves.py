"""Figures over iterations, of several runs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtWidgets import QComboBox, QWidget

from .base import Plot, finite_range
from .readout import Reading, Row
from .run_curves import R_FACTORS, Curves, Recorded, RunCurves, figure_name, figure_value

NOTHING = "No run yet"

LONGEST = 18
"""Characters of a run's name in the key."""

MOST_NAMES = 4
"""Runs that the key names; of more it would hide the curves, and the list of runs has their colours."""


class CurvePlot(Plot):
    """Figures over iterations.

    R_F is solid, free R dashed, and the median of many starts dotted, each run in its own colour. An orange dot marks
    the best iterate, squares those that were kept, and vertical ticks where parameters were changed. The range of y
    leaves out the fall of the first fifth, beside which all that follows would be flat; a double click shows it.
    """

    def __init__(self, parent: QWidget | None = None):
        super().__init__("iteration", "R-factor (%)", parent, log=True)
        self._runs: list[RunCurves] = []
        self._marks = pg.ScatterPlotItem()
        self._marks.setZValue(10)
        self._marked: list[tuple] = []
        self._plot.addItem(self._marks)
        self._plot.getPlotItem().disableAutoRange()
        self._view.setRange(xRange=(0, 100), yRange=(0, 100), padding=0)
        self.quantity = QComboBox(toolTip="What is drawn over the iterations.")
        self.quantity.addItem("R-factors", "")
        self.quantity.currentIndexChanged.connect(self._choose)
        self.quantity.hide()
        self._corner.layout().insertWidget(0, self.quantity)
        self.say(NOTHING)

    def show_runs(self, runs: Sequence[Curves]) -> None:
        """Draw runs, in place of those that were drawn; what is drawn already is not drawn again."""
        self._offer([name for run in runs for name, recorded in run.figures.items() if len(recorded)])
        self.say("" if runs else NOTHING)
        changed = len(runs) != len(self._runs)
        for gone in self._runs[len(runs) :]:
            gone.draw({})
        self._runs = [*self._runs[: len(runs)], *(RunCurves(self) for _ in runs[len(self._runs) :])]
        for drawn, run in zip(self._runs, runs, strict=True):
            changed |= drawn.show(run, self.quantity.currentData())
        if changed:
            self.changed()
            self.dress()

    def show_curves(self, curves: Mapping[str, Recorded], best: int | None = None) -> None:
        """Draw a single run."""
        self.show_runs([Curves(name="", figures=curves, best=best)])

    def points(self, name: str = "r_factor", run: int = 0) -> tuple[NDArray, NDArray]:
        """Iterations and values of a figure of a run, in the unit of the axis."""
        line = self._runs[run].lines.get(name) if run < len(self._runs) else None
        return (np.empty(0), np.empty(0)) if line is None else (line.x, line.y)

    def extent(self, everything: bool) -> Any:
        """Of the values, only those after the first fifth of each curve."""
        shown = [line for line in self._lines if np.isfinite(self.drawn(line.y)).any()]
        if everything or not shown:
            return super().extent(everything)
        y = np.concatenate([self.drawn(line.y[len(line.y) // 5 :]) for line in shown])
        x = np.concatenate([line.x for line in shown])
        return super().extent(everything) if not np.isfinite(y).any() else (finite_range(x), finite_range(y))

    def read(self, x: float) -> Reading | None:
        """The figures of the recorded iteration nearest to `x`."""
        places = [line.x[i] for line in self._lines if (i := line.nearest(x)) is not None]
        if not places:
            return None
        place = min(places, key=lambda other: abs(other - x))
        rows, dots = [Row(f"iteration {place:.0f}")], []
        for run in self._runs:
            found = [(name, line, i) for name, line in run.lines.items() if (i := line.nearest(place)) is not None]
            dots += [(line.x[i], line.y[i], line.colour) for _, line, i in found]
            texts = [f"{figure_name(name)} {figure_value(name, line.y[i])}" for name, line, i in found]
            notes = run.notes(place)
            if len(self._runs) == 1:
                rows = [Row(", ".join([rows[0].text, *notes]))]
                rows += [Row(text, line.colour, line.style) for text, (_, line, _) in zip(texts, found, strict=True)]
            elif found:
                texts[0] = texts[0].removeprefix("R_F ")
                rows.append(Row(f"{_short(run.shown.name)}  {', '.join([*texts, *notes])}", found[0][1].colour))
        return Reading(tuple(rows), place, tuple(dots))

    def key(self) -> tuple[Row, ...]:
        """The runs where there are a few, and the figures where there are several."""
        figures = {name: line for run in self._runs for name, line in run.lines.items()}
        rows = []
        if 1 < len(self._runs) <= MOST_NAMES:
            rows = [Row(_short(run.shown.name), run.shown.colour) for run in self._runs if run.lines]
        if len(figures) > 1:
            several = len(self._runs) > 1
            rows += [
                Row(figure_name(name), self.text_colour if several else line.colour, line.style)
                for name, line in figures.items()
                if not several or name != "r_factor"
            ]
        return tuple(rows)

    def dress(self) -> None:
        """Draw the marks."""
        marks = [mark for run in self._runs for mark in run.marks()]
        if marks != self._marked:
            self._marked = marks
            names = ("x", "y", "symbol", "size", "brush", "pen")
            columns = zip(*marks, strict=True) if marks else [[] for _ in names]
            self._marks.setData(**{name: list(column) for name, column in zip(names, columns, strict=True)})

    def _offer(self, recorded: Sequence[str]) -> None:
        """Offer the quantities that are recorded; the choice stays if it can."""
        others = [name for name in dict.fromkeys(recorded) if name not in R_FACTORS]
        wanted = ["", *others] if set(recorded) & set(R_FACTORS) or not others else others
        if wanted != [self.quantity.itemData(i) for i in range(self.quantity.count())]:
            before = self.quantity.currentData()
            self.quantity.blockSignals(True)
            self.quantity.clear()
            for name in wanted:
                self.quantity.addItem(figure_name(name) if name else "R-factors", name)
            self.quantity.setCurrentIndex(wanted.index(before) if before in wanted else 0)
            self.quantity.blockSignals(False)
            self.quantity.setVisible(len(wanted) > 1)
            self._name_axis()

    def _choose(self, _index: int) -> None:
        self._name_axis()
        for run in self._runs:
            run.show(run.shown, self.quantity.currentData())
        if not self.follow():
            self._draw()
        self.dress()

    def _name_axis(self) -> None:
        name = self.quantity.currentData()
        self._plot.setLabel("left", figure_name(name) if name else "R-factor (%)")


def _short(name: str) -> str:
    """Without its middle where it is long: what tells runs apart is often at the end."""
    end = LONGEST // 2
    return name if len(name) <= LONGEST else f"{name[: LONGEST - end - 1]}\u2026{name[-end:]}"

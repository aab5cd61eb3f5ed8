"""How fine a detail two results agree on."""

from functools import partial
from html import escape
from typing import Any, ClassVar, NamedTuple

import numpy as np
from magicgui.widgets import ComboBox
from numpy.typing import NDArray
from qtpy.QtWidgets import QPushButton

from ...core import InputError
from ..controls import wrapped_label
from ..form import Rows
from ..layers import note
from ..task import Tick
from .known import family_of, knows_tilts, problem_maker
from .page import Page, Source, elastic, source
from .plots import CorrelationPlot
from .scale import scale_of

POINTS = [("all", "all"), ("measured by the tilts", "measured"), ("in the missing wedge", "missing wedge")]


class Halves(NamedTuple):
    """Volumes from either half of a series."""

    one: NDArray
    other: NDArray
    series: Any


class Correlation(NamedTuple):
    """A correlation with its name, whether it is of halves of the data, and between which Fourier points."""

    name: str
    fsc: Any
    halves: bool
    between: str


def half_volumes(a: Source, tick: Tick) -> Halves:
    """Reconstruct from either half of what a result was reconstructed from, as it was."""
    from ...comparison import halves
    from ...recorded import recorded

    series, run = problem_maker(a)(), recorded(a.notes.get("provenance") or {})
    tick(0.0)

    def follow(half: int, progress: Any) -> bool:
        tick((half + progress.iteration / max(run.iterations, 1)) / 2)
        return progress.iteration >= run.iterations  # where the run on record ended

    one, other = halves(run.algorithm, series, follow, changes=run.changes)
    return Halves(one, other, series)


def correlations(
    a: Source, b: Source | None, halves: Halves | None, between: str, asked: bool, size: float | None, tick: Tick
) -> list[Correlation]:
    """With another layer, and of halves, as far as they are there.

    Where nobody has `asked` for a part of Fourier space, all points are compared if the tilts cannot be had.
    """
    from ...comparison import correlate

    found = []
    try:
        tilts = None if between == "all" else halves.series if halves else _tilts(a)
    except InputError:
        if asked:
            raise
        between, tilts = "all", None
    common = {"between": between, "tilts": tilts, "pixel_size": size}
    if halves is not None:
        found.append(Correlation("two halves", correlate(halves.one, halves.other, **common), True, between))
    tick(0.5)
    if b is not None:
        found.append(Correlation(b.name, correlate(a.array(), b.array(), **common), False, between))
    return found


def _tilts(a: Source) -> Any:
    """What was measured: the tilts that a result refined, else those of the problem."""
    refined = (a.notes.get("products") or {}).get("rotations")
    return problem_maker(a)() if refined is None else np.asarray(refined, float)


class ResolutionPage(Page):
    """The Fourier shell correlation, or ring correlation of images, with what can be read from it."""

    title: ClassVar[str] = "Resolution"
    about: ClassVar[str] = (
        "Fourier shell correlation: down to which detail two results agree. The usual threshold is 0.143 for results "
        "from two halves of the data, and 0.5 against a known truth."
    )

    def build(self) -> None:
        """Which points, the curves, and what is read from them."""
        self.between = ComboBox(
            label="Fourier points", choices=POINTS,
            tooltip="Which part of Fourier space is compared. In the missing wedge nothing was measured: there, "
            "results agree on what the algorithm adds.",
        )  # fmt: skip
        self.between.changed.connect(self._ask)
        self._asked = False
        self.half = QPushButton(
            "From half the data",
            toolTip="Reconstruct from every other tilt, and from the others, as this result was; then correlate both.",
        )
        self.half.clicked.connect(self.compute_halves)
        self.points, self.plot, self.told = Rows([self.between]), CorrelationPlot(self), wrapped_label()
        elastic(self.plot, 200)
        for widget in (self.points, self.half, self.plot, self.told):
            self.rows.addWidget(widget, stretch=int(widget is self.plot))
        self._of: Any = None
        self._halves: Halves | None = None
        self.found: list[Correlation] = []

    def missing(self) -> str:
        """Another layer, halves of the data, or a PRTF."""
        layer, other = self.bench.layer, self.bench.other
        if layer is None:
            return super().missing()
        if other is not None and other.data.shape != layer.data.shape:
            return f"{other.name} is of another shape. Compare with a layer of {_size(layer)} pixels."
        if other is None and family_of(layer) != "tomography" and not self._has_transfer():
            return "Compare with a layer of the same shape, such as a result from another start or algorithm."
        return ""

    def show_layers(self) -> None:
        """Correlate the layer with the other one."""
        layer = self.bench.layer
        if layer != self._of:
            self.task.cancel()
            self._of, self._halves, self.found = layer, None, []
            if not self._asked:
                self._show_between("measured" if knows_tilts(layer) else "all")
        tomography = family_of(layer) == "tomography"
        self.points.setVisible(tomography)
        self.half.setVisible(tomography)
        self._compute()

    def compute_halves(self) -> None:
        """Reconstruct from both halves, then correlate."""
        if self.missing():
            return
        self.task.replace(partial(half_volumes, source(self.bench.layer)), "Reconstructing from both halves.")

    def show_result(self, result: Halves | list[Correlation]) -> None:
        """Draw correlations; first correlate halves that have come."""
        if isinstance(result, Halves):
            self._halves = result
            self._compute()
        elif self._shown and self.bench.layer is not None:
            self.found = result
            if result and not self._asked:
                self._show_between(result[0].between)
            self._draw()

    def _ask(self, _value: str) -> None:
        """From now on the choice is the user's."""
        self._asked = True
        self._compute()

    def _show_between(self, value: str) -> None:
        with self.between.changed.blocked():
            self.between.value = value

    def _compute(self) -> None:
        layer, other = self.bench.layer, self.bench.other
        if not self._shown or layer is None:
            return
        if other is None and self._halves is None:
            self.found = []
            self._draw()
            return
        between = self.between.value if family_of(layer) == "tomography" else "all"
        steps, unit = scale_of(layer)
        given = (source(layer), None if other is None else source(other), self._halves, between, self._asked)
        self.task.replace(partial(correlations, *given, steps[-1] if unit == "nm" else None))

    def _draw(self) -> None:
        steps, unit = scale_of(self.bench.layer)
        size = steps[-1] if unit == "nm" else 1.0
        curves = [(one.name, one.fsc.frequency / size, one.fsc.correlation) for one in self.found]
        half_bit = next((one.fsc.information() for one in self.found[:1] if one.halves), None)
        transfer = None
        if self._has_transfer():
            products = note(self.bench.layer, "products")
            transfer = (products["prtf_frequency"] / size, products["prtf"])
        self.plot.show_curves(curves, half_bit, transfer, unit)
        self.plot.say("" if curves or transfer else "Compare with another layer, or press From half the data.")
        self.told.setText(self._table(unit) + (self._reach(transfer, unit) if transfer is not None else ""))

    def _table(self, unit: str) -> str:
        """The periods at which the curves fall below their thresholds."""
        if not self.found:
            return ""
        rows = ["<tr><th align=left>Period at</th><th>0.5</th><th>0.143</th><th>half-bit</th></tr>"]
        for one in self.found:
            levels = (0.5, 0.143, *((one.fsc.information(),) if one.halves else ()))
            cells = "".join(f"<td>{resolved(one.fsc, level, unit)}</td>" for level in levels)
            rows.append(f"<tr><td>{escape(one.name)}</td>{cells}</tr>")
        return f"<table cellpadding=3>{''.join(rows)}</table>"

    def _reach(self, transfer: tuple[NDArray, NDArray], unit: str) -> str:
        """How far phases are retrieved."""
        below = np.flatnonzero(transfer[1] < 1 / np.e)
        reach = f"down to a period of {1 / transfer[0][below[0]]:.3g} {unit}" if below.size else "everywhere"
        return f"PRTF of the best starts above 1/e {reach}."

    def _has_transfer(self) -> bool:
        return "prtf" in (note(self.bench.layer, "products") or {})


def resolved(fsc: Any, level: float | NDArray, unit: str) -> str:
    """The period down to which a correlation stays above a threshold; less than any where it never falls below."""
    period = fsc.resolution(level, unit=unit)
    if period == np.inf:
        return "none"
    if period is None:
        size = fsc.pixel_size if unit == "nm" else 1
        return f"&lt; {size / fsc.frequency[fsc.count > 0][-1]:.3g} {unit}"
    return f"{period:.3g} {unit}"


def _size(layer: Any) -> str:
    return " x ".join(map(str, layer.data.shape))

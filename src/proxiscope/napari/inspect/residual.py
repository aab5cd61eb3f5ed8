"""What was measured against what a result makes of it."""

from functools import partial
from typing import Any, ClassVar, NamedTuple

import numpy as np
from qtpy.QtWidgets import QPushButton

from ..controls import wrapped_label
from ..layers import KEY, estimate_layer, note, pattern_layer
from ..showing import go_to, image_index, remove
from ..task import Tick
from .colours import DIVERGING, symmetric_limits
from .known import family_of, has_record, problem_maker
from .page import Page, Source, elastic, source
from .plots import FiguresPlot


class Found(NamedTuple):
    """A residual, with what is needed to show it."""

    of: str
    residual: Any
    limits: tuple[float, float]
    highest: float
    pixel_size: float | None
    film: bool


def compare(a: Source, tick: Tick) -> Found:
    """A result against the data that it is from."""
    from ...comparison import residual
    from ...recorded import recorded

    problem, algorithm = problem_maker(a)(), recorded(a.notes.get("provenance") or {}).last
    tick(0.3)
    found = residual(a.array(), problem, algorithm)
    tick(0.9)
    limits = symmetric_limits(found.difference)
    film = getattr(getattr(algorithm, "algorithm", algorithm), "film", False)
    return Found(a.name, found, limits, float(found.calculated.max()), problem.pixel_size, film)


class ResidualPage(Page):
    """Calculated projections or magnitudes, their difference from the measured ones, and R-factors."""

    title: ClassVar[str] = "Residual"
    about: ClassVar[str] = (
        "What the result makes of its own data, and what it leaves unexplained: measured less calculated. Structure "
        "in it tells of misalignment, wrong angles or too few iterations; noise alone is as it should be."
    )

    def build(self) -> None:
        """A button, the plot, and what is read from it."""
        self.calculate = QPushButton(
            "Calculate", toolTip="Add the calculated data and the difference as two layers, and plot R-factors."
        )
        self.calculate.clicked.connect(self.compute)
        self.plot = FiguresPlot(self)
        elastic(self.plot, 200)
        self.plot.picked.connect(self._go)
        self.told = wrapped_label()
        self.rows.addWidget(self.calculate)
        self.rows.addWidget(self.plot, stretch=1)
        self.rows.addWidget(self.told)
        self._of: Any = None
        self.layers: tuple[Any, Any] | None = None
        self.plot.say("Press Calculate.")

    def missing(self) -> str:
        """The result of a reconstruction."""
        layer = self.bench.layer
        if layer is None or not has_record(layer):
            return "Choose the result of a reconstruction, which knows its data."
        return ""

    def show_layers(self) -> None:
        """Mark the tilt that is shown."""
        if self.bench.layer != self._of:
            self.task.cancel()
            self._of = self.bench.layer
            self.layers = None
            self.plot.show_figures(np.empty(0), np.empty(0), "", "")
            self.plot.say("Press Calculate.")
            self.told.clear()
        self.bench.viewer.dims.events.point.connect(self._mark)
        self._mark()

    def clear(self) -> None:
        """Follow no tilts."""
        self.bench.viewer.dims.events.point.disconnect(self._mark)

    def layers_changed(self) -> None:
        """Forget layers that were removed."""
        if self.layers is not None and not set(self.layers) <= set(self.bench.viewer.layers):
            self.layers = None

    def compute(self) -> None:
        """Calculate, and show."""
        if self.missing():
            return
        self.task.replace(partial(compare, source(self.bench.layer)), "Calculating what the result should have given.")

    def show_result(self, found: Found) -> None:
        """Plot, and add the two layers."""
        residual = found.residual
        if self._of not in self.bench.viewer.layers:
            return
        series = family_of(self._of) == "tomography"
        self.plot.say("")
        if series:
            self.plot.show_figures(residual.at, residual.r_factors, "tilt (degrees)", "tilt")
        else:
            self.plot.show_figures(residual.at, residual.r_factors, "radius (cycles per px)", "shell")
        self._show_layers(found, series)
        self.told.setText(self._sentence(found, series))
        self._of.visible = False
        if series and np.isfinite(residual.r_factors).any():
            self._go(int(np.nanargmax(residual.r_factors)))
        self._mark()

    def _show_layers(self, found: Found, series: bool) -> None:
        viewer, residual = self.bench.viewer, found.residual
        for old in self.layers or ():
            remove(viewer, old)
        names = (f"{found.of} calculated", f"{found.of} residual")
        if series:
            made = [estimate_layer(x, n, found.pixel_size) for x, n in zip(residual[:2], names, strict=True)]
            for _, options, _ in made:
                options["axis_labels"] = ("tilt", "y", "x")
            made[0][1]["contrast_limits"] = (float(residual.calculated.min()), found.highest)
        else:
            options = {"pixel_size": None, "limits": (0.0, found.highest), "kind": "companion"}
            made = [pattern_layer(x, n, **options) for x, n in zip(residual[:2], names, strict=True)]
            made[1][1]["gamma"] = 1.0
        for _, options, _ in made:
            options["metadata"][KEY]["kind"] = "companion"
        made[0][1]["visible"] = False
        made[1][1].update(colormap=DIVERGING, contrast_limits=found.limits)
        self.layers = tuple(viewer.add_image(data, **options) for data, options, _ in made)

    def _sentence(self, found: Found, series: bool) -> str:
        layer, residual = self._of, found.residual
        text = f"R_F {residual.r_factor:.2%}"
        recorded = _recorded(layer)
        if recorded is not None:
            alike = abs(recorded - residual.r_factor) <= 1e-3 * recorded
            text += ", as recorded" if alike else f"; recorded {recorded:.2%}"
            if not alike:
                text += " (of the wider volume of a film)" if found.film else " (the layer, or its data, have changed)"
        if series and np.isfinite(residual.r_factors).any():
            worst = int(np.nanargmax(residual.r_factors))
            text += (
                f". Highest at {residual.at[worst]:.4g} degrees (tilt {worst}), {residual.r_factors[worst]:.2%}. "
                "Click a bar to see its tilt"
            )
        return text + "."

    def _go(self, index: int) -> None:
        """Show a tilt of the residual."""
        if self.layers is not None and family_of(self._of) == "tomography":
            layer = self.layers[1]
            layer.visible = True
            go_to(self.bench.viewer, layer, index)

    def _mark(self, event: Any = None) -> None:
        if self.layers is not None and family_of(self._of) == "tomography":
            self.plot.show_place(image_index(self.bench.viewer, self.layers[1]))


def _recorded(layer: Any) -> float | None:
    """The R-factor of a result by its record."""
    metrics = note(layer, "metrics") or {}
    at = (note(layer, "provenance") or {}).get("result_iteration")
    if "iteration" not in metrics or "r_factor" not in metrics:
        return None
    where = np.flatnonzero(np.asarray(metrics["iteration"]) == at)
    return float(np.asarray(metrics["r_factor"])[where[-1]]) if where.size else None

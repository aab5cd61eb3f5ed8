"""The power spectrum of a layer, and what of it was measured."""

from functools import partial
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pyqtgraph as pg
from magicgui.widgets import ComboBox
from numpy.typing import NDArray
from qtpy.QtWidgets import QWidget

from ...core import InputError
from ..controls import wrapped_label
from ..form import Rows
from ..plots.base import Plot
from ..plots.readout import Reading, Row
from ..task import Tick
from ..theme import OKABE_ITO
from .known import family_of, problem_maker
from .page import Page, Source, elastic, source
from .scale import scale_of

SECTIONS = {"y": "zx", "x": "zy", "z": "yx"}
"""Axes (row, column) of the section across each axis."""

WEDGE = (
    " Blue lines bound what the tilts did not measure, the missing wedge: what lies within was made by the algorithm."
)
"""Said of what was reconstructed from tilts."""

DECADES = 7
"""Of power that are shown."""


class Shown(NamedTuple):
    """A section for display: log10 of the power, the frequencies' ends, and missing sectors in degrees."""

    power: NDArray
    levels: tuple[float, float]
    rows: tuple[float, float]
    columns: tuple[float, float]
    sectors: list[tuple[float, float]] | None
    unit: str


def section(a: Source, across: str, steps: tuple[float, ...], unit: str, tilted: bool, tick: Tick) -> Shown:
    """The log power spectrum of a layer."""
    from ...spectrum import central_section, missing_sectors

    found = central_section(a.array(), across)
    tick(0.5)
    tilts = _tilts(a) if tilted else None
    sectors = None if tilts is None else missing_sectors(tilts, across)
    power = np.log10(np.maximum(found.power, np.finfo(np.float32).tiny))
    highest = float(power.max())
    low = max(highest - DECADES, float(np.quantile(power, 0.02)))
    axes = "yx" if len(steps) == 2 else SECTIONS[across]
    step = dict(zip("zyx"[-len(steps) :], steps, strict=True))
    ends = [
        ((at[0] - d / 2) / step[axis], (at[-1] + d / 2) / step[axis])
        for at, axis in zip(found[1:], axes, strict=True)
        for d in [at[1] - at[0] if len(at) > 1 else 1.0]
    ]
    return Shown(power, (low, highest) if highest > low else (low, low + 1), ends[0], ends[1], sectors, unit)


def _tilts(a: Source) -> Any:
    rotations = (a.notes.get("products") or {}).get("rotations", a.notes.get("rotations"))
    if rotations is not None:
        return np.asarray(rotations, float)
    try:
        return problem_maker(a)()
    except InputError:
        return None


class SpectrumPlot(Plot):
    """A power spectrum as an image over its frequencies, with the missing sectors outlined."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__("kx (1/px)", "kz (1/px)", parent)
        self._image = pg.ImageItem(axisOrder="row-major")
        self._plot.addItem(self._image)
        self._plot.setAspectLocked(True)
        self._edge = pg.PlotCurveItem(connect="pairs", pen=pg.mkPen(OKABE_ITO["sky blue"], width=2))
        self._plot.addItem(self._edge)
        self.shown: Shown | None = None
        self._at: Any = None

    def show_section(self, shown: Shown, names: str, lut: NDArray) -> None:
        """Draw a section; `names` are those of its axes, row and column."""
        self.shown = shown
        self._plot.setLabel("bottom", f"k{names[1]} (1/{shown.unit})")
        self._plot.setLabel("left", f"k{names[0]} (1/{shown.unit})")
        (top, bottom), (left, right) = shown.rows, shown.columns
        self._image.setImage(shown.power, autoLevels=False, levels=shown.levels)
        self._image.setLookupTable(lut)
        self._image.setRect(left, top, right - left, bottom - top)
        reach = np.hypot(max(-top, bottom), max(-left, right))
        edges = np.deg2rad(np.ravel(shown.sectors or []))
        x, y = (np.outer(f(edges), [-reach, reach]).ravel() for f in (np.cos, np.sin))
        x, y = _clipped(x, y, shown)
        self._edge.setData(x, y)
        self.follow()

    def extent(self, everything: bool) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """All of the section."""
        return None if self.shown is None else (self.shown.columns, self.shown.rows)

    def dress(self) -> None:
        """No grid over an image."""
        self._plot.showGrid(x=False, y=False)

    def follow(self) -> None:
        """Show all of the section."""
        self._following = True
        self.fit_button.hide()
        if self.shown is not None:
            self._view.setRange(xRange=self.shown.columns, yRange=self.shown.rows, padding=0.02)

    def _hover(self, position: Any) -> None:
        if position is not None:
            self._at = self._view.mapSceneToView(position)
            self._mouse = None  # it may have moved along y alone
        super()._hover(position)

    def read(self, x: float) -> Reading | None:
        """The period, its direction, and the power there."""
        if self.shown is None or self._at is None:
            return None
        kx, ky = self._at.x(), self._at.y()
        (top, bottom), (left, right) = self.shown.rows, self.shown.columns
        rows, columns = self.shown.power.shape
        i, j = int((ky - top) / (bottom - top) * rows), int((kx - left) / (right - left) * columns)
        k = np.hypot(kx, ky)
        if not (0 <= i < rows and 0 <= j < columns) or not k:
            return None
        period = Row(f"period {1 / k:.3g} {self.shown.unit}")
        return Reading((period, Row(f"log10 power {self.shown.power[i, j]:.2f}")), kx)


def _clipped(x: NDArray, y: NDArray, shown: Shown) -> tuple[NDArray, NDArray]:
    """Lines through zero, cut at the edges of a section."""
    limit = np.maximum(np.abs(x) / max(map(abs, shown.columns)), np.abs(y) / max(map(abs, shown.rows)))
    limit = np.maximum(limit, 1e-12)
    return x / limit, y / limit


class FourierPage(Page):
    """The central section of the log power spectrum."""

    title: ClassVar[str] = "Fourier"
    about: ClassVar[str] = "The power spectrum on a logarithmic scale; of a volume, its central section."

    def build(self) -> None:
        """Which section, and the picture."""
        self.across = ComboBox(
            label="Section across", choices=["y", "x", "z"],
            tooltip="The section is perpendicular to this axis and goes through zero frequency.",
        )  # fmt: skip
        self.across.changed.connect(lambda _value: self._compute())
        self.choice, self.plot, self.told = Rows([self.across]), SpectrumPlot(self), wrapped_label()
        elastic(self.plot, 290)
        self.rows.addWidget(self.choice)
        self.rows.addWidget(self.plot, stretch=1)
        self.rows.addWidget(self.told)

    def show_layers(self) -> None:
        """Compute, and show when it is there."""
        tilted = self._tilted()
        self.sentence.setText(self.about + WEDGE * tilted)
        for i, (axis, part) in enumerate((("y", ", the tilt axis"), ("x", ""), ("z", ", the beam"))):
            self.across.native.setItemText(i, axis + part * tilted)
        self.choice.setVisible(self.bench.layer.ndim == 3)
        self._compute()

    def _tilted(self) -> bool:
        """Whether the layer is a volume that was reconstructed from tilts."""
        return self.bench.layer.ndim == 3 and family_of(self.bench.layer) == "tomography"

    def _compute(self) -> None:
        layer = self.bench.layer
        if not self._shown or layer is None:
            return
        self.task.replace(partial(section, source(layer), self.across.value, *scale_of(layer), self._tilted()))

    def show_result(self, shown: Shown) -> None:
        """Draw the section."""
        from napari.utils.colormaps import ensure_colormap

        if not self._shown or self.bench.layer is None:
            return
        names = "yx" if self.bench.layer.ndim == 2 else SECTIONS[self.across.value]
        lut = np.round(255 * ensure_colormap("inferno").map(np.linspace(0, 1, 256))).astype(np.uint8)
        self.plot.show_section(shown, names, lut)
        self.told.setText(self._sentence(shown))

    def _sentence(self, shown: Shown) -> str:
        if shown.sectors is None:
            return "Which tilts were measured is not on record." if self._tilted() else ""
        if not shown.sectors:
            return "In this section nothing is missing."
        widths = ", ".join(_degrees(end - start) for start, end in shown.sectors)
        share = sum(end - start for start, end in shown.sectors) / 180
        return f"Missing: {widths} degrees, {share:.0%} of this section."


def _degrees(width: float) -> str:
    """To half a degree, which the ends of a sector are known to."""
    return f"{round(2 * width) / 2 or width:.3g}"

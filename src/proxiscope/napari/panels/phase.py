"""The panel *Phase retrieval*."""

import math
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from magicgui.widgets import ComboBox, Container, FloatSpinBox, PushButton
from magicgui.widgets.bases import ValueWidget
from napari.layers import Image, Labels, Shapes

from ...advice import PatternFacts, missing_middle
from ...core import Algorithm, InputError, algorithms
from ...core.estimates import PatternSize
from ...io.lazy import in_memory, is_lazy
from ...io.load import pattern
from ...phase import DiffractionPattern, Ensemble
from ...phase.agreement import compare
from ..background import in_background, is_open
from ..choices import choose_layers
from ..form import ParameterForm, Section
from ..layers import DERIVED, KEY, array_of, companions, note, source_of, support_layer
from ..recipes import origin_of, pattern_recipe
from ..run_on import RunOn
from ..values import ValuesChoice
from .base import ReconstructionPanel

OBJECTS = [
    ("Real, not negative", "non-negative"),
    ("Real", "real"),
    ("Complex", "complex"),
    ("Complex, real part not negative", "complex-positive"),
]
SUPPORTS = [
    ("Central box", "box"),
    ("Rectangle", "rectangle"),
    ("Ellipse", "ellipse"),
    ("From the autocorrelation", "autocorrelation"),
]


QUICK = 2**22
"""Pixels of a support that are counted while the window waits."""


class PhasePanel(ReconstructionPanel):
    """Reconstruct an object from a diffraction pattern layer."""

    family: ClassVar[str] = "phase"
    first_algorithm: ClassVar[str] = "gps-r"
    input_label: ClassVar[str] = "Pattern"
    many: ParameterForm | None = None
    place: RunOn | None = None
    no_input: ClassVar[str] = (
        "Open a centred diffraction pattern, or File > Open Sample > proxiscope > Diffraction pattern of a vesicle."
    )

    further_title: ClassVar[str] = "Mask, start, held-out pixels"

    _fitted: Any = None
    """The pattern that object and support were last fitted to."""

    # ---- the problem

    def input_widgets(self) -> list[ValueWidget]:
        """Kind of values and object, and support."""
        self.quantity = ValuesChoice()
        self.values = self.quantity.combo
        self.object = ComboBox(label="Object", choices=OBJECTS, tooltip="What is known of the object's values.")
        self.support = ComboBox(
            label="Support", choices=SUPPORTS,
            tooltip="Where the object may lie: a shape in the middle of the frame, or a Labels or Shapes layer that "
            "marks it.",
        )  # fmt: skip
        self.ratio = FloatSpinBox(
            label="Oversampling ratio", value=4.0, min=1.1, max=10_000, step=0.5,
            tooltip="Pixels of the frame for each pixel of the support; above 2 the pattern can determine its object.",
        )  # fmt: skip
        self.show_support = PushButton(text="Show support", tooltip="Make the support a layer that can be edited.")
        self.draw_support = PushButton(
            text="Draw support", tooltip="Outline the support in a layer of shapes, over a result or the frame."
        )
        self.support.changed.connect(self._show_ratio)
        for widget in (self.support, self.ratio, self.object):
            widget.changed.connect(lambda _value: self._show_recognised())
        self.show_support.changed.connect(self._make_support)
        self.draw_support.changed.connect(self._draw_support)
        self.support_buttons = Container(
            widgets=[self.show_support, self.draw_support], layout="horizontal", labels=False, label=""
        )
        self.support_buttons.margins = (0, 0, 0, 0)
        return [self.values, self.object, self.support, self.ratio, self.support_buttons]

    def further_widgets(self) -> list[ValueWidget]:
        """Mask, start and held-out pixels."""
        self.mask = ComboBox(
            label="Mask", choices=[], nullable=True,
            tooltip="Labels layer that marks the measured pixels. None: all that are not NaN.",
        )  # fmt: skip
        self.first = ComboBox(
            label="Start from", choices=[], nullable=True,
            tooltip="An earlier result to go on from. None: random phases.",
        )  # fmt: skip
        self.held_out = FloatSpinBox(
            label="Held out (%)", value=0.0, min=0, max=50, step=1,
            tooltip="Measured pixels that the reconstruction does not see; their R-factor, the free one, rises when "
            "noise is fitted.",
        )  # fmt: skip
        self.mask.changed.connect(lambda _value: self._show_recognised())
        return [self.mask, self.first, self.held_out]

    def input_actions(self) -> list[tuple[str, str, str]]:
        """Also a logarithmic view."""
        tip = "Show the pattern on a logarithmic scale, or as it is. Its data stay untouched."
        return [*super().input_actions(), ("log", "Log view", tip)]

    def _connect(self) -> None:
        super()._connect()
        self.controls.start_picked.connect(self.show_start)
        self.controls.agreement_wanted.connect(self.show_agreement)

    def log_input(self) -> None:
        """Show the pattern on a logarithmic scale, or as it is again."""
        from ..log_view import toggle_log

        with self._reporting():
            toggle_log(self.viewer, self._input())

    def refresh_layers(self, event: Any = None) -> None:
        """Offer the layers that there are, and choose a support by its name."""
        super().refresh_layers(event)
        regions = [layer for layer in self.viewer.layers if isinstance(layer, Labels | Shapes)]
        results = [layer for layer in self.viewer.layers if note(layer, "kind") == "result"]
        choose_layers(self.support, regions, prefer=lambda layer: "support" in layer.name.lower(), fixed=SUPPORTS)
        choose_layers(self.mask, regions, prefer=lambda layer: "mask" in layer.name.lower())
        choose_layers(self.first, results, prefer=lambda layer: False)
        self._show_ratio()

    def _show_recognised(self, _value: Any = None) -> None:
        """Also what the layer says of its object, and a support that fits to it."""
        super()._show_recognised()
        self.quantity.offer(self.input.value)
        layer, chosen = self.input.value, self.support.value
        if layer is None or layer is self._fitted:
            return
        self._fitted = layer
        self.object.value = note(layer, "object", self.object.value)
        if isinstance(chosen, Labels) and chosen.data.shape != layer.data.shape:
            names = {region.name: region for region in self.viewer.layers if region in self.support.choices}
            self.support.value = names.get(f"{layer.name} support", SUPPORTS[0][1])

    def accepts(self, layer: Any) -> bool:
        """Images and volumes that are neither results nor tilt series."""
        other = note(layer, "kind") in (*DERIVED, "tilt-series")
        return isinstance(layer, Image) and not layer.rgb and layer.ndim in (2, 3) and not other

    def prefers(self, layer: Any) -> bool:
        """Images, and volumes that are announced as patterns."""
        return layer.ndim == 2 or note(layer, "kind") == "pattern"

    def describe(self, layer: Any) -> str:
        """Frame, oversampling ratio and pixel size."""
        text = " x ".join(str(n) for n in layer.data.shape) + " pixels"
        if note(layer, "kind") == "stack":
            text += ", taken as a pattern in three dimensions. If they are exposures, average them: Prepare ..."
        try:
            pixels, pixel_size = self.size(layer).support_pixels, note(layer, "pixel_size")
        except InputError as error:
            return f"{text}. {error}"
        if pixels:
            text += f"; oversampling ratio {layer.data.size / pixels:.3g}"
        return text + (f"; the reconstruction has pixels of {pixel_size:.4g} nm" if pixel_size else "")

    def size(self, layer: Any) -> PatternSize:
        """Shape, kind of values, and how many pixels the support has."""
        shape, chosen = layer.data.shape, self.support.value
        pixels = None
        if chosen in ("rectangle", "ellipse"):
            pixels = int(math.prod(shape) / self.ratio.value)
        elif isinstance(chosen, Labels) and chosen.data.shape != shape:
            sizes = [" x ".join(map(str, size)) for size in (chosen.data.shape, shape)]
            raise InputError("Support", f"{sizes[0]} pixels for a pattern of {sizes[1]}", "Choose or draw another")
        elif isinstance(chosen, Labels) and chosen.data.size <= QUICK:
            pixels = int(np.count_nonzero(chosen.data))
        return PatternSize(shape, self.object.value in ("non-negative", "real"), pixels)

    def facts(self, layer: Any) -> PatternFacts:
        """The kind of object, the support as far as its size is known, and whether the middle was measured."""
        pixels = self.size(layer).support_pixels
        if pixels is None and self.support.value == "box":
            pixels = layer.data.size // 2**layer.ndim
        missing = 0 if is_lazy(layer.data) else missing_middle(layer.data, self._marked_known(layer))
        return PatternFacts(self.object.value, layer.data.size / pixels if pixels else None, missing, layer.ndim)

    def _marked_known(self, layer: Any) -> np.ndarray | None:
        """The mask, if it is a layer of the pattern's size."""
        mask = self.mask.value
        return mask.data if isinstance(mask, Labels) and mask.data.shape == layer.data.shape else None

    def problem_maker(self, layer: Any, recorded: bool = True) -> Callable[[], Any]:
        """The pattern of the chosen layers."""
        data, shape = layer.data, layer.data.shape
        support, mask = self._support(shape), self._region(self.mask.value, shape)
        first = self.first.value
        start = (None, {}) if first is None else (first.data, first.metadata.get(KEY, {}))
        options = {
            "intensities": self.quantity.of(layer) == "intensities",
            "object": self.object.value,
            "hold_out": self.held_out.value / 100,
            "pixel_size": note(layer, "pixel_size"),
        }
        origin, source, name = origin_of(layer), source_of(layer), Path(layer.name)

        def make() -> DiffractionPattern:
            given = {"support": support(), "mask": mask(), "start": array_of(*start), **options}
            made = pattern(in_memory(data, name), source=source, **given)
            recipe = pattern_recipe(origin, **given) if recorded else None
            return made if recipe is None else made.copy_with(recipe=recipe)

        return make

    def _support(self, shape: tuple[int, ...]) -> Callable[[], Any]:
        """A function that returns the support as `io.load.pattern` takes it."""
        chosen = self.support.value
        if not isinstance(chosen, str):
            return self._region(chosen, shape)
        if chosen in ("rectangle", "ellipse"):
            chosen = f"{chosen}:{self.ratio.value}"
        return lambda: None if chosen == "box" else chosen

    def _region(self, layer: Any, shape: tuple[int, ...]) -> Callable[[], np.ndarray | None]:
        """A function that returns what a Labels or Shapes layer marks; for the worker thread, since it takes time."""
        if layer is None:
            return lambda: None
        if isinstance(layer, Labels):
            labels = layer.data
            return cache(lambda: np.asarray(labels) > 0)  # as it was: it may be edited before another call
        if len(shape) != 2:
            raise InputError(layer.name, "shapes for a volume", "Draw the region in a Labels layer")
        scale, shift = layer.scale[-2:], layer.translate[-2:]  # drawn beside volumes, shapes have more dimensions
        vertices = [(v[:, -2:] * scale + shift) / self._pixel_scale() for v in layer.data]
        kinds = list(layer.shape_type)
        return cache(lambda: Shapes(vertices, shape_type=kinds).to_labels(labels_shape=shape) > 0)

    def _pixel_scale(self) -> np.ndarray:
        """The scale at which images of real space lie in the viewer: that of the newest result."""
        results = [x for x in self.viewer.layers if note(x, "kind") == "result" and x.ndim == 2]
        return np.asarray(results[-1].scale) if results else np.ones(2)

    def _show_ratio(self, _value: Any = None) -> None:
        self.rows.show_row(self.ratio, self.support.value in ("rectangle", "ellipse"))
        layer, made = self.input.value, isinstance(self.support.value, str)
        flat = layer is not None and layer.ndim == 2
        self.show_support.visible, self.draw_support.visible = made, flat
        self.rows.show_row(self.support_buttons, made or flat)

    def _draw_support(self, _value: Any = None) -> None:
        """Add a layer of shapes to draw in, which is the support as soon as something is drawn."""
        layer, scale = self.input.value, self._pixel_scale()
        if layer is None:
            self._report(InputError(self.input_label, "nothing is chosen", self.no_input))
            return
        shapes = self.viewer.add_shapes(
            ndim=2, name=f"{layer.name} drawn support", scale=scale, opacity=0.4, face_color="#56b4e9"
        )
        self.support.value = shapes
        shapes.mode = "add_polygon"

    def _make_support(self, _value: Any = None) -> None:
        """Compute the support in a thread, and add it as a layer that is then the chosen one."""
        layer = self.input.value
        if layer is None:
            self._report(InputError(self.input_label, "nothing is chosen", self.no_input))
            return
        try:
            make_problem, name = self.problem_maker(layer), f"{layer.name} support"
        except InputError as error:
            self._report(error)
            return

        def show(support: np.ndarray) -> None:
            data, options, _ = support_layer(support, name)
            self.support.value = SUPPORTS[0][1]  # so that the new layer is chosen
            self.viewer.add_labels(data, **options | {"visible": True})

        in_background(lambda: make_problem().support.astype(np.uint8), show, self._report, wanted=self._stays)

    def _stays(self) -> bool:
        return not self.left and is_open(self.viewer)

    # ---- many starts

    def show_start(self, start: int) -> None:
        """Show the image of one start of an ensemble."""
        live = self.current
        if live is not None and live.run.starts is not None:
            live.run.request_start(start)
            live.stream.show_start()
            self._show_run(live, live.run.status)

    def show_agreement(self, best: int) -> None:
        """Show mean and variance of the best starts of an ensemble that has ended, and their PRTF."""
        live, final = self.current, None if self.run is None else self.run.final
        if final is None:
            return
        run, stream = live.run, live.stream

        def compute() -> dict[str, Any]:
            images = final.state.images[run.present.ranking(final.state)[:best]]
            return compare(images[[image.any() for image in images]], run.make_problem())

        def show(products: dict[str, Any]) -> None:
            stream.show_companions(companions(run.result.array, products), f"of {best}")
            self.controls.transfer.show_transfer(products["prtf_frequency"], products["prtf"], run.result.pixel_size)

        in_background(compute, show, self._report, wanted=self._stays)

    # ---- the method

    def more_sections(self, cls: type[Algorithm]) -> list[Section]:
        """Many starts, for algorithms that begin at random and are not many starts themselves."""
        before, self.many = self.many, None
        chosen, self.place = self.place, None  # whose widgets go with the rows that they are in
        if not cls.random_start or issubclass(cls, Ensemble):
            return []
        self.many = ParameterForm(Ensemble)
        self.many.widgets["starts"].value = 1
        if before is not None:
            self.many.take_over(before)
        self.place = RunOn()
        if chosen is not None:
            self.place.take_over(chosen)
        section = Section("Many starts", [*self.many.widgets.values(), *self.place.widgets])
        for do in (self._offer_changes, self._show_cost, partial(self._show_place, section)):
            self.many.changed.connect(do)
        self._show_place(section)
        return [section]

    def _show_place(self, section: Section) -> None:
        self.place.show_in(section.rows, wanted=self.many.widgets["starts"].value > 1)

    def run_on(self) -> str:
        """Where many starts are to run."""
        return self.place.chosen() if self.many is not None and self.many.widgets["starts"].value > 1 else ""

    def show_algorithm(self, algorithm: Algorithm) -> None:
        """Show an algorithm, or many starts of it, with its parameters."""
        ensemble = isinstance(algorithm, Ensemble) and algorithm.algorithm.name in algorithms(self.family)
        super().show_algorithm(algorithm.algorithm if ensemble else algorithm)
        if self.many is not None:
            self.many.show_algorithm(algorithm if ensemble else Ensemble(starts=1))

    def chosen_algorithm(self) -> Algorithm:
        """The algorithm, or an ensemble of it when more than one start is asked for."""
        algorithm = super().chosen_algorithm()
        if self.many is None:
            return algorithm
        values = self.many.values()
        if values["starts"] > 1:
            return Ensemble(algorithm=algorithm, **values)
        if Ensemble(**values | {"starts": Ensemble().starts}) != Ensemble():
            raise InputError("starts", "1, with other values of many starts changed", "Ask for two starts or more")
        return algorithm

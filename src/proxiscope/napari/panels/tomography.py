"""The panel *Tomography*."""

from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from magicgui.widgets import CheckBox, ComboBox, FloatSpinBox
from magicgui.widgets.bases import ValueWidget
from napari.layers import Image, Labels

from ...advice import SeriesFacts, series_facts
from ...core import Algorithm, InputError
from ...core.estimates import SeriesSize
from ...core.memory import Proposal
from ...io.lazy import in_memory, is_lazy
from ...io.series import has_turn, tilt_series
from ...tomography import TiltSeries, merge
from .. import dialogs
from ..angle_source import EVEN, FROM_DATA, FROM_FILE, SOURCES, AngleSource
from ..choices import choose_layers
from ..cost import Planned
from ..fields import WholeNumber
from ..form import Section
from ..large_series import DISK, LargeSeries
from ..layers import DERIVED, note, source_of
from ..live import Live, short_name
from ..out_of_core_run import OutOfCoreRun, series_on_disk
from ..proposals import stays_on_disk
from ..recipes import origin_of, series_recipe, table_of
from ..tilts import Tilts, carried, carries_tilts, of_result, of_table, refines_tilts, shared_out
from .base import ReconstructionPanel

AXES = [("along y (vertical)", "y"), ("along x (horizontal)", "x"), ("at an angle", "angle")]


class TomographyPanel(ReconstructionPanel):
    """Reconstruct a volume from a tilt-series layer."""

    family: ClassVar[str] = "tomography"
    first_algorithm: ClassVar[str] = "resire-accelerated"
    input_label: ClassVar[str] = "Tilt series"
    no_input: ClassVar[str] = (
        "Open an aligned tilt series (tilt, y, x), or File > Open Sample > proxiscope > Tilt series of a vesicle."
    )

    further_title: ClassVar[str] = "Second axis, masks, held-out tilts"

    # ---- building

    def input_widgets(self) -> list[ValueWidget]:
        """Where the angles come from, and the direction of the tilt axis."""
        self.source = AngleSource("Where the tilt angles come from: also from an earlier result that refined them.")
        self.angles, self.angle_file, self.first_angle, self.angle_step = self.source.widgets
        self.tilt_axis = ComboBox(
            label="Tilt axis", choices=AXES,
            tooltip="Direction of the tilt axis in the projections; along x they are turned by 90 degrees.",
        )  # fmt: skip
        self.axis_angle = FloatSpinBox(
            label="Axis angle (deg)", value=0, min=-180, max=180, step=0.1,
            tooltip="From y to the tilt axis, positive from x to y, as SerialEM and IMOD state it. No image is "
            "interpolated.",
        )  # fmt: skip
        self.reverse = CheckBox(
            label="Reverse tilt direction",
            tooltip="The stage turned the other way than the angles say. With the wrong direction the volume is the "
            "object's mirror image; the data cannot tell which is right, only an object of known handedness can.",
        )  # fmt: skip
        self.reverse.text = ""
        self.section = WholeNumber(
            label="Preview at y (px)", value=0, min=0, max=0,
            tooltip="Which section of the volume, across the tilt axis, a preview shows.",
        )  # fmt: skip
        return [*self.source.widgets, self.tilt_axis, self.axis_angle, self.reverse, self.section]

    def further_widgets(self) -> list[ValueWidget]:
        """What most series do without."""
        self.second = ComboBox(
            label="Second axis", choices=[], nullable=True,
            tooltip="The other series of a double tilt, of the same size and aligned to the same centre.",
        )  # fmt: skip
        self.in_plane = FloatSpinBox(
            label="Turned by (deg)", value=90, min=-360, max=360, step=1,
            tooltip="How far the object was turned in the image plane before the second series: phi of its Euler "
            "triples grows by it.",
        )  # fmt: skip
        blocked = "Labels layer of the size of the series: pixels that it marks are not used. NaN never is."
        self.blocked = ComboBox(label="Blocked pixels", choices=[], nullable=True, tooltip=blocked)
        self.second_blocked = ComboBox(label="Blocked, second axis", choices=[], nullable=True, tooltip=blocked)
        self.support = ComboBox(
            label="Support", choices=[], nullable=True,
            tooltip="Labels or Image layer (z, y, x) that marks where the object may lie. It decides the size of the "
            "volume.",
        )  # fmt: skip
        self.hold_out = WholeNumber(
            label="Held out (every n-th)", value=0, min=0, max=1000,
            tooltip="Tilts that the reconstruction does not see, every n-th in the order of angles; their R-factor, "
            "the free one, rises when noise is fitted. 0 for none.",
        )  # fmt: skip
        return [self.second, self.in_plane, self.blocked, self.second_blocked, self.support, self.hold_out]

    def _build(self) -> None:
        super()._build()
        self._show_rows()

    def _connect(self) -> None:
        super()._connect()
        self.input.changed.connect(self._offer_layers)
        self.angles.changed.connect(self._show_rows)
        self.tilt_axis.changed.connect(self._show_rows)
        self.second.changed.connect(self._second_chosen)
        for signal in (self.large.form.changed, self.large.way.changed):
            signal.connect(lambda *_: self._offer_changes())
            signal.connect(lambda *_: self._show_cost())
        told = (self.angle_file, self.first_angle, self.angle_step, self.in_plane, self.blocked, self.support)
        for widget in (*told, self.second_blocked):
            widget.changed.connect(lambda _value: self._show_recognised())

    def _show_rows(self, _value: Any = None) -> None:
        self.source.show_rows(self.rows)
        self.rows.show_row(self.axis_angle, self.tilt_axis.value == "angle")
        for widget in (self.in_plane, self.second_blocked):
            self.further.rows.show_row(widget, self.second.value is not None)
        self._show_recognised()

    def _second_chosen(self, second: Any) -> None:
        """Offer what goes with it, and a turn of 90 degrees unless its triples have one."""
        if second is not None:
            has_phi = carries_tilts(second) and np.asarray(note(second, "rotations"))[:, 0].any()
            self.in_plane.value = note(second, "in_plane") or (0 if has_phi else 90)
        self._offer_layers()
        self._show_rows()

    # ---- choosing

    def refresh_layers(self, event: Any = None) -> None:
        """Offer the layers that there are; keep the choice while its layer lives."""
        super().refresh_layers(event)
        self._offer_layers()

    def _offer_layers(self, _value: Any = None) -> None:
        """Offer the layers that go with the chosen series; by their names and notes some are chosen."""
        layers, first = list(self.viewer.layers), self.input.value
        others = [layer for layer in layers if self.accepts(layer) and layer is not first]
        choose_layers(self.angles, [x for x in layers if refines_tilts(x)], prefer=lambda layer: False, fixed=SOURCES)
        choose_layers(self.second, others, prefer=lambda layer: bool(note(layer, "in_plane")))
        for combo, series in ((self.blocked, first), (self.second_blocked, self.second.value)):
            shape = None if series is None else series.data.shape
            masks = [layer for layer in layers if isinstance(layer, Labels) and layer.data.shape == shape]
            choose_layers(combo, masks, prefer=partial(_is_named, series, "blocked"))
        choose_layers(self.support, [x for x in layers if _can_be_support(x)], partial(_is_named, first, "support"))

    def accepts(self, layer: Any) -> bool:
        """Stacks that are not results."""
        return isinstance(layer, Image) and layer.ndim == 3 and note(layer, "kind") not in DERIVED

    def prefers(self, layer: Any) -> bool:
        """Stacks that carry tilt angles, and are not the second of a double tilt."""
        return carries_tilts(layer) and not note(layer, "in_plane")

    def _show_recognised(self, _value: Any = None) -> None:
        if _value is not None and _value is self.input.value and self.prefers(_value):
            self.angles.value = FROM_DATA  # a choice made for another layer must not override its angles
        if self.input.value is not None and self.section.max != self.input.value.data.shape[1] - 1:
            self.section.max = self.input.value.data.shape[1] - 1
            self.section.value = self.input.value.data.shape[1] // 2
        super()._show_recognised()

    def describe(self, layer: Any) -> str:
        """Number, size and range of the projections, with the angles that will be used."""
        tilts, ny, nx = layer.data.shape
        text = f"{tilts} projections of {ny} x {nx} pixels"
        pixel_size = note(layer, "pixel_size")
        if pixel_size:
            text += f" of {pixel_size:.4g} nm"
        try:
            first, *second = self._tilts(self._series_layers(layer))
        except InputError as error:
            return f"{text}. {error}"
        text += f", {_range(first)}{_wedge(first)}"
        for tilts in second:
            text += f"; second axis at {self.in_plane.value:g} degrees: {len(tilts.angles)} more, {_range(tilts)}"
        used = {"blocked pixels": self.blocked.value, "support": self.support.value}
        return text + "".join(f"; {what}: {chosen.name}" for what, chosen in used.items() if chosen is not None)

    def size(self, layer: Any) -> SeriesSize:
        """Size, tilts and support."""
        layers = self._series_layers(layer)
        tables = [table_of(tilts) for tilts in self._tilts(layers)]
        tables = [t[:, None] * (0, 1, 0) if t.ndim == 1 else t for t in tables]
        triples = np.concatenate([t[:, :3] for t in tables])
        if len(tables) > 1:
            triples[len(tables[0]) :, 0] += self.in_plane.value
        count = sum(x.data.shape[0] for x in layers)
        support, masks = self.support.value, (self.blocked.value, self.second_blocked.value)
        return SeriesSize(
            (count, *layer.data.shape[1:]),
            tilts=triples,
            shifts=np.concatenate([t[:, 3:] if t.shape[1] > 3 else np.zeros((len(t), 2)) for t in tables]),
            masked=any(mask is not None for mask in masks),
            support_shape=None if support is None else support.data.shape,
        )

    def facts(self, layer: Any) -> SeriesFacts:
        """The tilts, and what the images look like if they are in memory."""
        return series_facts(self.size(layer).rotations, None if is_lazy(layer.data) else layer.data)

    def preview_row(self, layer: Any) -> int:
        """The section that is asked for, as far as there is one."""
        return min(self.section.value, layer.data.shape[1] - 1)

    def _begin(self, *run: Any) -> None:
        """Run, and take what lies along the tilts out of the volume's sight."""
        super()._begin(*run)
        if self.running:
            for combo in (self.second, self.blocked, self.second_blocked):
                if combo.value is not None:
                    combo.value.visible = False

    def start(self) -> None:
        """Run the chosen algorithm on the chosen layer; of one that stays on disk, ask where the volume is to be."""
        if not self.large.from_disk:
            super().start()
            return
        with self._reporting():
            layer, chosen = self._input(), self.large.form.values()
            if self.stopping.criteria():
                raise InputError("Stop", "a criterion, slab by slab", "Choose to stop after the last iteration")
            series, algorithm = self._on_disk(layer), self.chosen_algorithm()
            path = dialogs.to_save(self.window(), dialogs.VOLUMES, f"{layer.name} volume")
            if path:
                limits = (chosen["slices"], chosen["memory_limit"])
                run = OutOfCoreRun(algorithm, series, Path(path), self.seed.value, *limits)
                run.run_on = self.large.place.chosen()
                self._begin(run, short_name(self.chooser.algorithm_class), layer)

    def planned(self, layer: Any) -> Planned:
        """Also whether the series can stay on disk, and whether it is to."""
        on_disk = False
        with suppress(InputError):
            on_disk = bool(self._on_disk(layer))
        return super().planned(layer)._replace(on_disk=on_disk, from_disk=self.large.from_disk)

    def use_proposal(self, proposal: Proposal) -> None:
        """Also slabs from disk."""
        super().use_proposal(proposal)
        if stays_on_disk(proposal):
            self.large.way.value = DISK
        if self.large.way.value:
            self.large.expand()

    def _on_disk(self, layer: Any) -> Callable[[], Any]:
        """A function that returns the series on disk; raises InputError where it is not there as it is used."""
        if self.second.value is not None or self.blocked.value is not None or self.support.value is not None:
            found = "a second axis, blocked pixels or a support are chosen"
            raise InputError("Large series", found, "Leave them out, or reconstruct in slabs in memory")
        axis = self.axis_angle.value if self.tilt_axis.value == "angle" else self.tilt_axis.value
        options = {"reverse_angles": self.reverse.value, "hold_out_tilts": self.hold_out.value or None}
        return series_on_disk(layer, self._tilts([layer])[0], tilt_axis=axis, **options)

    def _finish(self, live: Live) -> None:
        super()._finish(live)
        self._offer_layers()  # a result may have refined the tilts

    # ---- the method

    def sections(self) -> list[Section]:
        """Slabs, for large series."""
        self.large = LargeSeries()
        return [self.large]

    def _choose_algorithm(self, _value: Any = None) -> None:
        super()._choose_algorithm()
        self.large.offer(self.chooser.algorithm_class)

    def chosen_algorithm(self) -> Algorithm:
        """The algorithm, in slabs if they are asked for."""
        return self.large.wrapped(super().chosen_algorithm())

    def show_algorithm(self, algorithm: Algorithm) -> None:
        """Show an algorithm, in slabs or not, with its parameters."""
        super().show_algorithm(self.large.show_algorithm(algorithm))

    # ---- the problem

    def problem_maker(self, layer: Any, recorded: bool = True) -> Callable[[], Any]:
        """The tilt series of the chosen layers."""
        layers = self._series_layers(layer)
        in_plane = [None] if len(layers) == 1 else [0.0, self.in_plane.value]
        masks = (self.blocked.value, self.second_blocked.value)
        makers = [
            self._series_maker(*part, recorded)
            for part in zip(layers, self._tilts(layers), masks[: len(layers)], in_plane, strict=True)
        ]
        marked, every = _marked(self.support.value), self.hold_out.value

        def make() -> TiltSeries:
            support = marked()
            if len(makers) == 1:
                series = makers[0](support)
            else:
                series = merge(*(make_one() for make_one in makers))
                series = series if support is None else series.copy_with(support=support)  # which leaves no recipe
            return series.hold_out(every) if every else series

        return make

    def _series_maker(
        self, layer: Any, tilts: Tilts, mask: Any, in_plane: float | None, recorded: bool
    ) -> Callable[..., TiltSeries]:
        """A function that makes the series of one layer, for the worker thread."""
        data, blocked = layer.data, _marked(mask)
        axis = self.axis_angle.value if self.tilt_axis.value == "angle" else self.tilt_axis.value
        options = {
            "tilt_axis": axis,
            "reverse_angles": self.reverse.value,
            "in_plane": None if tilts.refined and has_turn(tilts.angles, in_plane) else in_plane,
            "was_turned": note(layer, "turned", False),
            "pixel_size": note(layer, "pixel_size"),
            "source": source_of(layer),
        }

        origin, source, name = origin_of(layer), options.pop("source"), Path(layer.name)

        def make(support: np.ndarray | None = None) -> TiltSeries:
            marked = blocked()
            usable = None if marked is None else ~marked
            series = tilt_series(in_memory(data, name), **tilts._asdict(), mask=usable, source=source, **options)
            wanted = {"mask": usable, "support": support, **options}
            recipe = series_recipe(origin, tilts, **wanted) if recorded else None
            series = series if support is None else series.copy_with(support=support)
            return series if recipe is None else series.copy_with(recipe=recipe)

        return make

    def _series_layers(self, layer: Any) -> list[Any]:
        return [layer] if self.second.value is None else [layer, self.second.value]

    def _tilts(self, layers: list[Any]) -> list[Tilts]:
        """How the images of each layer were tilted; raises InputError where that is not known of each."""
        found = self._found_tilts(layers)
        for layer, tilts in zip(layers, found, strict=True):
            if len(tilts.angles) != len(layer.data):
                what = f"{len(tilts.angles)} for the {len(layer.data)} images of {layer.name}"
                raise InputError("Tilt angles", what, "Choose another file, or where else they come from")
        return found

    def _found_tilts(self, layers: list[Any]) -> list[Tilts]:
        chosen = self.angles.value
        if chosen == FROM_DATA:
            return [carried(layer) for layer in layers]
        if chosen == EVEN:
            given, *rest = (Tilts(self.source.even(len(layer.data))) for layer in layers)
            return [given, *(carried(x) if carries_tilts(x) else t for x, t in zip(layers[1:], rest, strict=True))]
        return shared_out(of_table(self.source.table()) if chosen == FROM_FILE else of_result(chosen), layers)


def _marked(layer: Any) -> Callable[[], np.ndarray | None]:
    """A function for the worker thread that returns what a layer marks, as it is when it is called first."""
    data = None if layer is None else layer.data
    return cache(lambda: None if data is None else np.asarray(data) != 0)


def _can_be_support(layer: Any) -> bool:
    return (
        isinstance(layer, Labels | Image) and layer.ndim == 3 and note(layer, "kind") not in ("tilt-series", "pattern")
    )


def _is_named(series: Any, what: str, layer: Any) -> bool:
    return series is not None and layer.name == f"{series.name} {what}"


def _wedge(tilts: Tilts) -> str:
    """The missing wedge of a single axis, in words."""
    if tilts.angles.ndim == 2 and tilts.angles[:, [0, 2]].any():
        return ""
    theta = tilts.angles[:, 1] if tilts.angles.ndim == 2 else tilts.angles
    missing = 180 - (theta.max() - theta.min())
    return f" (missing wedge {missing:.4g})" if missing > 2 else ""


def _range(tilts: Tilts) -> str:
    theta = tilts.angles[:, 1] if tilts.angles.ndim == 2 else tilts.angles
    return f"{theta.min():.4g} to {theta.max():.4g} degrees" + (", refined" if tilts.refined else "")

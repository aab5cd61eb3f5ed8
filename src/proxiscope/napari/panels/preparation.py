"""The panel *Prepare data*."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from magicgui.widgets.bases import BaseValueWidget
from napari.layers import Image
from qtpy.QtWidgets import QVBoxLayout

import napari

from ...core import InputError, to_dict
from ...preparation import Step, as_steps
from ..buttons import Buttons
from ..choices import choose_layers
from ..choosing import choose_all, plain, values_of, widgets_of
from ..controls import JobControls, wrapped_label
from ..data_choice import DataChoice
from ..form import Section
from ..job_watch import JobWatch
from ..layers import DERIVED, note
from ..session import Outcome, Preview, Session, Tick
from ..showing import drawn_region, go_to, image_index, remove, show_prepared, show_preview, show_source
from ..step_chooser import StepChooser
from ..step_list import at_work
from ..step_plan import StepPlan
from ..tilt_editor import TiltEditor
from ..worker import Job, Status
from .dock import Dock, group, scrolling

Doing, Work = Callable[[float], str], Callable[[Tick], Any]

NO_INPUT = "Open a tilt series or a diffraction pattern, or one of File > Open Sample > proxiscope."
STEP_BUTTONS = (
    ("preview", "Preview", "Show what the step makes of the image that is in view, as a layer over it."),
    ("apply", "Apply", "Apply the step to all images."),
    ("plan", "Add to list", "Put the step on the list, to be applied later with others."),
    ("region", "From rectangle", "Take the region of the shape that was drawn last in a Shapes layer."),
)


class PreparationPanel(Dock):
    """From raw to ready: steps that turn a layer into a tilt series or a pattern to reconstruct from."""

    def __init__(self, viewer: "napari.viewer.Viewer"):
        super().__init__(viewer)
        self.job: Job | None = None
        self.sessions: list[Session] = []
        self.preview: Any = None
        self._showing = False
        self._build()
        self._connect()
        self.refresh_layers()

    # ---- building

    def _build(self) -> None:
        self.choice = DataChoice()
        self.input = self.choice.input
        self.recognised = wrapped_label()
        self.chooser, self.plan, self.tilts = StepChooser(), StepPlan(), TiltEditor()
        self.step_buttons = Buttons(STEP_BUTTONS)
        self.tilt_section = Section("Tilts: shifts and use", [])
        self.tilt_section.addWidget(self.tilts)
        self.controls = JobControls()
        self.watch = JobWatch(self.controls, self)
        scroll = scrolling(
            group("Data", self.choice, self.recognised),
            group("Step", self.chooser, self.step_buttons),
            group("Steps done and planned", self.plan),
            self.tilt_section,
        )
        outer = QVBoxLayout(self)
        outer.setContentsMargins(4, 4, 4, 4)
        outer.addWidget(scroll, stretch=1)
        outer.addWidget(self.controls)

    def _connect(self) -> None:
        actions = {
            "preview": self.show_preview,
            "apply": self.apply,
            "plan": self.add_to_plan,
            "region": self.take_region,
        }
        self.step_buttons.pressed.connect(lambda name: actions[name]())
        self.plan.run_wanted.connect(self.apply_planned)
        self.plan.undo_wanted.connect(self.undo)
        self.plan.changed.connect(self._enable)
        self.plan.picked.connect(self._pick)
        self.plan.failed.connect(self._report)
        self.watch.ended.connect(self._end)
        self.choice.changed.connect(self._show)
        self.chooser.chosen.connect(self._choose_step)
        self.chooser.edited.connect(self._edit_planned)
        self.tilts.looked_at.connect(lambda i: self._with_shown(lambda layer: go_to(self.viewer, layer, i)))
        self.tilts.wanted.connect(self._apply_chain)
        self.tilts.failed.connect(self._report)
        self.viewer.dims.events.current_step.connect(self._follow_slider)
        self._listen()

    # ---- choosing

    def accepts(self, layer: Any) -> bool:
        """Images and stacks that are no results; prepared data in place of what they were made of only."""
        plain = isinstance(layer, Image) and not layer.rgb and layer.ndim in (2, 3)
        if not plain or note(layer, "kind") in DERIVED:
            return False
        session = self._session_of(layer)
        return session is None or layer is session.source or session.source not in self.viewer.layers

    def refresh_layers(self, event: Any = None) -> None:
        """Offer the layers that there are; keep the choice while its layer lives."""
        if self._showing:  # the layers are not yet what they will be
            return
        layers = self.viewer.layers
        busy = self._session if self.working else None
        self.sessions = [s for s in self.sessions if s is busy or s.source in layers or s.output in layers]
        if busy is not None and busy.source not in layers and busy.output not in layers:
            self.job.cancel()  # nobody waits for what comes of it
        accepted = [layer for layer in layers if self.accepts(layer)]
        choose_layers(self.input, accepted, prefer=lambda layer: True, required=True)
        self.choice.offer_masks(layers)
        self._show()

    @property
    def current(self) -> Session | None:
        """The session of the chosen layer, once something was done to it."""
        return self._session_of(self.input.value)

    def _session_of(self, layer: Any) -> Session | None:
        return next((s for s in self.sessions if layer is not None and layer in (s.source, s.output)), None)

    @property
    def shown(self) -> Any:
        """The layer that shows the present state of the chosen data."""
        session, layer = self.current, self.input.value
        made = session.output if session is not None else None
        return made if made is not None and made in self.viewer.layers else layer

    def _with_shown(self, do: Callable[[Any], None]) -> None:
        if self.shown is not None and self.shown in self.viewer.layers:
            do(self.shown)

    def _show(self) -> None:
        """Show what is chosen, and what was done to it."""
        layer, session = self.input.value, self.current
        self.choice.show_layer(layer, session.raw if session is not None and session.steps else None)
        self.recognised.setText(NO_INPUT if layer is None else self.choice.describe(layer, self.shown, session))
        self.recognised.setToolTip("\n".join(note(layer, "notes") or ()) if layer is not None else "")
        self.chooser.offer(self.choice.family)
        self.plan.show_session(session, self.choice.family)
        rotations, shifts = self.choice.tilts_of(self.shown, session)
        self.tilt_section.setVisible(rotations is not None)
        if rotations is not None:
            self.tilts.show_tilts(rotations, shifts, self.shown.data.shape[-2:])
        self._follow_slider()
        self._enable()

    def _enable(self) -> None:
        idle = not self.working
        some = self.input.value is not None and idle
        self.step_buttons.enable(preview=some and self.chooser.step_class.each_image, apply=some)
        self.plan.enable(idle=idle, some=some)
        self.tilts.setEnabled(some)

    def _follow_slider(self, event: Any = None) -> None:
        self._with_shown(lambda layer: self.tilts.look_at(image_index(self.viewer, layer)))

    def _choose_step(self) -> None:
        """Another step: it is none of those that are selected, and a preview of the one before goes."""
        row = self.plan.selected
        if row is None or self.plan.planned[row].name != self.chooser.step_class.name:
            self.plan.list.setCurrentRow(-1)
        self.step_buttons.show_button("region", "region" in self.chooser.form.widgets)
        self._enable()

    def _pick(self, step: Step) -> None:
        self.chooser.show_step(step)
        self._enable()

    def _edit_planned(self) -> None:
        """The form edits the planned step that is selected."""
        row = self.plan.selected
        if row is not None and self.plan.planned[row].name == self.chooser.step_class.name:
            with suppress(InputError):  # not yet complete
                self.plan.edit(row, self.chooser.step())

    def take_region(self) -> None:
        """Put a drawn rectangle into the form of a step that works on a region."""
        with self._reporting():
            if self.shown is not None:
                self.chooser.form.widgets["region"].value = ", ".join(map(str, drawn_region(self.viewer, self.shown)))

    def add_to_plan(self) -> None:
        """Put the step on the list."""
        with self._reporting():
            self.plan.add(self.chooser.step())

    # ---- working

    @property
    def working(self) -> bool:
        """Whether something is under way, or has ended and is not shown yet."""
        return self.watch.working

    def show_preview(self) -> None:
        """Show what the step makes of the image in view."""
        with self._reporting():
            layer, session, step = self.shown, self._begin(), self.chooser.step()
            index = image_index(self.viewer, layer)
            doing = f"Preview of {step.title}."
            done = partial(self._previewed, layer, index)
            self._work(lambda fraction: doing, session, lambda tick: session.preview(step, index, tick), done)

    def apply(self) -> None:
        """Apply the step that is shown; if it is a planned one, it is planned no more."""
        with self._reporting():
            self._apply_chain([self.chooser.step()], self.plan.selected)

    def apply_planned(self) -> None:
        """Apply all planned steps."""
        if self.plan.planned:
            self._apply_chain(list(self.plan.planned), 0)

    def undo(self) -> None:
        """Take the last step back, and show it, so that it can be tried otherwise."""
        session = self.current
        if session is None or not session.steps or self.working:
            return
        last = session.steps[-1]

        def done(outcome: Outcome) -> None:
            self._applied(None, outcome)
            self.chooser.show_step(last)

        self._work(lambda fraction: f"Undoing: {last.title}.", session, session.undo, done)

    def _apply_chain(self, chain: Sequence[Step], planned: int | None = None) -> None:
        with self._reporting():
            session, done = self._begin(), partial(self._applied, planned)
            self._work(partial(at_work, chain), session, lambda tick: session.apply(chain, tick), done, bar=True)

    def _begin(self) -> Session:
        """The session of the chosen layer; raises InputError if it cannot be prepared as it is chosen."""
        layer, session = self.input.value, self.current
        if layer is None:
            raise InputError("Layer", "nothing is chosen", NO_INPUT)
        if session is not None and (session.steps or session.raw.same(self.choice.raw(layer))):
            return session
        fresh = Session(self.choice.raw(layer), layer)
        self.sessions = [s for s in self.sessions if s is not session] + [fresh]
        return fresh

    def _work(self, doing: Doing, session: Session, work: Work, finished: Callable, bar: bool = False) -> None:
        if not self.working:
            self._session, self._finished = session, finished
            self.job = self.watch.start(work, doing, window=self.window() if bar else None)
            self._enable()

    def _end(self, job: Job, status: Status) -> None:
        self._session.settle()
        self._showing = True
        try:
            if status is Status.DONE:
                self._finished(job.result)
        finally:
            self._showing = False
            self.refresh_layers()
        if job.error is not None:
            self._report(job.error)

    def _previewed(self, layer: Any, index: int, preview: Preview) -> None:
        if layer in self.viewer.layers:
            self.preview = show_preview(self.viewer, layer, index, preview, self.preview)
        self.controls.status.setText(" ".join(("Preview:", *(preview.found or ("done.",)))))

    def _applied(self, planned: int | None, outcome: Outcome) -> None:
        session = self._session
        if planned is not None:
            self.plan.take(planned, outcome.done)
        if outcome.done:
            remove(self.viewer, self.preview)
            if session.steps:
                show_prepared(self.viewer, session, outcome.prepared)
            else:
                show_source(self.viewer, session)
        text = "Cancelled." if outcome.cancelled else "Done." if outcome.error is None else ""
        self.controls.status.setText(text)
        if outcome.error is not None:
            self._report(outcome.error)

    # ---- sessions

    def settings(self) -> dict[str, Any]:
        """What is chosen, in plain values that JSON can hold: the layer by its name, and the steps planned.

        Once steps were applied, the layer is the prepared one, which says the rest itself.
        """
        data = values_of(self._data_widgets())
        if self.current is not None and self.current.steps:
            data = {"input": plain(self.shown), "becomes": data["becomes"]}
        return {"data": data, "planned": [{"name": step.name, **to_dict(step)} for step in self.plan.planned]}

    def apply_settings(self, settings: dict[str, Any]) -> None:
        """Choose what `settings` says, as far as it still can be chosen.

        Raises
        ------
        InputError
            If a step is under way, or one that is planned is not known.
        """
        if self.working:
            raise InputError("Prepare data", "a step is under way", "Wait for its end, and open the session again")
        choose_all(self._data_widgets(), settings.get("data", {}))
        planned = as_steps(settings.get("planned", ()))
        self.plan.take(0, len(self.plan.planned))
        self.plan.add(*planned)

    def _data_widgets(self) -> dict[str, BaseValueWidget]:
        """What says which data they are, by names."""
        choice, angles = self.choice, self.choice.angles
        more = {"quantity": choice.quantity.combo, "angles": angles.combo, "angle_file": angles.file}
        return widgets_of(choice) | more | {"first_angle": angles.first, "angle_step": angles.step}

    def leave(self) -> None:
        """Cancel what is under way, take a preview away, and listen to the viewer no more."""
        super().leave()
        self.watch.stop()
        self.viewer.dims.events.current_step.disconnect(self._follow_slider)
        with suppress(RuntimeError):  # the window may be on its way out
            remove(self.viewer, self.preview)

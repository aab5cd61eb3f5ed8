"""A step of preparation and its parameters."""

from typing import Any

from magicgui.widgets import ComboBox
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ..core import InputError
from ..preparation import Step, steps
from .controls import wrapped_label
from .form import ParameterForm, Rows


class StepChooser(QWidget):
    """Choose a step by its title, read what it does, set its parameters.

    Signals
    -------
    chosen()
        Another step is shown.
    edited()
        A parameter has another value.
    """

    chosen = Signal()
    edited = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.combo = ComboBox(label="Step", choices=[], tooltip="What to do to the images.")
        self.about = wrapped_label()
        self.form: ParameterForm | None = None
        self._rows: Rows | None = None
        self._forms: dict[str, ParameterForm] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(Rows([self.combo]))
        layout.addWidget(self.about)
        self.combo.changed.connect(self._show_form)

    def offer(self, family: str) -> None:
        """Offer the steps for images that are to become a pattern or a tilt series; keep the choice if it is one."""
        offered = sorted((cls.title, name) for name, cls in steps(family).items())
        names = tuple(name for _, name in offered)
        if names != self.combo.choices:
            before = self.combo.value
            self.combo.choices = offered
            self.combo.value = before if before in names else _first(names)
        self._show_form()

    @property
    def step_class(self) -> type[Step]:
        """The step that is shown."""
        return steps()[self.combo.value]

    def step(self) -> Step:
        """The step with the values shown; raises InputError for text that does not parse."""
        if self.form is None:
            raise InputError("Step", "nothing is chosen", "Choose a step")
        return self.form.algorithm()

    def show_step(self, step: Step) -> None:
        """Show a step with its parameters."""
        if step.name in self.combo.choices:
            self.combo.value = step.name
            self.form.show_algorithm(step)

    def _show_form(self, _value: Any = None) -> None:
        cls = self.step_class
        if self.form is not None and self.form.cls is cls:
            return
        if self._rows is not None:
            for widget in self.form.widgets.values():
                widget.native.setParent(None)  # forms outlive their rows, so that values are kept
            self._rows.setParent(None)
            self._rows.deleteLater()
        if cls.name not in self._forms:
            self._forms[cls.name] = ParameterForm(cls)
            self._forms[cls.name].changed.connect(self.edited)
        self.form = self._forms[cls.name]
        for widget in self.form.widgets.values():
            widget.native.show()
        self._rows = Rows(self.form.widgets.values())
        self.layout().addWidget(self._rows)
        summary, *rest = (cls.__doc__ or "").strip().split("\n\n")
        self.about.setText(" ".join(summary.split()))
        self.about.setToolTip("\n\n".join(" ".join(part.split()) for part in rest))
        self.chosen.emit()


def _first(names: tuple[str, ...]) -> str:
    """What most data need first."""
    return "hot-pixels" if "hot-pixels" in names else names[0]

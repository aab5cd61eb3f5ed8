"""The choice when a run is to stop."""

from typing import Any

from magicgui.widgets import ComboBox

from ..core import Algorithm, Criterion, criteria
from .form import ParameterForm, Section

LAST = ("After the last iteration", "")


class StopSection(Section):
    """A criterion and its parameters, or none."""

    def __init__(self) -> None:
        self.choice = ComboBox(
            label="Stop", choices=[LAST], tooltip="What ends a run early; it may still run to its last iteration."
        )
        self.forms = {name: ParameterForm(cls) for name, cls in criteria().items()}
        rows = [widget for form in self.forms.values() for widget in form.widgets.values()]
        super().__init__("When to stop", [self.choice, *rows])
        self.choice.changed.connect(self._show_parameters)
        self._show_parameters()

    def offer(self, cls: type[Algorithm]) -> None:
        """Offer what makes sense with an algorithm; keep the choice if that does."""
        usable, before = criteria(cls), self.choice.value
        self.choice.choices = [LAST, *((c.title, name) for name, c in usable.items())]
        self.choice.value = before if before in usable else LAST[1]
        self.setVisible(bool(usable))

    def criteria(self) -> tuple[Criterion, ...]:
        """The chosen criterion with the values shown, if there is one."""
        return (self.forms[self.choice.value].algorithm(),) if self.choice.value else ()

    def _show_parameters(self, _value: Any = None) -> None:
        for name, form in self.forms.items():
            for widget in form.widgets.values():
                self.rows.show_row(widget, name == self.choice.value)

"""A line that says which algorithm goes with the data, and chooses it when asked to."""

from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from ..advice import Advice
from .controls import wrapped_label
from .form import ParameterForm


class AdviceLine(QWidget):
    """*For these data: ...*, with a button *Choose* while something else is chosen. Gone without data.

    Signals
    -------
    chosen(object)
        The `Advice` is to be followed.
    """

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.advice: Advice | None = None
        self.label = wrapped_label()
        self.choose = QPushButton("Choose")
        self.choose.clicked.connect(self._choose)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.label, stretch=1)
        row.addWidget(self.choose, alignment=Qt.AlignmentFlag.AlignTop)
        self.hide()

    def show_advice(self, advice: Advice | None) -> None:
        """Show advice; nothing without."""
        self.advice = advice
        self.setVisible(advice is not None)
        if advice is not None:
            self.label.setText(f"For these data: {advice.title}.")
            self.setToolTip(f"<p>Found: {advice.found}. {advice.why}</p>")

    def compare(self, form: ParameterForm) -> None:
        """Offer to choose it unless the form of an algorithm shows it."""
        self.choose.setVisible(self.advice is not None and not _shows(form, self.advice))

    def _choose(self, _checked: Any = None) -> None:
        if self.advice is not None:
            self.chosen.emit(self.advice)


def _shows(form: ParameterForm, advice: Advice) -> bool:
    values = {name: form.widgets[name].value for name in advice.parameters if name in form.widgets}
    return form.cls.name == advice.algorithm and values == dict(advice.parameters)

"""Push buttons in a grid, by name."""

from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QPushButton, QWidget


class Buttons(QWidget):
    """Buttons side by side.

    Parameters
    ----------
    buttons : sequence of (name, text, tooltip)
    columns : int

    Signals
    -------
    pressed(str)
        The button's name.
    """

    pressed = Signal(str)

    def __init__(self, buttons: Sequence[tuple[str, str, str]], columns: int = 3):
        super().__init__()
        self.buttons = {name: QPushButton(text, toolTip=tip) for name, text, tip in buttons}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        for i, (name, button) in enumerate(self.buttons.items()):
            button.clicked.connect(lambda _checked=False, name=name: self.pressed.emit(name))
            grid.addWidget(button, i // columns, i % columns)

    def enable(self, **enabled: bool) -> None:
        """Enable buttons, or not, by name."""
        for name, value in enabled.items():
            if self.buttons[name].isEnabled() != value:
                self.buttons[name].setEnabled(value)

    def show_button(self, name: str, visible: bool) -> None:
        """Show or hide a button."""
        self.buttons[name].setVisible(visible)

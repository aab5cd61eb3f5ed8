"""What is being computed, how far it is, and what went wrong."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from ..controls import wrapped_label
from ..task import Task


class Progress(QWidget):
    """A sentence, and a bar with a button while something takes long."""

    def __init__(self) -> None:
        super().__init__()
        self._doing = ""
        self.status, self.bar = wrapped_label(), QProgressBar()
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.cancel = QPushButton("Cancel", toolTip="End the computation and drop what it has.")
        self.bar.setRange(0, 100)
        row = QHBoxLayout()
        row.addWidget(self.bar, stretch=1)
        row.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.status)
        self.show_task(None)
        self.say("")

    def say(self, text: str) -> None:
        """Show a sentence, or none."""
        self.status.setText(text)
        self.status.setVisible(bool(text))

    def show_task(self, task: Task | None) -> None:
        """Show how far a task is; None when there is none."""
        before, self._doing = self._doing, "" if task is None else task.doing
        for widget in (self.bar, self.cancel):
            widget.setVisible(task is not None)
        if task is not None:
            self.bar.setValue(round(100 * task.fraction))
            self.say(task.doing)
        elif before and self.status.text() == before:  # not an error that came since
            self.say("")

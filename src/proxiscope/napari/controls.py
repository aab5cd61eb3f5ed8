"""The part of a panel that runs and watches."""

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QGridLayout, QGroupBox, QLabel, QProgressBar, QPushButton, QSizePolicy, QVBoxLayout

from .plots import CurvePlot
from .run import Run, Status

BUTTONS = (
    ("run", "Run", "Start the reconstruction."),
    ("pause", "Pause", "Hold after this iteration."),
    ("resume", "Resume", "Go on where it was paused."),
    ("stop", "Stop and keep", "End after this iteration and keep the result."),
    ("cancel", "Cancel", "End after this iteration and drop the result."),
)
LIVE = (Status.PREPARING, Status.RUNNING, Status.PAUSED)
WAITING = {name: f"Going to {name} after this iteration." for name in ("pause", "stop", "cancel")}
ENABLED_IN = {"pause": LIVE[:2], "resume": (Status.PAUSED,), "stop": LIVE, "cancel": LIVE}


class RunControls(QGroupBox):
    """Buttons, progress, a line of text and the R-factor's curve.

    Signals
    -------
    pressed(str)
        The button's name: run, pause, resume, stop or cancel.
    """

    pressed = Signal(str)

    def __init__(self):
        super().__init__("Reconstruction")
        self.buttons = {name: QPushButton(text, toolTip=tip) for name, text, tip in BUTTONS}
        self.bar = QProgressBar()
        self.status = wrapped_label()
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.plot = CurvePlot()
        layout, grid = QVBoxLayout(self), QGridLayout()
        for i, (name, button) in enumerate(self.buttons.items()):
            button.clicked.connect(lambda _checked=False, name=name: self.pressed.emit(name))
            grid.addWidget(button, i // 3, i % 3)
        layout.addLayout(grid)
        for widget in (self.bar, self.status, self.plot):
            layout.addWidget(widget)
        self.show_run(None, None)

    def show_run(self, run: Run | None, status: Status | None) -> None:
        """Show where a run is, in a status that the caller has read once; None before the first."""
        for name, button in self.buttons.items():
            enabled = status in ENABLED_IN[name] if name in ENABLED_IN else status not in LIVE
            if button.isEnabled() != enabled:
                button.setEnabled(enabled)
        if run is None:
            self.bar.setRange(0, 1)
            self.bar.setFormat("")
            self.status.setText("Ready.")
            return
        self.bar.setRange(0, 0 if status is Status.PREPARING else run.total)
        self.bar.setValue(run.iteration)
        self.bar.setFormat(f"{run.iteration} / {run.total}")
        self.status.setText(status_text(run, status))
        self.plot.show_curve(list(run.curve), run.result.iteration if status.ended and run.result else None)


def wrapped_label() -> QLabel:
    """A label that wraps instead of widening its panel."""
    label = QLabel(wordWrap=True)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    return label


def status_text(run: Run, status: Status) -> str:
    """Where a run is, in a sentence."""
    r_factor = f"R_F {run.curve[-1][1]:.2%}" if run.curve else ""
    result = f"R_F {run.result.r_factor:.2%} at iteration {run.result.iteration}" if run.result else ""
    return {
        Status.PREPARING: "Preparing; the first run compiles its kernels.",
        Status.RUNNING: f"{WAITING.get(run.request, 'Running.')} {r_factor}",
        Status.PAUSED: f"Paused. {r_factor}",
        Status.DONE: f"Done. {result}",
        Status.STOPPED: f"Stopped and kept. {result}",
        Status.CANCELLED: "Cancelled.",
        Status.FAILED: str(run.error),
    }[status]

"""Buttons, progress, curves and figures of a demonstration."""

from qtpy.QtCore import Qt

from ...demos import Frame
from ..controls import LOWEST_PLOT, Controls, wrapped_label
from ..worker import Status
from .demo_plot import DemoPlot
from .run import DemoRun

BUTTONS = (
    ("run", "Run", "Run the demo with what is shown above."),
    ("pause", "Pause", "Hold, and look."),
    ("resume", "Resume", "Go on where it was paused."),
    ("stop", "Stop", "End here; what is shown stays."),
    ("cancel", "Cancel", "End here, and take away what it has shown."),
)
STEPS = 1000
"""Of the bar."""


class DemoControls(Controls):
    """The part of the panel that runs and watches."""

    columns = 4

    def __init__(self) -> None:
        super().__init__("3  Run", BUTTONS)
        self.plot, self.figures = DemoPlot(), wrapped_label()
        self.plot.setMinimumHeight(LOWEST_PLOT)
        self.figures.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.bar.setRange(0, STEPS)
        for widget in (self.plot, self.figures):
            self.layout().addWidget(widget)
        self.layout().setStretchFactor(self.plot, 100)
        self.layout().addStretch(1)  # as long as there is no plot
        self.show_frame(None)
        self.show_run(None, "")

    def show_run(self, run: DemoRun | None, title: str) -> None:
        """Show how far a run is; None before the first."""
        status = None if run is None else run.status
        self.enable(status)
        self.bar.setValue(0 if run is None else round(STEPS * run.fraction))
        took = f", computing took {run.seconds:.2g} s" if status is Status.DONE else ""
        self.bar.setFormat("" if run is None else f"{title}: {status.value}{took}")
        if status is not Status.FAILED:
            self.say("")

    def say(self, text: str) -> None:
        """Say what is wrong, or nothing."""
        self.status.setText(text)
        self.status.setVisible(bool(text))

    def show_frame(self, frame: Frame | None) -> None:
        """Show the curves and figures of a frame; nothing where there is none."""
        drawing = None if frame is None else frame.plot
        self.plot.show_drawing(drawing)
        self.plot.setVisible(drawing is not None)
        figures = "" if frame is None else frame.figures
        if figures != self.figures.text():
            self.figures.setText(figures)
        self.figures.setVisible(bool(figures))

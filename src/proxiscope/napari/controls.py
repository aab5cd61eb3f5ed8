"""The part of a panel that runs and watches."""

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QGridLayout,
    QGroupBox,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QTabWidget,
    QVBoxLayout,
)

from .plots import CurvePlot, StartsPlot, TransferPlot
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
    """Buttons, progress, a line of text, the R-factor's curve, and of many starts what tells how they agree.

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
        self.plot, self.starts, self.transfer = CurvePlot(), StartsPlot(), TransferPlot()
        self.tabs = QTabWidget(documentMode=True)
        for title, plot in (("R-factor", self.plot), ("Starts", self.starts), ("PRTF", self.transfer)):
            self.tabs.addTab(plot, title)
        layout, grid = QVBoxLayout(self), QGridLayout()
        for i, (name, button) in enumerate(self.buttons.items()):
            button.clicked.connect(lambda _checked=False, name=name: self.pressed.emit(name))
            grid.addWidget(button, i // 3, i % 3)
        layout.addLayout(grid)
        for widget in (self.bar, self.status, self.tabs):
            layout.addWidget(widget)
        self.show_run(None, None)

    def show_run(self, run: Run | None, status: Status | None) -> None:
        """Show where a run is, in a status that the caller has read once; None before the first."""
        for name, button in self.buttons.items():
            enabled = status in ENABLED_IN[name] if name in ENABLED_IN else status not in LIVE
            if button.isEnabled() != enabled:
                button.setEnabled(enabled)
        self._show_tabs(run, status)
        if run is None:
            self.bar.setRange(0, 1)
            self.bar.setFormat("")
            self.status.setText("Ready.")
            return
        self.bar.setRange(0, 0 if status is Status.PREPARING else run.total)
        self.bar.setValue(run.iteration)
        self.bar.setFormat(f"{run.iteration} / {run.total}")
        self.status.setText(status_text(run, status))
        self.plot.show_curves(run.curves, run.result.iteration if status.ended and run.result else None)

    def _show_tabs(self, run: Run | None, status: Status | None) -> None:
        """Those that have something to show."""
        starts = None if run is None else run.starts
        products = run.result.products if run is not None and status.ended and run.result else {}
        if starts is not None:
            self.starts.show_starts(starts)
        if "prtf" in products:
            self.transfer.show_transfer(products["prtf_frequency"], products["prtf"], run.result.pixel_size)
        for i, shown in ((1, starts is not None), (2, "prtf" in products)):
            self.tabs.setTabVisible(i, shown)
        self.tabs.tabBar().setVisible(starts is not None)


def wrapped_label() -> QLabel:
    """A label that wraps instead of widening its panel."""
    label = QLabel(wordWrap=True)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    return label


def status_text(run: Run, status: Status) -> str:
    """Where a run is, in a sentence."""
    free = run.curves["free_r_factor"]
    r_factor = f"R_F {run.curve[-1][1]:.2%}" if run.curve else ""
    r_factor += f", free R {free[-1][1]:.2%}" if free else ""
    result = ""
    if run.result:
        free = dict(free).get(run.result.iteration)
        also = "" if free is None else f", free R {free:.2%}"
        result = f"R_F {run.result.r_factor:.2%}{also} at iteration {run.result.iteration}"
    why = run.stopped or (run.result.provenance.get("stopped", "") if run.result else "")
    return {
        Status.PREPARING: "Preparing; the first run compiles its kernels.",
        Status.RUNNING: f"{WAITING.get(run.request, 'Running.')} {r_factor}",
        Status.PAUSED: f"Paused. {r_factor}",
        Status.DONE: " ".join(filter(None, ("Done.", why, result))),
        Status.STOPPED: f"Stopped and kept. {result}",
        Status.CANCELLED: "Cancelled.",
        Status.FAILED: str(run.error),
    }[status]

"""The part of a panel that runs and watches."""

from collections.abc import Container, Mapping, Sequence

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
from .run import Run
from .worker import LIVE, Status, Worker

BUTTONS = (
    ("run", "Run", "Start the reconstruction."),
    ("pause", "Pause", "Hold after this iteration."),
    ("resume", "Resume", "Go on where it was paused."),
    ("stop", "Stop and keep", "End after this iteration and keep the result."),
    ("cancel", "Cancel", "End after this iteration and drop the result."),
)
JOB_BUTTONS = (
    ("pause", "Pause", "Hold as soon as the step comes to a place where it can."),
    ("resume", "Resume", "Go on where it was paused."),
    ("cancel", "Cancel", "End as soon as the step comes to a place where it can; the data stay as they were."),
)
WAITING = {name: f"Going to {name} after this iteration." for name in ("pause", "stop", "cancel")}
ENABLED_IN = {"pause": LIVE[:2], "resume": (Status.PAUSED,), "stop": LIVE, "cancel": LIVE}


class Controls(QGroupBox):
    """Buttons, progress and a line of text.

    Parameters
    ----------
    title : str
    buttons : sequence of (name, text, tooltip)

    Signals
    -------
    pressed(str)
        The button's name.
    """

    pressed = Signal(str)
    enabled_in: Mapping[str, Container[Status]] = ENABLED_IN

    def __init__(self, title: str, buttons: Sequence[tuple[str, str, str]]):
        super().__init__(title)
        self.buttons = {name: QPushButton(text, toolTip=tip) for name, text, tip in buttons}
        self.bar = QProgressBar()
        self.status = wrapped_label()
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout, grid = QVBoxLayout(self), QGridLayout()
        for i, (name, button) in enumerate(self.buttons.items()):
            button.clicked.connect(lambda _checked=False, name=name: self.pressed.emit(name))
            grid.addWidget(button, i // 3, i % 3)
        layout.addLayout(grid)
        layout.addWidget(self.bar)
        layout.addWidget(self.status)

    def enable(self, status: Status | None) -> None:
        """Enable the buttons that make sense in a status; None before the first work."""
        for name, button in self.buttons.items():
            enabled = status in self.enabled_in[name] if name in self.enabled_in else status not in LIVE
            if button.isEnabled() != enabled:
                button.setEnabled(enabled)


class JobControls(Controls):
    """For work that has a fraction done."""

    def __init__(self) -> None:
        super().__init__("Progress", JOB_BUTTONS)
        self.show_job(None, None, "Ready.")

    def show_job(self, job: Worker | None, status: Status | None, text: str) -> None:
        """Show how far a job is, in a status that the caller has read once, with a line of text."""
        self.enable(status)
        self.bar.setRange(0, 100)
        self.bar.setValue(round(100 * job.fraction) if status in LIVE else 0)
        self.bar.setFormat("%p%" if status in LIVE else "")
        self.status.setText(" ".join(filter(None, (text, _JOB.get((status, job.request if job else ""), "")))))


_JOB = {(Status.PAUSED, ""): "Paused."} | {
    (status, name): f"Going to {name}." for status in LIVE for name in ("pause", "cancel")
}


class RunControls(Controls):
    """Also the R-factor's curve, and of many starts what tells how they agree."""

    def __init__(self):
        super().__init__("Reconstruction", BUTTONS)
        self.plot, self.starts, self.transfer = CurvePlot(), StartsPlot(), TransferPlot()
        self.tabs = QTabWidget(documentMode=True)
        for title, plot in (("R-factor", self.plot), ("Starts", self.starts), ("PRTF", self.transfer)):
            self.tabs.addTab(plot, title)
        self.layout().addWidget(self.tabs)
        self.show_run(None, None)

    def show_run(self, run: Run | None, status: Status | None) -> None:
        """Show where a run is, in a status that the caller has read once; None before the first."""
        self.enable(status)
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

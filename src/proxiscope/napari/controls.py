"""The part of a panel that runs and watches."""

from collections.abc import Container, Mapping, Sequence

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from .buttons import Buttons
from .plots import CurvePlot, Curves, StartsPlot, TransferPlot
from .previewing import PreviewRun
from .run import Run
from .run_list import Row, RunList
from .shortcuts import with_key
from .worker import LIVE, Status, Worker

BUTTONS = (
    ("run", "Run", "Start the reconstruction. Others that are under way go on beside it."),
    ("preview", "Preview", "See in under a second what it will be: one section of a volume, the middle of a pattern."),
    ("keep", "Keep iterate", "Keep the iterate in progress, to go on from it later, otherwise perhaps."),
    ("pause", "Pause", "Hold after this iteration. Parameters can be changed then."),
    ("resume", "Resume", "Go on where it was paused, with the parameters that are shown."),
    ("stop", "Stop and keep", "End after this iteration and keep the result."),
    ("cancel", "Cancel", "End after this iteration and drop the result."),
)
RESULT_BUTTONS = (
    ("inspect", "Inspect", "Slices, profiles, resolution, residuals and comparisons, in a panel of their own."),
    ("record", "Record", "How the result came about."),
    ("save", "Save ...", "Write the result with its record to a file."),
    ("more", "More", "Copy code that gives the same result, or export a figure."),
)
MORE = (
    ("python", "Copy as Python", "A script that gives the same result, bit for bit."),
    ("command", "Copy as command line", "A command line that gives the same result, bit for bit."),
    ("figure", "Export figure ...", "The image as it is shown, with scale bar and colour bar."),
)
JOB_BUTTONS = (
    ("pause", "Pause", "Hold as soon as the step comes to a place where it can."),
    ("resume", "Resume", "Go on where it was paused."),
    ("cancel", "Cancel", "End as soon as the step comes to a place where it can; the data stay as they were."),
)
WAITING = {name: f"Going to {name} after this iteration." for name in ("pause", "stop", "cancel")}
ENABLED_IN = {
    "pause": LIVE[:2], "resume": (Status.PAUSED,), "stop": LIVE, "cancel": LIVE, "keep": LIVE[1:],
    "run": (None, *Status), "preview": (None, *Status),
}  # fmt: skip
LOWEST_PLOT = 190
"""Pixels, in which curves can still be read."""

COMMANDS = {"pause": "pause_or_resume", "resume": "pause_or_resume", "stop": "stop_and_keep"}
"""What shortcuts call what some buttons do."""

ONE_OF = ("pause", "resume")
"""Share a place: one is shown at a time."""


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
    columns: int = 3

    def __init__(self, title: str, buttons: Sequence[tuple[str, str, str]]):
        super().__init__(title)
        self.buttons = {
            name: QPushButton(text, toolTip=with_key(tip, COMMANDS.get(name, name))) for name, text, tip in buttons
        }
        self.bar = QProgressBar()
        self.status = wrapped_label()
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout, grid = QVBoxLayout(self), QGridLayout()
        places = [name for name in self.buttons if name != ONE_OF[1]]
        for name, button in self.buttons.items():
            button.clicked.connect(lambda _checked=False, name=name: self.pressed.emit(name))
            place = places.index(name if name in places else ONE_OF[0])
            grid.addWidget(button, place // self.columns, place % self.columns)
        layout.addLayout(grid)
        layout.addWidget(self.bar)
        layout.addWidget(self.status)

    def add_below_status(self, widget: QWidget) -> None:
        """Add what the line of text may speak of."""
        layout = self.layout()
        layout.insertWidget(layout.indexOf(self.status) + 1, widget)

    def enable(self, status: Status | None) -> None:
        """Enable the buttons that make sense in a status; None before the first work."""
        for name in ONE_OF:
            self.buttons[name].setVisible((name == "resume") == (status is Status.PAUSED))
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
    """Also the curves of all runs, of many starts what tells how they agree, the runs, and what to do with a result.

    Signals
    -------
    start_picked(int)
        A start of an ensemble was chosen, to be looked at.
    agreement_wanted(int)
        Mean and variance of so many best starts.
    """

    start_picked = Signal(int)
    agreement_wanted = Signal(int)

    def __init__(self) -> None:
        super().__init__("3  Reconstruction", BUTTONS)
        self.plot, self.starts, self.transfer, self.list = CurvePlot(), StartsPlot(), TransferPlot(), RunList()
        self.best = QSpinBox(minimum=2, maximum=1000, value=5, toolTip="So many of the best starts.")
        self.agreement = QPushButton("Mean and variance", toolTip="Of the best starts, as layers; and their PRTF.")
        self.agreement.clicked.connect(lambda: self.agreement_wanted.emit(self.best.value()))
        self.starts.picked.connect(self.start_picked)
        self.tabs = QTabWidget(documentMode=True)
        starts, runs = self._starts_page(), self._runs_page()
        for title, page in (("Progress", self.plot), ("Starts", starts), ("PRTF", self.transfer), ("Runs", runs)):
            self.tabs.addTab(page, title)
        self.tabs.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.tabs.setMinimumHeight(LOWEST_PLOT)
        self.results = Buttons(RESULT_BUTTONS, columns=4)
        self.results.buttons["more"].setMenu(self._more())
        for widget in (self.tabs, self.results):
            self.layout().addWidget(widget)
        self.layout().setStretchFactor(self.tabs, 100)
        self.layout().addStretch(1)  # as long as there is no curve
        self.show_run(None, None)

    def _more(self) -> QMenu:
        menu = QMenu(self, toolTipsVisible=True)
        for name, text, tip in MORE:
            action = menu.addAction(text, lambda name=name: self.results.pressed.emit(name))
            action.setToolTip(tip)
        return menu

    def _runs_page(self) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.addWidget(self.list)
        layout.addStretch(1)
        return page

    def _starts_page(self) -> QWidget:
        page, row = QWidget(), QHBoxLayout()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.starts, stretch=1)
        for widget in (QLabel("Best"), self.best, self.agreement):
            row.addWidget(widget)
        row.addStretch(1)
        layout.addLayout(row)
        return page

    def show_run(self, run: Run | None, status: Status | None) -> None:
        """Show where a run is, in a status that the caller has read once; None before the first."""
        self.enable(status)
        self._show_tabs(run, status)
        kept = run is not None and run.result is not None and not isinstance(run, PreviewRun)
        self.results.setVisible(kept)
        self.tabs.setVisible(run is not None)
        if run is None:
            self.bar.setRange(0, 1)
            self.bar.setFormat("")
            self.status.setText("Ready.")
            return
        self.bar.setRange(0, 0 if status is Status.PREPARING else run.total)
        self.bar.setValue(run.iteration)
        self.bar.setFormat(f"{run.iteration} / {run.total}{_time_left(run, status)}")
        self.status.setText(status_text(run, status))

    def show_resume(self, changes: str) -> None:
        """Say what a resumed run would do otherwise; nothing when it just goes on."""
        button = self.buttons["resume"]
        button.setText("Resume changed" if changes else "Resume")
        button.setToolTip(f"Go on with {changes}." if changes else dict((n, tip) for n, _, tip in BUTTONS)["resume"])

    def show_curves(self, runs: Sequence[Curves], rows: Sequence[Row]) -> None:
        """Draw the curves of all runs, and list the runs."""
        self.plot.show_runs(runs)
        self.list.show(rows)

    def _show_tabs(self, run: Run | None, status: Status | None) -> None:
        """Those that have something to show."""
        starts = None if run is None else run.starts
        products = run.result.products if run is not None and status.ended and run.result else {}
        if starts is not None:
            best = np.argsort(starts, kind="stable")[: self.best.value()]
            self.starts.show_starts(starts, shown=run.shown_start, best=best.tolist())
        self.agreement.setEnabled(run is not None and run.final is not None)
        if "prtf" in products:
            self.transfer.show_transfer(products["prtf_frequency"], products["prtf"], run.result.pixel_size)
        for i, shown in ((1, starts is not None), (2, "prtf" in products)):
            self.tabs.setTabVisible(i, shown)


def wrapped_label() -> QLabel:
    """A label that wraps instead of widening its panel."""
    label = QLabel(wordWrap=True)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    return label


def _time_left(run: Run, status: Status) -> str:
    left = run.seconds_left
    if status is not Status.RUNNING or left is None or left < 2:
        return ""
    minutes, seconds = divmod(round(left), 60)
    return f"   {minutes}:{seconds:02} left"


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
    if isinstance(run, PreviewRun) and result:
        early = f", where previews end, after {run.limit:g} s" if run.iteration < run.total else ""
        return f"Preview of {run.shows}: {result}{early}."
    why = run.stopped or (run.result.provenance.get("stopped", "") if run.result else "")
    return {
        Status.PREPARING: run.doing or "Preparing; the first run compiles its kernels.",
        Status.RUNNING: f"{WAITING.get(run.request, 'Running.')} {r_factor}",
        Status.PAUSED: f"Paused. {r_factor}",
        Status.DONE: " ".join(filter(None, ("Done.", why, result))),
        Status.STOPPED: f"Stopped and kept. {run.remark or result}",
        Status.CANCELLED: " ".join(filter(None, ("Cancelled.", run.remark))),
        Status.FAILED: str(run.error),
    }[status]

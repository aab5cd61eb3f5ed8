"""Has a user act, one action after the other in napari's own event loop, and close the window now and then."""

import random
import time
from functools import partial
from typing import Any

from _soak_actions import PAINTED, Visitor
from _soak_watch import Watch, ours_alive, written
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

QUIET, PATIENCE = 3.0, 20.0
"""Seconds after a closing before what is left is counted, and in which all threads of ours must have ended."""
AT_LAST = 40.0
"""Seconds at the end, in which also Qt's pool gives its idle threads back."""


class Driver:
    """Acts until it is time to end.

    Parameters
    ----------
    user : Visitor
    watch : Watch
    rng : random.Random
    end : float
        Unix time.
    window_seconds, pace : float
        How long a window lives, and between two actions, about.
    """

    def __init__(self, user: Visitor, watch: Watch, rng: random.Random, end: float, window_seconds: float, pace: float):
        self.user, self.watch, self.rng, self.end = user, watch, rng, end
        self.window_seconds, self.pace = window_seconds, pace
        self.log = written(watch.folder / "actions.log")
        self._closing_at = self._closed_at = 0.0
        self._wait = QUIET

    def begin(self) -> None:
        """Open the first window once the event loop runs."""
        QTimer.singleShot(0, self._open)

    def _open(self) -> None:
        self._note("open the window")
        self._guarded(self.user.open)
        self.watch.sample("opened")
        self._closing_at = time.time() + self.window_seconds * self.rng.uniform(0.5, 1.5)
        QTimer.singleShot(500, self._act)

    def _act(self) -> None:
        if self.user.busy:
            QTimer.singleShot(100, self._act)
            return
        if time.time() > min(self._closing_at, self.end):
            self._close()
            return
        self.watch.actions += 1
        self._note(self._guarded(self.user.act))
        self.watch.action += " (after)"
        QTimer.singleShot(int(1000 * self.rng.expovariate(1 / self.pace)), self._act)

    def _close(self) -> None:
        self._guarded(self.user.calm)
        QTimer.singleShot(PAINTED, self._close_now)

    def _close_now(self) -> None:
        self._note("close the window")
        self.watch.sample("closing")
        self._guarded(self.user.close)
        self._closed_at, self._wait = time.time(), QUIET
        QTimer.singleShot(int(1000 * QUIET), self._closed)

    def _closed(self) -> None:
        """Count what is left, once all threads have ended or should have."""
        if ours_alive() and time.time() - self._closed_at < PATIENCE:
            QTimer.singleShot(500, self._closed)
            return
        for widget in QApplication.topLevelWidgets():  # dialogs of their own
            widget.close()
        self._guarded(self.user.forget)
        self._note("closed")
        QTimer.singleShot(500, self._count)

    def _count(self) -> None:
        if left := ours_alive():
            self.watch.failed("left", f"threads of a closed window: {left}")
        self._guarded(partial(self.watch.settled, "closed"))
        if time.time() < self.end - 10:
            self._open()
        else:
            QTimer.singleShot(int(1000 * AT_LAST), self._finish)

    def _finish(self) -> None:
        self.watch.settled("end")
        QApplication.instance().quit()

    def _note(self, what: Any) -> None:
        self.log.write(f"{self.watch.now:9.2f} {self.watch.actions:6} {what}\n")

    def _guarded(self, do: Any) -> Any:
        self.watch.action = getattr(do, "__name__", "")
        try:
            return do()
        except Exception as error:
            frames, trace = [], error.__traceback__
            while trace is not None:
                frames.append(trace.tb_frame.f_code.co_filename)
                trace = trace.tb_next
            ours = any("/proxiscope/" in name for name in frames)
            self.watch.failed("uncaught" if ours else "script", f"{type(error).__name__}: {error}", error)
            return f"{self.watch.action} raised {type(error).__name__}: {error}"

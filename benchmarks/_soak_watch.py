"""What the soak looks at: memory, threads, files, widgets, stalls of the window's thread, and every error."""

import csv
import ctypes
import faulthandler
import gc
import json
import logging
import re
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
from _soak_report import COLUMNS, FAILURES
from napari.utils.notifications import ErrorNotification, notification_manager
from qtpy.QtCore import QObject, QTimer, qInstallMessageHandler
from qtpy.QtWidgets import QApplication

BEAT, SAMPLE, NOTICED, FROZEN = 0.02, 1.0, 0.4, 45
"""Seconds between two beats of the window's thread, and two samples; a stall that is written down; one that lasts."""
OURS = "proxiscope"
_PLACES = tuple((f"/{name}/", name) for name in (OURS, "napari", "vispy", "benchmarks"))
_THREADS = re.compile(r"(another|different|wrong|non-?gui).{0,20} thread|outside the main|main thread", re.I)
"""What Qt says of objects that the wrong thread touches."""
_UNCLEAR = re.compile(r"^\w+(Error|Exception|Interrupt): ")
"""What a message begins with that passes on an exception of somebody else."""


class _Heap(ctypes.Structure):
    """`mallinfo2` of glibc."""

    _names = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
    _fields_ = tuple((name, ctypes.c_size_t) for name in _names)


def written(path: Path) -> Any:
    """A file that is added to, line by line, for as long as the process lives, so that a crash leaves it."""
    return open(path, "a", newline="", buffering=1)


def heap() -> float:
    """Megabytes that malloc has given out, without what it holds in reserve; 0 where the C library cannot tell."""
    try:
        tell = ctypes.CDLL(None).mallinfo2
    except AttributeError:
        return 0.0
    tell.restype = _Heap
    found = tell()
    return (found.uordblks + found.hblkhd) / 1e6


def ours_alive() -> list[str]:
    """Names of the threads of proxiscope's workers; those of the pool of kernels stay for good."""
    names = [thread.name for thread in threading.enumerate() if thread.name.startswith("proxiscope-")]
    return [name for name in names if "kernel" not in name]


def _number(text: str) -> int:
    return int(text, 16) if re.fullmatch("[0-9a-f]{16}", text) else 0


def place_of(stack: list[tuple[str, str, str]]) -> str:
    """Whose code is innermost, of those that could be to blame."""
    for file, _, _ in stack:
        for path, name in _PLACES:
            if path in file:
                return name
    return "qt"


class Watch(QObject):
    """Samples once a second into ``samples.csv``; writes errors, stalls and live objects beside it.

    Attributes
    ----------
    action : str
        What is being done, to be told with a stall.
    counts : Counter
        Of errors by kind.
    """

    def __init__(self, folder: Path, begin: float, state: Any):
        super().__init__()
        self.folder, self._begin, self._state = folder, begin, state
        self.action, self.actions, self.counts, self.texts = "", 0, Counter(), Counter()
        self._process = psutil.Process()
        self._errors, self._faults = written(folder / "errors.log"), written(folder / "faults.log")
        self._stalls, self._objects = written(folder / "stalls.jsonl"), written(folder / "objects.jsonl")
        self._samples = written(folder / "samples.csv")
        self._table = csv.DictWriter(self._samples, COLUMNS)
        self._longest, self._last = 0.0, time.perf_counter()
        self._main, self._lock = threading.get_ident(), threading.Lock()
        self._schedule = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        faulthandler.enable(self._faults, all_threads=True)
        self._collect()
        self._garbage, self._garbage_since = 0.0, 0.0
        gc.callbacks.append(self._time_garbage)
        self._timers = []
        for interval, look in ((BEAT, self._beat), (SAMPLE, self.sample), (5, self._arm)):
            timer = QTimer(self, interval=int(1000 * interval))
            timer.timeout.connect(look)
            timer.start()
            self._timers.append(timer)
        self._over = threading.Event()
        threading.Thread(target=self._guard, name="soak-guard", daemon=True).start()

    @property
    def now(self) -> float:
        """Seconds since the soak began, also over restarts."""
        return time.time() - self._begin

    def close(self) -> None:
        """Look no more."""
        self._over.set()
        gc.callbacks.remove(self._time_garbage)
        for timer in self._timers:
            timer.stop()
        faulthandler.cancel_dump_traceback_later()

    # ---- samples

    def sample(self, event: str = "") -> dict[str, Any]:
        """Write a row."""
        longest, self._longest = self._longest, 0.0
        row = {
            "seconds": round(self.now, 2), "event": event, "action": self.action,
            "rss_mb": round(self._process.memory_info().rss / 1e6, 1), "heap_mb": round(heap(), 1),
            "threads": threading.active_count(), "ours": len(ours_alive()), "native": self._process.num_threads(),
            "files": self._process.num_fds(), "widgets": len(QApplication.allWidgets()),
            "actions": self.actions, "told": self.counts["told"],
            "failures": sum(self.counts[kind] for kind in FAILURES),
            "stall_s": round(longest, 3), **self._state(),
        }  # fmt: skip
        self._table.writerow(row)
        return row

    def settled(self, event: str) -> dict[str, Any]:
        """Write a row after the garbage was collected, and what lives: objects by type, and threads by name."""
        for _ in range(3):
            gc.collect()
        types = Counter(type(x) for x in gc.get_objects())
        found = {f"{t.__module__}.{t.__name__}": n for t, n in types.items() if str(t.__module__).startswith(OURS)}
        widgets = Counter(f"{type(w).__module__}.{type(w).__name__}" for w in QApplication.allWidgets())
        native = Counter(p.read_text().strip() for p in Path("/proc/self/task").glob("*/comm"))
        threads = Counter(re.sub(r"\d+", "#", thread.name) for thread in threading.enumerate())
        told = {
            "seconds": round(self.now, 1), "event": event, "objects": found, "widgets": widgets, "threads": threads,
            "native": native, "counts": self.counts, "texts": dict(self.texts.most_common(60)),
        }  # fmt: skip
        self._objects.write(json.dumps(told) + "\n")
        return self.sample(event)

    # ---- stalls

    def _arm(self) -> None:
        """Without the interpreter's help, so also where somebody holds its lock: say where a freeze is."""
        faulthandler.dump_traceback_later(FROZEN, file=self._faults)

    def _beat(self) -> None:
        now = time.perf_counter()
        self._longest = max(self._longest, now - self._last - BEAT)
        self._last = now

    def _guard(self) -> None:
        """The thread that notices what the window's thread is at while it does not beat."""
        looked: list[tuple[float, str, bool, str]] = []
        beat, woken, before = self._last, time.perf_counter(), self._clocks()
        while not self._over.wait(0.05):
            now = time.perf_counter()
            since, woken = now - woken, now
            if self._last != beat:
                if looked and (length := sum(one[0] for one in looked) + NOTICED) > 2 * NOTICED:
                    self._note_stall(length, looked, [b - a for a, b in zip(before, self._clocks(), strict=True)])
                looked, beat, before = [], self._last, self._clocks()
            elif now - beat > NOTICED:
                stack = self._stack()
                brief = [f"{Path(file).parent.name}/{Path(file).name}:{line} {name}" for file, line, name in stack[:14]]
                through = any(f"/{OURS}/" in file for file, _, _ in stack)
                looked.append((since, place_of(stack), through, " < ".join(brief)))

    def _stack(self) -> list[tuple[str, str, str]]:
        """File, line and name of the frames of the window's thread, the innermost first.

        By faulthandler: to walk the frames of a thread that goes on meanwhile crashes Python 3.11.
        """
        with tempfile.TemporaryFile("w+") as file:
            faulthandler.dump_traceback(file, all_threads=True)
            file.seek(0)
            parts = file.read().split("Thread 0x")
        mine = next((part for part in parts if _number(part[:16]) == self._main), "") if len(parts) > 1 else ""
        return re.findall(r'File "(.*)", line (\d+) in (.*)', mine)

    def _starved(self) -> float:
        """Seconds in which the window's thread was ready and had no processor: others on this machine had it."""
        return int(self._schedule.read_text().split()[1]) / 1e9 if self._schedule.exists() else 0.0

    def _clocks(self) -> tuple[float, float, float]:
        """Seconds: of the processor that this process had, of waiting for one, and of collecting garbage."""
        return time.process_time(), self._starved(), self._garbage

    def _time_garbage(self, phase: str, _about: dict) -> None:
        """Python collects when it likes, in whatever function: the more napari has left, the longer it takes."""
        if phase == "start":
            self._garbage_since = time.perf_counter()
        else:
            self._garbage += time.perf_counter() - self._garbage_since

    def _note_stall(self, length: float, looked: list, clocks: list[float]) -> None:
        by, where = Counter(), Counter()
        for seconds, place, _, stack in looked:
            by[place] += seconds
            where[stack] += seconds
        told = {
            "seconds": round(self.now, 1), "length": round(length, 2), "action": self.action,
            "by": {place: round(seconds, 2) for place, seconds in by.items()},
            "through": round(sum(one[0] for one in looked if one[2]), 2),
            "unseen": round(max(one[0] for one in looked), 2),  # the longest time that Python ran nothing of the guard
            **dict(zip(("processor", "starved", "garbage"), (round(clock, 2) for clock in clocks), strict=True)),
            "stacks": [[stack, round(seconds, 2)] for stack, seconds in where.most_common(3)],
        }  # fmt: skip
        self._stalls.write(json.dumps(told) + "\n")

    # ---- errors

    def failed(self, kind: str, what: Any, error: BaseException | None = None) -> None:
        """Count an error, and write it down."""
        text = "" if error is None else "".join(traceback.format_exception(error))
        with self._lock:
            self.counts[kind] += 1
            self.texts[f"{kind}: {str(what)[:160]}"] += 1
            if kind in FAILURES:
                self._errors.write(f"\n==== {self.now:.1f} s, {kind}, during {self.action}\n{what}\n{text}")

    def _collect(self) -> None:
        """Take all that is told of errors, wherever it is told."""
        sys.excepthook = lambda kind, error, _trace: self.failed("uncaught", f"{kind.__name__}: {error}", error)
        threading.excepthook = lambda told: self.failed(
            "uncaught", f"{told.exc_type.__name__}: {told.exc_value} in {told.thread}", told.exc_value
        )
        sys.unraisablehook = lambda told: self.failed("unraisable", f"{told.exc_value} {told.object}", told.exc_value)
        notification_manager.notification_ready.connect(self._notified)
        qInstallMessageHandler(self._qt_said)
        handler = logging.Handler(logging.WARNING)
        handler.emit = self._logged
        logging.getLogger(OURS).addHandler(handler)
        warnings.showwarning = lambda text, kind, file, line, *_: self.failed(
            "warning", f"{kind.__name__}: {text} ({Path(file).name}:{line})"
        )

    def _notified(self, told: Any) -> None:
        if isinstance(told, ErrorNotification):
            self.failed("uncaught", told.message, told.exception)
        elif str(told.severity).lower() == "error":
            self.failed("unclear" if _UNCLEAR.match(told.message) else "told", told.message)
        else:
            self.failed("said", told.message)

    def _qt_said(self, _kind: Any, _context: Any, text: str) -> None:
        self.failed("qt-threads" if _THREADS.search(text) else "qt", text)

    def _logged(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self.failed("unclear" if error is not None else "logged", record.getMessage(), error)

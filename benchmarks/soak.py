"""A soak: random actions of a user in a napari window for a long time, with memory, threads and stalls on record.

    xvfb-run -a -s "-screen 0 1440x900x24" python benchmarks/soak.py --minutes 60 --seed 0 --output FOLDER

Opens napari with the panels, and does what users do, at random: data, algorithms, parameters, runs that are paused,
changed, stopped and gone on from, many starts, preparation, inspection, demonstrations, sessions, figures, layers that
come and go, panels that open and close. The window is closed in the middle of it all every few minutes, and another
one opened. The actions are seeded; since they meet runs that take their own time, no two soaks are quite the same.

FOLDER then has ``samples.csv`` (a row a second, written as it goes), ``actions.log``, ``errors.log``, ``stalls.jsonl``,
``objects.jsonl`` (what lives after each closing), ``faults.log`` (stacks after a crash or a freeze), ``summary.json``
and ``soak.png``.

Exit status 1 if a thread was left behind, an exception was not caught, the window stood still for over 2 s because of
us, or memory grows on. napari with software OpenGL sometimes crashes: the actions run in a process of their own, which
is started again, and the crash is counted. So memory can be followed over a few windows only. With ``--undrawn`` all
is as it was but for the last step, the drawing itself, in which it crashes: that tells what grows in an hour. With
``--without-proxiscope`` windows open and close and layers come and go without us, which tells what grows in napari
itself; ``--control FOLDER`` names the result, to be subtracted.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FROZEN, LATE = 150, 180
"""Seconds without a sample, and after the end, after which the process is ended."""
LARGEST = 6e9
"""Bytes that it may hold."""


def main() -> int:
    """Run the actions for so long, in one process or, after crashes, in several; then sum up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("soak"))
    parser.add_argument("--window-minutes", type=float, default=3.0, help="after which a window is closed, about")
    parser.add_argument("--runs", type=int, default=3, help="reconstructions that go on at the same time, at most")
    parser.add_argument("--pace", type=float, default=0.25, help="seconds between two actions, about")
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[1] / "shared/data", help="files to open")
    parser.add_argument("--undrawn", action="store_true", help="draw nothing on the canvas")
    parser.add_argument("--without-proxiscope", action="store_true")
    parser.add_argument("--control", type=Path, help="folder of a soak without proxiscope")
    parser.add_argument("--child", type=float, nargs=2, metavar=("BEGIN", "END"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        return work(given)
    given.output.mkdir(parents=True, exist_ok=True)
    if (given.output / "samples.csv").exists():
        parser.error(f"{given.output} holds a soak already")
    begin = time.time()
    crashes = supervise(given, begin, begin + 60 * given.minutes)
    from _soak_report import report

    return report(given.output, crashes, control=given.control)


def supervise(given: argparse.Namespace, begin: float, end: float) -> list[dict]:
    """Start the process again as long as there is time; how it ended whenever it should not have."""
    from _soak_report import header

    header(given.output)
    crashes: list[dict] = []
    with tempfile.TemporaryDirectory(prefix="soak-") as home:
        surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | {
            "NAPARI_CONFIG": str(Path(home) / "napari" / "settings.yaml"),
            "XDG_CONFIG_HOME": str(Path(home) / "config"),
            "PROXISCOPE_MEMORY_LIMIT": os.environ.get("PROXISCOPE_MEMORY_LIMIT", "1"),
        }
        while end - time.time() > 5:
            command = [sys.executable, "-X", "faulthandler", __file__, *sys.argv[1:], "--child", str(begin), str(end)]
            command += ["--seed", str(given.seed + 1000 * len(crashes))]  # the last one counts
            faults = size(given.output / "faults.log")
            child = subprocess.Popen(command, env=surroundings)
            why = watch_over(child, given.output / "samples.csv", end + LATE)
            if child.returncode == 0 and not why:
                break
            log = given.output / "faults.log"
            tail = log.read_text(errors="replace")[faults:] if log.exists() else ""
            code = child.returncode
            name = why or (signal.Signals(-code).name if code < 0 else f"exit {code}")
            crashes.append({"seconds": round(time.time() - begin, 1), "how": name, "stack": tail[:6000]})
            print(f"{time.time() - begin:.0f} s: {name}", flush=True)
            if child.returncode > 0 or len(crashes) > 30:
                break
    return crashes


def watch_over(child: subprocess.Popen, samples: Path, end: float) -> str:
    """Wait for its end; ends it where it stands still, grows too large or goes on for ever, and says so."""
    import psutil

    process, last, at = psutil.Process(child.pid), size(samples), time.time()
    while child.poll() is None:
        time.sleep(1)
        if size(samples) != last:
            last, at = size(samples), time.time()
        try:
            large = process.memory_info().rss > LARGEST
        except psutil.Error:
            continue
        if large or time.time() - at > FROZEN or time.time() > end:
            child.kill()
            child.wait()
            return "too large" if large else "late" if time.time() > end else "frozen"
    return ""


def size(path: Path) -> int:
    """Of a file, 0 where there is none."""
    return path.stat().st_size if path.exists() else 0


def work(given: argparse.Namespace) -> int:
    """The process in which it happens."""
    from _soak_actions import Microscopist, Visitor
    from _soak_driver import Driver
    from _soak_watch import Watch
    from napari._qt.qt_event_loop import get_qapp

    if given.undrawn:
        from vispy.gloo.glir import GlirProgram

        GlirProgram.draw = lambda *_, **__: None
    app = get_qapp()
    app.setQuitOnLastWindowClosed(False)
    begin, end = given.child
    rng, users = random.Random(given.seed), []
    watch = Watch(given.output, begin, lambda: users[0].state() if users else {})
    with tempfile.TemporaryDirectory(prefix="soak-files-") as folder:
        if given.without_proxiscope:
            users.append(Visitor(Path(folder), rng, watch))
        else:
            data = given.data if given.data.is_dir() else None
            users.append(Microscopist(Path(folder), rng, watch, data, given.runs))
        driver = Driver(users[0], watch, rng, end, 60 * given.window_minutes, given.pace)
        driver.begin()
        app.exec()
        watch.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Runs cancelled, panels and viewers closed at random moments: do threads stay behind, does memory grow?

    xvfb-run -a -s "-screen 0 1440x900x24" python benchmarks/closing.py [NAME ...] [--times 100] [--output FILE.png]

Each series is a process of its own. After each time the window lives until the run has ended, garbage is collected,
and threads and resident memory are counted. `viewers-without` is the control: the same viewers and layers, opened and
closed without a panel of proxiscope. The first fifth, in which caches fill and kernels compile, does not count for the
growth.
"""

import argparse
import gc
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil

LONG = 1_000_000
"""Iterations, which no run comes to."""

WARM = 0.2
"""Share of the times that do not count."""

MOMENT = 0.4
"""Seconds after its first iteration in which a run is ended."""


def live_for(seconds):
    """Let the window live."""
    from qtpy.QtCore import QEvent
    from qtpy.QtWidgets import QApplication

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        time.sleep(0.005)


def live_until(condition):
    """Let the window live until something has come about."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it did not end"
        live_for(0.02)


def layers(viewer):
    """A small pattern with its support, of which an iteration takes under a millisecond."""
    from proxiscope import load
    from proxiscope.napari.layers import pattern_layers

    for data, options, kind in pattern_layers(load("sample:pattern"), "pattern"):
        getattr(viewer, f"add_{kind}")(data, **options)


def begun(viewer, rng):
    """A panel with a run under way, left to run for a random while."""
    from proxiscope.napari.panels import open_panel

    panel = open_panel(viewer, "Phase retrieval")
    panel.form.widgets["max_iterations"].value = LONG
    panel.start()
    live_until(lambda: panel.run.iteration > 0)
    live_for(rng.uniform(0, MOMENT))
    return panel, panel.run


def cancels(times, measure, rng):
    """Runs of one panel, cancelled, and taken off its list."""
    import napari

    viewer = napari.Viewer()
    layers(viewer)
    for _ in range(times):
        panel, run = begun(viewer, rng)
        panel.cancel()
        live_until(lambda panel=panel: not panel.running)
        panel.remove(panel.current)
        live_for(0.3)
        measure(run)
    viewer.close()


def panels(times, measure, rng):
    """Panels of one viewer, closed during a run."""
    import napari

    viewer = napari.Viewer()
    layers(viewer)
    for _ in range(times):
        panel, run = begun(viewer, rng)
        viewer.window.remove_dock_widget(panel)
        panel.deleteLater()
        del panel
        live_until(lambda run=run: run.status.ended)
        live_for(0.3)
        measure(run)
    viewer.close()


def viewers(times, measure, rng):
    """Viewers, closed during a run."""
    import napari

    for _ in range(times):
        viewer = napari.Viewer()
        layers(viewer)
        _, run = begun(viewer, rng)
        viewer.close()
        del viewer, _
        live_until(lambda run=run: run.status.ended)
        live_for(0.3)
        measure(run)


def viewers_without(times, measure, rng):
    """Viewers with the same layers and an empty dock, closed."""
    from qtpy.QtWidgets import QWidget

    import napari

    for _ in range(times):
        viewer = napari.Viewer()
        layers(viewer)
        viewer.window.add_dock_widget(QWidget(), name="nothing")
        live_for(0.3 + rng.uniform(0, MOMENT))
        viewer.close()
        del viewer
        live_for(0.3)
        measure(None)


SERIES = {"cancels": cancels, "panels": panels, "viewers": viewers, "viewers-without": viewers_without}


def measured(name, times):
    """Threads and memory after each time of a series; in a process of its own."""
    rows, process, rng = [], psutil.Process(), random.Random(name)

    def measure(run):
        assert run is None or run.wait(10), "its thread is still there"
        gc.collect()
        ours = sum(thread.name.startswith("proxiscope") for thread in threading.enumerate())
        rows.append((ours, process.num_threads(), process.memory_info().rss / 1e6, leftovers()))

    with tempfile.TemporaryDirectory() as folder:
        keep_checkpoints_in(folder)
        SERIES[name](times, measure, rng)
    return rows


def keep_checkpoints_in(folder):
    """Away from those of whoever runs this."""
    try:
        from proxiscope.napari import interrupted
    except ImportError:
        return
    interrupted.folder = lambda: Path(folder)


def leftovers():
    """Objects of ours that are still alive: panels, runs and what shows them."""
    found, names = {}, ("PhasePanel", "Live", "Stream", "Run")
    for one in gc.get_objects():
        cls = type(one)
        if cls.__name__ in names and str(cls.__module__).startswith("proxiscope.napari"):
            found[cls.__name__] = found.get(cls.__name__, 0) + 1
    return found


def growth(memory):
    """MB a time, by a straight line through what follows the first times."""
    counted = np.asarray(memory)[round(WARM * len(memory)) :]
    return float(np.polyfit(np.arange(len(counted)), counted, 1)[0]) if len(counted) > 1 else 0.0


def report(found):
    """A table."""
    print(f"{'series':16} {'times':>5} {'our threads':>11} {'threads':>11} {'MB':>13} {'kB a time':>9}  still alive")
    for name, rows in found.items():
        ours, threads, memory, alive = zip(*rows, strict=True)
        first = round(WARM * len(rows))
        print(
            f"{name:16} {len(rows):5} {ours[first]:5} to {ours[-1]:2} {threads[first]:5} to {threads[-1]:2} "
            f"{memory[first]:5.0f} to {memory[-1]:4.0f} {1000 * growth(memory):9.0f}  {alive[-1] or 'nothing'}"
        )


def draw(found, path):
    """Memory and threads over the times."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    for name, rows in found.items():
        _, threads, memory, _ = zip(*rows, strict=True)
        upper.plot(memory, label=f"{name}: {1000 * growth(memory):.0f} kB a time")
        lower.plot(threads)
    upper.set_ylabel("resident memory (MB)")
    lower.set_ylabel("threads of the process")
    lower.set_xlabel("times")
    upper.legend(frameon=False)
    figure.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SERIES))
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--output", type=Path, help="a picture of memory and threads")
    parser.add_argument("--rows", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rows:
        print(json.dumps(measured(options.names[0], options.times)))
        return
    found = {}
    for name in options.names or SERIES:
        command = [sys.executable, __file__, name, "--times", str(options.times), "--rows"]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found[name] = json.loads(done.stdout.splitlines()[-1])
    report(found)
    if options.output:
        draw(found, options.output)


if __name__ == "__main__":
    main()

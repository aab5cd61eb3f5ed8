"""What watching costs: GUI latency during a reconstruction, and the solver's rate with and without streaming.

    python benchmarks/streaming.py [--seconds 12] [--rounds 3]

Needs a display (or xvfb-run). Latency is the time that an event posted from another thread waits for the GUI
thread. The rate is measured in turns, streamed and not streamed, in the same process and with the same window. At the
end a long run shows whether its memory stays constant.
"""

import argparse
import statistics
import threading
import time

import numpy as np
import psutil
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QApplication

import napari
from proxiscope.napari.layers import pattern_layers, series_layer
from proxiscope.napari.run import Run
from proxiscope.simulate import diffraction_pattern, tilt_series, vesicle

LATENCY_MEDIAN, LATENCY_P95, COST = 0.020, 0.080, 0.10
GROWTH, LONG = 10e6, 10_000
"""Bytes that the process may grow by in so many iterations: their figures are kept, a hundred bytes each."""


class Pinger(QObject):
    """Posts an event every 25 ms from a thread of its own and notes how long each waits."""

    ping = Signal(float)

    def __init__(self):
        super().__init__()
        self.waits: list[float] = []
        self.ping.connect(lambda sent: self.waits.append(time.perf_counter() - sent))
        self._stop = threading.Event()
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self):
        while not self._stop.wait(0.025):
            self.ping.emit(time.perf_counter())

    def stop(self):
        self._stop.set()


def live(seconds):
    """Let Qt work for a while, as its own loop would: sleeping when there is nothing to do."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        QApplication.instance().processEvents()
        time.sleep(min(left, 0.001))


def rate(run, seconds):
    """Iterations a second of a run under way."""
    begin, first = time.perf_counter(), run.iteration
    live(seconds)
    return (run.iteration - first) / (time.perf_counter() - begin)


def streamed(panel, seconds):
    """Rate, latencies while the panel shows the run, and those of its first two seconds."""
    first = Pinger()
    panel.start()
    while panel.run.iteration < 3:
        live(0.05)
    live(2)  # past the frames that a run is given in advance
    first.stop()
    pinger = Pinger()
    measured = rate(panel.run, seconds)
    pinger.stop()
    panel.cancel()
    while panel.running:
        live(0.05)
    live(0.3)
    return measured, pinger.waits, first.waits


def unstreamed(panel, seconds):
    """Rate of the same run with the window open and nothing shown."""
    run = Run(panel.form.algorithm(), panel.problem_maker(panel.input.value))
    run.start()
    while run.iteration < 3:
        live(0.05)
    live(2)
    measured = rate(run, seconds)
    run.cancel()
    run.wait()
    return measured


def opened(viewer, layers, panel_name):
    """The dock and the panel, with the layers in the viewer."""
    for data, attributes, kind in layers:
        getattr(viewer, f"add_{kind}")(data, **attributes)
    dock, panel = viewer.window.add_plugin_dock_widget("napari-proxiscope", panel_name)
    panel.form.widgets["max_iterations"].value = 1_000_000
    live(1)
    return dock, panel


def growth(viewer, name, layers, panel_name):
    """One line: how the memory of the process grows while a long run is watched."""
    dock, panel = opened(viewer, layers, panel_name)
    process, before = psutil.Process(), []
    panel.start()
    for end in (LONG // 2, LONG // 2 + LONG):
        while panel.run.iteration < end:
            live(0.1)
        before.append(process.memory_info().rss)
    panel.cancel()
    while panel.running:
        live(0.05)
    viewer.window.remove_dock_widget(dock)
    viewer.layers.clear()
    grown = before[1] - before[0]
    ok = grown < GROWTH
    print(f"{name:28} {grown / 1e6:+.1f} MB in {LONG} iterations   {'ok' if ok else 'MISSED'}")
    return ok


def measure(viewer, name, layers, panel_name, options):
    """One line: rates with their ratio, and latencies."""
    dock, panel = opened(viewer, layers, panel_name)
    costs, waits, start_waits, rates = [], [], [], []
    for _ in range(options.rounds):
        off = unstreamed(panel, options.seconds)
        on, more, at_start = streamed(panel, options.seconds)
        start_waits += at_start
        costs.append(1 - on / off)
        rates.append((off, on))
        waits += more
    viewer.window.remove_dock_widget(dock)
    viewer.layers.clear()
    median, p95 = statistics.median(waits), float(np.percentile(waits, 95))
    cost = statistics.median(costs)
    off, on = (statistics.median(r) for r in zip(*rates, strict=True))
    ok = median < LATENCY_MEDIAN and p95 < LATENCY_P95 and cost < COST
    print(
        f"{name:28} {off:8.1f} {on:8.1f} it/s   cost {cost:6.1%} ({min(costs):.1%} to {max(costs):.1%})   "
        f"latency median {1e3 * median:5.1f} ms, p95 {1e3 * p95:5.1f} ms, longest {1e3 * max(waits):.0f} ms "
        f"({1e3 * max(start_waits):.0f} ms at the start)   "
        f"{'ok' if ok else 'MISSED'}"
    )
    return ok


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=12, help="length of each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="times that each is measured")
    options = parser.parse_args()
    viewer = napari.Viewer()
    viewer.window._qt_window.resize(1280, 800)
    live(2)
    idle = Pinger()
    live(4)
    idle.stop()
    print(f"idle window: latency median {1e3 * statistics.median(idle.waits):.1f} ms")
    print(f"{'':28} not streamed, streamed   (demands: cost < {COST:.0%}, median < 20 ms, p95 < 80 ms)")
    pattern = diffraction_pattern(vesicle((200, 200), seed=3), (512, 512), flux=1e8)
    series = tilt_series(vesicle((128, 128, 128), seed=3), np.linspace(-70, 70, 60), noise=0.3)
    small = tilt_series(vesicle((32, 32, 32), seed=3), np.linspace(-70, 70, 60), noise=0.3)
    large = tilt_series(vesicle((256, 256, 256), seed=3), np.linspace(-70, 70, 60), noise=0.6)
    ok = [
        measure(viewer, "GPS-F, 512 x 512", pattern_layers(pattern, "pattern"), "Phase retrieval", options),
        measure(viewer, "RESIRE, 128^3, 60 tilts", [series_layer(series, "series")], "Tomography", options),
        measure(viewer, "RESIRE, 256^3, 60 tilts", [series_layer(large, "series")], "Tomography", options),
        growth(viewer, "GPS-F, 512 x 512", pattern_layers(pattern, "pattern"), "Phase retrieval"),
        growth(viewer, "RESIRE, 32^3, 60 tilts", [series_layer(small, "series")], "Tomography"),
    ]
    viewer.close()
    return 0 if all(ok) else 1


if __name__ == "__main__":
    raise SystemExit(main())

"""``python -m proxiscope.napari.demo``: both sample reconstructions in a napari window, with screenshots."""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from qtpy.QtWidgets import QApplication

import napari

from .panels import open_panel
from .run import Status

PLUGIN = "napari-proxiscope"
DEMOS = (
    ("pattern", "Phase retrieval", "gps-f", "gps-f.tif"),
    ("tilt-series", "Tomography", "resire", "resire.mrc"),
)


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; 0 when both reconstructions are done."""
    parser = argparse.ArgumentParser(description="proxiscope's demo in a napari window")
    parser.add_argument("--output", type=Path, default=Path("demo-output"), help="folder for results and screenshots")
    parser.add_argument("--stay", action="store_true", help="leave the window open at the end")
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    viewer = napari.Viewer(title="proxiscope")
    viewer.window._qt_window.resize(1400, 860)
    for sample, panel_name, algorithm, result in DEMOS:
        viewer.layers.clear()
        viewer.open_sample(PLUGIN, sample)
        panel = open_panel(viewer, panel_name)
        panel.algorithm.value = algorithm
        settle(0.5)
        screenshot(viewer, options.output / f"{algorithm}-0-before.png")
        panel.start()
        wait_for(lambda panel=panel: panel.run.iteration >= panel.run.total // 10 or not panel.running)
        panel.pause()
        settle(0.6)
        screenshot(viewer, options.output / f"{algorithm}-1-paused.png")
        panel.resume()
        wait_for(lambda panel=panel: not panel.running)
        settle(1.0)
        screenshot(viewer, options.output / f"{algorithm}-2-done.png")
        if panel.run.status is not Status.DONE:
            print(f"{algorithm}: {panel.run.status.value}: {panel.run.error}", file=sys.stderr)
            return 1
        panel.run.result.save(options.output / result)
        best = panel.run.result
        print(f"{options.output / result}: R_F {best.r_factor:.2%} at iteration {best.iteration}")
        if not (options.stay and sample == DEMOS[-1][0]):
            viewer.window.remove_dock_widget(panel)
    if options.stay:
        napari.run()
    viewer.close()
    return 0


def wait_for(condition: Callable[[], bool], timeout: float = 150) -> None:
    """Let the window live until `condition` holds."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the demo's reconstruction did not end in time")
        QApplication.processEvents()
        time.sleep(0.005)


def settle(seconds: float) -> None:
    """Let the window live for a while."""
    end = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() > end)


def screenshot(viewer: napari.Viewer, path: Path) -> None:
    """Save a picture of the whole window."""
    viewer.window.screenshot(str(path), flash=False)


if __name__ == "__main__":
    sys.exit(main())

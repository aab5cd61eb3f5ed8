"""Windows at work, and pictures of them: what the scripts of the gallery and of the lessons share."""

import argparse
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from napari.settings import get_settings
from PIL import Image
from qtpy.QtWidgets import QApplication, QDialog, QScrollArea

import napari
from proxiscope.napari import interrupted, settings
from proxiscope.napari.demo import PLUGIN, screenshot, settle, wait_for
from proxiscope.napari.panels import open_panel
from proxiscope.napari.worker import Status

IMAGES = Path(__file__).parents[1] / "images"
pictures: dict[str, Callable] = {}


def picture(take: Callable) -> Callable:
    """Register a function that brings a viewer to what is to be seen."""
    pictures[take.__name__.replace("_", "-")] = take
    return take


def opened(viewer, sample, panel_name):
    """The panel, with a sample in the viewer."""
    if sample:
        viewer.open_sample(PLUGIN, sample)
    return open_panel(viewer, panel_name)


def ended(panel):
    """Let its run come to its end."""
    wait_for(lambda: not panel.running)
    assert panel.run.status in (Status.DONE, Status.STOPPED), panel.run.error


def reconstructed(viewer, sample, panel_name, algorithm, **values):
    """The panel after a run."""
    panel = opened(viewer, sample, panel_name)
    panel.algorithm.value = algorithm
    for name, value in values.items():
        panel.form.widgets[name].value = value
    panel.start()
    ended(panel)
    return panel


def scroll_to(widget):
    """Scroll the panel around a widget so that it is seen."""
    settle(0.3)
    around = widget.parentWidget()
    while not isinstance(around, QScrollArea):
        around = around.parentWidget()
    around.ensureWidgetVisible(widget, 0, 0)


@contextmanager
def window():
    """A viewer of the size that the panels are made for."""
    viewer = napari.Viewer(title="proxiscope")
    viewer.window._qt_window.resize(1280, 800)
    settle(0.3)
    try:
        yield viewer
    finally:
        viewer.close()
        settle(0.2)


def save(viewer: napari.Viewer, path: Path) -> None:
    """The window, or what stands in front of it; in 256 colours, a third of the size."""
    in_front = [w for w in QApplication.topLevelWidgets() if w.isVisible() and isinstance(w, QDialog)]
    popup = QApplication.activePopupWidget()
    if popup is not None:
        popup.screen().grabWindow(0).copy(0, 0, 1440, 800).save(str(path))
    elif in_front:
        in_front[0].grab().save(str(path))
    else:
        screenshot(viewer, path)
    spread = {"method": Image.Quantize.MAXCOVERAGE, "kmeans": 1, "dither": Image.Dither.NONE}  # shaded surfaces, too
    Image.open(path).convert("RGB").quantize(256, **spread).save(path, optimize=True)


def take_pictures(folder: Path) -> None:
    """The command line of a script of pictures: those that are named, or all."""
    parser = argparse.ArgumentParser(
        description=sys.modules["__main__"].__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(pictures))
    parser.add_argument("--output", type=Path, default=folder)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    get_settings().appearance.theme = "dark"
    checkpoints = TemporaryDirectory()
    interrupted.folder = lambda: Path(checkpoints.name)
    settings.remember_run_on = lambda text: None
    for name in options.names or pictures:
        with window() as viewer:
            undo = pictures[name](viewer)
            settle(1.2)
            save(viewer, options.output / f"{name}.png")
            if undo is not None:
                undo()
            settle(0.3)
        print(f"{options.output / name}.png")

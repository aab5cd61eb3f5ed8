"""The pictures of docs/gallery.md: each panel at work in a real window of 1280 x 800.

    python docs/scripts/gallery.py [NAME ...]

Needs a display (or xvfb-run). Without names all pictures are taken.
"""

import numpy as np
from _windows import IMAGES, ended, opened, picture, reconstructed, scroll_to, take_pictures

from proxiscope.core.memory import set_memory_limit
from proxiscope.napari.demo import settle, wait_for
from proxiscope.napari.form import Section
from proxiscope.napari.worker import Status


@picture
def tomography_empty(viewer):
    opened(viewer, None, "Tomography")


@picture
def phase_empty(viewer):
    opened(viewer, None, "Phase retrieval")


@picture
def tomography_preview(viewer):
    panel = opened(viewer, "tilt-series", "Tomography")
    panel.preview()
    ended(panel)


@picture
def tomography_paused(viewer):
    panel = opened(viewer, "tilt-series", "Tomography")
    panel.algorithm.value = "resire"
    panel.start()
    wait_for(lambda: panel.run.iteration > 30)
    panel.pause()
    wait_for(lambda: panel.run.status is Status.PAUSED)
    panel.keep()
    panel.form.widgets["step_size"].value = 1.0
    return panel.cancel


@picture
def tomography_runs(viewer):
    panel = reconstructed(viewer, "tilt-series", "Tomography", "sirt", max_iterations=100)
    for algorithm in ("resire", "resire-accelerated"):
        panel.algorithm.value = algorithm
        panel.form.widgets["max_iterations"].value = 100
        panel.start()
        ended(panel)


@picture
def tomography_cards(viewer):
    panel = opened(viewer, "tilt-series", "Tomography")
    settle(0.5)
    panel.algorithm.native.showPopup()
    return panel.algorithm.native.hidePopup


@picture
def phase_interrupted(viewer):
    panel = opened(viewer, "pattern", "Phase retrieval")
    panel.form.widgets["max_iterations"].value = 2000
    panel.start()
    wait_for(lambda: panel.run.iteration > 400)
    run = panel.run
    viewer.window.remove_dock_widget(panel)
    wait_for(lambda: run.status.ended)
    again = opened(viewer, None, "Phase retrieval")
    wait_for(lambda: again.resuming.bar.runs)
    return lambda: again.resuming.discard(again.resuming.bar.runs[0])


@picture
def phase_cluster(viewer):
    panel = opened(viewer, "pattern", "Phase retrieval")
    panel.many.widgets["starts"].value = 40
    panel.form.widgets["max_iterations"].value = 400
    section = next(section for section in panel.findChildren(Section) if section.text() == "Many starts")
    section.expand()
    panel.place.text = "local:2"
    panel.start()
    wait_for(lambda: not panel.running or (panel.run.starts is not None and np.isfinite(panel.run.starts).sum() > 15))
    panel.controls.tabs.setCurrentIndex(1)
    scroll_to(section)
    return panel.cancel


@picture
def tomography_proposals(viewer):
    panel = opened(viewer, "tilt-series", "Tomography")
    set_memory_limit(0.02)
    panel.form.widgets["max_iterations"].value = 200
    wait_for(lambda: panel.proposals.buttons)
    scroll_to(panel.proposals)
    return lambda: set_memory_limit(0)


@picture
def tomography_large_series(viewer):
    panel = opened(viewer, "tilt-series", "Tomography")
    panel.large.way.value, panel.large.place.text = "disk", "local:2"
    panel.large.expand()
    scroll_to(panel.large)


@picture
def phase_log_view(viewer):
    opened(viewer, "pattern", "Phase retrieval").log_input()


@picture
def phase_starts(viewer):
    panel = opened(viewer, "pattern", "Phase retrieval")
    panel.many.widgets["starts"].value = 20
    panel.many.widgets["keep"].value = 5
    panel.form.widgets["max_iterations"].value = 400
    panel.start()
    ended(panel)
    panel.controls.tabs.setCurrentIndex(1)
    panel.show_start(3)


@picture
def phase_complex(viewer):
    reconstructed(viewer, "phase-object", "Phase retrieval", "hio")


@picture
def phase_drawn_support(viewer):
    panel = reconstructed(viewer, "pattern", "Phase retrieval", "gps-r")
    panel.draw_support.native.click()
    viewer.layers.selection.active.add_polygons([[[60, 60], [60, 110], [100, 150], [150, 140], [140, 90], [90, 60]]])


@picture
def prepare(viewer):
    panel = opened(viewer, "raw-series", "Prepare data")
    panel.plan.add_usual()
    panel.apply_planned()
    wait_for(lambda: not panel.working)


def inspected(viewer, page, sample="tilt-series", name="Tomography", algorithm="resire-accelerated", other=None):
    """The panel *Inspect* at a page, after one run or two."""
    panel = reconstructed(viewer, sample, name, algorithm)
    first, second = viewer.layers.selection.active, None
    if other:
        panel.algorithm.value = other
        panel.start()
        ended(panel)
        second = viewer.layers.selection.active
    inspect = opened(viewer, None, "Inspect")
    inspect.look_at(first, second, page)
    settle(1.5)
    return inspect


@picture
def inspect_slices(viewer):
    inspected(viewer, "Slices")


@picture
def inspect_profile(viewer):
    inspected(viewer, "Profile", other="sirt").page.draw.click()


@picture
def inspect_resolution(viewer):
    panel = inspected(viewer, "Resolution")
    panel.page.half.click()
    wait_for(lambda: not any(task.working for task in panel._tasks()))


@picture
def inspect_residual(viewer):
    panel = inspected(viewer, "Residual")
    panel.page.calculate.click()
    wait_for(lambda: not any(task.working for task in panel._tasks()))


@picture
def inspect_fourier(viewer):
    panel = inspected(viewer, "Fourier")
    wait_for(lambda: not any(task.working for task in panel._tasks()))


@picture
def inspect_difference(viewer):
    panel = inspected(viewer, "Difference", other="fbp")
    panel.page.subtract.click()
    wait_for(lambda: not any(task.working for task in panel._tasks()))


@picture
def inspect_side_by_side(viewer):
    inspected(viewer, "Slices", other="fbp").beside.click()


@picture
def record(viewer):
    from proxiscope.napari.reproducing import show_record

    reconstructed(viewer, "tilt-series", "Tomography", "resire")
    show_record(viewer)
    settle(0.5)


@picture
def figure(viewer):
    from proxiscope.napari.reproducing import export_figure

    reconstructed(viewer, "tilt-series", "Tomography", "resire-accelerated")
    export_figure(viewer)
    settle(2)


@picture
def preferences(viewer):
    from napari._qt.dialogs.preferences_dialog import PreferencesDialog

    opened(viewer, None, "Tomography")
    dialog = PreferencesDialog(parent=viewer.window._qt_window)
    pages = [dialog._list.item(i).text() for i in range(dialog._list.count())]
    dialog._list.setCurrentRow(next(i for i, title in enumerate(pages) if "proxiscope" in title))
    dialog.show()
    settle(0.5)
    return dialog.close


def demonstrated(viewer, name, **values):
    """The panel *Learning demos* after a run."""
    panel = opened(viewer, None, "Learning demos")
    panel.demo.value = name
    for parameter, value in values.items():
        panel.form.widgets[parameter].value = value
    panel.start()
    ended(panel)
    return panel


@picture
def learning_hill(viewer):
    demonstrated(viewer, "hill")


@picture
def learning_segmentation(viewer):
    demonstrated(viewer, "segmentation")


@picture
def learning_tomography(viewer):
    demonstrated(viewer, "tomography")


@picture
def learning_hamilton_jacobi(viewer):
    demonstrated(viewer, "hamilton-jacobi")


@picture
def learning_logistic(viewer):
    demonstrated(viewer, "logistic")


@picture
def learning_list(viewer):
    panel = opened(viewer, None, "Learning demos")
    settle(0.5)
    panel.demo.native.showPopup()
    return panel.demo.native.hidePopup


@picture
def light_theme(viewer):
    viewer.theme = "light"
    reconstructed(viewer, "pattern", "Phase retrieval", "gps-f")


if __name__ == "__main__":
    take_pictures(IMAGES / "gallery")

"""The pictures of docs/tutorials and of docs/how-to/preparation.md: each done in a real window of 1280 x 800.

    python docs/scripts/tutorials.py [NAME ...]

Needs a display (or xvfb-run), and for the lesson on data of your own HAADF.mrc with what lies beside it, in
PROXISCOPE_TEST_DATA or shared/data beside the repository.
"""

import os
from pathlib import Path

from _windows import IMAGES, ended, opened, picture, reconstructed, scroll_to, take_pictures

from proxiscope.napari.demo import settle, wait_for
from proxiscope.napari.form import Section

DATA = Path(os.environ.get("PROXISCOPE_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")


def section(panel, title):
    """A part of a panel that opens, opened and seen."""
    found = next(one for one in panel.findChildren(Section) if one.text() == title)
    found.expand()
    scroll_to(found)
    return found


@picture
def series_opened(viewer):
    viewer.open_sample("napari-proxiscope", "tilt-series")


@picture
def series_panel(viewer):
    opened(viewer, "tilt-series", "Tomography")


@picture
def series_preview(viewer):
    panel = opened(viewer, "tilt-series", "Tomography")
    panel.preview()
    ended(panel)


@picture
def series_done(viewer):
    reconstructed(viewer, "tilt-series", "Tomography", "resire-accelerated")


@picture
def series_free(viewer):
    panel = opened(viewer, "tilt-series", "Tomography")
    section(panel, "Second axis, masks, held-out tilts")
    panel.hold_out.value = 8
    panel.form.widgets["max_iterations"].value = 200
    panel.start()
    ended(panel)


@picture
def pattern_opened(viewer):
    opened(viewer, "pattern", "Phase retrieval").log_input()


@picture
def pattern_done(viewer):
    reconstructed(viewer, "pattern", "Phase retrieval", "gps-r")


@picture
def pattern_starts(viewer):
    panel = opened(viewer, "pattern", "Phase retrieval")
    panel.many.widgets["starts"].value = 8
    panel.start()
    ended(panel)
    panel.controls.tabs.setCurrentIndex(1)


def needle(viewer):
    """The raw series of the needle."""
    viewer.open(DATA / "etspy_haadf_needle" / "HAADF.mrc", plugin="napari-proxiscope")


@picture
def own_opened(viewer):
    needle(viewer)
    opened(viewer, None, "Prepare data")


def prepared(viewer):
    """The needle after the usual chain."""
    needle(viewer)
    panel = opened(viewer, None, "Prepare data")
    panel.plan.add_usual()
    panel.apply_planned()
    wait_for(lambda: not panel.working, 200)
    return panel


@picture
def own_prepared(viewer):
    prepared(viewer)


@picture
def own_shifts(viewer):
    panel = prepared(viewer)
    last = panel.current.steps[-1]  # it leaves the shifts at zero
    panel.undo()
    wait_for(lambda: not panel.working)
    panel.plan.add(last)
    section(panel, "Tilts: shifts and use")


def needle_reconstructed(viewer):
    """The volume of the needle, as the lesson makes it."""
    prepared(viewer)
    return reconstructed(viewer, None, "Tomography", "resire-accelerated", max_iterations=30)


def preview_of_needle(viewer):
    """The panel after a preview of the layer in front."""
    panel = opened(viewer, None, "Tomography")
    panel.section.value = 150
    panel.preview()
    ended(panel)


@picture
def own_preview(viewer):
    prepared(viewer)
    preview_of_needle(viewer)


@picture
def own_preview_raw(viewer):
    needle(viewer)
    preview_of_needle(viewer)


@picture
def own_volume(viewer):
    needle_reconstructed(viewer)


@picture
def own_slices(viewer):
    needle_reconstructed(viewer)
    inspect = opened(viewer, None, "Inspect")
    inspect.look_at(viewer.layers.selection.active, None, "Slices")
    settle(1.5)


def twenty_starts(viewer, algorithm="gps-r"):
    """The panel after twenty starts, of which five are compared."""
    panel = opened(viewer, "pattern", "Phase retrieval")
    panel.algorithm.value = algorithm
    panel.many.widgets["starts"].value = 20
    panel.many.widgets["keep"].value = 5
    panel.start()
    ended(panel)
    panel.controls.tabs.setCurrentIndex(1)
    return panel


@picture
def ensemble_hio(viewer):
    twenty_starts(viewer, "hio")


@picture
def ensemble_starts(viewer):
    twenty_starts(viewer)


@picture
def ensemble_mean(viewer):
    panel = twenty_starts(viewer)
    panel.controls.agreement.click()
    wait_for(lambda: len(viewer.layers) > 3)


@picture
def ensemble_prtf(viewer):
    panel = twenty_starts(viewer)
    panel.controls.agreement.click()
    wait_for(lambda: len(viewer.layers) > 3)
    panel.controls.tabs.setCurrentIndex(2)


def across_the_axis(viewer):
    """Show sections across the tilt axis, in the middle."""
    viewer.dims.order = (1, 0, 2)
    viewer.dims.set_point(1, viewer.dims.range[1].stop / 2)
    viewer.reset_view()


@picture
def film_island(viewer):
    reconstructed(viewer, "film", "Tomography", "resire", max_iterations=40)
    across_the_axis(viewer)


@picture
def film_film(viewer):
    panel = opened(viewer, "film", "Tomography")
    panel.algorithm.value = "resire"
    section(panel, "Volume")
    for name, value in (("max_iterations", 40), ("film", True), ("depth", 24)):
        panel.form.widgets[name].value = value
    panel.start()
    ended(panel)
    across_the_axis(viewer)


def two_of_few_tilts(viewer, page):
    """The panel *Inspect* with the results of two methods on few tilts."""
    panel = reconstructed(viewer, "few-tilts", "Tomography", "resire-accelerated", max_iterations=30)
    first = viewer.layers.selection.active
    panel.algorithm.value = "resire-tv"
    panel.start()
    ended(panel)
    inspect = opened(viewer, None, "Inspect")
    inspect.look_at(viewer.layers.selection.active, first, page)
    settle(1.5)
    return inspect


@picture
def wedge_side_by_side(viewer):
    inspect = two_of_few_tilts(viewer, "Slices")
    inspect.beside.click()
    across_the_axis(viewer)


@picture
def wedge_fourier(viewer):
    inspect = two_of_few_tilts(viewer, "Fourier")
    wait_for(lambda: not any(task.working for task in inspect._tasks()))


if __name__ == "__main__":
    take_pictures(IMAGES / "tutorials")

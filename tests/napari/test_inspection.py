"""The panel *Inspect* in a real viewer, its figures against those of the headless functions."""

import time

import dask.array as da
import numpy as np
import pytest
from qtpy.QtCore import QPointF, Qt
from tests.problems import small_pattern, small_series

from proxiscope.comparison import correlate, halves
from proxiscope.napari.inspect.scale import round_length, scale_of
from proxiscope.napari.layers import KEY, estimate_layer, result_metadata
from proxiscope.phase import HIO
from proxiscope.reconstruction import reconstruct
from proxiscope.tomography import FBP, SIRT

pytestmark = pytest.mark.gui

PANEL = "Inspect"


@pytest.fixture(scope="module")
def series():
    return small_series().copy_with(pixel_size=2.0)


@pytest.fixture(scope="module")
def volumes(series):
    def stop(progress):
        return progress.iteration == 6

    return [reconstruct(algorithm, series, callback=stop) for algorithm in (SIRT(max_iterations=9), FBP())]


@pytest.fixture(scope="module")
def images():
    return [reconstruct(HIO(max_iterations=60), small_pattern(), seed=seed) for seed in (0, 1)]


def add(viewer, result, name, problem=None):
    """A result as the panels leave it."""
    data, options, _ = estimate_layer(result.array, name, result.pixel_size)
    options["metadata"] = result_metadata(result)
    if problem is not None:
        options["metadata"][KEY]["make_problem"] = lambda: problem
    return viewer.add_image(data, **options)


@pytest.fixture
def click(qtbot, wait_until):
    """Click a button and wait until the page has worked."""

    def do(panel, button):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        wait_until(lambda: not panel.page.task.working)

    return do


def hover(plot, x, y):
    """Put the mouse on a place of a plot; what is said there."""
    plot._plot.moved.emit(plot._view.mapViewToScene(QPointF(x, y)))
    return plot.texts


def page(panel, title):
    panel.tabs.button([one.title for one in panel.pages].index(title)).click()
    return panel.page


def test_a_volume_from_all_sides(viewer, open_panel, series, volumes, click, wait_until, errors):
    panel = open_panel(PANEL)
    assert "Open an image" in panel.page.empty.text()
    b, a = add(viewer, volumes[1], "fbp", series), add(viewer, volumes[0], "sirt", series)
    panel.look_at(a)
    assert viewer.canvas.overlays.scale_bar.visible

    # slices: the viewer and the cross-hair follow each other
    planes = page(panel, "Slices").slices.planes
    viewer.dims.set_point((0, 1, 2), (10, 20, 30))
    wait_until(lambda: planes.index == (5, 10, 15))
    np.testing.assert_array_equal(planes._images[0].image, a.data[5])
    np.testing.assert_array_equal(planes._images[1].image, a.data[:, :, 15].T)
    np.testing.assert_array_equal(planes._images[2].image, a.data[:, 10])
    planes._press(QPointF(8.5, 6.5), True)  # nm in the first slice
    assert planes.index == (5, 3, 4)
    np.testing.assert_allclose(viewer.dims.point, (10, 6, 8))
    a.contrast_limits = (0.1, 0.4)
    np.testing.assert_allclose(planes._images[2].levels, (0.1, 0.4))
    a.data = a.data * 2
    wait_until(lambda: np.array_equal(planes._images[0].image, a.data[5]))
    a.data = volumes[0].array
    panel.page.larger.click()
    large = panel.page.large
    assert large.isVisible()

    # resolution
    panel.look_at(a, b, "Resolution")
    wait_until(lambda: panel.page.found)
    assert panel.page.between.value == "measured"  # its tilts are known
    (found,) = panel.page.found
    expected = correlate(a.data, b.data, between="measured", tilts=series, pixel_size=2.0)
    np.testing.assert_array_equal(found.fsc.correlation, expected.correlation)
    panel.page.between.value = "all"
    wait_until(lambda: not panel.page.task.working)
    (found,) = panel.page.found
    expected = correlate(a.data, b.data, pixel_size=2.0)
    np.testing.assert_array_equal(found.fsc.correlation, expected.correlation)
    np.testing.assert_allclose(panel.page.plot.data()["fbp"][:, 0], expected.frequency / 2)
    assert f"{expected.resolution(0.5, unit='nm') or 4.0:.3g} nm" in panel.page.told.text()
    click(panel, panel.page.half)
    wait_until(lambda: len(panel.page.found) == 2)
    expected = correlate(*halves(SIRT(max_iterations=6), series))  # where the run on record ended
    np.testing.assert_array_equal(panel.page.found[0].fsc.correlation, expected.correlation)
    assert "half-bit" in panel.page.plot.data()
    assert any(text.startswith("period 16 nm") for text in hover(panel.page.plot, 0.0625, 0.3))
    panel.page.between.value = "missing wedge"
    wait_until(lambda: not panel.page.task.working)
    expected = correlate(a.data, b.data, between="missing wedge", tilts=series)
    np.testing.assert_array_equal(panel.page.found[1].fsc.correlation, expected.correlation)

    # residual
    click(panel, page(panel, "Residual").calculate)
    calculated, residual = panel.page.layers
    np.testing.assert_allclose(calculated.data + residual.data, series.projections, atol=1e-4)
    assert f"R_F {volumes[0].r_factor:.2%}, as recorded" in panel.page.told.text()
    assert hover(panel.page.plot, series.angles[3], 1)[0] == "tilt 3 at -42"
    assert panel.page.plot.click(series.angles[7])
    assert viewer.dims.current_step[0] == 7
    assert panel.page.plot.shown == 7

    # Fourier
    shown = page(panel, "Fourier").plot
    wait_until(lambda: shown.shown is not None)
    ((start, end),) = shown.shown.sectors
    assert (start, end) == pytest.approx((60, 120), abs=0.1)
    assert shown.shown.columns[1] == pytest.approx(0.25, rel=0.1)
    assert "Missing: 60 degrees" in panel.page.told.text()
    assert "missing wedge" in panel.page.sentence.text()
    assert panel.page.across.native.currentText() == "y, the tilt axis"
    assert hover(shown, 0.0, 0.1)[0] == "period 10 nm"
    assert hover(shown, 0.1, 0.1)[0] == "period 7.07 nm"

    # difference
    click(panel, page(panel, "Difference").subtract)
    made = panel.page.made
    np.testing.assert_allclose(made.data, a.data - b.data)
    assert made.contrast_limits[0] == -made.contrast_limits[1]
    rms = np.sqrt(np.mean((a.data - b.data) ** 2))
    assert f"difference {rms:.4g}" in panel.page.told.text()

    # side by side, and back
    before = {layer: layer.visible for layer in viewer.layers}
    panel.beside.click()
    grid, layers = viewer.canvas.grid, viewer.layers
    assert {layer for layer in layers if layer.visible} == {a, b}
    assert [grid.position(layers.index(layer), layers) for layer in (a, b)] == [(0, 0), (0, 1)]
    assert a.name_overlay.visible
    panel.beside.click()
    assert {layer: layer.visible for layer in viewer.layers} == before
    assert not grid.enabled
    assert not a.name_overlay.visible

    # layers that go away
    panel.beside.click()
    viewer.layers.remove(b)
    assert not grid.enabled
    assert panel.other is None
    viewer.layers.remove(a)
    assert not large.isVisible()
    assert panel.layer == made
    viewer.layers.clear()
    assert panel.layer is None
    for i in range(6):
        panel.tabs.button(i).click()
        assert panel.page.empty.text()
    assert errors == []


def test_solutions_of_a_pattern(viewer, open_panel, images, click, wait_until, qtbot):
    b, a = (add(viewer, image, name, small_pattern()) for image, name in zip(images[::-1], "ba", strict=True))
    panel = open_panel(PANEL)
    panel.look_at(a, b, "Slices")
    assert "no slices" in panel.page.empty.text()
    qtbot.mouseClick(panel.pair.align.native, Qt.MouseButton.LeftButton)
    wait_until(lambda: panel.other != b)
    assert panel.other.name == "b aligned"
    one, other = (np.corrcoef(a.data.ravel(), layer.data.ravel())[0, 1] for layer in (panel.other, b))
    assert one >= other

    # profile
    drawn = page(panel, "Profile")
    click(panel, drawn.draw)
    assert drawn.lines.mode == "add_line"
    names = list(drawn.plot.data())
    assert names == ["a", "b aligned"]
    drawn.lines.data = [np.array([[10.0, 5.0], [10.0, 25.0]])]
    wait_until(lambda: "Line 20 px" in drawn.told.text())
    x, y = drawn.plot.data()["a"].T
    np.testing.assert_allclose(y[::2], a.data[10, 5:26], rtol=1e-6)
    assert x[-1] == 20
    drawn.plot.region.setRegion((5, 12.5))
    assert "Between the edges 7.5 px" in drawn.told.text()
    page(panel, "Slices")
    assert not drawn.lines.visible
    assert drawn.lines.mode == "pan_zoom"
    assert viewer.layers.selection.active == panel.other  # which was active before the line
    page(panel, "Profile")
    assert drawn.lines.visible
    assert viewer.layers.selection.active == panel.other
    viewer.layers.remove(drawn.lines)
    assert drawn.plot.data() == {}
    assert "Press Draw line" in drawn.told.text()

    # residual by radius, in the pattern's pixels
    click(panel, page(panel, "Residual").calculate)
    assert f"R_F {images[0].r_factor:.2%}, as recorded" in panel.page.told.text()
    assert panel.page.layers[1].data.shape == small_pattern().shape
    assert np.isnan(panel.page.layers[1].data[~small_pattern().known]).all()


def test_what_is_missing_is_said(viewer, open_panel, volumes, click, errors, wait_until):
    image = viewer.add_image(np.ones((8, 9), np.float32), name="image")
    lost = add(viewer, volumes[0], "sirt")
    panel = open_panel(PANEL)
    assert panel.layer == lost
    panel.look_at(lost, image, "Difference")
    assert "of the same shape" in panel.page.empty.text()
    panel.look_at(lost, None)
    panel.page.compute()
    assert panel.page.task.job is None
    panel.look_at(lost, image)
    click(panel, page(panel, "Residual").calculate)
    assert len(errors) == 1
    assert "does not say which data" in errors[0]
    assert panel.controls.status.text() == errors[0]
    panel.look_at(image, None, "Residual")
    assert "result of a reconstruction" in panel.page.empty.text()
    panel.log.click()
    assert viewer.layers[1].name == "image (log10)"
    assert panel.layer == image  # a choice stays when layers come that are no results
    assert panel.log.isChecked()
    panel.log.click()
    assert panel.layer == image
    assert len(viewer.layers) == 2
    new = add(viewer, volumes[1], "fbp")
    assert panel.layer == new


def test_volumes_without_tilts(viewer, open_panel, volumes, wait_until, errors):
    """One whose data are gone, and one that never had tilts; beside a larger layer that is hidden."""
    gone = {"path": "/gone/series.mrc"}
    lost = add(viewer, volumes[0], "lost")
    record = lost.metadata[KEY]["provenance"]
    lost.metadata[KEY]["provenance"] = {**record, "input": {**record["input"], "recipe": gone}}
    bare = viewer.add_image(volumes[1].array, name="bare", scale=(2.0,) * 3)
    viewer.add_image(np.zeros((100, 9, 9), np.float32), name="raw", visible=False)
    viewer.dims.set_point(0, 99)
    panel = open_panel(PANEL)
    panel.look_at(lost, bare, "Slices")
    assert panel.page.slices.planes.index == tuple(n // 2 for n in lost.data.shape)
    np.testing.assert_array_equal(panel.page.slices.planes._images[0].image, lost.data[lost.data.shape[0] // 2])

    resolution = page(panel, "Resolution")
    wait_until(lambda: resolution.found)
    assert resolution.between.value == "all"
    assert errors == []
    resolution.between.value = "measured"  # who asks for it is told why it cannot be had
    wait_until(lambda: errors)
    assert len(errors) == 1

    fourier = page(panel, "Fourier")
    wait_until(lambda: fourier.told.text())
    assert fourier.told.text() == "Which tilts were measured is not on record."
    assert len(errors) == 1
    panel.look_at(bare)
    wait_until(lambda: not fourier.task.working)
    assert fourier.told.text() == ""
    assert "wedge" not in fourier.sentence.text()
    assert [fourier.across.native.itemText(i) for i in range(3)] == ["y", "x", "z"]


def test_closing_while_it_computes(viewer, open_panel, series, volumes, qtbot):
    a = add(viewer, volumes[0], "sirt", series)
    a.metadata[KEY]["provenance"] |= {"parameters": {"max_iterations": 100_000}, "iterations": 100_000}
    panel = open_panel(PANEL)
    panel.look_at(a, None, "Resolution")
    panel.page.half.click()
    qtbot.wait(100)
    assert panel.controls.cancel.isVisibleTo(panel)
    panel.controls.cancel.click()
    assert panel.page.task.job.wait(10)
    panel.page.half.click()
    qtbot.wait(100)
    job, page_of_it = panel.page.task.job, panel.page
    page(panel, "Slices")  # it goes on behind another page
    qtbot.wait(100)
    assert page_of_it.task.working
    viewer.window.remove_dock_widget(panel)
    assert job.wait(10)


def test_lazy_and_large_volumes(viewer, open_panel, wait_until):
    large = viewer.add_image(np.zeros((256, 256, 256), np.float32), contrast_limits=(0, 1))
    panel = open_panel(PANEL)
    slices = page(panel, "Slices").slices
    assert slices.layer == large
    took = []
    for i in range(5):
        viewer.dims.set_point((0, 1, 2), (100 + i,) * 3)
        slices._soon.stop()
        begin = time.perf_counter()
        slices._follow()
        took.append(time.perf_counter() - begin)
    assert min(took) < 0.01
    viewer.layers.clear()
    data = np.arange(4 * 5 * 6, dtype=np.float32).reshape(4, 5, 6)
    viewer.add_image(da.from_array(data, chunks=(1, 5, 6)), name="lazy", contrast_limits=(0, 120))
    viewer.dims.set_point((0, 1, 2), (1, 2, 3))
    wait_until(lambda: slices.planes.index == (1, 2, 3))
    np.testing.assert_array_equal(slices.planes._images[2].image, data[:, 2])


def test_lengths():
    assert [round_length(x) for x in (0.7, 1, 4.9, 51, 230)] == [0.5, 1, 2, 50, 200]
    layer = type("Layer", (), {"scale": (1, 1), "units": ("pixel",) * 2, "ndim": 2})()
    layer.metadata = {KEY: {"pixel_size": 8.0, "kind": "result"}}
    assert scale_of(layer) == ((8.0, 8.0), "nm")
    layer.metadata = {KEY: {"pixel_size": 8.0, "kind": "pattern"}}
    assert scale_of(layer).unit == "px"

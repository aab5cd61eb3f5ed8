"""The panels in a real viewer."""

import threading

import numpy as np
import pytest
from qtpy.QtCore import Qt
from tests.napari.conftest import IDLE, PLUGIN
from tests.problems import small_pattern, small_series

from proxiscope.core import algorithms
from proxiscope.napari.choices import named
from proxiscope.napari.layers import KEY, note, pattern_layers, series_layer
from proxiscope.napari.run import Status
from proxiscope.reconstruction import reconstruct
from proxiscope.tomography import RESIRE

pytestmark = pytest.mark.gui


def add(viewer, layer_data):
    data, options, kind = layer_data
    return getattr(viewer, f"add_{kind}")(data, **options)


def add_series(viewer):
    return add(viewer, series_layer(small_series(), "series"))


def add_pattern(viewer):
    return [add(viewer, layer) for layer in pattern_layers(small_pattern(), "pattern")]


def click(qtbot, panel, name):
    qtbot.mouseClick(panel.controls.buttons[name], Qt.MouseButton.LeftButton)


def enabled(panel):
    return {name for name, button in panel.controls.buttons.items() if button.isEnabled()}


@pytest.mark.parametrize(
    ("name", "sample", "algorithm"), [("Phase retrieval", "pattern", "gps-r"), ("Tomography", "tilt-series", "resire")]
)
def test_from_sample_to_reconstruction(viewer, open_panel, qtbot, wait_until, name, sample, algorithm):
    viewer.open_sample(PLUGIN, sample)
    panel = open_panel(name)
    assert panel.algorithm.value == algorithm
    panel.form.widgets["max_iterations"].value = 40
    click(qtbot, panel, "run")
    wait_until(lambda: enabled(panel) == IDLE)
    assert panel.run.status is Status.DONE
    result = viewer.layers[-1]
    np.testing.assert_array_equal(result.data, panel.run.result.array)
    iterations, r_factors = panel.controls.plot.points()
    assert len(iterations) == len(panel.run.curve) > 3
    assert r_factors[-1] < r_factors[0]
    assert note(result, "provenance")["parameters"]["max_iterations"] == 40
    assert "Done" in panel.controls.status.text()
    assert panel.controls.bar.value() == 40


def test_the_result_is_that_of_a_script(viewer, open_panel, qtbot, wait_until):
    add_series(viewer)
    panel = open_panel("Tomography")
    panel.form.widgets["max_iterations"].value = 7
    click(qtbot, panel, "run")
    wait_until(lambda: enabled(panel) == IDLE)
    expected = reconstruct(RESIRE(max_iterations=7), small_series())
    np.testing.assert_array_equal(viewer.layers[-1].data, expected.volume)


def test_estimates_stream_into_one_layer(viewer, open_panel, qtbot, wait_until):
    series = add_series(viewer)
    panel = open_panel("Tomography")
    panel.form.widgets["max_iterations"].value = 1_000_000
    click(qtbot, panel, "run")
    wait_until(lambda: len(viewer.layers) == 2)
    layer = viewer.layers[-1]
    first = layer.data
    wait_until(lambda: layer.data is not first)
    assert len(viewer.layers) == 2
    assert not series.visible
    assert layer.data.shape == (24, 20, 24)
    assert viewer.dims.current_step[0] == 12


def test_pause_resume_stop_and_keep(viewer, open_panel, qtbot, wait_until):
    add_pattern(viewer)
    panel = open_panel("Phase retrieval")
    assert enabled(panel) == IDLE
    panel.form.widgets["max_iterations"].value = 1_000_000
    click(qtbot, panel, "run")
    wait_until(lambda: panel.run.iteration > 20 and enabled(panel) == IDLE | {"keep", "pause", "stop", "cancel"})
    click(qtbot, panel, "pause")
    wait_until(lambda: enabled(panel) == IDLE | {"keep", "resume", "stop", "cancel"})
    qtbot.wait(100)
    held = panel.run.iteration
    qtbot.wait(200)
    assert panel.run.iteration == held
    click(qtbot, panel, "resume")
    wait_until(lambda: panel.run.iteration > held)
    click(qtbot, panel, "stop")
    wait_until(lambda: panel.run.status is Status.STOPPED and enabled(panel) == IDLE)
    assert viewer.layers[-1].name == "GPS-R of pattern"
    assert note(viewer.layers[-1], "kind") == "result"


def test_cancel_takes_the_estimate_away(viewer, open_panel, qtbot, wait_until):
    series = add_series(viewer)
    panel = open_panel("Tomography")
    panel.form.widgets["max_iterations"].value = 1_000_000
    click(qtbot, panel, "run")
    wait_until(lambda: len(viewer.layers) == 2)
    click(qtbot, panel, "cancel")
    wait_until(lambda: enabled(panel) == IDLE)
    assert list(viewer.layers) == [series]
    assert series.visible


def test_deleting_layers_during_a_run_does_no_harm(viewer, open_panel, qtbot, wait_until):
    add_series(viewer)
    panel = open_panel("Tomography")
    panel.form.widgets["max_iterations"].value = 1_000_000
    click(qtbot, panel, "run")
    wait_until(lambda: len(viewer.layers) == 2)
    viewer.layers.clear()
    before = panel.run.iteration
    wait_until(lambda: panel.run.iteration > before + 100)
    assert len(viewer.layers) == 0
    click(qtbot, panel, "stop")
    wait_until(lambda: enabled(panel) == IDLE)
    assert panel.run.status is Status.STOPPED
    assert [layer.name for layer in viewer.layers] == ["RESIRE of series"]


def test_two_panels_run_at_once(viewer, open_panel, qtbot, wait_until):
    add_series(viewer)
    add_pattern(viewer)
    tomography, phase = open_panel("Tomography"), open_panel("Phase retrieval")
    for panel in (tomography, phase):
        panel.form.widgets["max_iterations"].value = 200
        click(qtbot, panel, "run")
    wait_until(lambda: enabled(tomography) == enabled(phase) == IDLE)
    assert tomography.run.status is phase.run.status is Status.DONE
    assert {"RESIRE of series", "GPS-R of pattern"} <= {layer.name for layer in viewer.layers}


def test_closing_the_panel_ends_its_thread(viewer, open_panel, qtbot, wait_until):
    add_series(viewer)
    panel = open_panel("Tomography")
    panel.form.widgets["max_iterations"].value = 1_000_000
    click(qtbot, panel, "run")
    wait_until(lambda: panel.run.iteration > 2)
    run = panel.run
    viewer.window.remove_dock_widget(panel)
    wait_until(lambda: run.status.ended)
    assert run.wait(5)
    assert not [t for t in threading.enumerate() if t.name == "proxiscope-resire"]


def test_closing_the_viewer_ends_the_thread(viewer, open_panel, qtbot, wait_until):
    add_series(viewer)
    panel = open_panel("Tomography")
    panel.form.widgets["max_iterations"].value = 1_000_000
    click(qtbot, panel, "run")
    wait_until(lambda: len(viewer.layers) == 2)
    run = panel.run
    viewer.close()
    wait_until(lambda: run.status is Status.CANCELLED)
    assert run.wait(5)


def test_all_algorithms_are_offered_with_their_parameters(viewer, open_panel):
    panel = open_panel("Tomography")
    assert set(panel.algorithm.choices) == set(algorithms("tomography"))
    for name in panel.algorithm.choices:
        panel.algorithm.value = name
        assert panel.form.algorithm().name == name
        assert panel.chooser.use.text()


def test_without_a_layer_the_panel_says_what_to_do(viewer, open_panel, qtbot, errors):
    panel = open_panel("Tomography")
    assert "Open" in panel.recognised.text()
    click(qtbot, panel, "run")
    assert panel.run is None
    assert "nothing is chosen" in errors[-1]


def run_and_fail(panel, qtbot, wait_until, errors):
    before = len(errors)
    click(qtbot, panel, "run")
    wait_until(lambda: len(errors) > before and enabled(panel) == IDLE)
    assert len(errors) == before + 1
    assert "\n" not in errors[-1]
    assert panel.controls.status.text() == errors[-1]
    assert enabled(panel) == IDLE
    return errors[-1]


def test_bad_patterns_give_one_message_and_leave_the_layers(viewer, open_panel, qtbot, wait_until, errors):
    panel = open_panel("Phase retrieval")
    rng = np.random.default_rng(0)
    good = rng.random((32, 32)).astype(np.float32)
    for data, words in (
        (np.full((32, 32), np.nan, np.float32), "no pixel was measured"),
        (good - 0.5, "negative"),
        (np.zeros((32, 32), np.float32), "zero"),
    ):
        layer = viewer.add_image(data)
        panel.input.value = layer
        panel.values.value = "magnitudes"
        assert words in run_and_fail(panel, qtbot, wait_until, errors)
        assert list(viewer.layers) == [layer]
        assert layer.visible
        viewer.layers.clear()
    viewer.add_image(good)
    viewer.add_labels(np.ones((32, 32), np.uint8), name="support")
    panel.values.value = "magnitudes"
    assert "whole frame" in run_and_fail(panel, qtbot, wait_until, errors)


def test_a_stack_without_angles_asks_for_them(viewer, open_panel, qtbot, wait_until, errors, tmp_path):
    viewer.add_image(np.asarray(small_series().projections))
    panel = open_panel("Tomography")
    assert "carries none" in panel.recognised.text()
    assert "carries none" in run_and_fail(panel, qtbot, wait_until, errors)
    panel.angles.value = "from a file"
    (tmp_path / "short.rawtlt").write_text("0\n1\n2\n")
    panel.angle_file.value = tmp_path / "short.rawtlt"
    message = run_and_fail(panel, qtbot, wait_until, errors)
    assert "3 for the 21 images" in message
    panel.angles.value = "evenly spaced"
    panel.first_angle.value, panel.angle_step.value = -60, 6
    panel.form.widgets["max_iterations"].value = 3
    click(qtbot, panel, "run")
    wait_until(lambda: enabled(panel) == IDLE)
    expected = reconstruct(RESIRE(max_iterations=3), small_series())
    np.testing.assert_array_equal(panel.run.result.array, expected.array)


def test_a_volume_larger_than_memory_is_refused(viewer, open_panel, qtbot, wait_until, errors):
    add_series(viewer)
    panel = open_panel("Tomography")
    panel.form.widgets["depth"].value = 100_000
    import psutil

    class Little:
        available = 10_000_000

    original = psutil.virtual_memory
    psutil.virtual_memory = lambda: Little
    try:
        assert "GB" in run_and_fail(panel, qtbot, wait_until, errors)
    finally:
        psutil.virtual_memory = original
    assert len(viewer.layers) == 1


def test_a_shapes_layer_serves_as_support(viewer, open_panel, qtbot, wait_until):
    add(viewer, pattern_layers(small_pattern(), "pattern")[0])
    viewer.add_shapes([[14, 11], [14, 29], [34, 29], [34, 11]], shape_type="polygon", name="my support")
    panel = open_panel("Phase retrieval")
    assert panel.support.value is viewer.layers["my support"]
    panel.form.widgets["max_iterations"].value = 10
    click(qtbot, panel, "run")
    wait_until(lambda: enabled(panel) == IDLE)
    image = panel.run.result.image
    assert image.any()
    assert not image[:12].any()
    assert not image[:, :9].any()


def test_no_support_stays_no_support(viewer, open_panel, qtbot, wait_until):
    add_pattern(viewer)
    panel = open_panel("Phase retrieval")
    assert panel.support.value is viewer.layers["pattern support"]
    panel.support.value = "box"
    panel.form.widgets["max_iterations"].value = 10
    click(qtbot, panel, "run")
    wait_until(lambda: enabled(panel) == IDLE)
    assert panel.support.value == "box"


def test_results_are_not_offered_as_input(viewer, open_panel, qtbot, wait_until):
    series = add_series(viewer)
    panel = open_panel("Tomography")
    panel.form.widgets["max_iterations"].value = 3
    click(qtbot, panel, "run")
    wait_until(lambda: enabled(panel) == IDLE)
    assert len(viewer.layers) == 2
    assert [layer for layer in panel.input.choices if layer is not None] == [series]


def test_a_series_that_carries_angles_uses_them_whatever_was_chosen_before(viewer, open_panel):
    bare = viewer.add_image(np.asarray(small_series().projections), name="bare")
    panel = open_panel("Tomography")
    panel.input.value = bare
    panel.angles.value = "evenly spaced"
    panel.first_angle.value, panel.angle_step.value = -50, 5
    assert "-50 to 50 degrees" in panel.recognised.text()
    series = add_series(viewer)
    assert panel.input.value is series
    assert panel.angles.value == "from the data"
    assert "-60 to 60 degrees" in panel.recognised.text()


def test_the_spinner_has_its_speed_back_after_a_run(viewer, open_panel, qtbot, wait_until):
    from qtpy.QtWidgets import QLabel

    add_series(viewer)
    panel = open_panel("Tomography")
    movies = [label.movie() for label in panel.window().findChildren(QLabel) if label.movie() is not None]
    assert movies
    panel.form.widgets["max_iterations"].value = 3
    click(qtbot, panel, "run")
    assert {movie.speed() for movie in movies} == {5}
    wait_until(lambda: enabled(panel) == IDLE)
    assert {movie.speed() for movie in movies} == {100}


def test_contrast_follows_the_estimate_until_the_user_sets_it(viewer, open_panel, qtbot, wait_until):
    add_series(viewer)
    panel = open_panel("Tomography")
    panel.form.widgets["max_iterations"].value = 1_000_000
    click(qtbot, panel, "run")
    wait_until(lambda: panel.run.iteration > 300)
    click(qtbot, panel, "stop")
    wait_until(lambda: enabled(panel) == IDLE)
    layer = viewer.layers[-1]
    assert tuple(layer.contrast_limits) == pytest.approx((layer.data.min(), layer.data.max()))
    click(qtbot, panel, "run")
    wait_until(lambda: len(viewer.layers) == 3)
    layer = viewer.layers[-1]
    layer.contrast_limits = (0, 0.01)
    wait_until(lambda: panel.run.iteration > 300)
    click(qtbot, panel, "stop")
    wait_until(lambda: enabled(panel) == IDLE)
    assert tuple(layer.contrast_limits) == (0, 0.01)


def test_a_file_that_cannot_be_opened_is_one_message(viewer, open_panel, qtbot, errors, monkeypatch, tmp_path):
    panel = open_panel("Tomography")
    (tmp_path / "notes.txt").write_text("hello")
    for name, words in (("missing.h5", "is not there"), ("notes.txt", "not read")):
        answer = (str(tmp_path / name), "")
        monkeypatch.setattr("qtpy.QtWidgets.QFileDialog.getOpenFileName", lambda *a, answer=answer, **k: answer)
        qtbot.mouseClick(panel.input_buttons.buttons["open"], Qt.MouseButton.LeftButton)
        assert f"{name}: {words}" in errors[-1] or f"{name}: is of a kind that is {words}" in errors[-1]
    assert len(errors) == 2
    assert len(viewer.layers) == 0


def test_a_shape_drawn_beside_a_volume_serves_as_support(viewer, open_panel, wait_until):
    add(viewer, pattern_layers(small_pattern(), "pattern")[0])
    add_series(viewer)
    corners = [[14, 11], [14, 29], [34, 29], [34, 11]]
    viewer.add_shapes([[[0, *c] for c in corners]], shape_type="polygon", name="my support")
    panel = open_panel("Phase retrieval")
    panel.support.value = viewer.layers["my support"]
    panel.form.widgets["max_iterations"].value = 10
    panel.start()
    wait_until(lambda: not panel.running)
    assert not panel.run.result.image[:12].any()


def test_layers_that_are_called_alike_can_be_told_apart():
    class Layer:
        def __init__(self, name):
            self.name = name

    layers = [Layer("a"), Layer("b"), Layer("a"), Layer("a")]
    assert [name for name, _ in named(layers)] == ["a", "b", "a (2)", "a (3)"]
    assert [layer for _, layer in named(layers)] == layers


def test_a_layer_that_is_renamed_is_offered_by_its_new_name(viewer, open_panel):
    series = add_series(viewer)
    panel, inspect = open_panel("Tomography"), open_panel("Inspect")
    series.name = "another name"
    for combo in (panel.input, inspect.pair.first):
        assert "another name" in [combo.native.itemText(i) for i in range(combo.native.count())]
        assert combo.value is series


def test_what_was_just_prepared_is_chosen_and_what_was_opened_beside_another_is_not(viewer, open_panel):
    first = add_series(viewer)
    panel = open_panel("Tomography")
    opened = add_series(viewer)
    assert panel.input.value is first
    data, options, _ = series_layer(small_series(), "prepared")
    options["metadata"][KEY]["prepared_from"] = opened.name
    prepared = viewer.add_image(data, **options)
    assert panel.input.value is prepared


def test_the_list_of_layers_is_as_wide_as_the_longest_name(viewer, open_panel):
    series = add_series(viewer)
    series.name = "RESIRE accelerated of a series of many tilts prepared, and once more"
    box = open_panel("Tomography").input.native
    assert box.view().minimumWidth() >= 0.9 * box.fontMetrics().horizontalAdvance(series.name)


def test_a_lone_minus_is_no_number_and_does_no_harm(viewer, open_panel, qtbot):
    add_series(viewer)
    panel = open_panel("Tomography")
    for widget in (panel.section, panel.hold_out, panel.seed):
        edit, before = widget.native.lineEdit(), widget.value
        edit.selectAll()
        qtbot.keyClicks(edit, "-")
        qtbot.keyClick(edit, Qt.Key.Key_Return)
        assert widget.value == before


def test_nothing_to_look_at_beside_something_to_compare_with(viewer, open_panel):
    add_series(viewer)
    other = add_series(viewer)
    panel = open_panel("Inspect")
    panel.pair.choose(viewer.layers[0], other)
    panel.pair.first.value = None
    assert panel.layer is None

"""The panel *Phase retrieval*: how a problem is made of what is chosen, many starts, and what they leave."""

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget
from tests.problems import small_pattern

from proxiscope.core import InputError
from proxiscope.io import read_array
from proxiscope.napari.form import Section
from proxiscope.napari.layers import note, pattern_layers
from proxiscope.napari.run import Status
from proxiscope.phase import HIO, Ensemble, support
from proxiscope.reconstruction import reconstruct
from proxiscope.simulate import crystal, diffraction_pattern

pytestmark = pytest.mark.gui


@pytest.fixture
def panel(viewer, open_panel):
    """The panel with a small pattern."""
    for data, options, kind in pattern_layers(small_pattern(), "pattern"):
        getattr(viewer, f"add_{kind}")(data, **options)
    panel = open_panel("Phase retrieval")
    panel.form.widgets["max_iterations"].value = 30
    return panel


@pytest.fixture
def finish(qtbot, wait_until):
    """Press Run and wait for the end."""

    def run(panel, status=Status.DONE):
        qtbot.mouseClick(panel.controls.buttons["run"], Qt.MouseButton.LeftButton)
        wait_until(lambda: panel.run is not None and not panel.running)
        assert panel.run.status is status, panel.run.error
        return panel.run.result

    return run


def problem(panel):
    """What the chosen values make."""
    return panel.problem_maker(panel.input.value)()


def test_kind_of_object_and_held_out_pixels_reach_the_problem(panel):
    panel.object.value, panel.held_out.value = "complex", 10.0
    made = problem(panel)
    assert made.object == "complex"
    assert 0.05 < made.held_out.mean() < 0.2


def test_what_the_pixels_hold_is_never_guessed(viewer, panel):
    assert panel.values.value == "declared"
    np.testing.assert_array_equal(problem(panel).magnitudes, small_pattern().magnitudes)
    bare = viewer.add_image(np.square(small_pattern().magnitudes), name="bare")
    panel.input.value = bare
    assert panel.values.current_choice == "choose ..."
    with pytest.raises(InputError, match="intensities or magnitudes"):
        panel.problem_maker(bare)
    panel.values.value = "intensities"
    viewer.add_image(np.ones((4, 4, 4)), name="another")  # which leaves the choice as it is
    np.testing.assert_allclose(problem(panel).magnitudes, small_pattern().magnitudes, rtol=1e-6)
    panel.input.value = viewer.layers["pattern"]
    assert panel.values.value == "declared"
    panel.input.value = bare
    assert not panel.values.value


@pytest.mark.parametrize("kind", ["rectangle", "ellipse"])
def test_a_support_by_oversampling_ratio(panel, kind):
    assert not panel.ratio.native.isVisibleTo(panel)
    panel.support.value, panel.ratio.value = kind, 6.5
    assert panel.ratio.native.isVisibleTo(panel)
    np.testing.assert_array_equal(problem(panel).support, support.initial(kind, small_pattern(), 6.5))


def test_show_support_makes_a_layer_that_can_be_edited(viewer, panel, wait_until):
    panel.support.value = "ellipse"
    expected = problem(panel).support
    panel.show_support.native.click()
    wait_until(lambda: len(viewer.layers) == 3)
    layer = viewer.layers[-1]
    assert panel.support.value is layer
    assert layer.visible
    np.testing.assert_array_equal(layer.data > 0, expected)


def test_a_support_that_cannot_be_made_is_said_and_the_panel_lives(viewer, panel, wait_until):
    viewer.add_image(np.random.default_rng(0).exponential(1, (32, 32)) ** 2, name="noise")
    panel.input.value = viewer.layers["noise"]
    panel.values.value = "magnitudes"
    panel.mask.value = None
    panel.support.value = "autocorrelation"
    panel.show_support.native.click()
    wait_until(lambda: "fills the frame" in panel.controls.status.text())
    assert len(viewer.layers) == 3


@pytest.mark.parametrize("scale", [1.0, 10.0])
def test_shapes_mark_the_pixels_that_they_are_drawn_on(viewer, panel, scale):
    """Also on a result that is shown in nm."""
    result = viewer.add_image(np.zeros((48, 40)), scale=(scale, scale), metadata={"proxiscope": {"kind": "result"}})
    box = scale * np.array([[10, 12], [10, 22], [30, 22], [30, 12]])
    drawn = viewer.add_shapes([box], shape_type="rectangle", name="drawn")  # in world units
    panel.support.value = drawn
    marked = problem(panel).support
    assert np.argwhere(marked).min(axis=0).tolist() == [10, 12]
    assert np.argwhere(marked).max(axis=0) == pytest.approx([30, 22], abs=1)
    assert result in panel.first.choices


def test_a_start_is_gone_on_from(viewer, panel, finish):
    first = finish(panel)
    panel.first.value = viewer.layers["GPS-R of pattern"]
    np.testing.assert_array_equal(problem(panel).start, first.array)
    panel.algorithm.value = "er"
    panel.form.widgets["max_iterations"].value = 10
    assert finish(panel).r_factor < 1.2 * first.r_factor


def test_a_refinement_without_a_start_says_what_is_missing(panel, wait_until):
    panel.algorithm.value = "poisson-ml"
    panel.start()
    wait_until(lambda: "earlier result" in panel.controls.status.text())
    assert panel.lives == []  # a run that never began
    assert not panel.seed.native.isVisibleTo(panel)


def test_the_free_r_factor_is_drawn_and_told(panel, finish):
    panel.held_out.value = 8.0
    result = finish(panel)
    _, free = panel.controls.plot.points("free_r_factor")
    np.testing.assert_allclose(free, 100 * result.metrics["free_r_factor"])


def test_a_warning_is_shown_once_and_the_run_goes_on(viewer, panel, finish, monkeypatch):
    shown = []
    monkeypatch.setattr("proxiscope.napari.panels.running.show_warning", shown.append)
    counts = np.round(1000 * small_pattern().magnitudes)
    panel.input.value = viewer.add_image(counts, name="counts")
    panel.values.value = "magnitudes"
    finish(panel)
    assert len(shown) == 1
    assert "counts of photons" in shown[0]


def test_groups_and_many_starts_are_folded_away(panel):
    groups = panel.form.grouped()
    assert {w.name for w in groups["Shrink-wrap"]} >= {"shrink_every", "shrink_threshold"}
    sections = panel.findChildren(Section)
    titles = {"Mask, start, held-out pixels", "Shrink-wrap", "Computing", "Many starts", "When to stop"}
    assert {section.text() for section in sections} == titles
    assert not any(section.isExpanded() for section in sections)
    assert panel.many.widgets["starts"].value == 1
    panel.algorithm.value = "best-quality"
    assert panel.many is None


def test_one_start_is_a_plain_run(panel):
    assert panel.chosen_algorithm() == panel.form.algorithm()


def test_many_starts_are_ranked_and_compared(viewer, panel, finish):
    panel.algorithm.value = "hio"
    panel.form.widgets["max_iterations"].value = 30
    panel.many.widgets["starts"].value = 6
    panel.many.widgets["keep"].value = 3
    result = finish(panel)
    assert result.algorithm == Ensemble(algorithm=HIO(max_iterations=30), starts=6, keep=3)
    expected = reconstruct(result.algorithm, problem(panel))
    np.testing.assert_array_equal(viewer.layers["HIO of pattern"].data, expected.array)
    assert panel.controls.starts.heights().sum() == 6
    assert [panel.controls.tabs.isTabVisible(i) for i in range(3)] == [True] * 3
    np.testing.assert_array_equal(viewer.layers["HIO of pattern variance"].data, expected.products["variance"])
    assert note(viewer.layers["HIO of pattern"], "products")["images"].shape == (3, 48, 40)
    assert viewer.dims.ndim == 2
    assert viewer.layers.selection.active is viewer.layers["HIO of pattern"]
    assert not viewer.layers["HIO of pattern mean"].visible
    assert panel.input.value is viewer.layers["pattern"]


def test_an_ensemble_is_cancelled_in_the_middle(viewer, panel, qtbot, wait_until):
    panel.form.widgets["max_iterations"].value = 100_000
    panel.many.widgets["starts"].value = 5
    qtbot.mouseClick(panel.controls.buttons["run"], Qt.MouseButton.LeftButton)
    wait_until(lambda: panel.run.iteration > 50)
    qtbot.mouseClick(panel.controls.buttons["cancel"], Qt.MouseButton.LeftButton)
    wait_until(lambda: not panel.running)
    assert panel.run.status is Status.CANCELLED
    assert len(viewer.layers) == 2


@pytest.mark.parametrize("shape", [(24, 20), (10, 9, 8)])
def test_a_complex_object_is_shown_as_modulus_and_phase_and_saved_whole(
    viewer, open_panel, finish, wait_until, shape, tmp_path
):
    frame = tuple(5 * n // 2 for n in shape)
    pattern = diffraction_pattern(crystal(shape), frame, flux=1e7)
    for data, options, kind in pattern_layers(pattern, "bragg"):
        getattr(viewer, f"add_{kind}")(data, **options)
    panel = open_panel("Phase retrieval")
    assert panel.input.value is viewer.layers["bragg"]
    panel.algorithm.value, panel.object.value = "er-hio", "complex"
    panel.form.widgets["max_iterations"].value = 40
    result = finish(panel)
    modulus, phase = viewer.layers["ER-HIO of bragg modulus"], viewer.layers["ER-HIO of bragg phase"]
    np.testing.assert_allclose(modulus.data, np.abs(result.array))
    inside = result.array != 0
    relative = np.exp(1j * phase.data[inside]) / result.array[inside]
    np.testing.assert_allclose(np.angle(relative / relative[0]), 0, atol=1e-4)  # but for a constant
    assert abs(np.angle(np.sum(np.abs(result.array[inside]) * np.exp(1j * phase.data[inside])))) < 1e-4
    assert np.isnan(phase.data[~inside]).all()
    modulus.save(str(tmp_path / "u.npz"), plugin="napari-proxiscope")
    np.testing.assert_array_equal(read_array(tmp_path / "u.npz"), result.array)
    panel.first.value = modulus
    np.testing.assert_array_equal(problem(panel).start, result.array)


def test_a_result_is_offered_as_a_start_and_not_as_a_pattern(viewer, panel, finish):
    finish(panel)
    layer = viewer.layers["GPS-R of pattern"]
    assert layer in panel.first.choices
    assert layer not in panel.input.choices
    assert note(layer, "kind") == "result"


def test_a_volume_that_is_no_pattern_is_offered_but_not_chosen(viewer, panel):
    stack = viewer.add_image(np.ones((5, 6, 7)), name="stack")
    assert stack in panel.input.choices
    assert panel.input.value is viewer.layers["pattern"]
    assert panel.prefers(stack) is False


def test_the_form_is_that_of_the_algorithm(panel):
    for name in ("hio", "gps-r", "best-quality", "er"):
        panel.algorithm.value = name
        shown = {w.native for w in panel.form.widgets.values()}
        assert all(widget.window() is panel.window() for widget in shown)
        inside = panel._method.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
        assert set(inside) == {panel.chooser, panel._form_rows, panel.stopping, panel.cost}


def test_what_was_changed_is_kept_when_another_algorithm_is_chosen(panel):
    panel.many.widgets["starts"].value = 6
    panel.form.widgets["shrink_every"].value = 20
    panel.algorithm.value = "hio"
    assert panel.form.widgets["max_iterations"].value == 30
    assert panel.form.widgets["shrink_every"].value == 20
    assert panel.many.widgets["starts"].value == 6


def test_many_starts_come_back_after_an_algorithm_without_them(panel, qtbot):
    """By then the widgets of before are gone."""
    panel.algorithm.value = "hio"
    panel.algorithm.value = "best-quality"
    qtbot.wait(50)
    panel.algorithm.value = "hio"
    panel.many.widgets["starts"].value = 3
    assert panel.chosen_algorithm().starts == 3


def test_a_sample_says_what_its_object_is_and_brings_its_support(viewer, panel):
    viewer.open_sample("napari-proxiscope", "bragg")
    panel.input.value = viewer.layers["crystal"]
    assert panel.object.value == "complex"
    assert panel.support.value is viewer.layers["crystal support"]
    panel.input.value = viewer.layers["pattern"]
    assert panel.object.value == "non-negative"
    assert panel.support.value is viewer.layers["pattern support"]


def test_other_values_of_many_starts_with_one_start_are_refused(panel, qtbot):
    panel.many.widgets["refined"].value = 3
    qtbot.mouseClick(panel.controls.buttons["run"], Qt.MouseButton.LeftButton)
    assert "two starts or more" in panel.controls.status.text()
    assert panel.run is None


def test_an_edited_modulus_is_saved_as_it_is_shown(viewer, tmp_path):
    notes = {"proxiscope": {"complex": np.full((6, 5), 1j, np.complex64)}}
    layer = viewer.add_image(np.full((6, 5), 7.0, np.float32), metadata=notes)
    layer.save(str(tmp_path / "edited.npz"), plugin="napari-proxiscope")
    np.testing.assert_array_equal(read_array(tmp_path / "edited.npz"), layer.data)

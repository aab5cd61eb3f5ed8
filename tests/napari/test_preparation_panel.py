"""The panel *Prepare data*: what it makes, and what the other panels make of that."""

import json

import numpy as np
import pytest
from tests.napari.conftest import PLUGIN
from tests.napari.preparing import add_series, choose, names
from tests.problems import small_pattern, small_series

from proxiscope.core import InputError
from proxiscope.napari.layers import note, pattern_layers, series_layer
from proxiscope.preparation import Images, apply_steps, step
from proxiscope.preparation.presets import USUAL, usual_chain

pytestmark = pytest.mark.gui


@pytest.fixture
def series(viewer):
    """The small tilt series with one hot pixel, as a layer."""
    return add_series(viewer)


@pytest.fixture
def panel(series, open_panel):
    """The panel with that series chosen."""
    return open_panel("Prepare data")


def test_apply_makes_one_layer_that_is_what_a_script_makes(viewer, panel, series, press):
    choose(panel, "hot-pixels", threshold=10.0)
    press(panel, "apply")
    made = viewer.layers["series prepared"]
    images = Images.of(small_series()).copy_with(values=series.data)
    expected = apply_steps(images, [step("hot-pixels", {"threshold": 10.0})])
    np.testing.assert_array_equal(made.data, expected.values)
    assert note(made, "kind") == "tilt-series"
    np.testing.assert_array_equal(note(made, "rotations"), small_series().rotations)
    assert [s["name"] for s in note(made, "steps")] == ["hot-pixels"]
    assert note(made, "steps")[0]["threshold"] == 10.0
    assert tuple(made.scale) == tuple(series.scale)
    assert not series.visible
    assert series.data[4, 5, 6] == 1000
    text = panel.plan.list.texts()[0]
    assert text.startswith("\u2713 1. Remove hot pixels")  # a tick, as it is done
    assert "threshold 10" in text
    assert expected.remarks[0] in text
    press(panel, "apply")
    assert names(viewer) == ["series", "series prepared"]


def test_pixels_that_are_not_usable_are_nan(viewer, panel, press):
    choose(panel, "hot-pixels", treatment="mask")
    press(panel, "apply")
    made = viewer.layers["series prepared"]
    assert np.isnan(made.data[4, 5, 6])
    assert made.contrast_limits[1] < 1000


def test_undo_goes_back_step_by_step_and_shows_the_step_again(viewer, panel, series, press):
    choose(panel, "hot-pixels")
    press(panel, "apply")
    once = viewer.layers["series prepared"].data.copy()
    choose(panel, "bin", factor=2)
    press(panel, "apply")
    made = viewer.layers["series prepared"]
    assert made.data.shape == (21, 10, 12)
    assert made.scale[-1] == 2 * series.scale[-1]
    assert not panel.choice.becomes.enabled
    choose(panel, "background")
    press(panel, "undo")
    assert viewer.layers["series prepared"] is made
    np.testing.assert_array_equal(made.data, once)
    assert tuple(made.scale) == tuple(series.scale)
    assert panel.chooser.step() == step("bin", {"factor": 2})
    press(panel, "undo")
    assert names(viewer) == ["series"]
    assert series.visible
    assert panel.choice.becomes.enabled
    assert not panel.plan.buttons.buttons["undo"].isEnabled()


def test_preview_shows_the_image_in_view_and_changes_nothing(viewer, panel, series, press):
    series.contrast_limits = (0, 4)
    viewer.dims.set_current_step(0, 4)
    choose(panel, "hot-pixels")
    press(panel, "preview")
    preview = viewer.layers["preview"]
    assert preview.data.shape == (1, 20, 24)
    assert preview.data[0, 5, 6] < 1000
    np.testing.assert_allclose(preview.translate, series.data_to_world((4, 0, 0)))
    assert tuple(preview.contrast_limits) == tuple(series.contrast_limits)
    assert "1 hot" in panel.controls.status.text()
    press(panel, "preview")
    assert names(viewer) == ["series", "preview"]
    press(panel, "apply")
    assert names(viewer) == ["series", "series prepared"]


def test_a_preview_of_larger_pixels_lies_on_the_image(viewer, panel, series, press):
    choose(panel, "bin", factor=4)
    press(panel, "preview")
    preview = viewer.layers["preview"]
    assert preview.data.shape[1:] == (5, 6)
    assert preview.scale[-1] == 4 * series.scale[-1]
    centre = preview.data_to_world((0, 5 // 2, 6 // 2))
    np.testing.assert_allclose(centre[1:], series.data_to_world((0, 10, 12))[1:])


def test_steps_on_all_images_have_no_preview(panel):
    choose(panel, "exclude-tilts", tilts=(0,))
    assert not panel.step_buttons.buttons["preview"].isEnabled()
    choose(panel, "hot-pixels")
    assert panel.step_buttons.buttons["preview"].isEnabled()


def test_the_selected_planned_step_can_be_applied_or_removed_alone(panel, press):
    panel.plan.add(step("hot-pixels"), step("bin"))
    panel.plan.list.setCurrentRow(1)
    press(panel, "apply")
    assert [s.name for s in panel.plan.planned] == ["hot-pixels"]
    assert [s.name for s in panel.current.steps] == ["bin"]
    panel.plan.list.setCurrentRow(1)
    press(panel, "drop")
    assert panel.plan.planned == []


def test_steps_are_saved_and_repeated_on_other_data(viewer, panel, press, tmp_path, errors):
    choose(panel, "bin", factor=2)
    press(panel, "apply")
    panel.plan.add(step("hot-pixels", {"threshold": 12.0}))
    path = tmp_path / "steps.json"
    panel.plan.save(str(path))
    records = json.loads(path.read_text())
    assert [r["name"] for r in records] == ["bin", "hot-pixels"]
    assert records[1]["threshold"] == 12
    data, options, _ = series_layer(small_series(), "other")
    other = viewer.add_image(data, **options)
    panel.input.value = other
    panel.plan.drop()
    panel.plan.load(str(path))
    press(panel, "run")
    assert viewer.layers["other prepared"].data.shape == (21, 10, 12)
    path.write_text('{"name": "bin"}')
    panel.plan.load(str(path))
    assert "no list of steps" in errors[-1]
    path.write_text("not JSON")
    panel.plan.load(str(path))
    assert "JSON" in errors[-1]
    panel.plan.save(str(tmp_path / "missing" / "steps.json"))
    assert "does not exist" in errors[-1]


def test_the_usual_chain_is_planned(panel, press):
    press(panel, "usual")
    assert all(text.startswith("\u25cb") for text in panel.plan.list.texts())  # no tick yet
    assert [s.name for s in panel.plan.planned] == [record["name"] for record in usual_chain("tomography")]
    panel.choice.becomes.value = "phase"
    panel.plan.drop()
    press(panel, "usual")
    assert [s.name for s in panel.plan.planned] == [record["name"] for record in usual_chain("phase")]
    press(panel, "usual")
    assert len(panel.plan.planned) == len(usual_chain("phase"))  # none of them twice


@pytest.mark.parametrize("family", USUAL)
def test_all_steps_of_the_usual_chains_exist(family):
    assert usual_chain(family) == USUAL[family]


def test_the_other_panels_take_up_what_was_prepared(viewer, panel, press, open_panel, wait_until):
    tomography = open_panel("Tomography")
    assert tomography.input.value.name == "series"
    choose(panel, "bin", factor=2)
    press(panel, "apply")
    assert tomography.input.value.name == "series prepared"
    assert "21 projections of 10 x 12 pixels" in tomography.recognised.text()
    choose(panel, "exclude-tilts", tilts=(0,))
    press(panel, "apply")
    assert "20 projections" in tomography.recognised.text()
    assert tomography.problem_maker(tomography.input.value)().shape == (20, 10, 12)


def test_a_pattern_asks_for_its_values_and_gives_intensities(viewer, open_panel, press, errors):
    counts = np.random.default_rng(0).poisson(50, (32, 32)).astype(np.float32)
    layer = viewer.add_image(counts, name="counts")
    panel = open_panel("Prepare data")
    assert panel.choice.family == "phase"
    choose(panel, "hot-pixels")
    press(panel, "apply")
    assert "intensities or magnitudes" in errors[-1]
    assert names(viewer) == ["counts"]
    panel.choice.quantity.combo.value = "intensities"
    press(panel, "apply")
    made = viewer.layers["counts prepared"]
    assert note(made, "kind") == "pattern"
    assert note(made, "quantity") == "intensities"
    phase = open_panel("Phase retrieval")
    assert phase.input.value is made
    np.testing.assert_allclose(phase.problem_maker(made)().magnitudes ** 2, made.data, rtol=1e-5)
    assert layer.data is counts


def test_magnitudes_are_squared_first(viewer, open_panel, press):
    data, options, _ = pattern_layers(small_pattern(), "pattern")[0]
    viewer.add_image(data, **options)
    panel = open_panel("Prepare data")
    choose(panel, "hot-pixels", threshold=1000.0)
    press(panel, "apply")
    made = viewer.layers["pattern prepared"].data
    np.testing.assert_array_equal(np.isnan(made), np.isnan(data))
    np.testing.assert_allclose(np.nanmax(made), np.nanmax(data) ** 2, rtol=1e-6)


def test_a_stack_without_angles_asks_where_they_are(viewer, open_panel, press, errors):
    viewer.add_image(np.asarray(small_series().projections), name="bare")
    panel = open_panel("Prepare data")
    assert "without tilt angles. Choose where" in panel.recognised.text()
    choose(panel, "hot-pixels")
    press(panel, "apply")
    assert "Undo all steps, and choose" in panel.recognised.text()  # the steps rest on how the data were taken
    press(panel, "undo")
    assert not panel.tilt_section.isVisibleTo(panel)
    choose(panel, "sort-tilts")
    press(panel, "apply")
    assert "angles" in errors[-1]
    panel.choice.angles.combo.value = "evenly spaced"
    panel.choice.angles.first.value, panel.choice.angles.step.value = -60, 6
    assert "-60 to 60 degrees" in panel.recognised.text()
    choose(panel, "bin")
    press(panel, "apply")
    made = viewer.layers["bare prepared"]
    np.testing.assert_allclose(note(made, "rotations")[:, 1], small_series().angles)


def test_results_and_previews_are_not_offered(viewer, panel, press, open_panel):
    viewer.add_image(np.ones((8, 8, 8)), name="volume", metadata={"proxiscope": {"kind": "result"}})
    tomography = open_panel("Tomography")
    choose(panel, "hot-pixels")
    press(panel, "preview")
    for combo in (panel.input, tomography.input):
        assert [layer.name for layer in combo.choices if layer is not None] == ["series"]


def test_samples_can_be_prepared(viewer, open_panel, press):
    viewer.open_sample(PLUGIN, "pattern")
    panel = open_panel("Prepare data")
    assert panel.choice.quantity.combo.value == "declared"
    choose(panel, "hot-pixels")
    press(panel, "preview")
    assert "preview" in names(viewer)


def test_a_step_that_is_not_known_is_refused(panel):
    with pytest.raises(InputError, match="there is no"):
        step("magic")


def test_a_drawn_rectangle_becomes_the_region_of_a_crop(viewer, panel, series, press, errors):
    choose(panel, "crop", fast=False)
    button = panel.step_buttons.buttons["region"]
    assert button.isVisibleTo(panel)
    press(panel, "region")
    assert "nothing is drawn" in errors[-1]
    box = np.array([[2, 5], [2, 15], [12, 15], [12, 5]]) - 0.5
    viewer.add_shapes([box * 2.0], shape_type="rectangle")  # in nm
    press(panel, "region")
    assert panel.chooser.step().region == (2, 12, 5, 15)
    press(panel, "apply")
    np.testing.assert_array_equal(viewer.layers["series prepared"].data, series.data[:, 2:12, 5:15])
    choose(panel, "bin")
    assert not button.isVisibleTo(panel)

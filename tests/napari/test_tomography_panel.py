"""What the tomography panel makes of layers: axes, masks, supports, refined tilts."""

import numpy as np
import pytest
from qtpy.QtCore import Qt
from tests.napari.conftest import PLUGIN
from tests.problems import small_series

from proxiscope.io import RawData, write_angles
from proxiscope.io.series import tilt_series
from proxiscope.napari.layers import KEY, note, series_layer
from proxiscope.napari.opening import raw_layer
from proxiscope.napari.run import CURVES, Status
from proxiscope.reconstruction import reconstruct
from proxiscope.simulate import sample_blocked_series, sample_double_tilt
from proxiscope.tomography import RESIRE, SIRT, merge

pytestmark = pytest.mark.gui

RNG = np.random.default_rng(0)


@pytest.fixture
def add_series(viewer):
    """Add a series as a layer; by default the small one."""

    def add(name="series", series=None, **notes):
        data, options, _ = series_layer(series or small_series(), name)
        options["metadata"][KEY] |= notes
        return viewer.add_image(data, **options)

    return add


@pytest.fixture
def problem_of(open_panel):
    """The problem that the panel makes of its choices, and the panel."""

    def make(panel):
        return panel.problem_maker(panel.input.value)()

    return make


def same(series, expected):
    """Whether two problems are the same but for where they came from."""
    for name in ("projections", "rotations", "shifts", "valid", "support", "held_out"):
        one, other = getattr(series, name), getattr(expected, name)
        assert (one is None) == (other is None), name
        if one is not None:
            np.testing.assert_array_equal(one, other, err_msg=name)
    return True


def run(panel, qtbot, wait_until, iterations=3):
    for name in {"max_iterations", "rounds"} & set(panel.form.widgets):
        panel.form.widgets[name].value = iterations
    qtbot.mouseClick(panel.controls.buttons["run"], Qt.MouseButton.LeftButton)
    wait_until(lambda: not panel.running)


def test_the_double_tilt_sample_runs_as_it_is(viewer, open_panel, problem_of, qtbot, wait_until):
    viewer.open_sample(PLUGIN, "double-tilt")
    panel = open_panel("Tomography")
    assert panel.input.value.name == "vesicle tilts, axis 1"
    assert panel.second.value.name == "vesicle tilts, axis 2"
    assert panel.in_plane.value == 90
    assert "second axis at 90 degrees: 31 more, -60 to 60 degrees" in panel.recognised.text()
    expected = merge(*sample_double_tilt())
    assert same(problem_of(panel), expected)
    run(panel, qtbot, wait_until)
    np.testing.assert_array_equal(viewer.layers[-1].data, reconstruct(RESIRE(max_iterations=3), expected).volume)
    panel.second.value = None
    assert same(problem_of(panel), sample_double_tilt()[0])
    assert "second" not in panel.recognised.text()


def test_the_blocked_sample_runs_as_it_is(viewer, open_panel, problem_of):
    viewer.open_sample(PLUGIN, "blocked-series")
    panel = open_panel("Tomography")
    assert panel.blocked.value is viewer.layers["barred tilts blocked"]
    assert "blocked pixels: barred tilts blocked" in panel.recognised.text()
    series, blocked = sample_blocked_series()
    assert same(problem_of(panel), series.copy_with(valid=~blocked))


def test_the_two_samples_follow_the_input(viewer, open_panel):
    panel = open_panel("Tomography")
    viewer.open_sample(PLUGIN, "blocked-series")
    viewer.open_sample(PLUGIN, "double-tilt")
    assert panel.input.value.name == "barred tilts"
    panel.input.value = viewer.layers["vesicle tilts, axis 1"]
    assert panel.blocked.value is None
    assert panel.blocked.choices == (None,)
    panel.input.value = viewer.layers["barred tilts"]
    panel.blocked.value = viewer.layers["barred tilts blocked"]
    assert panel.second.value not in (None, panel.input.value)


def test_blocked_pixels_and_nan_are_both_left_out(viewer, add_series, open_panel, problem_of):
    layer = add_series()
    data = np.array(layer.data)
    data[3, 4, 5] = np.nan
    layer.data = data
    labels = np.zeros(data.shape, np.uint8)
    labels[7, 8, 9] = 2
    viewer.add_labels(np.zeros((5, 6, 7), np.uint8), name="other")
    viewer.add_labels(labels, name="painted")
    panel = open_panel("Tomography")
    assert panel.blocked.value is None
    assert [x.name for x in panel.blocked.choices if x is not None] == ["painted"]
    panel.blocked.value = viewer.layers["painted"]
    assert np.argwhere(~problem_of(panel).valid).tolist() == [[3, 4, 5], [7, 8, 9]]
    panel.tilt_axis.value = "x"
    turned = np.rot90(problem_of(panel).valid, -1, axes=(1, 2))
    assert np.argwhere(~turned).tolist() == [[3, 4, 5], [7, 8, 9]]


@pytest.mark.parametrize("kind", ["labels", "image"])
def test_a_layer_serves_as_support_and_decides_the_size(viewer, add_series, open_panel, qtbot, wait_until, kind):
    series = add_series()
    support = np.zeros((12, 20, 24), np.uint8)
    support[2:10, 3:17, 4:20] = 1
    panel = open_panel("Tomography")
    assert panel.support.value is None
    (viewer.add_labels if kind == "labels" else viewer.add_image)(support, name="series support")
    panel.input.value = series
    assert panel.support.value is viewer.layers["series support"]
    panel.algorithm.value = "sirt"
    run(panel, qtbot, wait_until)
    expected = reconstruct(SIRT(max_iterations=3), small_series().copy_with(support=support))
    np.testing.assert_array_equal(panel.run.result.volume, expected.volume)
    assert panel.run.result.volume.shape == support.shape


def test_a_support_of_another_size_than_asked_for_is_one_message(
    viewer, add_series, open_panel, qtbot, wait_until, errors
):
    add_series()
    viewer.add_labels(np.ones((12, 20, 24), np.uint8), name="series support")
    panel = open_panel("Tomography")
    panel.form.widgets["depth"].value = 10
    panel.start()
    wait_until(lambda: errors)
    assert panel.lives == []
    assert errors == [panel.controls.status.text()]
    assert "depth: 10, and the support has 12" in errors[0]


def test_the_direction_of_the_tilts_can_be_reversed(add_series, open_panel, problem_of):
    add_series()
    panel = open_panel("Tomography")
    assert "mirror" in panel.reverse.tooltip
    panel.reverse.value = True
    series = problem_of(panel)
    np.testing.assert_array_equal(series.angles, -small_series().angles)
    assert series.source.endswith("tilt direction reversed")


def test_an_axis_at_an_angle(add_series, open_panel, problem_of):
    add_series()
    panel = open_panel("Tomography")
    panel.tilt_axis.value = "angle"
    panel.axis_angle.value = 84.3
    small = small_series()
    assert same(problem_of(panel), tilt_series(small.projections, small.angles, tilt_axis=84.3))


def test_a_second_series_with_triples_needs_no_turn(viewer, add_series, open_panel, problem_of):
    small = small_series()
    second = small.copy_with(rotations=small.rotations + [90, 0, 0])  # noqa: RUF005
    other = add_series("other", second)
    first = add_series()
    panel = open_panel("Tomography")
    assert panel.second.value is None
    panel.input.value, panel.second.value = first, other
    assert panel.in_plane.value == 0
    assert same(problem_of(panel), merge(small, second))
    panel.hold_out.value = 5
    assert problem_of(panel).held_out.sum() == merge(small, second).hold_out(5).held_out.sum()


def test_series_that_were_turned_on_opening_share_their_centre(viewer, open_panel, problem_of, tmp_path):
    """As those of etspy are, whose axes lie along x."""
    small = small_series()
    stored = np.rot90(np.asarray(small.projections), -1, axes=(1, 2))
    for name in ("a", "b"):
        raw = RawData(stored, small.angles, None, None, "x", (), tmp_path / name)
        data, options, _ = raw_layer(raw)
        viewer.add_image(data, **options)
    panel = open_panel("Tomography")
    panel.second.value = viewer.layers["a"]
    parts = (tilt_series(stored, small.angles, tilt_axis="x", in_plane=phi) for phi in (0.0, 90.0))
    assert same(problem_of(panel), merge(*parts))
    panel.second.value = None
    assert problem_of(panel).single_axis


def test_a_bare_second_series_takes_the_angles_of_the_first(viewer, open_panel, problem_of, tmp_path):
    small = small_series()
    for name in ("b", "a"):
        viewer.add_image(np.asarray(small.projections), name=name)
    panel = open_panel("Tomography")
    panel.second.value = viewer.layers["b"]
    assert "carries none" in panel.recognised.text()
    panel.angles.value = "evenly spaced"
    panel.first_angle.value, panel.angle_step.value = -60, 6
    expected = merge(small, small.copy_with(rotations=small.rotations + [90, 0, 0]))  # noqa: RUF005
    assert same(problem_of(panel), expected)
    both = expected.copy_with(shifts=RNG.normal(size=(42, 2)).round(3))
    write_angles(tmp_path / "both.txt", both.rotations, both.shifts)
    panel.angles.value, panel.angle_file.value = "from a file", tmp_path / "both.txt"
    assert "refined" in panel.recognised.text()
    assert same(problem_of(panel), both)


def test_refined_tilts_serve_another_reconstruction(viewer, add_series, open_panel, problem_of, qtbot, wait_until):
    add_series()
    panel = open_panel("Tomography")
    panel.algorithm.value = "angle-refinement"
    panel.form.widgets["steps"].value = 2
    run(panel, qtbot, wait_until, iterations=2)
    result = viewer.layers[-1]
    products = note(result, "products")
    assert set(products) == {"rotations", "shifts"}
    assert result in panel.angles.choices
    panel.angles.value = result
    panel.algorithm.value = "resire"
    assert same(problem_of(panel), small_series().copy_with(**products))
    run(panel, qtbot, wait_until)
    assert panel.run.status is Status.DONE
    assert panel.angles.value is result
    viewer.layers.remove(result)
    assert panel.angles.value == "from the data"


def test_refined_tilts_are_not_changed_twice(viewer, add_series, open_panel, qtbot, wait_until, errors):
    add_series()
    products = {"rotations": small_series().rotations, "shifts": small_series().shifts}
    viewer.add_image(np.ones((4, 4, 4)), name="refined", metadata={KEY: {"kind": "result", "products": products}})
    panel = open_panel("Tomography")
    panel.angles.value, panel.reverse.value = viewer.layers["refined"], True
    run(panel, qtbot, wait_until)
    assert len(errors) == 1
    assert "reverse_angles: given with refined tilts" in errors[0]


def test_what_looks_wrong_is_said_once(viewer, add_series, open_panel, qtbot, wait_until, monkeypatch):
    shown = []
    monkeypatch.setattr("proxiscope.napari.panels.running.show_warning", shown.append)
    small = small_series()
    dead = np.array(small.projections)
    dead[4] = 0
    with pytest.warns(UserWarning, match="tilt 4"):
        add_series("dead", tilt_series(dead, np.deg2rad(small.angles)))
    panel = open_panel("Tomography")
    for _ in range(2):
        shown.clear()
        run(panel, qtbot, wait_until)
        assert sum("radians" in text for text in shown) == 1
        assert sum("nothing was measured in tilt 4" in text for text in shown) == 1


def test_the_free_r_factor_is_drawn_and_the_misfit_is_not(add_series, open_panel, qtbot, wait_until):
    add_series()
    panel = open_panel("Tomography")
    panel.hold_out.value = 5
    run(panel, qtbot, wait_until, iterations=40)
    assert "misfit" in panel.run.result.metrics
    assert "misfit" not in CURVES
    plot = panel.controls.plot
    for name in ("r_factor", "free_r_factor"):
        np.testing.assert_allclose(plot.points(name)[1], 100 * panel.run.result.metrics[name])
    assert plot.texts == ["R_F", "free R"]
    low, high = plot._plot.viewRange()[1]
    assert high < plot.points()[1][0]  # the first fall does not flatten the rest
    assert low < plot.points()[1][-1] < high


@pytest.mark.parametrize("name", ["resire", "angle-refinement", "genfire", "fbp"])
def test_the_panel_fits_a_small_screen(viewer, add_series, open_panel, name):
    add_series()
    viewer.window._qt_window.resize(1280, 800)
    panel = open_panel("Tomography")
    panel.algorithm.value = name
    assert panel.minimumSizeHint().height() < 650
    assert not any(section.isExpanded() for section in panel.findChildren(type(panel.further)))

"""The panel *Learning demos*, most of it in a viewer without a window."""

import threading
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import pytest
from annotated_types import Interval
from napari.components import ViewerModel
from qtpy.QtCore import Qt

from proxiscope.core import Doc, InputError, parameters
from proxiscope.demos import Curve, Demo, Frame, Plot, demos
from proxiscope.demos.base import _demos
from proxiscope.napari.form import ParameterForm
from proxiscope.napari.learning.demo_plot import DemoPlot
from proxiscope.napari.learning.frame_layers import FrameLayers
from proxiscope.napari.learning.run import DemoRun
from proxiscope.napari.panels.learning import LearningPanel
from proxiscope.napari.sliders import sliding
from proxiscope.napari.worker import Status

pytestmark = pytest.mark.gui

IMAGE = np.zeros((8, 8), np.float32)


def layer(name="image", data=IMAGE, kind="image", **options):
    return data, {"name": name, **options}, kind


def plot(*values, **options):
    return Plot("x", "y", (Curve("a", np.arange(len(values)), np.array(values, float)),), **options)


@pytest.fixture(scope="module")
def own():
    """Demonstrations that only these tests have: one that goes on until it is told, one for sliders."""
    go = threading.Event()

    @dataclass(frozen=True, kw_only=True)
    class Count(Demo, name="count", title="Count"):
        """Frames with a number each, two at once and the others when they are let go."""

        look_at: ClassVar[str] = "Look."
        loses: ClassVar[str] = "Lost."
        order: ClassVar[int] = 100
        frames: Annotated[int, Interval(ge=1, le=1000), Doc("Of them.")] = 3
        fails: Annotated[bool, Doc("Whether it does.")] = False

        def run(self, data=None, *, seed=0):
            for i in range(self.frames):
                yield Frame(i / self.frames, (layer(data=IMAGE + i), layer("other")), plot(*range(i + 1)), f"{i}")
                while i and not go.wait(0.005):
                    yield Frame(i / self.frames, (layer(data=IMAGE + i), layer("other")), plot(*range(i + 1)), f"{i}")
            if self.fails:
                raise InputError("frames", "there are none left", "Take more")
            yield Frame(1.0, (layer(data=IMAGE + self.frames),), plot(1), "end")

    ran = []

    @dataclass(frozen=True, kw_only=True)
    class Slide(Demo, name="slide", title="Slide"):
        """A frame with the value of the slider."""

        order: ClassVar[int] = 101
        immediate: ClassVar[bool] = True
        t: Annotated[float, Interval(ge=0, le=1), Doc("Value.")] = 0.5

        def run(self, data=None, *, seed=0):
            ran.append(self.t)
            go.wait(10)
            yield Frame(1.0, (layer("points", np.full((3, 2), self.t), "points"),), plot(self.t), f"t {self.t}")

    yield go, ran
    for name in ("count", "slide"):
        del _demos[name]


@pytest.fixture
def go(own):
    event, ran = own
    event.clear()
    ran.clear()
    yield event
    event.set()


@pytest.fixture
def panel(go, qtbot, wait_until):
    """The panel on a viewer without a window."""
    made = LearningPanel(ViewerModel())
    made.lasts.value = 0
    qtbot.addWidget(made)
    yield made
    go.set()
    made.leave()
    if made.run is not None:
        assert made.run.wait(10)


def press(qtbot, panel, name):
    button = panel.controls.buttons[name]
    assert button.isEnabled(), name
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def names(panel):
    return [layer.name for layer in panel.viewer.layers]


def idle(panel):
    return {name for name, button in panel.controls.buttons.items() if button.isEnabled()} == {"run"}


# ---- choosing


@pytest.mark.parametrize("make", [None, sliding])
@pytest.mark.parametrize("name", demos())
def test_forms_show_the_parameters_of_a_demo(name, make, qapp):
    form = ParameterForm(demos()[name], *filter(None, [make]))
    assert form.algorithm() == demos()[name]()
    for parameter in parameters(demos()[name]):
        low, high = parameter.interval.ge, parameter.interval.le
        if parameter.kind in ("int", "float"):
            for value in (low, high):
                form.widgets[parameter.name].value = value
                assert getattr(form.algorithm(), parameter.name) == value


def test_each_demo_is_offered_with_its_two_sentences(panel):
    assert list(panel.demo.choices) == list(demos())
    for name, cls in demos().items():
        panel.demo.value = name
        assert (panel.chooser.look_at.text(), panel.chooser.loses.text()) == (cls.look_at, cls.loses)
        assert panel.form.cls is cls
        assert panel.data_rows.isVisibleTo(panel) == cls.takes_layer
        assert panel.run_rows.isVisibleTo(panel) != cls.immediate
    assert idle(panel)
    assert panel.run is None


def test_settings_go_into_a_session_and_back(panel):
    image = panel.viewer.add_image(IMAGE, name="mine")
    panel.demo.value = "segmentation"
    panel.form.widgets["n_clusters"].value = 3
    panel.seed.value = 7
    kept = panel.settings()
    panel.demo.value = "slide"
    panel.seed.value = 0
    panel.apply_settings(kept)
    assert (panel.demo.value, panel.seed.value, panel.input.value) == ("segmentation", 7, image)
    assert panel.form.algorithm().n_clusters == 3
    panel.apply_settings({"demo": "slide", "parameters": {"t": 0.25}, "seed": "none"})
    assert panel.form.algorithm().t == 0.25
    assert panel.run is None  # nothing ran


# ---- running


def test_run_pause_resume_and_stop(panel, go, qtbot, wait_until):
    mine = panel.viewer.add_image(IMAGE, name="mine")
    panel.demo.value = "count"
    press(qtbot, panel, "run")
    wait_until(lambda: panel.controls.figures.text() == "1")
    press(qtbot, panel, "pause")
    wait_until(lambda: panel.run.status is Status.PAUSED and "paused" in panel.controls.bar.format())
    assert names(panel) == ["mine", "Count: image", "Count: other"]
    image = panel.viewer.layers["Count: image"]
    assert (image.data == 1).all()
    np.testing.assert_array_equal(panel.controls.plot.data()["a"], [(0, 0), (1, 1)])
    press(qtbot, panel, "resume")
    wait_until(lambda: panel.run.status is Status.RUNNING)
    wait_until(lambda: panel.controls.buttons["stop"].isEnabled())
    press(qtbot, panel, "stop")
    wait_until(lambda: idle(panel))
    assert panel.run.status is Status.STOPPED
    assert names(panel) == ["mine", "Count: image", "Count: other"]

    go.set()  # the same layers again; what the last frame lacks is gone
    press(qtbot, panel, "run")
    wait_until(lambda: idle(panel) and "done" in panel.controls.bar.format())
    wait_until(lambda: names(panel) == ["mine", "Count: image"])
    assert panel.viewer.layers["Count: image"] is image
    assert (image.data == 3).all()
    assert panel.controls.bar.value() == panel.controls.bar.maximum()
    assert not mine.visible  # it would lie behind
    panel.leave()
    assert mine.visible


def test_cancel_takes_away_what_was_shown(panel, qtbot, wait_until):
    panel.viewer.add_image(IMAGE, name="mine")
    panel.demo.value = "count"
    panel.start()
    wait_until(lambda: len(names(panel)) == 3)
    press(qtbot, panel, "cancel")
    wait_until(lambda: names(panel) == ["mine"])
    assert panel.run.status is Status.CANCELLED
    assert panel.viewer.layers["mine"].visible
    assert panel.controls.plot.data() == {}


def test_layers_that_the_user_removes_or_renames(panel, go, wait_until):
    panel.demo.value = "count"
    panel.start()
    wait_until(lambda: len(names(panel)) == 2)
    panel.viewer.layers.remove("Count: image")
    panel.viewer.layers["Count: other"].name = "mine now"
    go.set()
    wait_until(lambda: not panel.running)
    assert panel.run.status is Status.DONE
    assert names(panel) == ["mine now"]
    panel.start()
    wait_until(lambda: not panel.running)
    assert names(panel)[0] == "mine now"
    assert "Count: image" in names(panel)  # a new run has all of them again


def test_another_demo_takes_the_place_of_one_under_way(panel, go, wait_until):
    panel.demo.value = "count"
    panel.start()
    wait_until(lambda: len(names(panel)) == 2)
    first = panel.run
    panel.demo.value = "slide"
    panel.start()
    wait_until(lambda: first.status.ended)
    go.set()
    wait_until(lambda: names(panel) == ["Slide: points"] and not panel.running)
    assert panel.controls.figures.text() == "t 0.5"


def test_sliders_run_it_anew_with_one_waiting_at_most(panel, own, go, wait_until):
    _, ran = own
    panel.demo.value = "slide"
    slider = panel.form.widgets["t"]
    slider.value = 0.1
    wait_until(lambda: ran == [0.1])
    for t in (0.2, 0.3, 0.37):
        slider.value = t
    told = []
    panel.controls.bar.valueChanged.connect(told.append)
    go.set()
    wait_until(lambda: not panel.running)
    assert ran == [0.1, 0.37]
    assert told == [panel.controls.bar.maximum()]  # once, at the end: each repaints the whole window
    assert panel.controls.figures.text() == "t 0.37"
    points = panel.viewer.layers["Slide: points"]
    slider.value = 0.9
    wait_until(lambda: panel.controls.figures.text() == "t 0.9")
    assert names(panel) == ["Slide: points"]
    assert (points.data == 0.9).all()


def test_errors_are_shown_and_the_panel_goes_on(panel, go, errors, wait_until):
    go.set()
    panel.demo.value = "count"
    panel.form.widgets["fails"].value = True
    panel.start()
    wait_until(lambda: not panel.running)
    assert panel.controls.status.text() == "frames: there are none left. Take more."
    assert errors == [panel.controls.status.text()]
    panel.form.widgets["fails"].value = False
    panel.start()
    wait_until(lambda: not panel.running)
    assert panel.run.status is Status.DONE
    assert panel.controls.status.text() == ""


def test_the_active_layer_is_the_one_to_work_on(panel):
    first, second = (panel.viewer.add_image(IMAGE, name=name) for name in ("first", "second"))
    assert panel.input.value is first  # the choice that there was stays
    panel.viewer.layers.selection.active = second
    panel.demo.value = "segmentation"
    assert panel.input.value is second


def test_a_layer_that_fails_has_no_numbers_of_another(panel, wait_until):
    panel.demo.value = "segmentation"
    for name, value in {"n_clusters": 2, "max_iterations": 2, "restarts": 1}.items():
        panel.form.widgets[name].value = value
    panel.input.value = panel.viewer.add_image(IMAGE + np.arange(8), name="good")
    panel.start()
    wait_until(lambda: not panel.running)
    assert "8 x 8 points" in panel.controls.figures.text()
    panel.input.value = panel.viewer.add_image(np.zeros((2, 2, 2, 2, 2)), name="bad")
    panel.start()
    wait_until(lambda: not panel.running)
    assert "2 or 3 axes" in panel.controls.status.text()
    assert panel.controls.figures.text() == ""
    assert panel.controls.plot.data() == {}


def test_a_panel_that_goes_leaves_no_thread(panel, wait_until):
    panel.demo.value = "count"
    panel.start()
    wait_until(lambda: panel.run is not None and panel.run.newest is not None)
    panel.leave()
    assert panel.run.wait(10)
    assert not panel.running


def test_a_quick_run_is_spread_over_the_time_to_watch_it(panel, go, wait_until, monkeypatch):
    waits = []
    monkeypatch.setattr(DemoRun, "_wait", lambda run, seconds: waits.append(seconds))
    go.set()
    panel.demo.value = "count"
    panel.lasts.value = 50
    panel.form.widgets["frames"].value = 10
    panel.start()
    wait_until(lambda: not panel.running)
    assert sum(waits) == pytest.approx(50 - panel.run.seconds)
    assert len(waits) > 10


# ---- layers of frames


def test_only_what_changed_is_painted(wait_until):
    viewer = ViewerModel()
    shown = FrameLayers(viewer)
    shown.begin("Demo")
    same, places = IMAGE + 1, np.zeros((3, 2))
    shown.show(Frame(0.0, (layer(data=same), layer("points", places, "points", size=1.0, face_color="red"))))
    image, points = viewer.layers
    painted = []
    image.events.set_data.connect(lambda event: painted.append("image"))
    points.face_color = "blue"  # by the user
    shown.show(Frame(0.5, (layer(data=same), layer("points", places + 1, "points", size=2.0, face_color="red"))))
    assert painted == []
    assert (points.data == 1).all()
    assert (places == 0).all()  # frames are never changed
    assert (points.size == 2).all()
    np.testing.assert_allclose(points.face_color, [[0, 0, 1, 1]] * 3)
    shown.show(Frame(1.0, (layer(data=same + 1), layer("points", np.zeros((5, 2)), "points", size=2.0))))
    assert painted == ["image"]
    assert (image.data == 2).all()
    assert (same == 1).all()
    assert len(points.data) == 5
    shown.show(Frame(1.0, (layer(data=np.zeros((2, 8, 8))),)))  # which that layer cannot show
    assert viewer.layers["Demo: image"].ndim == 3
    wait_until(lambda: image not in viewer.layers)


def test_labels_lie_where_their_source_lies():
    viewer = ViewerModel()
    shown = FrameLayers(viewer)
    scan = viewer.add_image(np.zeros((4, 5, 6, 7)), scale=(2, 3, 1, 1), translate=(10, 20, 0, 0), name="scan")
    labels = layer("labels", np.zeros((4, 5), np.uint8), "labels")
    shown.begin("Segment", scan)
    shown.show(Frame(1.0, (labels,), over=(0, 1)))
    made = viewer.layers["labels of scan"]
    np.testing.assert_allclose(made.scale, (2, 3))
    np.testing.assert_allclose(made.translate, (10, 20))
    assert not scan.visible  # what is seen of it is not the scan
    image = viewer.add_image(np.zeros((4, 5)), scale=(2, 2), rotate=30, units=("nm", "nm"), name="image")
    shown.begin("Segment", image)
    shown.show(Frame(1.0, (labels,), over=(0, 1)))
    other = viewer.layers["labels of image"]
    np.testing.assert_allclose(other.data_to_world((3, 4)), image.data_to_world((3, 4)))
    assert other.units == image.units
    assert image.visible
    shown.begin("Other")  # results stay
    assert made in viewer.layers
    assert other in viewer.layers


def test_surfaces_are_seen_in_space_and_what_follows_from_above():
    viewer = ViewerModel()
    shown = FrameLayers(viewer)
    mine, hidden = viewer.add_image(np.zeros((4, 8, 8))), viewer.add_image(np.zeros((4, 8, 8)), visible=False)
    shown.begin("Surface")
    corners = np.array([(0.0, 0, 0), (0, 0, 1), (0, 1, 0)])
    surface = corners, np.array([(0, 1, 2)]), np.zeros(3)
    shown.show(Frame(0.0, (layer("u", surface, "surface"),)))
    assert viewer.dims.ndisplay == 3
    assert not mine.visible
    values = np.ones(3)
    shown.show(Frame(0.0, (layer("u", (corners, surface[1], values), "surface"),)))
    np.testing.assert_array_equal(viewer.layers["Surface: u"].vertex_values, values)
    shown.begin("Image")
    assert viewer.dims.ndisplay == 2
    assert list(viewer.layers) == [mine, hidden]
    assert (mine.visible, hidden.visible) == (True, False)
    viewer.dims.ndisplay = 3  # by the user
    shown.show(Frame(0.0, (layer(),)))
    assert viewer.dims.ndisplay == 2
    shown.begin("Segment", mine)
    assert (mine.visible, hidden.visible) == (True, False)


# ---- the plot


def test_curves_with_their_spread(qtbot):
    drawn = DemoPlot()
    qtbot.addWidget(drawn)
    drawn.resize(300, 200)

    def curve(name, values, spread=None):
        return Curve(name, range(len(values)), values, spread)

    drawn.show_drawing(Plot("x", "y", (curve("a", [1, 2], [1, 3]),)))
    assert drawn.extent(False)[1] == (-1, 5)
    line, band = drawn._named["a"], drawn._bands["a"]
    drawn.show_drawing(Plot("x", "y", (curve("a", [1, 2, 3], [1, 1, 1]), curve("b", [0, 9]))))
    assert drawn._named["a"] is line
    assert drawn._bands["a"] is band
    assert set(drawn.data()) == {"a", "b"}
    assert line.colour != drawn._named["b"].colour
    drawn.log_button.click()
    low, high = band.edges(line.y, True)
    np.testing.assert_allclose(np.log(high / line.y), np.log(line.y / low))  # also where the spread is the value
    drawn.show_drawing(Plot("other", "y", (curve("b", [1]),), logarithmic=False))
    assert set(drawn.data()) == {"b"}
    assert not drawn.log
    drawn.show_drawing(None)
    assert drawn.data() == {}


# ---- in a window


def test_a_layer_is_segmented_in_a_window(viewer, wait_until, monkeypatch, errors):
    from proxiscope.napari import commands

    monkeypatch.setattr("napari.current_viewer", lambda: viewer)
    values = np.where(np.arange(40) < 20, 0.0, 1.0) * np.ones((30, 1))
    image = viewer.add_image(values + np.random.default_rng(0).normal(0, 0.05, values.shape), name="two", scale=(2, 2))
    commands.segment()
    panel = viewer.window.dock_widgets["Learning demos (proxiscope)"]
    assert (panel.demo.value, panel.input.value) == ("segmentation", image)
    panel.lasts.value = 0
    for name, value in {"n_clusters": 2, "max_iterations": 5, "restarts": 2}.items():
        panel.form.widgets[name].value = value
    panel.start()
    wait_until(lambda: not panel.running)
    assert panel.run.status is Status.DONE, panel.run.error
    labels = viewer.layers["labels of two"]
    assert len(np.unique(labels.data[:, :20])) == len(np.unique(labels.data[:, 20:])) == 1
    np.testing.assert_array_equal(labels.scale, image.scale)
    panel.form.widgets["max_iterations"].value = 1000
    panel.lasts.value = 60
    panel.start()
    wait_until(lambda: panel.run.newest is not None)
    viewer.window.remove_dock_widget(panel)  # in the middle
    assert panel.run.wait(10)
    assert labels in viewer.layers
    assert errors == []

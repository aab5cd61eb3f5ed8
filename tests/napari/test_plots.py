"""The live plots: what they draw and say, how they follow the data, the theme and the mouse."""

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QObject, QPointF, Qt
from qtpy.QtGui import QColor, QMouseEvent
from qtpy.QtWidgets import QApplication, QVBoxLayout, QWidget

from proxiscope.napari.plots import CurvePlot, Curves, StartsPlot, TransferPlot
from proxiscope.napari.plots.axis import Axis
from proxiscope.napari.plots.line import Line, thinned
from proxiscope.napari.theme import OKABE_ITO, RUN_COLOURS, colours, readable


class Paints(QObject):
    """Counts how often a widget is painted."""

    def __init__(self, widget):
        super().__init__(widget)
        self.count = 0
        widget.installEventFilter(self)

    def eventFilter(self, _watched, event):
        self.count += event.type() == QEvent.Type.Paint
        return False


def falling(n, end, start=0.6):
    its = range(1, n + 1)
    return [(i, end + (start - end) * np.exp(-i / (n / 15))) for i in its]


@pytest.fixture
def shown(viewer, qtbot):
    """``shown(plot, ...)``: plots as narrow as they get, in the window of a viewer."""

    def show(*plots):
        holder = QWidget()
        layout = QVBoxLayout(holder)
        for plot in plots:
            plot.setFixedSize(350, 180)
            layout.addWidget(plot)
        viewer.window.add_dock_widget(holder)
        viewer.show()
        qtbot.wait(50)
        return plots

    return show


def pixel(plot, x, up=0.5):
    """Where x is on the canvas."""
    inside, (low, high) = plot._inside(), plot._view.viewRange()[0]
    return QPointF(inside.left() + (x - low) / (high - low) * inside.width(), inside.bottom() - up * inside.height())


def move(plot, x, up=0.5):
    """Move the mouse to x, at a share of the height."""
    canvas, place = plot._plot.viewport(), pixel(plot, x, up)
    none = Qt.MouseButton.NoButton
    event = QMouseEvent(
        QEvent.Type.MouseMove, place, QPointF(canvas.mapToGlobal(place.toPoint())), none, none,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    QApplication.sendEvent(canvas, event)


def leave(plot):
    QApplication.sendEvent(plot._plot, QEvent(QEvent.Type.Leave))


def test_curves(shown, viewer, qtbot):
    (plot,) = shown(CurvePlot())
    assert plot._readout._empty == "No run yet"
    first = {"r_factor": falling(100, 0.05), "free_r_factor": falling(100, 0.07), "misfit": falling(100, 3.0, 100)}
    second = {"r_factor": falling(60, 0.08), "free_r_factor": []}
    runs = [
        Curves(name="GPS", colour=RUN_COLOURS[0], figures=first, best=90, kept=(40,), changes=(50,)),
        Curves(name="RESIRE accelerated 12", colour=RUN_COLOURS[1], figures=second),
    ]
    plot.show_runs(runs)
    assert set(plot.data()) == {"GPS: R_F", "GPS: free R", "RESIRE accelerated 12: R_F"}
    np.testing.assert_allclose(plot.points("free_r_factor")[1], 100 * np.array([v for _, v in first["free_r_factor"]]))
    assert plot.texts == ["GPS", "RESIRE a\u2026erated 12", "free R"]
    bottom, top = plot._view.viewRange()[1]
    assert bottom < 5 < 9 < top < 30  # the first fall is cut off
    marks = {(spot["x"], spot["symbol"]) for spot in plot._marks.data[["x", "symbol"]]}
    assert marks == {(90, "o"), (40, "s"), (50, "|")}

    move(plot, 40.2)
    assert plot.texts[0] == "iteration 40"
    assert plot.texts[1].startswith(f"GPS  {100 * first['r_factor'][39][1]:.2f} %, free R ")
    assert plot.texts[1].endswith(", kept")
    move(plot, 90)
    assert [text[:3] for text in plot.texts] == ["ite", "GPS"]  # the other has ended before
    for x, up in ((2, 0.9), (50, 0.1), (99, 0.2), (99, 0.9)):
        move(plot, x, up)
        box = plot._readout.box
        assert plot._inside().contains(box)
        assert not box.contains(
            QPointF(*(float(v[0]) for v in plot._pixels(*(np.array([a[-1]]) for a in plot.points()))))
        )
    leave(plot)
    assert plot.texts[0] == "GPS"

    qtbot.wait(200)  # axes settle in more than one paint
    paints = Paints(plot._plot.viewport())
    plot.show_runs([Curves(**vars(run)) for run in runs])
    plot.show_runs([Curves(**{**vars(runs[0]), "figures": {k: list(v) for k, v in first.items()}}), runs[1]])
    qtbot.wait(50)
    assert paints.count == 0  # nothing new, nothing painted
    first["r_factor"].append((101, 0.049))
    plot.show_runs(runs)
    qtbot.wait(50)
    assert paints.count > 0
    assert plot.points()[0][-1] == 101

    plot.show_runs([runs[0]] * 4)
    assert plot.texts == ["GPS"] * 4 + ["free R"]
    plot.show_runs([runs[0]] * 5)
    assert plot.texts == ["free R"]
    plot.show_runs(runs)

    plot.quantity.setCurrentIndex(plot.quantity.findData("misfit"))
    assert set(plot.data()) == {"GPS: misfit"}
    assert plot.points("misfit")[1][-1] == first["misfit"][-1][1]

    dark = plot._plot.getAxis("left").textPen().color()
    viewer.theme = "light"
    qtbot.wait(50)
    light = plot._plot.getAxis("left").textPen().color()
    assert dark.lightness() > 200
    assert light.lightness() < 60
    assert colours(plot).background.lightness() > 200


def test_axis_follows_until_the_user_zooms(shown, qtbot):
    (plot,) = shown(CurvePlot())
    recorded = [(0, 0.0), (1, np.nan), *falling(100, 0.05), (101, np.inf)]
    plot.show_curves({"r_factor": recorded})
    plot.log_button.click()
    _, y = plot._lines[0].item.getData()
    np.testing.assert_allclose(10 ** y[-2], 100 * recorded[-2][1])
    assert np.isnan(y[[0, 1]]).all()
    assert np.isfinite(plot._view.viewRange()).all()
    plot.show_curves({"r_factor": falling(50, 0.04)})
    assert plot.log
    plot.log_button.click()

    plot._view.setRange(xRange=(10, 20), padding=0)
    plot._view.sigRangeChangedManually.emit((True, True))
    zoomed = plot._view.viewRange()
    plot.show_curves({"r_factor": falling(200, 0.03)})
    assert plot._view.viewRange() == zoomed
    assert plot.fit_button.isVisible()
    canvas = plot._plot.viewport()

    def double_click():
        qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=plot._inside().center().toPoint())
        qtbot.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=plot._inside().center().toPoint())
        qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=plot._inside().center().toPoint())

    double_click()
    assert plot._view.viewRange()[0][1] > 200
    cut = plot._view.viewRange()[1][1]
    assert not plot.fit_button.isVisible()
    double_click()  # all of it, the first fall too
    assert plot._view.viewRange()[1][1] > 50 > cut
    double_click()
    assert plot._view.viewRange()[1][1] == cut


def test_starts_are_picked(shown, qtbot):
    plot, transfer = shown(StartsPlot(), TransferPlot())
    assert plot._readout._empty == "No start has finished yet"
    r_factors = np.array([0.0593, 0.0588, np.inf, 0.07, 0.0591, np.inf])
    plot.show_starts(np.full(6, np.inf))
    assert plot.heights().sum() == 0
    plot.show_starts(r_factors, best=(1, 4))
    assert plot.heights().sum() == 4
    assert plot._best_bars.opts["height"].sum() == 2
    assert plot.texts == ["best 2"]
    picked = []
    plot.picked.connect(picked.append)
    bar = float(plot._edges[:2].mean())

    def click(x):
        qtbot.mouseClick(plot._plot.viewport(), Qt.MouseButton.LeftButton, pos=pixel(plot, x, 0.05).toPoint())

    for _ in range(4):
        click(bar)
    click(6.95)
    click(6.5)  # between the bars
    assert picked == [1, 4, 0, 1, 3]
    assert plot._rim.opts["x"][0] > 6.8
    plot.show_starts(r_factors, shown=1, best=(1, 4))
    move(plot, bar)
    assert plot.texts == ["3 starts, R_F 5.88 to 5.93 %", "2 of the best 2", "start 1 is shown"]
    assert set(plot.data()) == {"r_factors", "heights", "edges"}

    frequency = np.linspace(0.01, 0.49, 49)
    prtf = np.where(frequency < 0.25, 1.0, 0.1)
    prtf[0] = np.nan
    transfer.show_transfer(frequency, prtf, 2.0)
    assert transfer.texts == ["resolved to 4 nm half-period"]
    assert transfer._reach.value() == pytest.approx(0.125)
    np.testing.assert_allclose(transfer.data()["PRTF"][:, 0], frequency[1:] / 2)
    move(transfer, 0.1)
    assert transfer.texts == ["PRTF 1.000", "0.1 1/nm, half-period 5 nm"]
    transfer.show_transfer(frequency, np.ones(49), None)
    leave(transfer)
    assert transfer.texts == ["above 1/e up to 1 px half-period"]
    assert not transfer._reach.isVisible()


def test_long_curves_keep_their_extremes():
    x = np.arange(10_000.0)
    y = np.sin(x / 700)
    y[1234], y[5678], y[100:103] = 9, -9, np.nan
    px, py = thinned(x, y, 0, 1e4, 300)
    assert len(px) < 200
    assert (np.diff(px) >= 0).all()
    assert (np.nanmax(py), np.nanmin(py), py[-1]) == (9, -9, y[-1])
    px, py = thinned(x, y, 5670, 5690, 300)  # close up: every point
    np.testing.assert_array_equal(py, y[5669:5692])


def test_nearest_point():
    line = Line("R_F", "#ffffff")
    assert line.nearest(3) is None
    line.set([0, 10, 20, 30], [1, np.nan, 3, 4])
    assert [line.nearest(x) for x in (-3, 9, 11, 26, 34, 60)] == [0, 0, 2, 3, 3, None]
    assert not line.set([0, 10, 20, 30], [1, np.nan, 3, 4])


def test_ticks_of_a_narrow_logarithmic_axis():
    axis = Axis("left")
    ((_, ticks),) = axis.logTickValues(np.log10(4.2), np.log10(4.8), 150, [])
    assert len(ticks) >= 2
    assert all(4.2 <= float(text) <= 4.8 for text in axis.logTickStrings(ticks, 1, None))
    ((_, ticks),) = axis.logTickValues(np.log10(0.8), np.log10(7.2), 150, [])  # nearly a decade
    assert axis.logTickStrings(ticks, 1, None) == ["1", "1.5", "2", "3", "5", "7"]
    ((_, ticks),) = axis.logTickValues(np.log10(0.012), np.log10(0.6), 150, [])  # between one decade and two
    assert axis.logTickStrings(ticks, 1, None) == ["0.02", "0.05", "0.1", "0.2", "0.5"]


def test_counts_have_whole_numbers():
    assert all(spacing >= 1 for spacing, _ in Axis("left", least_spacing=1).tickSpacing(0, 2, 150))


@pytest.mark.parametrize("background", ["#23242b", "#ebe7e6"])
def test_colours_can_be_seen(background):
    seen = [readable(colour, QColor(background)) for colour in OKABE_ITO.values()]
    assert len({colour.name() for colour in seen}) == len(OKABE_ITO)
    for colour in seen:
        low, high = sorted(_luminance(one) for one in (colour, QColor(background)))
        assert (high + 0.05) / (low + 0.05) >= 3


def _luminance(colour):
    linear = np.where((v := np.array(colour.getRgbF()[:3])) <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))

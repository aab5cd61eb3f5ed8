"""The list of runs: what it shows, what it tells, and what it leaves alone."""

from dataclasses import replace

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLineEdit

from proxiscope.napari.run_list import Row, RunList
from proxiscope.napari.run_tree import MOST_ROWS

GPS = Row(key="a", name="GPS", colour="#56b4e9", state="done", r_factor=0.0483, kept=((40, 0.062), (80, 0.05)))
RAAR = Row(key="b", name="RAAR", colour="#009e73", state="57/100", r_factor=0.07, busy=True)
HIO = Row(key="c", name="HIO", colour="#cc79a7", state="cancelled", checked=False)


@pytest.fixture
def runs(qtbot):
    """A list that remembers what it told."""
    widget = RunList()
    qtbot.addWidget(widget)
    widget.told = []
    for name in ("selected", "kept_selected", "restart_wanted", "remove_wanted", "renamed", "shown_changed"):
        getattr(widget, name).connect(lambda *values, name=name: widget.told.append((name, *values)))
    widget.setFixedWidth(350)
    widget.show()
    return widget


def test_shows_runs(runs):
    assert not runs.empty.isHidden()
    runs.show([GPS, RAAR, HIO])
    assert runs.empty.isHidden()
    assert runs.texts() == [
        ["GPS", "done", "4.83 %"], ["iterate 40", "kept", "6.20 %"], ["iterate 80", "kept", "5.00 %"],
        ["RAAR", "57/100", "7.00 %"], ["HIO", "cancelled", ""],
    ]  # fmt: skip
    assert runs.tree.topLevelItem(0).child(0).toolTip(2) == "R_F recorded last before it."
    assert runs.tree.textElideMode() == Qt.TextElideMode.ElideMiddle
    assert runs.tree.topLevelItem(0).checkState(0) == Qt.CheckState.Checked
    assert runs.tree.topLevelItem(2).checkState(0) == Qt.CheckState.Unchecked
    height = runs.tree.height()
    runs.show([replace(HIO, key=i) for i in range(30)])
    assert runs.tree.height() == height  # five rows, and then it scrolls
    assert MOST_ROWS == 5
    assert not runs.told


def test_what_is_as_it_was_is_left_alone(runs):
    runs.show([GPS, RAAR, HIO])
    item = runs.tree.topLevelItem(0)
    runs.select("a", 1)
    item.setExpanded(False)
    changes = []
    runs.tree.itemChanged.connect(lambda *what: changes.append(what))
    runs.show([replace(GPS), RAAR, HIO])
    assert not changes
    runs.show([GPS, replace(RAAR, state="58/100"), HIO])
    assert [column for _, column in changes] == [1]
    runs.show([HIO, replace(RAAR, state="done", busy=False), replace(GPS, kept=(*GPS.kept, (99, 0.04)))])
    assert runs.tree.topLevelItem(2) is item
    assert not item.isExpanded()
    assert runs.current == ("a", 1)
    runs.show([HIO, replace(GPS, kept=GPS.kept[1:])])
    assert runs.current == ("a", 0)  # the same iterate, at another place
    assert not runs.told
    runs.show([HIO, replace(GPS, kept=())])
    assert runs.told == [("selected", "a")]
    runs.show([HIO])
    assert runs.told[1:] == [("selected", None)]
    assert runs.current == (None, None)
    runs.show([])
    assert not runs.empty.isHidden()


def test_tells_what_the_user_does(runs, qtbot):
    runs.show([GPS, RAAR, HIO])
    assert not any(action.isEnabled() for action in (runs.restart, runs.rename, runs.remove))

    def click(item):
        place = runs.tree.visualItemRect(item).center()
        qtbot.mouseClick(runs.tree.viewport(), Qt.MouseButton.LeftButton, pos=place)

    click(runs.tree.topLevelItem(0).child(1))
    assert runs.told == [("kept_selected", "a", 1)]
    assert not runs.rename.isEnabled()
    runs.restart.trigger()
    runs.remove.trigger()
    assert runs.told[1:] == [("restart_wanted", "a", 1), ("remove_wanted", "a", 1)]
    runs.told.clear()
    click(runs.tree.topLevelItem(1))
    assert runs.told == [("selected", "b")]
    assert not runs.remove.isEnabled()  # it is under way
    runs.show([GPS, replace(RAAR, busy=False), HIO])
    runs.restart.trigger()
    assert runs.told[1:] == [("restart_wanted", "b", None)]
    runs.told.clear()

    runs.tree.topLevelItem(0).setCheckState(0, Qt.CheckState.Unchecked)
    assert runs.told == [("shown_changed", "a", False)]
    assert runs.tree.topLevelItem(0).checkState(0) == Qt.CheckState.Checked  # until the rows say otherwise
    runs.rename.trigger()
    editor = runs.tree.findChild(QLineEdit)
    editor.selectAll()
    qtbot.keyClicks(editor, "Tight")
    runs.show([GPS, replace(RAAR, busy=False, state="paused"), HIO])  # news does not end the typing
    qtbot.keyClicks(editor, " support")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.wait(10)
    assert runs.told[1:] == [("renamed", "b", "Tight support")]
    assert runs.tree.topLevelItem(1).text(0) == "RAAR"

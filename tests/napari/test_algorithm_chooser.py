"""The choice of an algorithm, its card, and its presets."""

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QStyleOptionViewItem

from proxiscope.core import algorithms
from proxiscope.napari.algorithm_chooser import AlgorithmChooser
from proxiscope.napari.form import ParameterForm
from proxiscope.phase import GPSF, GPSR
from proxiscope.tomography import RESIRE, TVRESIRE


@pytest.fixture
def chooser(qtbot):
    """That of phase retrieval, with the form of what is chosen."""
    made = AlgorithmChooser("phase", "gps-r")
    qtbot.addWidget(made)
    made.form = ParameterForm(made.algorithm_class)
    made.follow(made.form)
    return made


def offered(chooser):
    """Titles of the presets on offer."""
    box = chooser.preset.native
    return [box.itemText(i) for i in range(box.count())]


@pytest.mark.parametrize(("family", "first"), [("phase", "gps-r"), ("tomography", "resire-accelerated")])
def test_the_first_is_listed_first_and_all_say_what_they_are_for(family, first, qtbot):
    chooser = AlgorithmChooser(family, first)
    qtbot.addWidget(chooser)
    names = chooser.combo.choices
    assert names[0] == chooser.combo.value == first
    assert sorted(names) == sorted(algorithms(family))
    box, option = chooser.combo.native, QStyleOptionViewItem()
    for i, name in enumerate(names):
        cls = algorithms(family)[name]
        assert box.itemText(i) == cls.title
        assert box.itemData(i, Qt.ItemDataRole.ToolTipRole) == cls.use
        size = box.itemDelegate().sizeHint(option, box.model().index(i, 0))
        assert size.width() <= box.view().minimumWidth()
        assert size.height() > 2 * box.fontMetrics().height() * 0.9


def test_the_card_tells_of_what_is_chosen(chooser, qtbot):
    assert chooser.use.text() == GPSR.use
    with qtbot.waitSignal(chooser.changed):
        chooser.combo.value = "gps-f"
    assert chooser.algorithm_class is GPSF
    assert chooser.use.text() == GPSF.use
    assert chooser.about.text().startswith("Generalized proximal smoothing in Fourier space:")


def test_a_preset_sets_the_values_and_they_tell_the_preset(chooser):
    form = chooser.form
    assert offered(chooser) == ["Default", "As in the thesis", "Fast preview", "Best quality"]
    assert chooser.preset.value == "default"
    chooser.preset.value = "thesis"
    assert form.algorithm() == GPSR.preset("thesis")
    form.widgets["sigma"].value = "0: 0.01, 0.5: 0.1"
    assert chooser.preset.value == "changed"
    assert offered(chooser)[-1] == "Changed"
    form.widgets["sigma"].value = "0: 0.01, soon"
    assert chooser.preset.value == "changed"
    chooser.preset.value = "best"
    assert form.algorithm() == GPSR.preset("best")
    assert "Changed" not in offered(chooser)
    form.show_algorithm(GPSR.preset("fast"))
    assert chooser.preset.value == "fast"
    chooser.preset.value = "default"
    assert form.algorithm() == GPSR()


def test_a_preset_leaves_the_size_of_the_volume_alone(qtbot):
    chooser = AlgorithmChooser("tomography", "resire")
    qtbot.addWidget(chooser)
    form = ParameterForm(RESIRE)
    chooser.follow(form)
    form.widgets["depth"].value = 40
    form.widgets["film"].value = True
    assert chooser.preset.value == "default"
    chooser.preset.value = "fast"
    assert form.algorithm() == RESIRE(depth=40, film=True, **RESIRE.presets["fast"])


def test_an_algorithm_without_presets_shows_none_and_the_form_before_is_forgotten(qtbot):
    chooser = AlgorithmChooser("tomography", "resire")
    qtbot.addWidget(chooser)
    before = ParameterForm(RESIRE)
    chooser.follow(before)
    chooser.combo.value = "fbp"
    assert chooser.preset.native.isHidden()
    before.widgets["step_size"].value = 1.0
    chooser.combo.value = "resire-tv"
    assert not chooser.preset.native.isHidden()
    chooser.preset.value = "fast"
    assert before.algorithm() == RESIRE(step_size=1.0)
    form = ParameterForm(TVRESIRE)
    chooser.follow(form)
    assert chooser.preset.value == "default"

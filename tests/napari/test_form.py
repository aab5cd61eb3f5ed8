"""Widgets made from parameters."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, assume, given, settings
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication
from tests.laws.test_laws import instances

from proxiscope.core import InputError, algorithms, parameters
from proxiscope.napari.form import ParameterForm, Rows, Section
from proxiscope.phase import HIO
from proxiscope.preparation import step, steps

EVERY = algorithms() | steps()
every_algorithm = pytest.mark.parametrize("cls", EVERY.values(), ids=EVERY.keys())


@every_algorithm
def test_a_new_form_shows_the_defaults(cls, qapp):
    assert ParameterForm(cls).algorithm() == cls()


QT_DECIMALS = 323
"""More, Qt's field of numbers does not keep: the 324th of 2.2250738585072014e-308 is rounded."""


def decimals(value):
    return -Decimal(repr(value)).as_tuple().exponent if isinstance(value, float) else 0


@pytest.mark.parametrize("cls", algorithms().values(), ids=algorithms().keys())
def test_parameters_survive_the_form(cls, qapp):
    form = ParameterForm(cls)

    @settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(instances(cls))
    def check(algorithm):
        assume(all(decimals(value) <= QT_DECIMALS for value in vars(algorithm).values()))
        form.show_algorithm(algorithm)
        assert form.algorithm() == algorithm

    check()


def other_value(parameter):
    """A value that is not the default."""
    low, high = parameter.interval.ge, parameter.interval.le
    if parameter.kind in ("int", "float"):
        return high if high is not None and high != parameter.default else low
    if parameter.kind == "choice":
        return next(choice for choice in parameter.choices if choice != parameter.default)
    texts = {"file": "some folder/dark.tif", "numbers": (4, 7, 5), "table": ((0.25, -1.0), (1e-3, 0.0))}
    return not parameter.default if parameter.kind == "bool" else texts[parameter.kind]


@pytest.mark.parametrize("cls", steps().values(), ids=steps().keys())
def test_parameters_of_steps_survive_the_form(cls, qapp):
    form = ParameterForm(cls)
    for parameter in parameters(cls):
        one = cls(**{parameter.name: other_value(parameter)})
        form.show_algorithm(one)
        assert form.algorithm() == one
        again = ParameterForm(cls)
        again.take_over(form)
        assert again.algorithm() == one


@every_algorithm
def test_every_row_is_labelled_and_explained(cls, qapp):
    form = ParameterForm(cls)
    assert list(form.widgets) == [p.name for p in parameters(cls)]
    for widget in form.widgets.values():
        assert widget.label
        assert widget.tooltip


def test_text_that_does_not_parse_is_named_as_the_form_names_it(qapp):
    form = ParameterForm(algorithms()["gps-r"])
    form.widgets["sigma"].value = "0: 0.01, soon: 0.1"
    with pytest.raises(InputError, match=r"^Relaxation sigma.*: got '0: 0.01, soon: 0.1'. Give start: value pairs"):
        form.algorithm()
    assert not form.shows(algorithms()["gps-r"]())


def test_numbers_out_of_range_cannot_be_entered(qapp):
    form = ParameterForm(algorithms()["hio"])
    with pytest.raises(ValueError, match=r"outside"):
        form.widgets["beta"].value = 3.0


def test_files_numbers_and_tables_are_edited_as_text(qapp):
    form = ParameterForm(steps()["set-shifts"])
    form.widgets["shifts"].value = "0.5 -1; 2 0"
    form.widgets["file"].line_edit.value = "aligned/series.xf"
    assert form.values() == {"shifts": ((0.5, -1.0), (2.0, 0.0)), "file": "aligned/series.xf"}
    form.widgets["shifts"].value = "0.5 -1; 2"
    with pytest.raises(InputError, match=r"^Rows dy dx \(px\): got '0.5 -1; 2'"):
        form.algorithm()
    form = ParameterForm(steps()["exclude-tilts"])
    form.show_algorithm(step("exclude-tilts", {"tilts": (0, 5, 6)}))
    assert form.widgets["tilts"].value == "0, 5, 6"
    form.widgets["tilts"].value = "1, 3-5"
    assert form.algorithm().tilts == (1, 3, 4, 5)


def test_the_button_of_a_file_opens_on_what_is_read(qapp):
    widget = ParameterForm(steps()["dark-gain"]).widgets["dark"]
    assert "*.mrc" in widget.filter
    widget.value = "/data/dark.tif"
    assert widget.line_edit.value.endswith("dark.tif")


def typed(widget, text, qtbot):
    """Replace what a field shows, key by key."""
    line = getattr(widget.native, "lineEdit", lambda: widget.native)()
    line.selectAll()
    qtbot.keyClicks(line, text)
    return line


@pytest.mark.parametrize(("text", "value"), [("0.0125", 0.0125), ("1.23456789", 1.23456789), (".5", 0.5), ("2", 2.0)])
def test_a_number_is_kept_as_it_is_typed(text, value, qtbot):
    form = ParameterForm(HIO)
    line = typed(form.widgets["beta"], text, qtbot)
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert form.algorithm().beta == value
    assert float(line.text()) == value


@pytest.mark.parametrize("text", ["0.001", "7", "1e3", "-1", "x", "0,5", ""])
def test_a_number_out_of_range_does_not_get_in(text, qtbot):
    form = ParameterForm(HIO)
    line = typed(form.widgets["beta"], text, qtbot)
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert 0.01 <= form.algorithm().beta <= 2
    QApplication.clipboard().setText(text)
    line.selectAll()
    line.paste()
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert 0.01 <= form.algorithm().beta <= 2


def test_zero_is_shown_by_what_it_means_and_no_digit_too_many(qtbot):
    widgets = ParameterForm(algorithms()["gps-r"]).widgets
    assert widgets["shrink_every"].native.text() == "off"
    assert widgets["s"].native.text() == "0.9"
    assert widgets["max_iterations"].native.text() == "1000"
    for box, value in ((widgets["shrink_every"], 20), (ParameterForm(steps()["invert"]).widgets["intensity"], 1.5)):
        box.native.lineEdit().setCursorPosition(1)
        qtbot.keyClicks(box.native, f"{value}")
        assert box.value == value


def test_text_is_framed_until_it_parses_and_stays_when_left(qtbot):
    form = ParameterForm(algorithms()["gps-f"])
    widget = form.widgets["sigma"]
    line = typed(widget, "0: 0.01, soon", qtbot)
    assert "#e69f00" in line.styleSheet()
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert widget.value == "0: 0.01, soon"
    assert "#e69f00" in line.styleSheet()
    assert line.toolTip().startswith("Give start: value pairs")
    with pytest.raises(InputError, match="soon"):
        form.values()
    typed(widget, "0: 0.01, 0.4: 0.1", qtbot)
    assert not line.styleSheet()
    assert line.toolTip() == widget.tooltip
    assert form.algorithm().sigma == ((0.0, 0.01), (0.4, 0.1))
    typed(widget, "0.3", qtbot)
    assert form.algorithm().sigma == ((0.0, 0.3),)
    line.clear()
    with pytest.raises(InputError, match="got ''"):
        form.values()
    form.show_algorithm(algorithms()["gps-f"]())
    assert not line.styleSheet()


def test_an_empty_field_shows_an_example_of_its_own(qapp):
    widgets = ParameterForm(steps()["crop"]).widgets
    assert widgets["size"].native.placeholderText() == "such as 256, 256"
    assert widgets["region"].native.placeholderText() == "such as 10, 500, 20, 510"


def shown(form):
    """Names of the rows that are not hidden."""
    return {name for name, widget in form.widgets.items() if not widget.native.isHidden()}


def test_rows_that_do_not_matter_are_hidden_and_keep_their_values(qtbot):
    form = ParameterForm(steps()["background"])
    form.widgets["width"].value = 7
    rows = Rows(form.widgets.values())
    qtbot.addWidget(rows)
    assert shown(form) == {"method", "clip"}
    form.widgets["method"].value = "border"
    assert shown(form) == {"method", "width", "clip"}
    form.widgets["method"].value = "percentile"
    assert shown(form) == {"method", "percentile", "clip"}
    assert form.algorithm().width == 7


def test_a_section_goes_when_none_of_its_rows_matters(qtbot):
    form = ParameterForm(algorithms()["gps-r"])
    names = ("shrink_threshold", "shrink_blur", "shrink_until")
    section = Section("Shrinking", [form.widgets[name] for name in names])
    qtbot.addWidget(section)
    assert section.isHidden()
    form.widgets["shrink_every"].value = 10
    assert not section.isHidden()
    assert set(names) <= shown(form)
    form.show_algorithm(algorithms()["gps-r"]())
    assert section.isHidden()


def test_the_wheel_changes_only_what_has_the_focus(qtbot):
    form = ParameterForm(HIO)
    rows = Rows(form.widgets.values())
    qtbot.addWidget(rows)
    none, box = QPoint(), form.widgets["max_iterations"].native
    wheel = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), none, QPoint(0, 120), Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(box, wheel)
    assert form.algorithm().max_iterations == 1000
    assert not wheel.isAccepted()


def test_a_form_says_once_when_all_its_values_change(qtbot):
    form = ParameterForm(HIO)
    with qtbot.waitSignal(form.changed):
        form.widgets["beta"].value = 0.5
    said = []
    form.changed.connect(lambda: said.append(form.algorithm()))
    form.show_algorithm(HIO(beta=0.7, polish=3))
    assert said == [HIO(beta=0.7, polish=3)]

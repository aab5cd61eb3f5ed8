"""Widgets made from parameters."""

import pytest
from hypothesis import HealthCheck, given, settings
from tests.laws.test_laws import instances

from proxiscope.core import InputError, algorithms, parameters
from proxiscope.napari.form import ParameterForm
from proxiscope.preparation import step, steps

EVERY = algorithms() | steps()
every_algorithm = pytest.mark.parametrize("cls", EVERY.values(), ids=EVERY.keys())


@every_algorithm
def test_a_new_form_shows_the_defaults(cls, qapp):
    assert ParameterForm(cls).algorithm() == cls()


@pytest.mark.parametrize("cls", algorithms().values(), ids=algorithms().keys())
def test_parameters_survive_the_form(cls, qapp):
    form = ParameterForm(cls)

    @settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(instances(cls))
    def check(algorithm):
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


def test_a_schedule_that_does_not_parse_is_named(qapp):
    form = ParameterForm(algorithms()["gps-f"])
    form.widgets["sigma"].value = "0: 0.01, soon: 0.1"
    with pytest.raises(InputError, match="sigma"):
        form.algorithm()


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
    with pytest.raises(InputError, match="shifts"):
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

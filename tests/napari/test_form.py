"""Widgets made from parameters."""

import pytest
from hypothesis import HealthCheck, given, settings
from tests.laws.test_laws import instances

from proxiscope.core import InputError, algorithms, parameters
from proxiscope.napari.form import ParameterForm

every_algorithm = pytest.mark.parametrize("cls", algorithms().values(), ids=algorithms().keys())


@every_algorithm
def test_a_new_form_shows_the_defaults(cls, qapp):
    assert ParameterForm(cls).algorithm() == cls()


@every_algorithm
def test_parameters_survive_the_form(cls, qapp):
    form = ParameterForm(cls)

    @settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(instances(cls))
    def check(algorithm):
        form.show_algorithm(algorithm)
        assert form.algorithm() == algorithm

    check()


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

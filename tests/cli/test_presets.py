"""Presets on the command line."""

import json

import pytest

from proxiscope.cli import main
from proxiscope.cli.commands import algorithm_from
from proxiscope.cli.main import parser
from proxiscope.core import algorithms
from proxiscope.phase import GPSR


def made(*options):
    """The algorithm that a command line asks for."""
    name = options[0]
    return algorithm_from(algorithms()[name], parser().parse_args(["reconstruct", *options, "in.h5", "-o", "out.h5"]))


def test_a_preset_gives_its_values_and_what_is_given_wins():
    assert made("gps-r", "--preset", "thesis") == GPSR.preset("thesis")
    assert made("gps-r", "--preset", "best", "--max-iterations", "7") == GPSR(restart=False, max_iterations=7)
    assert made("gps-r") == GPSR()


def test_a_preset_that_an_algorithm_lacks_is_refused(capsys):
    with pytest.raises(SystemExit):
        made("resire", "--preset", "best")
    assert "--preset: invalid choice: 'best'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        made("fbp", "--preset", "fast")


def test_algorithms_lists_presets_and_uses(capsys):
    assert main(["algorithms", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    for name, cls in algorithms().items():
        assert listed[name]["use"] == cls.use
        assert listed[name]["presets"].keys() == cls.presets.keys()
    assert main(["algorithms"]) == 0
    text = capsys.readouterr().out
    assert "GPS-R (real-space smoothing) (--preset fast, thesis, best)" in text
    assert GPSR.use in text

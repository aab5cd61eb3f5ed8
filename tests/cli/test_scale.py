"""``--scheduler``: starts on workers of this machine."""

import numpy as np
import pytest

from proxiscope.cli import main

RUN = ["reconstruct", "gps-f", "sample:pattern", "--max-iterations", "20", "--starts", "3", "-o"]


def arrays(path):
    with np.load(path) as file:
        return {name: file[name] for name in file.files if name == "data" or name.startswith("products")}


@pytest.mark.slow
def test_the_result_is_the_same_as_in_process(tmp_path, capsys):
    pytest.importorskip("distributed")
    assert main([*RUN, str(tmp_path / "here.npz"), "--quiet"]) == 0
    assert main([*RUN, str(tmp_path / "there.npz"), "--scheduler", "local:1"]) == 0
    assert "Workers at local:1: 1" in capsys.readouterr().err
    here, there = arrays(tmp_path / "here.npz"), arrays(tmp_path / "there.npz")
    assert here.keys() == there.keys()
    for name in here:
        np.testing.assert_array_equal(there[name], here[name], err_msg=name)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ["gps-f", "sample:pattern"],
            "--scheduler: given for a single start, which is one piece of work. Give --starts",
        ),
        (["sirt", "sample:tilt-series"], "which is one piece of work. Give --out-of-core too"),
        (["gps-f", "sample:pattern", "--starts", "2"], "scheduler: got 'local:none'. Give local, or local:N"),
    ],
)
def test_what_makes_no_sense_is_refused(words, expected, tmp_path, capsys):
    pytest.importorskip("distributed")
    words = ["reconstruct", *words, "-o", str(tmp_path / "result.npz"), "--scheduler", "local:none"]
    assert main(words) == 2
    assert expected in capsys.readouterr().err
    assert not list(tmp_path.iterdir())

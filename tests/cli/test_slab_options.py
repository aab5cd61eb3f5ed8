"""Options of reconstruction in slabs."""

import json
import re

import numpy as np
import psutil
import pytest

import proxiscope as px
from proxiscope import reconstruction, simulate, tomography
from proxiscope.cli import commands
from proxiscope.core import to_dict
from proxiscope.io import write_array
from tests.cli.test_cli import proxiscope


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder with a series of 80 rows."""
    folder = tmp_path_factory.mktemp("data")
    series = simulate.tilt_series(simulate.vesicle((20, 80, 20)), np.arange(-60, 61, 12.0), noise=0.1)
    write_array(folder / "series.mrc", series.projections, angles=series.angles)
    (folder / "series.rawtlt").write_text("\n".join(f"{a:.2f}" for a in series.angles))
    return folder


@pytest.fixture
def refuses(data, tmp_path, capsys, monkeypatch):
    """``refuses(arguments, words)``: exit 2 with one line, before the run."""
    monkeypatch.setattr(reconstruction, "iterate", lambda *a, **k: pytest.fail("the run began"))

    def check(arguments, words):
        name, *rest = arguments
        assert proxiscope("reconstruct", name, data / "series.mrc", *rest, "-o", tmp_path / "a.npz") == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert re.search(words, line), line

    return check


def test_give_the_bits_of_the_whole_and_say_so(data, tmp_path, capsys):
    options = ["--in-slabs", "--slices", 32, "--memory", 1.5, "--overlap", 4, "--max-iterations", 5]
    assert proxiscope("reconstruct", "resire", data / "series.mrc", *options, "-o", tmp_path / "a.npz") == 0
    assert "10/10" in capsys.readouterr().err.split("\r")[-1]
    inner = tomography.RESIRE(max_iterations=5)
    with np.load(tmp_path / "a.npz") as found:
        expected = px.reconstruct(inner, px.load(data / "series.mrc"))
        np.testing.assert_array_equal(found["data"], expected.array)
        assert found["metrics_r_factor"][-1] == pytest.approx(expected.r_factor, rel=1e-12)
        made = json.loads(str(found["metadata"]))
    slabs = tomography.InSlabs(algorithm=inner, slices=32, memory_limit=1.5, overlap=4)
    assert made["algorithm"] == "in-slabs"
    assert made["parameters"] == json.loads(json.dumps(to_dict(slabs)))


@pytest.mark.parametrize("option", ["slices", "memory", "overlap"])
def test_their_options_alone_are_refused(refuses, option):
    refuses(["sirt", f"--{option}", "32"], f"{option}: given for a volume as a whole.*--in-slabs")


def test_a_number_out_of_range(refuses):
    refuses(["sirt", "--in-slabs", "--memory", "-1"], "memory: got -1.*>= 0")


def test_a_memory_that_does_not_suffice(refuses):
    refuses(["sirt", "--in-slabs", "--memory", "0.001"], "in-slabs needs about .* limited to 0.001 GB. Raise the limit")


def test_a_criterion_that_would_end_the_first_slab(refuses):
    refuses(["sirt", "--in-slabs", "--stop", "plateau"], "plateau does not go with in-slabs")


def test_too_little_memory_proposes_them(refuses, monkeypatch):
    class Little:
        available = 1e6

    monkeypatch.setattr(psutil, "virtual_memory", lambda: Little)
    refuses(["resire"], "needs about .*in slabs")


@pytest.mark.parametrize("name", sorted(px.algorithms()))
def test_are_offered_where_a_volume_can_be_cut(capsys, name):
    offered = px.algorithms()[name].family == "tomography" and name != "angle-refinement"
    assert commands.takes_slabs(px.algorithms()[name]) == offered
    assert proxiscope("reconstruct", name, "--help") == 0
    shown = capsys.readouterr().out
    assert ("\nlarge series:\n" in shown) == offered
    if offered:
        group = shown.split("\nlarge series:\n")[1].split("\n\n", 2)[1]
        assert re.findall(r"^  --(\S+)", group, re.M) == ["in-slabs", "out-of-core", "slices", "memory", "overlap"]

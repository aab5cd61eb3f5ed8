"""Options that say when to stop, and held-out tilts."""

import csv
import json
import re

import numpy as np
import pytest

import proxiscope as px
from proxiscope import phase, reconstruction, tomography
from proxiscope.core import criteria, parameters
from proxiscope.io import write_array
from tests.cli.test_cli import proxiscope
from tests.problems import small_pattern, small_series

DECLARED = {"kind": "pattern", "quantity": "magnitudes"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder with a series and a pattern."""
    folder = tmp_path_factory.mktemp("data")
    series = small_series()
    write_array(folder / "series.mrc", series.projections, angles=series.angles)
    (folder / "series.rawtlt").write_text("\n".join(f"{a:.2f}" for a in series.angles))
    write_array(folder / "pattern.npy", np.where(small_pattern().known, small_pattern().magnitudes, np.nan), **DECLARED)
    np.save(folder / "support.npy", small_pattern().support)
    return folder


@pytest.fixture
def run(data, tmp_path):
    """``run(name, *options)``: array, provenance and the table of figures."""

    def run(name, *options):
        source = [data / "series.mrc"]
        if px.algorithms()[name].family == "phase":
            source = [data / "pattern.npy", "--support", data / "support.npy"]
        files = ["-o", tmp_path / "a.npz", "--metrics", tmp_path / "a.csv"]
        assert proxiscope("reconstruct", name, *source, *options, *files) == 0
        with np.load(tmp_path / "a.npz") as found, (tmp_path / "a.csv").open(newline="") as table:
            return found["data"], json.loads(str(found["metadata"])), list(csv.DictReader(table))

    return run


@pytest.fixture
def refuses(data, tmp_path, capsys, monkeypatch):
    """``refuses(arguments, words)``: exit 2 with one line, before the run."""
    monkeypatch.chdir(data)
    monkeypatch.setattr(reconstruction, "iterate", lambda *a, **k: pytest.fail("the run began"))

    def check(arguments, words):
        assert proxiscope("reconstruct", *arguments, "-o", tmp_path / "a.npz") == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert re.search(words, line), line

    return check


def check_same(found, algorithm, problem, stop):
    array, made, table = found
    expected = px.reconstruct(algorithm, problem, stop=stop)
    np.testing.assert_array_equal(array, expected.array)
    assert made["stop"] == expected.provenance["stop"]
    assert made["stopped"] == expected.provenance["stopped"]
    assert "Stopped at" in made["stopped"]
    assert [row["iteration"] for row in table] == [str(i) for i in expected.metrics["iteration"]]
    return expected


def test_discrepancy_with_the_noise_estimated(run, capsys):
    algorithm = tomography.AcceleratedRESIRE(max_iterations=200)
    found = run("resire-accelerated", "--max-iterations", 200, "--stop", "discrepancy")
    expected = check_same(found, algorithm, small_series(), px.Discrepancy())
    assert "misfit" in found[2][0]
    assert expected.provenance["stopped"] in capsys.readouterr().out


def test_discrepancy_with_its_parameters(run):
    found = run("sirt", "--stop", "discrepancy", "--discrepancy-noise", 0.2, "--discrepancy-factor", 1.5)
    check_same(found, tomography.SIRT(), small_series(), px.Discrepancy(noise=0.2, factor=1.5))


def test_held_out_tilts(run, capsys):
    options = ["--max-iterations", 200, "--hold-out-tilts", 4, "--stop", "held-out", "--held-out-patience", 6]
    found = run("resire", *options)
    expected = check_same(
        found, tomography.RESIRE(max_iterations=200), small_series().hold_out(4), px.HeldOut(patience=6)
    )
    assert found[1]["result_iteration"] == expected.iteration == found[1]["iterations"] - 6
    assert re.search(r"R_F [\d.]+%, free R [\d.]+%", capsys.readouterr().out)


def test_held_out_pixels(run):
    found = run("er", "--hold-out", 0.1, "--stop", "held-out")
    problem = px.DiffractionPattern(small_pattern().magnitudes, small_pattern().support, small_pattern().known)
    check_same(found, phase.ER(), problem.hold_out(0.1), px.HeldOut())


def test_plateau_of_a_phase_retrieval(run):
    found = run("er", "--stop", "plateau", "--plateau-tolerance", 0.01, "--plateau-patience", 4)
    problem = px.DiffractionPattern(small_pattern().magnitudes, small_pattern().support, small_pattern().known)
    check_same(found, phase.ER(), problem, px.Plateau(tolerance=0.01, patience=4))


def test_several(run):
    found = run("sirt", "--stop", "plateau", "--stop", "discrepancy", "--stop", "plateau")
    assert [entry["name"] for entry in found[1]["stop"]] == ["discrepancy", "plateau"]


def test_held_out_tilts_alone_give_a_free_r_factor(run, capsys):
    array, made, table = run("sirt", "--max-iterations", 12, "--hold-out-tilts", 5)
    expected = px.reconstruct(tomography.SIRT(max_iterations=12), small_series().hold_out(5))
    np.testing.assert_array_equal(array, expected.array)
    assert [float(row["free_r_factor"]) for row in table] == expected.metrics["free_r_factor"].tolist()
    assert "stopped" not in made
    assert capsys.readouterr().out.count("\n") == 1


def test_a_run_to_the_end_says_that_nothing_was_met(run, capsys):
    run("sirt", "--max-iterations", 4, "--stop", "plateau")
    assert "No criterion was met." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sirt", "series.mrc", "--stop", "held-out"], "stop: held-out, and nothing is held out"),
        (["er", "pattern.npy", "--stop", "held-out"], "stop: held-out, and nothing is held out"),
        (["sirt", "series.mrc", "--stop", "never"], "invalid choice: 'never'.*discrepancy.*held-out.*plateau"),
        (["er", "pattern.npy", "--stop", "discrepancy"], "invalid choice: 'discrepancy'"),
        (["fbp", "series.mrc", "--stop", "plateau"], "unknown: --stop plateau"),
        (["er", "pattern.npy", "--stop", "plateau", "--starts", "3"], "plateau does not go with ensemble"),
        (["sirt", "series.mrc", "--plateau-patience", "3"], "plateau_patience: .* Give --stop plateau too"),
        (["sirt", "series.mrc", "--stop", "plateau", "--plateau-patience", "0"], "plateau_patience: got 0.* >= 1"),
        (["sirt", "series.mrc", "--stop", "discrepancy", "--discrepancy-noise", "-1"], "noise: got -1"),
        (["sirt", "series.mrc", "--hold-out-tilts", "1"], "1 of 21 tilts"),
        (["sirt", "series.mrc", "--hold-out-tilts", "100"], "100 of 21 tilts"),
        (["sirt", "series.mrc", "--hold-out-tilts", "few"], "--hold-out-tilts: invalid int value: 'few'"),
        (["er", "pattern.npy", "--hold-out-tilts", "5"], "unknown: --hold-out-tilts 5"),
    ],
)
def test_what_does_not_apply_is_refused_before_the_run(refuses, arguments, words):
    refuses(arguments, words)


@pytest.mark.parametrize("name", sorted(px.algorithms()))
def test_the_options_are_those_of_the_criteria(capsys, name):
    assert proxiscope("reconstruct", name, "--help") == 0
    shown, usable = capsys.readouterr().out, criteria(px.algorithms()[name])
    assert ("\nwhen to stop:\n" in shown) == bool(usable)
    if usable:
        group = shown.split("\nwhen to stop:\n")[1].split("\n\nmany starts:")[0]
        expected = ["stop"] + [f"{c}-{p.name.replace('_', '-')}" for c, cls in usable.items() for p in parameters(cls)]
        assert re.findall(r"^  --(\S+)", group, re.M) == expected

"""The experiments of chapter 3, small, on simulated volumes: rows, and cells that are those of the runs."""

import shutil
from argparse import Namespace
from dataclasses import replace

import mrcfile
import numpy as np
import pytest

from proxiscope import reconstruct
from proxiscope.core import InputError
from proxiscope.experiments import angle_refinement, blocked, films, recorded_series, vesicle_tomography
from proxiscope.experiments._vesicle_series import ANGLES, NOISE, strips, vesicle_of
from proxiscope.experiments.report import draw
from proxiscope.simulate import tilt_series, vesicle
from proxiscope.tomography import RESIRE, fourier_shell_correlation
from proxiscope.tomography.metrics import r_factor, real_space_error
from tests.tomography.test_fidelity import strip_sums


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With a small volume in a file as the authors' is."""
    path = tmp_path_factory.mktemp("vesicle")
    with mrcfile.new(path / "vesicle.mrc") as file:
        file.set_data(np.ascontiguousarray(vesicle((20, 20, 20)).transpose(2, 1, 0)))
    return path


def quick(algorithm, iterations=2):
    return replace(algorithm, max_iterations=iterations) if hasattr(algorithm, "max_iterations") else algorithm


def test_the_volume_is_turned_as_it_was(folder):
    np.testing.assert_array_equal(vesicle_of(folder), vesicle((20, 20, 20)))


def test_strips_are_those_of_an_exact_integration():
    volume, angles = vesicle((12, 3, 12)), np.array([-60.0, 0, 33])
    assert np.abs(strips(volume, angles) - strip_sums(volume, angles)).max() < 0.1
    np.testing.assert_allclose(strips(volume, angles)[1], volume.sum(axis=0), rtol=1e-5)


def test_figure_3_1(folder, monkeypatch, tmp_path):
    monkeypatch.setattr(
        vesicle_tomography, "METHODS", {name: quick(a) for name, a in vesicle_tomography.METHODS.items()}
    )
    report = vesicle_tomography.experiment(Namespace(data=folder, strips=True, seed=0))
    by_slices, bands, momentum, by_strips = report.tables
    for table in (by_slices, by_strips):
        assert [row[0] for row in table.rows] == list(vesicle_tomography.METHODS)
    truth = vesicle_of(folder)
    series = tilt_series(truth, ANGLES, noise=NOISE)
    result = reconstruct(RESIRE(max_iterations=2), series)
    row = next(row for row in by_slices.rows if row[0] == "RESIRE, real space")
    curve = fourier_shell_correlation(result.volume, truth)
    assert row[1:5] == (
        "2", f"{result.r_factor:.2%}", f"{r_factor(result.volume, series, exact=True):.2%}",
        f"{real_space_error(result.volume, truth):.3f}",
    )  # fmt: skip
    assert row[5].split(" / ")[0] == f"{curve.mean:.3f}"
    assert {row[0]: row[-1] for row in by_slices.rows}["GENFIRE"] == "38.98"
    assert not any(row[-1] for row in by_strips.rows)  # nothing is printed of those
    assert [row[0] for row in bands.rows] == list(vesicle_tomography.DRAWN)
    assert len(momentum.rows) == 3
    draw(report, tmp_path / "picture.png")


def test_the_first_that_is_low_enough():
    assert vesicle_tomography.first_below([3, 2, 1, 2], 2.0) == "2"
    assert vesicle_tomography.first_below([3, 2], 1.0) == "none"


def test_films(monkeypatch, tmp_path):
    monkeypatch.setattr(films, "METHODS", tuple(quick(method) for method in films.METHODS))
    report = films.experiment(Namespace(rows=6, depths=(24,), seed=0))
    methods, depths = report.tables
    assert [row[0] for row in methods.rows[:2]] == ["RESIRE", "RESIRE, film"]
    assert len(methods.rows) == 6
    assert [row[0] for row in depths.rows] == ["24"]
    truth, series = films.simulated(6)
    volume = reconstruct(RESIRE(max_iterations=2, depth=24, film=True), series).volume
    border = real_space_error(np.concatenate([volume[..., :5], volume[..., -5:]], -1), films.parts(truth)[0])
    assert methods.rows[1][1] == f"{border:.2f}"
    draw(report, tmp_path / "picture.png")


def test_blocked_projections(monkeypatch, tmp_path):
    monkeypatch.setattr(blocked, "METHODS", {name: quick(a) for name, a in blocked.METHODS.items()})
    monkeypatch.setattr(blocked, "ZEROS", quick(blocked.ZEROS))
    report = blocked.experiment(Namespace(size=16, noise=0.1, triples=True, seed=0))
    (table,) = report.tables
    assert [row[0] for row in table.rows] == list(blocked.BLOCKED)
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert [float(row[1].rstrip("%")) for row in table.rows] == pytest.approx([0, 18, 53, 50, 30, 70], abs=6)
    assert table.rows[0][-1] == ""
    draw(report, tmp_path / "picture.png")


def test_angles_are_refined(folder, monkeypatch, tmp_path):
    monkeypatch.setattr(angle_refinement, "METHOD", quick(angle_refinement.METHOD, 10))
    report = angle_refinement.experiment(Namespace(data=folder, noise=(0.05,), rounds=3, steps=8, seed=0))
    (table,) = report.tables
    ((noise, _, shifts, rounds, errors),) = table.rows
    assert (noise, rounds) == ("0.05", "3")
    assert all(float(shift) < 0.7 for shift in shifts.split(", "))  # of 1
    true, refined, given = (float(e) for e in errors.split(" / "))
    assert true < given
    assert refined < given
    draw(report, tmp_path / "picture.png")


def test_what_remains_of_a_turn_and_a_shift_of_the_whole_is_nothing():
    series = angle_refinement.moved(vesicle((8, 8, 8)), 0.0, 3)
    found = angle_refinement.remaining(series.rotations, series.shifts, series)
    np.testing.assert_allclose([*found.turns, *found.shifts], 0, atol=1e-6)
    found = angle_refinement.remaining(series.rotations, series.shifts + np.array([0.4, 0]), series)
    np.testing.assert_allclose(found.shifts, 0, atol=1e-2)  # about y, as all tilts nearly are
    found = angle_refinement.remaining(angle_refinement.nominal(), 0 * series.shifts, series)
    assert (found.turns > 0.4).all()
    assert (found.shifts > 0.4).all()


def test_recorded_series_that_are_absent_are_told(tmp_path, shared_data):
    options = Namespace(data=tmp_path, iterations=2, slices=4, seed=0)
    with pytest.raises(InputError, match="none of etspy_haadf_needle/HAADF_Aligned"):
        recorded_series.experiment(options)
    folder = tmp_path / "dissertation_vesicle"
    folder.mkdir()
    for name in ("vesicle_projections.mat", "vesicle_angles.mat", "vesicle.mrc"):
        shutil.copy(shared_data(f"dissertation_vesicle/{name}"), folder)
    report = recorded_series.experiment(options)
    assert "Not here: etspy_haadf_needle/HAADF_Aligned.hspy" in report.scale
    (table,) = report.tables
    assert [row[0] for row in table.rows] == [f"RESIRE, {p}, 2" for p in ("thesis", "real-space", "fourier-slice")]
    assert all(0.5 < float(row[-1]) < 1 for row in table.rows)


def test_recorded_series(tmp_path, shared_data):
    data = shared_data(recorded_series.NEEDLE).parents[1]
    shared_data(recorded_series.PARTICLE)
    report = recorded_series.experiment(Namespace(data=data, iterations=2, slices=4, seed=0))
    needle, _, particle = report.tables
    assert [row[0] for row in needle.rows] == ["RESIRE, 2 iterations", "SIRT, 2", "FBP"]
    names = "RESIRE", "GENFIRE", "SIRT", "FBP", "RESIRE, all tilts", "GENFIRE, all tilts"
    assert tuple(row[0] for row in particle.rows) == names
    draw(report, tmp_path / "picture.png")


def test_widths_of_atoms():
    z, y, x = np.indices((40, 30, 30))
    volume = np.zeros((40, 30, 30))
    for at in ((10, 8, 8), (28, 20, 15)):
        volume += np.exp(-((z - at[0]) ** 2) / (2 * 1.2**2) - ((y - at[1]) ** 2 + (x - at[2]) ** 2) / (2 * 0.8**2))
    along_z, along_y = (float(w) for w in recorded_series.widths(volume, count=2).split(" / "))
    assert along_y == pytest.approx(0.8, abs=0.05)
    assert 1.0 < along_z < 1.2  # the window cuts it

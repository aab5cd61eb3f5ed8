"""The experiments of chapter 2, small, on a simulated object: rows, and cells that are those of the runs."""

from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest
import scipy.io

from proxiscope import iterate, reconstruct
from proxiscope.experiments import best_quality, bragg, consistency, missing_data, phase_vesicle
from proxiscope.experiments._vesicle_pattern import FRAME, METHODS, Vesicle, run, spread, three
from proxiscope.experiments.report import draw
from proxiscope.phase import GPSR, HIO, BestQuality, Ensemble, PoissonML
from proxiscope.phase.metrics import r_real
from proxiscope.simulate import crystal, r_noise, vesicle

QUICK = {"max_iterations": 40}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With a file as the authors' is."""
    path = tmp_path_factory.mktemp("vesicle")
    model = np.zeros((63, 63))
    model[6:58, 18:46] = vesicle((52, 52))[:, 12:40]
    scipy.io.savemat(path / "vesicle_2D.mat", {"model_2d": model, "thetas": np.arange(5)})
    return path


def quick(methods):
    return {name: replace(algorithm, **QUICK) for name, algorithm in methods.items()}


def test_the_pattern_has_the_noise_of_the_thesis_and_a_box_as_support(folder):
    found = Vesicle.of(folder)
    assert found.truth.shape == (FRAME, FRAME)
    pattern = found.pattern(3)
    assert r_noise(pattern.magnitudes, found.magnitudes) == pytest.approx(0.06, abs=0.02)
    rows, columns = np.nonzero(found.truth)
    assert pattern.support.sum() == (np.ptp(rows) + 3) * (np.ptp(columns) + 3)
    assert found.pattern(3, margin=6).support.sum() == (np.ptp(rows) + 13) * (np.ptp(columns) + 13)
    assert (found.pattern(4).magnitudes != pattern.magnitudes).any()


def test_starts_are_those_of_an_ensemble_from_the_lowest_r_factor_on(folder):
    found = Vesicle.of(folder)
    starts = run(HIO(**QUICK), found.pattern(), found.truth, 3)
    *_, last = iterate(Ensemble(algorithm=HIO(**QUICK), starts=3), found.pattern())
    np.testing.assert_allclose(starts.r_f, 100 * np.sort(last.state.r_factors))
    np.testing.assert_array_equal(starts.images[0], last.estimate())
    assert starts.r_real[0] == pytest.approx(100 * r_real(last.estimate(), found.truth))
    assert starts.successes == (starts.r_real < 5).sum()


def test_minimum_median_and_deviation_and_spread():
    assert three(np.array([1.0, 2.0, 6.0])) == "1.00 / 2.00 / 2.16"
    image = np.zeros((1, 32, 32))
    image[0, 4:9, 5:11] = np.random.default_rng(0).random((5, 6)) + 1
    assert spread(np.repeat(image, 3, axis=0)) == pytest.approx(0, abs=1e-9)
    assert spread(np.concatenate([image, 1.02 * image])) == pytest.approx(100 * 0.0001, rel=0.05)


def test_figure_2_2(folder, monkeypatch, tmp_path):
    monkeypatch.setattr(phase_vesicle, "ALGORITHMS", quick(phase_vesicle.ALGORITHMS))
    report = phase_vesicle.experiment(Namespace(data=folder, trials=2, noises=2, seed=1))
    table, counts = report.tables
    assert [row[0] for row in table.rows] == list(phase_vesicle.ALGORITHMS)
    assert {row[0]: row[-1] for row in table.rows}["GPS-F, thesis"] == "5.89 / 0.7"
    found = Vesicle.of(folder)
    starts = run(HIO(**QUICK), found.pattern(1), found.truth, 2)
    assert table.rows[1] == ("HIO", three(starts.r_f), three(starts.r_real), str(starts.successes), "12.87 / 21.14")
    assert counts.columns[1:] == ("noise seed 1", "noise seed 2", "of 4")
    draw(report, tmp_path / "picture.png")


def test_figures_2_3_and_2_4(folder, monkeypatch, tmp_path):
    monkeypatch.setattr(consistency, "METHODS", quick(METHODS))
    options = Namespace(data=folder, trials=6, noises=2, many=7, watched=2, means=True, seed=0)
    report = consistency.experiment(options)
    table, courses = report.tables
    assert [row[0] for row in table.rows] == list(METHODS)
    assert [row[0] for row in courses.rows] == list(consistency.CURVES)
    assert table.columns[-1] == "best 5 of 7, %"
    found = Vesicle.of(folder)
    starts = [run(HIO(**QUICK), found.pattern(noise), found.truth, 6) for noise in (0, 1)]
    assert table.rows[0][1] == " / ".join(f"{np.median(s.r_f):.2f}" for s in starts)
    assert table.rows[0][6] == " / ".join(f"{spread(s.images[:5]):.2g}" for s in starts)
    assert table.rows[0][8] == f"{spread(run(HIO(**QUICK), found.pattern(), found.truth, 7).images[:5]):.2g}"
    draw(report, tmp_path / "picture.png")


def test_courses_are_of_the_iterates_as_they_are(folder):
    found = Vesicle.of(folder)
    course = consistency.course(GPSR(**QUICK), found.pattern(), found.truth, 2)
    assert course.iterations.tolist() == [20, 40]
    ends = [reconstruct(GPSR(**QUICK), found.pattern(), seed=seed).metrics["r_factor"] for seed in (0, 1)]
    np.testing.assert_allclose(course.r_f, [100 * metrics[[1, 3]] for metrics in ends], rtol=1e-4)


def test_where_a_course_settles_and_how_much_it_rises():
    iterations = np.array([20, 40, 60, 80])
    assert consistency.settled(iterations, np.array([9, 6.5, 7.5, 6]), 1.0) == 80
    assert consistency.settled(iterations, np.array([9, 6.5, 6.2, 6]), 1.0) == 40
    assert consistency.settled(iterations, np.array([6, 6, 6, 6.0]), 1.0) == 20
    np.testing.assert_allclose(consistency.rises(np.array([[9, 6.5, 7.5, 6], [4, 3, 2, 1]])), [1, 0])


def test_missing_data(folder, monkeypatch, tmp_path):
    monkeypatch.setattr(missing_data, "METHODS", quick(METHODS))
    monkeypatch.setattr(missing_data, "ON_SUPPORTS", quick(missing_data.ON_SUPPORTS))
    report = missing_data.experiment(Namespace(data=folder, trials=2, noises=2, seed=0))
    centres, supports = report.tables
    assert [row[0] for row in centres.rows] == list(missing_data.CENTRES.values())
    assert [row[0] for row in supports.rows] == list(missing_data.ON_SUPPORTS)
    assert all(cell in ("0", "1", "2") for row in (*centres.rows, *supports.rows) for cell in row[1:])
    draw(report, tmp_path / "picture.png")


def test_best_quality(folder, monkeypatch, tmp_path):
    quickly = replace(BestQuality(), starts=2, refined=2, exchanges=1)
    monkeypatch.setattr(best_quality, "BestQuality", lambda: quickly)
    report = best_quality.experiment(Namespace(data=folder, trials=1, seed=4))
    summary, each = report.tables
    found = Vesicle.of(folder)
    floor = reconstruct(PoissonML(), found.pattern(4).starting_from(found.truth)).image
    assert [row[0] for row in summary.rows] == ["floor", "best-quality"]
    assert each.rows[0][:2] == ("4", f"{100 * r_real(floor, found.truth):.2f}")
    draw(report, tmp_path / "picture.png")


def test_a_bragg_peak(monkeypatch, tmp_path):
    spectrum = np.fft.fftshift(np.fft.fftn(np.pad(crystal((20, 20, 20)), 6)))
    counts = np.rint(1e5 * np.abs(spectrum / spectrum.max()) ** 2)
    np.savez(tmp_path / "S0054_volume.npz", intensity=counts)
    monkeypatch.setattr(bragg, "PEAK", (16, 16, 16))
    monkeypatch.setattr(bragg, "CROP", (32, 32, 32))
    report = bragg.experiment(Namespace(data=tmp_path, iterations=40, starts=2, shrink=1, seed=0))
    (table,) = report.tables
    assert [row[0] for row in table.rows] == ["1 start", "2 starts, 2 generations"]
    assert "32 x 32 x 32 of the counts, 40 iterations" in report.scale
    draw(report, tmp_path / "picture.png")

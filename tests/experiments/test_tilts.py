"""The table of tomography with one tilt a step holds what the algorithms give."""

from argparse import Namespace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from proxiscope.core import iterate
from proxiscope.experiments import tilts
from proxiscope.experiments.report import draw
from proxiscope.tomography import SGD


def test_the_errors_of_the_best_and_the_last_pass(tmp_path, monkeypatch):
    monkeypatch.setattr(tilts, "WIDTHS", (0.0, 0.8))
    monkeypatch.setattr(tilts, "METHODS", {"SGD": SGD(smoothing="none", max_iterations=3)})
    monkeypatch.setattr(tilts, "IN_VOLUMES", {"SGD": SGD(smoothing="none", max_iterations=2)})
    report = tilts.experiment(Namespace(seed=2, side=tilts.SIDE, solid=12))
    truth, series = tilts.counted(2, tilts.SIDE)
    volumes = [p.estimate() for p in iterate(tilts.METHODS["SGD"], series, seed=2)]

    def error(volume):  # of each draw
        return np.array([np.linalg.norm(volume[:, i] - truth[:, i]) / np.linalg.norm(truth[:, i]) for i in range(8)])

    plain = np.array([error(volume) for volume in volumes])
    blurred = np.array([error(gaussian_filter(volume, (0.8, 0, 0.8))) for volume in volumes])
    (row,), (in_volume,) = (table.rows for table in report.tables)
    solid = tilts.solid_errors(2, 12)["SGD"]
    assert in_volume == ("SGD", f"{min(solid):.3f}", str(1 + np.argmin(solid)), f"{solid[-1]:.3f}")
    for cell, of_draws in zip(row[1:], (plain.min(axis=0), blurred.min(axis=0), plain[-1]), strict=True):
        found = [float(number) for number in cell.split(" \u00b1 ")]
        assert found == pytest.approx([of_draws.mean(), of_draws.std()], abs=6e-4)
    assert not np.allclose(series.projections[:, 0], series.projections[:, 1])  # draws of their own
    draw(report, tmp_path / "tilts.png")
    assert (tmp_path / "tilts.png").stat().st_size > 10_000

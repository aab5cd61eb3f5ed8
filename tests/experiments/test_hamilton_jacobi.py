"""The figures of the curves of figure 5.7."""

from argparse import Namespace

import numpy as np

from proxiscope.experiments import hamilton_jacobi
from proxiscope.experiments.report import draw
from proxiscope.learning.hamilton_jacobi import objective


def test_the_figures_of_f_itself():
    distances = np.linspace(0, 3, 3001)
    first, second, *depths, width, concave = hamilton_jacobi.figures_of(distances, objective(distances))
    assert (first, second) == ("2.562", "7.818")
    assert depths == ["1.505", "3.756"]
    curvature = 8 * 0.05 / float(width) ** 2  # of a parabola of that width, 0.05 above its bottom
    slope = np.gradient(np.gradient(objective(distances), 1e-3), 1e-3)
    assert abs(curvature / slope[1721] - 1) < 0.2
    assert concave == f"{np.mean(slope < 0):.0%}"


def test_the_table_and_the_picture(tmp_path):
    report = hamilton_jacobi.experiment(Namespace(sigma=1.0))
    (table,) = report.tables
    assert all(len(row) == len(table.columns) for row in table.rows)
    for line in ("e1", "diagonal"):
        rows = [row for row in table.rows if row[0] == line]
        assert [float(row[1]) for row in rows] == list(hamilton_jacobi.TIMES)
        hills = [float(row[3]) for row in rows if row[3] != "gone"]
        assert hills == sorted(hills, reverse=True)
        assert rows[-1][2] == "gone"
    draw(report, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 10_000

"""The experiment on images that are made up."""

from argparse import Namespace

import numpy as np
import pytest

from proxiscope.core import InputError
from proxiscope.experiments import logistic
from proxiscope.experiments.report import draw


@pytest.fixture
def images(tmp_path):
    """Files as those of MNIST, with 300 noisy images of 3 x 3 pixels in three classes."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(40, 215, size=(3, 3, 3))
    for part, count in (("train", 300), ("t10k", 60)):
        labels = rng.integers(3, size=count)
        pixels = np.clip(kinds[labels] + rng.integers(-40, 40, size=(count, 3, 3)), 0, 255)
        for name, values in (("images-idx3", pixels), ("labels-idx1", labels)):
            head = bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
            (tmp_path / f"{part}-{name}-ubyte").write_bytes(head + values.astype(np.uint8).tobytes())
    return tmp_path


def options(folder, **values):
    return Namespace(**({"data": folder, "trials": 2, "seed": 0, "epochs": 20, "points": 200} | values))


def test_each_method_has_a_row_for_either_scale(images, tmp_path):
    report = logistic.experiment(options(images))
    draw(report, tmp_path / "logistic.png")
    assert (tmp_path / "logistic.png").stat().st_size > 10_000
    assert [table.columns[0] for table in report.tables] == ["pixels 0 to 1", "pixels standardised"]
    for table in report.tables:
        assert [row[0] for row in table.rows] == list(logistic.METHODS)
        assert table.columns[5:8] == tuple(f"sd of the loss, epoch {epoch}" for epoch in (1, 5, 20))
        assert all(len(row) == len(table.columns) for row in table.rows)
    one, other = (table.rows[0][1:-1] for table in report.tables)
    assert one != other


def test_trials_draw_other_points_and_are_the_same_each_time(images):
    whole = logistic.mnist(images)
    one, same, other = (logistic.draw_points(whole, 200, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.points, same.points)
    assert not np.array_equal(one.points, other.points)
    assert one.test_points.shape == (60, 9)
    course = logistic.course({}, one, 40, 0)
    assert course.shape == (20, 2)
    assert course[-1, 0] < course[0, 0]


@pytest.mark.parametrize(("values", "message"), [({"epochs": 19}, "at least 20"), ({"points": 301}, "from 1 to 300")])
def test_what_cannot_be_run_is_refused(images, values, message):
    with pytest.raises(InputError, match=message):
        logistic.experiment(options(images, **values))

"""The tables of the k-means experiments hold what the algorithms give."""

import gzip
import sys
from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest
from sklearn.cluster import KMeans

from proxiscope.core import DivergedError, iterate
from proxiscope.experiments import gaussians, iris, lenet_features, mnist_centroids, raw_mnist
from proxiscope.experiments._kmeans_table import EM, ONCE, PEERS, compare, from_partition, table
from proxiscope.experiments.report import draw
from proxiscope.learning import SBE, Lloyd, MiniBatch, PointSet
from proxiscope.learning.datasets import iris as load_iris
from proxiscope.learning.datasets import mnist
from proxiscope.learning.gaussians import START, four_gaussians

TRIALS = 2


def ends(algorithm, points: PointSet, seeds=range(TRIALS)) -> np.ndarray:
    """The objectives of eq. 4.4 that runs from such seeds end with, computed from their centroids."""
    found = []
    for seed in seeds:
        *_, progress = iterate(algorithm, points, seed=seed)
        found.append(objective(points.points, progress.estimate()))
    return np.array(found)


def objective(points, centroids) -> float:
    squares = np.square(points[:, None].astype(float) - centroids[None]).sum(axis=-1)
    return squares.min(axis=1).mean() / 2


def peers(points: PointSet, clusters: int, seeds=range(TRIALS), **more) -> np.ndarray:
    fitted = [KMeans(clusters, random_state=s, **{"n_init": 1, **more}).fit(points.points) for s in seeds]
    return np.array([objective(points.points, f.cluster_centers_) for f in fitted])


def four(values) -> tuple[float, ...]:
    return values.min(), values.max(), values.mean(), values.var()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files of an MNIST of 60 small images, six of each digit."""
    path, rng = tmp_path_factory.mktemp("mnist"), np.random.default_rng(0)
    labels = np.tile(np.arange(10, dtype=np.uint8), 6)
    images = np.repeat(rng.integers(0, 256, (10, 4, 4)), 6, axis=0).reshape(6, 10, 4, 4, order="F")
    images = np.clip(images.reshape(60, 4, 4) + rng.integers(-40, 41, (60, 4, 4)), 0, 255).astype(np.uint8)
    for part in ("train", "t10k"):
        for name, values in ((f"{part}-images-idx3", images), (f"{part}-labels-idx1", labels)):
            header = bytes((0, 0, 8, values.ndim)) + b"".join(n.to_bytes(4, "big") for n in values.shape)
            (path / f"{name}-ubyte.gz").write_bytes(gzip.compress(header + values.tobytes()))
    return path


def test_iris(tmp_path):
    report = iris.experiment(Namespace(trials=TRIALS, seed=0))
    points = load_iris()
    expected = [
        ends(Lloyd(n_clusters=3), points),
        ends(SBE(n_clusters=3, start="random", batch_size=60, max_iterations=10, inner_iterations=40), points),
        ends(SBE(n_clusters=3, start="random", batch_size=60, max_iterations=40, inner_iterations=10), points),
        peers(points, 3),
        peers(points, 3, n_init=10),
    ]
    for row, values in zip(report.tables[0].rows, expected, strict=True):
        assert row[1] == f"{np.mean(values > 0.3):.0%}"
        np.testing.assert_allclose(np.array(row[2:5], float), np.quantile(values, (0, 0.5, 1)), atol=6e-5)
    draw(report, tmp_path / "iris.png")
    assert (tmp_path / "iris.png").stat().st_size > 10_000


def test_a_run_of_the_iris_above_the_bound_counts_as_stuck():
    row = iris._row("EM", np.array([0.2628, 0.48, 0.2629, 0.263]), "29 %")
    assert row == ("EM", "25%", "0.2628", "0.2630", "0.4800", "29 %")


def test_gaussians(tmp_path, monkeypatch):
    monkeypatch.setattr(gaussians, "LENGTHS", ((100, 40, 5), (30, 30, 4)))
    report = gaussians.experiment(Namespace(trials=TRIALS, seed=0, points=100))
    draws = [four_gaussians(np.random.default_rng(s), 100) for s in range(TRIALS)]
    em = Lloyd(n_clusters=4, max_iterations=300)
    of_draws, of_steps, of_peers = (table.rows for table in report.tables)
    stuck = np.array([ends(em, PointSet(points, START), [0])[0] for points in draws])
    optima = np.array([peers(PointSet(points), 4, [0], n_init=10)[0] for points in draws])
    for row, values in zip(of_draws, (stuck, optima), strict=True):
        np.testing.assert_allclose(np.array(row[1:4], float), np.quantile(values, (0, 0.5, 1)), atol=6e-4)
    assert stuck.min() > 1.2 * optima.max()

    *_, end = iterate(em, PointSet(draws[0], START))
    trap = PointSet(draws[0], end.estimate())
    for row, gamma0 in zip(of_steps, (2, 4, 6, 8), strict=True):
        for cell, (batch, outer, inner) in zip(row[1:3], gaussians.LENGTHS, strict=True):
            chosen = SBE(n_clusters=4, gamma0=gamma0, batch_size=batch, max_iterations=outer, inner_iterations=inner)
            assert cell == f"{np.mean(ends(chosen, trap) < 1.01 * optima[0]):.0%}"
    assert of_peers[0][1] == f"{np.mean(ends(SBE(n_clusters=4), trap) < 1.01 * optima[0]):.0%}"
    assert of_peers[3][1] == f"{np.mean(ends(em, PointSet(draws[0])) < 1.01 * optima[0]):.0%}"
    assert of_peers[-1][1] == "100%"
    draw(report, tmp_path / "gaussians.png")
    assert (tmp_path / "gaussians.png").stat().st_size > 10_000


def test_a_share_counts_what_reached_the_bound_and_what_diverged():
    def run(seed: int) -> float:
        if seed == 3:
            raise DivergedError("too long a step")
        return seed

    assert str(gaussians.share(run, range(4), 1)) == "50%, 25% diverged"
    assert str(gaussians.share(run, range(3), 2)) == "100%"


ROWS = {
    EM.name: lambda k: Lloyd(n_clusters=k, max_iterations=50),
    "mb-EM": lambda k: MiniBatch(n_clusters=k, batch_size=500, max_iterations=100),
    "SBE 500": lambda k: SBE(n_clusters=k, start="random", batch_size=500, max_iterations=100, inner_iterations=5),
    "SBE 1000": lambda k: SBE(n_clusters=k, start="random", batch_size=1000, max_iterations=150, inner_iterations=10),
}


def check_rows(report, printed, points: PointSet) -> None:
    """Every cell of the table: ours, and the printed one in brackets."""
    rows = report.tables[0].rows
    assert len(rows) == 2 * len(printed) + len({k for k, _ in printed})
    found = {}
    for k, name, start, batch, *_ in rows:
        if name == "k-means++":
            found[k, name, start, batch] = peers(points, int(k))
            continue
        algorithm = ROWS[f"SBE {batch}" if name == "SBE" else name](int(k))
        chosen = replace(algorithm, start="random" if start == "points" else start)
        found[k, name, start, batch] = ends(chosen, points)
    texts = {(str(k), method.name, method.batch): text for (k, method), text in printed.items()}
    for row in rows:
        values = found[row[:4]]
        lowest = min(v.min() for key, v in found.items() if key[0] == row[0])
        cells = [cell.split(" (") for cell in row[6:11]]
        expected = (*four(values), values.mean() / lowest)
        np.testing.assert_allclose([float(cell[0]) for cell in cells], expected, rtol=0.06, atol=1e-9)
        np.testing.assert_allclose([float(cell[0]) for cell in cells[:3]], expected[:3], atol=1e-4)
        assert row[5] == str(TRIALS)
        if row[1] != "k-means++":
            assert [cell[1].strip(")") for cell in cells[:4]] == texts[row[0], row[1], row[3]].split()


def only(printed, *clusters: int) -> dict:
    """The rows with such numbers of clusters."""
    return {(k, method): text for (k, method), text in printed.items() if k in clusters}


def test_the_table_of_raw_images(folder, tmp_path):
    report = raw_mnist.experiment(Namespace(data=folder, trials=TRIALS, seed=0, points=50))
    check_rows(report, raw_mnist.PRINTED, PointSet(mnist(folder).points[:50]))
    draw(report, tmp_path / "raw.png")
    assert (tmp_path / "raw.png").stat().st_size > 10_000


def test_the_table_of_points_around_images(folder, monkeypatch):
    monkeypatch.setattr(mnist_centroids, "PRINTED", only(mnist_centroids.PRINTED, 8))
    report = mnist_centroids.experiment(Namespace(data=folder, trials=TRIALS, seed=0, points=80))
    check_rows(report, mnist_centroids.PRINTED, mnist_centroids.noisy(mnist(folder), 80, 0))


def test_points_lie_around_images_of_eight_different_digits(folder):
    images = mnist(folder)
    points = mnist_centroids.noisy(images, 8000, 3).points.reshape(1000, 8, 16)
    centres = points.mean(axis=0)
    nearest = np.square(centres[:, None] - images.points).sum(axis=-1)
    assert nearest.min(axis=1).max() < 0.003
    assert len(set(images.labels[nearest.argmin(axis=1)])) == 8
    assert (points - centres).std() == pytest.approx(0.2, rel=0.01)


def test_the_table_of_features_and_the_jump_from_the_worst_run(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    features = np.repeat(rng.standard_normal((10, 6)), 8, axis=0) + 0.2 * rng.standard_normal((80, 6))
    network = Namespace(features=lambda data, epochs, seed: (features.astype(np.float32), 98.7))
    monkeypatch.setitem(sys.modules, "proxiscope.experiments._lenet", network)  # needs PyTorch
    monkeypatch.setattr(lenet_features, "PRINTED", only(lenet_features.PRINTED, 10))
    report = lenet_features.experiment(Namespace(data="", trials=TRIALS, seed=0, points=80, epochs=4))
    points = PointSet(features.astype(np.float32))
    check_rows(report, lenet_features.PRINTED, points)
    em = ends(Lloyd(n_clusters=10, max_iterations=50), points)
    worst, jumped = (row[1].split()[0] for row in report.tables[1].rows)
    assert float(worst) == pytest.approx(em.max(), abs=1e-4)
    *_, end = iterate(Lloyd(n_clusters=10, max_iterations=50), points, seed=int(em.argmax()))
    (after,) = ends(SBE(n_clusters=10), PointSet(points.points, end.estimate()), [int(em.argmax())])
    assert float(jumped) == pytest.approx(after, abs=1e-4)
    assert "98.70 % right" in report.scale
    draw(report, tmp_path / "features.png")
    assert (tmp_path / "features.png").stat().st_size > 10_000


def test_the_best_of_ten_runs_of_k_means_plus_plus_is_a_row_of_its_own():
    points = PointSet(np.random.default_rng(0).standard_normal((40, 2)))
    once, best = compare(points, [(4, ONCE, "")], 2 * PEERS, seed=5)
    np.testing.assert_allclose(once.objectives, peers(points, 4, range(5, 5 + PEERS)), rtol=1e-9)
    np.testing.assert_array_equal(best.objectives, once.objectives.reshape(-1, 10).min(axis=1))
    assert best.seconds == 10 * once.seconds
    assert [row[1] for row in table([once, best]).rows] == ["k-means++", "k-means++, best of 10"]


def test_a_method_from_a_partition():
    points, started = PointSet(np.random.default_rng(0).standard_normal((400, 3))), from_partition(EM)
    assert started.start == "partition"
    (expected,) = ends(Lloyd(n_clusters=4, start="partition", max_iterations=50), points, [1])
    assert started.run(points, 4, 1) == pytest.approx(expected)

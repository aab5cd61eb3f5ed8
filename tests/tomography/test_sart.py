"""SART against its formula written out with matrices, and what it promises beside."""

import numpy as np
import pytest

from proxiscope import reconstruct
from proxiscope.core import Record, iterate
from proxiscope.physics.projectors import SingleAxisProjector
from proxiscope.physics.rotations import rotation_matrices
from proxiscope.simulate import tilt_series, vesicle
from proxiscope.tomography import SART, SIRT, TiltSeries, merge
from proxiscope.tomography.metrics import r_factor, real_space_error
from proxiscope.tomography.sart import far_apart
from tests.problems import small_series
from tests.projections import peak, project

DEPTH, ROWS, WIDTH = 11, 2, 9
ANGLES = np.array([-62.0, -41, -17, 3, 30, 44, 71])
TRUTH = vesicle((18, 20, 22))


def matrices():
    """The projector of one slice as a matrix (x, z x) for each tilt."""
    voxels = np.eye(DEPTH * WIDTH).reshape(-1, DEPTH, WIDTH).transpose(1, 0, 2)  # a slice along y for each voxel
    a = SingleAxisProjector(ANGLES, (DEPTH * WIDTH, WIDTH), voxels.shape)
    return project(a, voxels).transpose(0, 2, 1).astype(float)


def noisy_series(masked=False):
    rng = np.random.default_rng(0)
    projections = rng.normal(2, 1, (len(ANGLES), ROWS, WIDTH))
    return TiltSeries(projections, ANGLES, valid=rng.random(projections.shape) > 0.2 if masked else None)


def about_y(angles):
    angles = np.asarray(angles, float)
    return np.stack([0 * angles, angles, 0 * angles], axis=1)


def any_axes(tilts, seed=0):
    return np.random.default_rng(seed).uniform(-180, 180, (tilts, 3))


def run(algorithm, series):
    """Volume and figures."""
    record = Record(algorithm)
    for progress in iterate(algorithm, series):
        record.add(progress)
    return progress.estimate(), record.metrics()


@pytest.mark.parametrize("positivity", [True, False])
@pytest.mark.parametrize("at_once", [1, 3])
@pytest.mark.parametrize("masked", [False, True])
def test_each_tilt_corrects_the_volume_by_its_weighted_residual(positivity, at_once, masked):
    series, each = noisy_series(masked), matrices()
    order = far_apart(series.rotations)
    expected = np.zeros((DEPTH * WIDTH, ROWS))
    for _ in range(4):
        for tilts in np.array_split(order, -(-len(order) // at_once)):
            a = np.concatenate(each[tilts])
            b, valid = (np.concatenate(x[tilts].swapaxes(1, 2)) for x in (series.projections, series.valid))
            columns = a.sum(axis=0)[:, None]
            change = 0.7 * a.T @ (valid * (b - a @ expected) / a.sum(axis=1)[:, None])
            expected += np.divide(change, columns, out=np.zeros_like(change), where=columns > 1e-3 * columns.max())
            if positivity:
                expected = np.maximum(expected, 0)
    algorithm = SART(max_iterations=4, relaxation=0.7, tilts_at_once=at_once, depth=DEPTH, positivity=positivity)
    volume, _ = run(algorithm, series)
    expected = expected.reshape(DEPTH, WIDTH, ROWS).transpose(0, 2, 1)
    np.testing.assert_allclose(volume, expected, atol=2e-4 * np.abs(expected).max())


def test_all_tilts_at_once_make_it_sirt():
    series = small_series()
    volume, metrics = run(SART(max_iterations=6, relaxation=1, tilts_at_once=100), series)
    expected, expected_metrics = run(SIRT(max_iterations=6, relaxation=1), series)
    np.testing.assert_allclose(volume, expected, atol=1e-4 * expected.max())
    np.testing.assert_allclose(metrics["r_factor"], expected_metrics["r_factor"], rtol=1e-4)


@pytest.mark.parametrize(
    ("rotations", "least"),
    [(about_y(np.arange(-70, 70.1, 3.5)), 20), (about_y(np.arange(0, 180, 3)), 20), (any_axes(60), 20)],
    ids=["wedge", "half turn", "any axes"],
)
def test_tilts_that_follow_each_other_lie_far_apart(rotations, least):
    order = far_apart(rotations)
    assert sorted(order) == list(range(len(rotations)))
    np.testing.assert_array_equal(order, far_apart(rotations))
    beams = rotation_matrices(rotations[order])[:, :, 2]
    between = np.rad2deg(np.arccos(np.clip(np.abs((beams[1:] * beams[:-1]).sum(axis=1)), 0, 1)))
    assert between.min() > least
    assert between.mean() > 45


def test_the_same_tilt_measured_again_is_not_the_next_one():
    order = far_apart(about_y([0, 0, 180, 60, 120, 0])).tolist()
    assert order[0] == 0
    assert set(order[1:3]) == {3, 4}


def test_a_few_passes_do_what_takes_sirt_many_iterations():
    series = small_series()
    sart = run(SART(max_iterations=5), series)[1]["r_factor"]
    sirt = run(SIRT(max_iterations=25), series)[1]["r_factor"]
    assert sart[-1] < sirt[-1]


@pytest.mark.filterwarnings("ignore:projections. nothing was measured")
def test_held_out_and_empty_tilts_change_nothing():
    series = small_series()
    keep = np.ones(len(series.angles), bool)
    keep[[4, 9]] = False
    held_out = series.copy_with(held_out=np.arange(len(keep)) == 4)
    held_out = held_out.copy_with(projections=np.where(np.arange(len(keep)) == 9, 0, held_out.projections.T).T)
    algorithm = SART(max_iterations=3)
    volume, metrics = run(algorithm, held_out)
    np.testing.assert_allclose(volume, run(algorithm, series.subset(keep))[0], atol=1e-5)
    assert 0 < metrics["free_r_factor"][-1] < 1


def test_the_volume_stays_within_its_constraints():
    series = small_series()
    support = vesicle((24, 20, 24)) > 0
    for progress in iterate(SART(max_iterations=3), series.copy_with(support=support)):
        volume = progress.estimate()
        assert volume.min() >= 0
        assert not volume[~support].any()
    without = run(SART(max_iterations=3), series)[0]
    assert real_space_error(volume, vesicle((24, 20, 24))) < real_space_error(without, vesicle((24, 20, 24)))


@pytest.mark.parametrize("at_once", [1, 5])
@pytest.mark.parametrize("masked", [False, True])
def test_tilts_about_any_axes_with_shifts(at_once, masked):
    rng = np.random.default_rng(1)
    series = tilt_series(TRUTH, any_axes(30), shape=(24, 26), shifts=rng.uniform(-1, 1, (30, 2)))
    if masked:
        series = series.copy_with(valid=rng.random(series.shape) > 0.1)
    algorithm = SART(max_iterations=8, relaxation=1, tilts_at_once=at_once, depth=18, height=20, width=22)
    volume, metrics = run(algorithm, series)
    assert metrics["r_factor"][-1] < 0.08
    assert real_space_error(volume, TRUTH) < 0.25


def test_a_double_tilt_holds_tilts_about_y_beside_others():
    """Of which each on its own could be projected slice by slice, in another layout."""
    angles = np.arange(-60, 61, 10.0)
    series = merge(
        tilt_series(TRUTH, angles, shape=(22, 22)),
        tilt_series(TRUTH, np.add(about_y(angles), (90, 0, 0)), shape=(22, 22)),
    )
    volume, metrics = run(SART(max_iterations=8, depth=18, height=20), series)
    assert metrics["r_factor"][-1] < 0.1
    assert real_space_error(volume, TRUTH) < 0.35


@pytest.mark.parametrize("volume", [(3, 40, 40), (24, 28, 32), (20, 4, 30)])
def test_no_sub_step_is_too_long_about_any_axis(volume):
    """The largest eigenvalue of C A* R A, by power iteration, lies well below 2."""
    depth, height, width = volume
    series = TiltSeries(np.ones((12, 30, 34)), rotations=any_axes(12, seed=3))
    work = SART(depth=depth, height=height, width=width).prepare(series)
    for subset in work.subsets:
        u = np.random.default_rng(0).random(volume).astype(np.float32)
        for _ in range(40):
            u /= np.linalg.norm(u)
            u = subset.step * subset.projector.adjoint(subset.row_weights * subset.projector.forward(u))
        assert np.linalg.norm(u) < 1.55


@pytest.mark.parametrize(
    "rotations", [about_y(np.linspace(-60, 60, 20)), any_axes(20)], ids=["single axis", "any axes"]
)
@pytest.mark.parametrize(("rows", "width"), [(1, 96), (33, 96), (48, 48)])
@pytest.mark.parametrize("at_once", [1, 20])
def test_a_run_takes_no_more_memory_than_it_says(rotations, rows, width, at_once):
    rng = np.random.default_rng(0)
    projections = rng.random((20, rows, width))
    series = TiltSeries(projections, rotations=rotations, valid=rng.random(projections.shape) > 0.1)
    algorithm = SART(max_iterations=2, tilts_at_once=at_once)
    run(algorithm, series)  # compile first
    assert peak(lambda: run(algorithm, series)) < algorithm.memory(series)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "r_f", "error"),
    [(SART(), 30.5, 0.66), (SART(relaxation=0.5, max_iterations=10), 31.45, 0.72)],
    ids=["default", "ten passes"],
)
def test_on_the_experiment_of_the_thesis(thesis_series, thesis_vesicle, algorithm, r_f, error):
    """scikit-image's SART, whose ray weights favour the middle: 31.5 % and 0.651 in ten passes."""
    volume = reconstruct(algorithm, thesis_series).volume
    assert 100 * r_factor(volume, thesis_series, exact=True) == pytest.approx(r_f, abs=0.5)
    assert real_space_error(volume, thesis_vesicle) == pytest.approx(error, abs=0.02)

"""RESIRE with total variation against its formulas written out with matrices, and what it promises beside."""

import numpy as np
import pytest

from proxiscope import reconstruct
from proxiscope.core import Record, iterate
from proxiscope.core.threads import set_num_threads
from proxiscope.physics.projectors import SingleAxisProjector
from proxiscope.simulate import tilt_series, vesicle
from proxiscope.tomography import TVRESIRE, AcceleratedRESIRE, TiltSeries
from proxiscope.tomography.metrics import r_factor, real_space_error
from proxiscope.tomography.noise import noise_level
from proxiscope.tomography.resire_tv import _ROUNDS
from proxiscope.tomography.total_variation import proximal, total_variation
from tests.problems import small_series
from tests.projections import peak, project

SHAPE = (4, 3, 5)
ANGLES = np.array([-62.0, -41, -17, 3, 30, 44, 71])


def differences(shape):
    """Forward differences along z, y and x, zero where the volume ends, as a matrix (3 z y x, z y x)."""
    size = int(np.prod(shape))
    voxels = np.eye(size).reshape(-1, *shape)
    rows = [np.diff(voxels, axis=axis, append=np.take(voxels, [-1], axis=axis)) for axis in (1, 2, 3)]
    return np.stack(rows, axis=1).reshape(size, -1).T


def variation(u, d):
    return np.linalg.norm((d @ u).reshape(3, -1), axis=0).sum()


def ascent(v, p, scale, d, weights, inside, lowest, rounds):
    """u and p after rounds of dual gradient projection; vectors, weights of the voxels."""

    def primal():
        return np.where(inside, np.maximum(v - scale * weights * (d.T @ p), lowest), 0)

    for _ in range(rounds):
        p = p + d @ primal() / (12 * scale * weights.max())
        p = (p.reshape(3, -1) / np.maximum(1, np.linalg.norm(p.reshape(3, -1), axis=0))).ravel()
    return primal(), p


def noise(shape, seed=0, mean=0.5):
    return np.random.default_rng(seed).normal(mean, 1, shape).astype(np.float32)


def run(algorithm, series):
    """Volume and figures."""
    record = Record(algorithm)
    for progress in iterate(algorithm, series):
        record.add(progress)
    return progress.estimate(), record.metrics()


@pytest.mark.parametrize("shape", [SHAPE, (1, 6, 7), (6, 1, 5), (1, 1, 9)])
def test_the_total_variation_is_the_sum_of_the_moduli_of_the_gradient(shape):
    u = noise(shape)
    assert total_variation(u) == pytest.approx(variation(u.ravel().astype(float), differences(shape)), rel=1e-5)
    assert total_variation(np.ones(shape, np.float32)) == 0


@pytest.mark.parametrize("constrained", [False, True])
def test_the_dual_gradient_projection(constrained):
    """With weights that differ from voxel to voxel, begun from a dual that is not zero."""
    v, d = noise(SHAPE), differences(SHAPE)
    rng = np.random.default_rng(1)
    weights = rng.uniform(0.7, 1.3, (SHAPE[0], SHAPE[2])).astype(np.float32)
    support = rng.random(SHAPE) > 0.3 if constrained else None
    dual = 0.2 * noise((3, *SHAPE), 2)
    dual[0, -1], dual[1, :, -1], dual[2, :, :, -1] = 0, 0, 0  # as there are no differences
    each = np.broadcast_to(weights[:, None], SHAPE).ravel().astype(float)
    inside, lowest = (support.ravel(), 0) if constrained else (True, -np.inf)
    expected, p = ascent(v.ravel(), dual.ravel().astype(float), 0.4, d, each, inside, lowest, 7)
    u = proximal(v, dual, 0.4, weights=weights, support=support, positivity=constrained, rounds=7)
    np.testing.assert_allclose(u.ravel(), expected, atol=1e-5)
    np.testing.assert_allclose(dual.ravel(), p, atol=1e-5)


@pytest.mark.parametrize("constrained", [False, True])
def test_the_proximal_map_finds_the_least_objective(constrained):
    v, d = noise(SHAPE), differences(SHAPE)
    u = proximal(v, np.zeros((3, *SHAPE), np.float32), 0.3, positivity=constrained, rounds=3000).ravel().astype(float)

    def objective(u):
        return 0.5 * ((u - v.ravel()) ** 2).sum() + 0.3 * variation(u, d)

    rng = np.random.default_rng(3)
    for size in (1e-3, 1e-2, 0.1):
        for _ in range(50):
            other = u + size * rng.standard_normal(u.size)
            assert objective(np.maximum(other, 0) if constrained else other) > objective(u)
    assert (u.min() >= 0) == constrained


def test_without_weight_the_map_is_the_constraints_alone():
    v = noise(SHAPE)
    dual = np.zeros((3, *SHAPE), np.float32)
    np.testing.assert_array_equal(proximal(v, dual, 0.0, positivity=True), np.maximum(v, 0))
    assert not dual.any()


@pytest.mark.parametrize("positivity", [True, False])
def test_an_iteration_is_a_gradient_step_with_momentum_and_the_proximal_map(positivity):
    depth, rows, width = 11, 2, 9
    series = TiltSeries(np.random.default_rng(0).normal(2, 1, (len(ANGLES), rows, width)), ANGLES)
    algorithm = TVRESIRE(max_iterations=12, depth=depth, positivity=positivity, weight=0.5)
    work = algorithm.prepare(series)
    shape, weight = (depth, rows, width), 0.5 * work.noise
    voxels = np.eye(depth * rows * width).reshape(-1, *shape)
    single = SingleAxisProjector(ANGLES, (rows, width), shape)
    a = np.stack([project(single, voxel).ravel() for voxel in voxels], axis=1).astype(float)
    d, b = differences(shape), series.projections.ravel()
    weights = np.broadcast_to(work.weights[:, None], shape).ravel().astype(float)
    u, previous, p, t, last = np.zeros(a.shape[1]), np.zeros(a.shape[1]), np.zeros(3 * a.shape[1]), 1.0, np.inf
    begun_anew = 0
    for progress in iterate(algorithm, series):
        objective = 0.5 * ((a @ u - b) ** 2).sum() + weight * variation(u, d)
        if objective > 1.0001 * last:
            t, begun_anew = 1.0, begun_anew + 1
        last = objective
        after = (1 + np.sqrt(1 + 4 * t**2)) / 2
        ahead, t = u + (t - 1) / after * (u - previous), after
        v = ahead - work.step * weights * (a.T @ (a @ ahead - b))
        lowest = 0 if positivity else -np.inf
        previous = u
        u, p = ascent(v, p, work.step * weight, d, weights, True, lowest, _ROUNDS)
        np.testing.assert_allclose(progress.estimate().ravel(), u, atol=1e-3 * np.abs(u).max())
        assert progress.state.variation == pytest.approx(variation(u, d), rel=1e-3)


def test_the_weight_is_in_units_of_the_noise_of_the_back_projection():
    series = small_series()
    sigma = noise_level(series.projections)
    assert TVRESIRE().prepare(series).noise == pytest.approx(sigma * np.sqrt(len(series.angles)))
    half = series.copy_with(held_out=np.arange(len(series.angles)) % 2 == 1)
    assert TVRESIRE().prepare(half).noise == pytest.approx(sigma * np.sqrt(11), rel=0.1)
    clean = tilt_series(np.ones((12, 12, 12)), series.angles)
    assert TVRESIRE().prepare(clean).noise > 0
    tiny = TiltSeries(np.ones((2, 2, 2)), [0, 30])
    assert TVRESIRE().prepare(tiny).noise == pytest.approx(1e-3 * 2, rel=0.5)


def test_without_weight_it_is_accelerated_resire():
    series = small_series()
    expected, figures = run(AcceleratedRESIRE(max_iterations=20), series)
    volume, found = run(TVRESIRE(max_iterations=20, weight=0), series)
    np.testing.assert_allclose(volume, expected, atol=1e-4 * expected.max())
    np.testing.assert_allclose(found["r_factor"], figures["r_factor"], rtol=1e-4)


def test_the_objective_falls_to_where_it_stays():
    algorithm, series = TVRESIRE(max_iterations=150), small_series()
    values = []
    for progress in iterate(algorithm, series):
        state = progress.state
        values.append(0.5 * state.squares.sum() + algorithm.weight * state.work.noise * state.variation)
        assert progress.estimate().min() >= 0
    assert values[-1] == pytest.approx(min(values), rel=1e-4)
    assert values[-1] == pytest.approx(values[-50], rel=1e-3)


@pytest.mark.parametrize("level", [0.2, 1.0])
def test_it_comes_closer_to_an_object_of_uniform_parts(level):
    truth = vesicle((32, 24, 32))
    series = tilt_series(truth, np.arange(-60, 61, 5.0), noise=level)
    errors = [real_space_error(run(a(max_iterations=60), series)[0], truth) for a in (TVRESIRE, AcceleratedRESIRE)]
    assert errors[0] < 0.7 * errors[1]


def test_the_result_does_not_depend_on_the_number_of_threads():
    series, volumes = small_series(), []
    try:
        for threads in (1, 3):
            set_num_threads(threads)
            volumes.append(run(TVRESIRE(max_iterations=5), series)[0])
    finally:
        set_num_threads(0)
    np.testing.assert_array_equal(*volumes)


@pytest.mark.parametrize("projector", ["real-space", "fourier-slice"])
def test_tilts_about_any_axes_with_masks_and_a_support(projector):
    truth = vesicle((18, 20, 22))
    rng = np.random.default_rng(0)
    rotations, shifts = rng.uniform(-180, 180, (30, 3)), rng.uniform(-1, 1, (30, 2))
    series = tilt_series(truth, rotations, shape=(24, 26), shifts=shifts, noise=0.05)
    support = np.pad(truth > 0, 1)[:-2, 1:-1, 2:] | (truth > 0)
    series = series.copy_with(valid=rng.random(series.shape) > 0.1, support=support)
    volume, metrics = run(TVRESIRE(max_iterations=40, projector=projector), series)
    assert not volume[~support].any()
    assert metrics["r_factor"][-1] < 0.1
    assert real_space_error(volume, truth) < 0.2


@pytest.mark.parametrize("slices", [1, 9, 33])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("general", [False, True])
def test_a_run_takes_no_more_memory_than_it_says(slices, masked, general):
    rng = np.random.default_rng(0)
    projections = rng.random((20, slices, 96))
    angles = np.linspace(-60, 60, 20)
    series = TiltSeries(
        projections,
        rotations=np.stack([angles * 0.1 * general, angles, 0 * angles], axis=1),
        valid=rng.random(projections.shape) > 0.1 if masked else None,
    )
    algorithm = TVRESIRE(max_iterations=2)
    run(algorithm, series)  # compile first
    assert peak(lambda: run(algorithm, series)) < algorithm.memory(series)


@pytest.mark.slow
@pytest.mark.parametrize(("projector", "r_f", "error"), [("real-space", 30.4, 0.525), ("fourier-slice", 29.6, 0.539)])
def test_on_the_experiment_of_the_thesis(thesis_series, thesis_vesicle, projector, r_f, error):
    """Without total variation 0.609 and 0.584."""
    volume = reconstruct(TVRESIRE(projector=projector), thesis_series).volume
    assert 100 * r_factor(volume, thesis_series, exact=True) == pytest.approx(r_f, abs=0.5)
    assert real_space_error(volume, thesis_vesicle) == pytest.approx(error, abs=0.015)


@pytest.mark.slow
@pytest.mark.parametrize(("tilts", "level"), [(41, 0.2), (41, 1.0), (41, 3.0), (15, 1.0)])
def test_the_default_weight_suits_other_noise_and_fewer_tilts(tilts, level):
    truth = vesicle((64, 64, 64))
    series = tilt_series(truth, np.linspace(-60, 60, tilts), noise=level)
    errors = [real_space_error(reconstruct(TVRESIRE(weight=w), series).volume, truth) for w in (TVRESIRE().weight, 0)]
    assert errors[0] < 0.7 * errors[1]

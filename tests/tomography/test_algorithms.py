"""FBP, SIRT and RESIRE against their formulas written out on a tiny problem, and what they promise beside."""

from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from proxiscope.core import InputError, Record, iterate
from proxiscope.physics.projectors import BilinearSliceProjector, FourierSliceProjector, SingleAxisProjector
from proxiscope.simulate import tilt_series, vesicle
from proxiscope.tomography import FBP, RESIRE, SIRT, AcceleratedRESIRE, TiltSeries
from proxiscope.tomography.fbp import angular_widths, ramp
from proxiscope.tomography.metrics import r_factor
from proxiscope.tomography.resire import ResireSetup
from proxiscope.tomography.sirt import bounded_inverse, inverse
from tests.problems import small_series
from tests.projections import back_project, peak, project

PROJECTORS = {
    "real-space": SingleAxisProjector,
    "fourier-slice": FourierSliceProjector,
    "thesis": BilinearSliceProjector,
}
DEPTH, WIDTH, ROWS = 11, 9, 2
ANGLES = np.array([-62.0, -41, -17, 3, 30, 44, 71])
every_projector = pytest.mark.parametrize("projector", PROJECTORS)
with_and_without_positivity = pytest.mark.parametrize("positivity", [True, False])


def matrix(projector, angles=ANGLES, depth=DEPTH, width=WIDTH):
    """The projector of one slice as a matrix (tilt x, z x)."""
    voxels = np.eye(depth * width).reshape(-1, depth, width).transpose(1, 0, 2)  # a slice along y for each voxel
    a = PROJECTORS[projector](angles, (depth * width, width), voxels.shape)
    return project(a, voxels).transpose(0, 2, 1).reshape(-1, depth * width).astype(float)


def back_matrix(projector):
    """What it takes for the adjoint, as a matrix (z x, tilt x)."""
    pixels = len(ANGLES) * WIDTH
    a = PROJECTORS[projector](ANGLES, (pixels, WIDTH), (DEPTH, pixels, WIDTH))
    images = np.eye(pixels).reshape(pixels, -1, WIDTH).transpose(1, 0, 2)
    return back_project(a, images).transpose(0, 2, 1).reshape(-1, pixels).astype(float)


def noisy_series(valid=None):
    rng = np.random.default_rng(0)
    return TiltSeries(rng.normal(2, 1, (len(ANGLES), ROWS, WIDTH)), ANGLES, valid=valid)


def masked_series():
    return noisy_series(np.random.default_rng(1).random((len(ANGLES), ROWS, WIDTH)) > 0.2)


def slices(series, name):
    """Rows of data or mask as vectors (tilt x), float64, one for each slice."""
    return [getattr(series, name)[:, y].ravel().astype(float) for y in range(ROWS)]


def interpolation_counts():
    """How much of the detector each voxel's shadows meet, all tilts together, when pixels are interpolated."""
    z, x = np.mgrid[:DEPTH, :WIDTH] - np.array([DEPTH // 2, WIDTH // 2])[:, None, None]
    pixels = np.arange(WIDTH) - WIDTH // 2
    shadows = [x * np.cos(t) - z * np.sin(t) for t in np.deg2rad(ANGLES)]
    return sum(np.maximum(0, 1 - np.abs(v[..., None] - pixels)).sum(axis=-1) for v in shadows).ravel()


def run(algorithm, series):
    """Volume and R-factors."""
    volume, metrics = run_all(algorithm, series)
    return volume, metrics["r_factor"]


def run_all(algorithm, series):
    """Volume and all figures."""
    record = Record(algorithm)
    for progress in iterate(algorithm, series):
        record.add(progress)
    return progress.estimate(), record.metrics()


def descent(series, iterations, positivity, update, a):
    """u <- u + update(residual, valid) from u = 0, slice by slice; with it the R-factors."""
    volumes = [np.zeros(a.shape[1]) for _ in range(ROWS)]
    total = np.abs(series.projections).sum(axis=(1, 2), dtype=float)
    r_factors = []
    for _ in range(iterations):
        misfit = np.zeros(len(series.angles))
        for u, b, valid in zip(volumes, slices(series, "projections"), slices(series, "valid"), strict=True):
            u += update(valid * (a @ u - b), valid)
            if positivity:
                u[u < 0] = 0
            misfit += np.abs(valid * (a @ u - b)).reshape(len(series.angles), -1).sum(axis=1)
        r_factors.append((misfit / total).mean())
    return np.stack([u.reshape(DEPTH, WIDTH) for u in volumes], axis=1), r_factors


def step_of_the_thesis(a, projector, series):
    """1 / (n N_z) for each voxel; with rays, for projections that reach each voxel with weight one, as in eq. 3.8.

    Where pixels are missing it may be longer, up to the inverse of the largest eigenvalue.
    """
    step = 1 / (len(ANGLES) * DEPTH)
    weights = interpolation_counts() / a.sum(axis=0) if projector == "real-space" else np.ones(a.shape[1])
    if not series.valid.all():
        step = RESIRE(depth=DEPTH, projector=projector).prepare(series).step
        masked = [valid[:, None] * a * np.sqrt(weights) for valid in slices(series, "valid")]
        if projector != "thesis":
            assert 0.9 < step * max(np.linalg.norm(m, 2) ** 2 for m in masked) < 1
        assert step > 1.05 / (len(ANGLES) * DEPTH)
    return step * weights


@every_projector
@with_and_without_positivity
@pytest.mark.parametrize("series", [noisy_series(), masked_series()], ids=["all valid", "masked"])
def test_resire_is_gradient_descent_with_the_step_of_the_thesis(projector, positivity, series):
    a, b = matrix(projector), back_matrix(projector)
    algorithm = RESIRE(max_iterations=12, step_size=1.2, depth=DEPTH, projector=projector, positivity=positivity)
    volume, r_factors = run(algorithm, series)
    step = 1.2 * step_of_the_thesis(a, projector, series)
    expected, expected_r = descent(series, 12, positivity, lambda r, valid: -step * (b @ r), a)
    np.testing.assert_allclose(volume, expected, atol=2e-4 * np.abs(expected).max())
    np.testing.assert_allclose(r_factors, expected_r, rtol=1e-4)


@every_projector
@with_and_without_positivity
@pytest.mark.parametrize("series", [noisy_series(), masked_series()], ids=["all valid", "masked"])
def test_accelerated_resire_is_fista_that_begins_anew_when_the_misfit_rises(projector, positivity, series):
    a, b = matrix(projector), back_matrix(projector)
    step = step_of_the_thesis(a, projector, series)
    measured, valid = (slices(series, name) for name in ("projections", "valid"))

    def residuals(volumes):
        return [v * (a @ u - p) for u, p, v in zip(volumes, measured, valid, strict=True)]

    volumes = previous = [np.zeros(DEPTH * WIDTH)] * ROWS
    t, slowdown, misfits = 1.0, 1.0, [np.inf, np.square(residuals(volumes)).sum()]
    for _ in range(40):
        if misfits[-1] > 1.0001 * misfits[-2]:
            slowdown, t = slowdown * (1.5 if t < 2.5 else 1), 1.0
        momentum, t = (t - 1) / ((1 + np.sqrt(1 + 4 * t**2)) / 2), (1 + np.sqrt(1 + 4 * t**2)) / 2
        ahead = [u + momentum * (u - p) for u, p in zip(volumes, previous, strict=True)]
        changed = [u - step / slowdown * (b @ r) for u, r in zip(ahead, residuals(ahead), strict=True)]
        previous, volumes = volumes, [np.maximum(u, 0) if positivity else u for u in changed]
        misfits.append(np.square(residuals(volumes)).sum())

    algorithm = AcceleratedRESIRE(max_iterations=40, depth=DEPTH, projector=projector, positivity=positivity)
    found, metrics = run_all(algorithm, series)
    expected = np.stack([u.reshape(DEPTH, WIDTH) for u in volumes], axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())
    np.testing.assert_allclose(metrics["misfit"], np.sqrt(np.array(misfits[2:]) / series.valid.sum()), rtol=1e-4)


@with_and_without_positivity
@pytest.mark.parametrize("series", [noisy_series(), masked_series()], ids=["all valid", "masked"])
def test_sirt_weighs_the_residual_by_row_sums_and_its_back_projection_by_column_sums(positivity, series):
    a = matrix("real-space")
    rows = a.sum(axis=1)
    assert (rows > 1e-3 * rows.max()).all()

    def update(residual, valid):
        return -0.9 * (a.T @ (residual / rows)) / (a.T @ valid)

    algorithm = SIRT(max_iterations=12, relaxation=0.9, depth=DEPTH, positivity=positivity)
    volume, r_factors = run(algorithm, series)
    expected, expected_r = descent(series, 12, positivity, update, a)
    np.testing.assert_allclose(volume, expected, atol=2e-4 * np.abs(expected).max())
    np.testing.assert_allclose(r_factors, expected_r, rtol=1e-4)


def test_fbp_is_filter_weigh_and_smear():
    series = noisy_series()
    n, x = np.subtract.outer(np.arange(WIDTH), np.arange(WIDTH)), np.arange(WIDTH) - WIDTH // 2
    kernel = np.where(n % 2, -1 / (np.pi * np.where(n, n, 1)) ** 2, 0) + np.eye(WIDTH) / 4
    expected = np.zeros((DEPTH, ROWS, WIDTH))
    widths = angular_widths(ANGLES)
    for t, (angle, width) in enumerate(zip(np.deg2rad(ANGLES), widths, strict=True)):
        filtered = series.projections[t] @ kernel
        for z in range(DEPTH):
            at = x * np.cos(angle) - (z - DEPTH // 2) * np.sin(angle)
            for y in range(ROWS):
                padded = np.r_[0, filtered[y], 0]
                expected[z, y] += width * np.interp(at, np.arange(-1, WIDTH + 1) - WIDTH // 2, padded)
    volume, _ = run(FBP(depth=DEPTH), series)
    np.testing.assert_allclose(volume, expected, atol=1e-5)


def disc(size, radius, oversampling=8):
    """A disc about pixel size // 2, with the edge pixels partly filled."""
    at = (np.arange(size * oversampling) + 0.5) / oversampling - 0.5 - size // 2
    fine = np.hypot(at[:, None], at) < radius
    return fine.reshape(size, oversampling, size, oversampling).mean(axis=(1, 3))


@pytest.mark.parametrize("window", ["ram-lak", "shepp-logan", "cosine", "hann"])
@pytest.mark.parametrize(
    ("angles", "tolerance"),
    [(np.arange(0, 180, 2.0), 0.02), (np.linspace(-90, 90, 61), 0.02), (np.arange(0, 360, 4.0), 0.02),
     (np.random.default_rng(0).permutation(180)[:120], 0.04)],
    ids=["0 to 178", "-90 and 90", "full turn", "irregular"],
)  # fmt: skip
def test_fbp_gives_a_cylinder_its_density(window, angles, tolerance):
    size, radius = 49, 15
    cylinder = np.repeat(disc(size, radius)[:, None], 3, axis=1)
    series = TiltSeries(project(SingleAxisProjector(angles, (3, size)), cylinder), angles)
    volume, r_factors = run(FBP(filter=window), series)
    distance = np.hypot(*(np.indices((size, size)) - size // 2))
    inside = distance < radius - 3
    outside = (distance > radius + 3) & (distance < size // 2)
    for y in range(3):
        np.testing.assert_allclose(volume[:, y][inside], 1, atol=tolerance)
        assert abs(volume[:, y][outside].mean()) < 0.005
    assert r_factors[-1] < 0.06


def test_fbp_of_an_analytic_projection_has_the_right_scale():
    chord = 2 * np.sqrt(np.maximum(20.0**2 - (np.arange(64) - 32) ** 2, 0))
    angles = np.arange(0, 180, 2.0)
    volume, _ = run(FBP(), TiltSeries(np.broadcast_to(chord, (90, 2, 64)), angles))
    assert volume[24:41, :, 24:41].mean() == pytest.approx(1, abs=0.01)


def test_the_windows_go_from_sharp_to_smooth():
    filters = [ramp(64, window) for window in ("ram-lak", "shepp-logan", "cosine", "hann")]
    frequency = np.arange(33) / 64
    np.testing.assert_allclose(filters[0], frequency, atol=0.01)
    for sharper, smoother in pairwise(filters):
        assert (smoother[1:] < sharper[1:]).all()
    assert filters[3][-1] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("angles", "degrees"),
    [
        (np.arange(0, 180, 30), [30] * 6),
        (np.arange(90, -90, -30), [30] * 6),
        ([0, 90, 30, 60, 150, 120], [30] * 6),
        (np.arange(-60, 61, 3), [3] * 41),
        ([-60, -59, -57, -40, -20, 0, 20, 40, 57, 60], [1, 1.5, 9.5, 18.5, 20, 20, 20, 18.5, 10, 3]),
        ([0, 10, 30, 60, 100, 140], [25, 15, 25, 35, 40, 40]),
        ([-90, -45, 0, 45, 90], [22.5, 45, 45, 45, 22.5]),
        ([0, 0, 0, 90], [30, 30, 30, 90]),
        ([-1e-9, 60, 120, 180], [30, 60, 60, 30]),
        ([0, 60, 120, 180, 240, 300], [30] * 6),
        ([170, 175, 180, 185, 190], [5] * 5),
        ([5], [180]),
        ([5, 5, 185], [60] * 3),
    ],
)  # fmt: skip
def test_angular_widths(angles, degrees):
    np.testing.assert_allclose(np.rad2deg(angular_widths(np.array(angles, float))), degrees, atol=1e-5)


@pytest.mark.parametrize(
    "algorithm",
    [FBP(), SIRT(max_iterations=8), RESIRE(max_iterations=8), AcceleratedRESIRE(max_iterations=8)],
    ids=lambda a: a.name,
)
def test_what_masked_pixels_hold_changes_nothing(algorithm):
    rng = np.random.default_rng(2)
    plain = small_series()
    valid = rng.random(plain.shape) > 0.1
    volumes = []
    for fill in (0, 1e6, np.nan, -np.inf):
        spoilt = np.where(valid, plain.projections, fill)
        volumes.append(run(algorithm, TiltSeries(spoilt, plain.angles, valid=valid))[0])
    for volume in volumes[1:]:
        np.testing.assert_array_equal(volume, volumes[0])
    assert not np.array_equal(run(algorithm, plain)[0], volumes[0])


@pytest.mark.parametrize(
    "algorithm",
    [SIRT(max_iterations=60), RESIRE(max_iterations=60), AcceleratedRESIRE(max_iterations=15)],
    ids=lambda a: a.name,
)
def test_masked_pixels_are_unknown_rather_than_zero(algorithm):
    """A bar over the object in every projection: taken for zero, it would cut the object."""
    truth = vesicle((24, 12, 24))
    series = tilt_series(truth, np.arange(-80, 81, 5.0))
    valid = np.ones(series.shape, bool)
    for t in range(len(valid)):
        valid[t, :, (3 * t) % 20 : (3 * t) % 20 + 4] = False
    errors = [
        np.abs(run(algorithm, s)[0] - truth).sum() / truth.sum()
        for s in (
            series,
            TiltSeries(series.projections, series.angles, valid=valid),
            TiltSeries(series.projections * valid, series.angles),
        )
    ]
    assert errors[1] < 1.3 * errors[0]
    assert errors[2] > 1.5 * errors[0]


@pytest.mark.filterwarnings("ignore:projections. nothing was measured")
@pytest.mark.parametrize(
    "algorithm",
    [
        FBP(),
        SIRT(max_iterations=5),
        *[RESIRE(max_iterations=5, projector=p) for p in PROJECTORS],
        AcceleratedRESIRE(max_iterations=5),
    ],
    ids=["fbp", "sirt", *[f"resire {p}" for p in PROJECTORS], "accelerated"],
)
def test_an_empty_tilt_is_left_out(algorithm):
    series = small_series()
    keep = np.arange(series.shape[0]) != 8
    with_gap = TiltSeries(np.where(keep[:, None, None], series.projections, np.nan), series.angles)
    without = TiltSeries(series.projections[keep], series.angles[keep])
    (found, found_r), (expected, expected_r) = run(algorithm, with_gap), run(algorithm, without)
    np.testing.assert_allclose(found, expected, atol=1e-4 * expected.max())
    np.testing.assert_allclose(found_r, expected_r, rtol=1e-4)


MAKERS = {
    "fbp": FBP,
    "sirt": SIRT,
    **{f"resire {p}": partial(RESIRE, projector=p) for p in PROJECTORS},
    "accelerated": AcceleratedRESIRE,
}
every_maker = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())


@pytest.mark.parametrize("depth", [1, 5, 12, 16, 30])
@every_maker
def test_the_volume_may_be_thinner_or_thicker_than_the_detector_is_wide(make, depth):
    truth = np.zeros((depth, 6, 16))
    truth[(depth - 1) // 2 : depth // 2 + 1, 1:5, 5:10] = 1
    angles = np.arange(-30, 31, 5.0)
    series = TiltSeries(project(SingleAxisProjector(angles, (6, 16), truth.shape), truth), angles)
    volume, r_factors = run(make(depth=depth), series)
    assert volume.shape == truth.shape
    assert np.isfinite(volume).all()
    if make is not FBP:  # too few tilts for that one
        assert r_factors[-1] < 0.12
        assert volume[truth > 0].mean() > 3 * volume[truth == 0].mean()


@pytest.mark.parametrize(("width", "columns"), [(12, 20), (20, 12)])
@every_maker
def test_the_volume_may_be_wider_or_narrower_than_the_detector(make, width, columns):
    truth = np.zeros((10, 3, width))
    truth[4:7, :, 5:9] = 1
    angles = np.arange(-80, 81, 5.0)
    series = TiltSeries(project(SingleAxisProjector(angles, (3, columns), truth.shape), truth), angles)
    volume, r_factors = run(make(depth=10, width=width), series)
    assert volume.shape == truth.shape
    if make is not FBP:
        assert r_factors[-1] < 0.12
        assert volume[truth > 0].mean() > 5 * volume[truth == 0].mean()


def test_by_default_the_volume_is_as_thick_as_the_detector_is_wide():
    for algorithm in (FBP(), SIRT(max_iterations=1), RESIRE(max_iterations=1)):
        assert run(algorithm, small_series())[0].shape == (24, 20, 24)


def steep():
    """Rays that cross a thin volume over much more than its depth, on which the step of eq. 3.8 counts."""
    return TiltSeries(np.random.default_rng(0).random((6, 4, 40)), np.array([-86.0, -85, -84, 84, 85, 86]))


@every_projector
@pytest.mark.parametrize("cls", [RESIRE, AcceleratedRESIRE])
def test_a_step_that_is_too_long_is_shortened_instead_of_diverging(cls, projector, monkeypatch):
    monkeypatch.setattr(ResireSetup, "depth", lambda work: work.volume[0])
    algorithm = cls(max_iterations=60, depth=2, projector=projector, positivity=False)
    squares = [p.state.squares.sum() for p in iterate(algorithm, steep())]
    *_, last = iterate(algorithm, steep())
    assert max(squares) > 1.001 * squares[0]  # it did rise at first
    assert (last.state.slowdown > 1).all()
    assert squares[-1] < 0.5 * squares[0]
    assert squares[-1] == pytest.approx(min(squares), rel=0.01)


@every_projector
def test_through_a_thin_volume_the_step_is_as_long_as_the_rays_allow(projector):
    algorithm = RESIRE(max_iterations=60, depth=2, projector=projector, positivity=False)
    work = algorithm.prepare(steep())
    a = matrix(projector, steep().angles, 2, 40)
    if projector == "real-space":
        a = a * np.sqrt(work.weights.ravel())
    if projector != "thesis":
        assert 1.9 < 2 * work.step * np.linalg.norm(a, 2) ** 2 < 2
    squares = [p.state.squares.sum() for p in iterate(algorithm, steep())]
    if projector != "thesis":
        assert (np.diff(squares) <= 0).all()
    assert squares[-1] < 0.95 * squares[0]


@pytest.mark.parametrize(("rise", "slowdown"), [(3, 1.5), (1.5, 1.5), (1.001, 1.5), (1.00005, 1), (0.5, 1)])
def test_resire_shortens_its_step_once_the_misfit_has_risen(rise, slowdown):
    algorithm, series = RESIRE(), small_series()
    state = algorithm.init(series, 0)
    state.previous_squares = state.squares / rise
    algorithm.descend(algorithm.workspace(series, state), state)
    assert (state.slowdown == slowdown).all()


def test_a_step_that_fits_is_left_alone():
    *_, progress = iterate(RESIRE(max_iterations=30), small_series())
    assert (progress.state.slowdown == 1).all()


def test_the_misfit_is_the_root_mean_square_over_usable_pixels():
    series = masked_series()
    volume, metrics = run_all(RESIRE(max_iterations=4, depth=DEPTH), series)
    a = matrix("real-space")
    residual = np.stack([(a @ volume[:, y].ravel()).reshape(-1, WIDTH) for y in range(ROWS)], 1) - series.projections
    assert metrics["misfit"][-1] == pytest.approx(np.sqrt(np.mean(residual[series.valid] ** 2)), rel=1e-5)


@pytest.mark.parametrize("cls", [SIRT, RESIRE, AcceleratedRESIRE])
def test_positivity_keeps_the_volume_non_negative_all_along(cls):
    for progress in iterate(cls(max_iterations=5), small_series()):
        assert progress.estimate().min() >= 0
    assert run(cls(max_iterations=5, positivity=False), small_series())[0].min() < 0


@pytest.mark.parametrize("algorithm", [FBP(), RESIRE(projector="thesis"), AcceleratedRESIRE(projector="thesis")])
@pytest.mark.parametrize("triple", [(1, 10, 0), (0, 10, 0.5)])
def test_what_takes_a_single_axis_only_refuses_tilts_about_others_with_what_to_do(algorithm, triple):
    rotations = [(0, a, 0) for a in ANGLES]
    rotations[3] = triple
    series = TiltSeries(np.ones((len(ANGLES), ROWS, WIDTH)), rotations=rotations)
    with pytest.raises(InputError, match=f"rotations: tilts about z or x.* {algorithm.name} takes a single tilt axis"):
        iterate(algorithm, series)
    shifted = TiltSeries(np.ones((len(ANGLES), ROWS, WIDTH)), ANGLES, shifts=np.ones((len(ANGLES), 2)))
    with pytest.raises(InputError, match="tilts about z or x, shifts, or a volume of another height"):
        iterate(algorithm, shifted)
    with pytest.raises(InputError, match="a volume of another height"):
        iterate(replace(algorithm, height=ROWS + 1), noisy_series())


def test_rotations_about_y_are_as_good_as_angles():
    series = small_series()
    same = TiltSeries(series.projections, rotations=[(0, a, 0) for a in series.angles])
    np.testing.assert_array_equal(run(SIRT(max_iterations=3), same)[0], run(SIRT(max_iterations=3), series)[0])


@pytest.mark.parametrize("exact", [False, True])
def test_the_r_factor_is_the_mean_over_tilts(exact):
    series = masked_series()
    a = matrix("fourier-slice" if exact else "real-space")
    volume = np.random.default_rng(3).random((DEPTH, ROWS, WIDTH))
    projected = np.stack([(a @ volume[:, y].ravel()).reshape(-1, WIDTH) for y in range(ROWS)], axis=1)
    misfit = np.abs(projected - series.projections)
    each = [misfit[t][series.valid[t]].sum() / np.abs(series.projections[t]).sum() for t in range(len(ANGLES))]
    assert r_factor(volume, series, exact=exact) == pytest.approx(np.mean(each), rel=1e-4)


def test_the_handedness_is_that_of_the_stated_geometry():
    """A point at (z, x) lies at x cos t - z sin t; its mirror image would come out of flipped angles."""
    truth = np.zeros((15, 2, 15))
    truth[3, :, 11] = 1
    series = tilt_series(truth, ANGLES)
    for projector in PROJECTORS:
        volume, _ = run(RESIRE(max_iterations=100, projector=projector), series)
        assert np.unravel_index(volume[:, 0].argmax(), (15, 15)) == (3, 11)


@pytest.mark.parametrize("iterations", [5, 50])
def test_resire_draws_no_line_along_the_tilt_axis(iterations):
    x = np.arange(128) - 64
    shadow = np.broadcast_to(2 * np.sqrt(np.maximum(20.0**2 - x**2, 0)), (77, 2, 128))
    series = TiltSeries(shadow, np.arange(-76, 77, 2.0))
    volume, _ = run(RESIRE(max_iterations=iterations), series)
    across = volume[64, 0, 60:69]
    assert abs(across[4] / np.median(across) - 1) < 0.02


@pytest.mark.parametrize("slices", [1, 9, 17, 33])
@every_maker
def test_a_run_takes_no_more_memory_than_it_says_whatever_the_number_of_slices(make, slices):
    rng = np.random.default_rng(0)
    series = TiltSeries(rng.random((20, slices, 96)), np.linspace(-60, 60, 20))
    algorithm = make() if make is FBP else make(max_iterations=2)
    run(algorithm, series)  # compile first
    assert peak(lambda: run(algorithm, series)) < algorithm.memory(series)


def test_sums_of_weights_are_inverted_where_a_ray_meets_something():
    sums = np.array([[0.0, 0.003, 2.0, 4.0]], np.float32)
    np.testing.assert_allclose(inverse(sums), [[0, 0, 0.5, 0.25]])


def test_sums_of_weights_that_may_cancel_count_as_a_tenth_of_the_largest_and_as_one_voxel():
    np.testing.assert_allclose(bounded_inverse(np.array([-3, 0.5, 4, 40], np.float32)), [1 / 4, 1 / 4, 1 / 4, 1 / 40])
    np.testing.assert_allclose(bounded_inverse(np.array([-3, 0.5, 2, 5], np.float32)), [1, 1, 1 / 2, 1 / 5])

"""Films that go on beyond the field of view, and partly blocked projections."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from proxiscope import load, reconstruct
from proxiscope.core import InputError
from proxiscope.physics.projectors import projector
from proxiscope.simulate import film, tilt_series, vesicle
from proxiscope.tomography import RESIRE, SIRT, AcceleratedRESIRE, TiltSeries
from proxiscope.tomography.angle_refinement import AngleRefinement
from proxiscope.tomography.film import STEEPEST, around, resized, whole_rays
from proxiscope.tomography.metrics import r_factor, real_space_error, residuals
from proxiscope.tomography.resire import ResireSetup

DEPTH, ROWS, COLUMNS, BORDER = 14, 16, 40, 4
ANGLES = np.arange(-68, 69, 4.0)
METHODS = [RESIRE(max_iterations=40), AcceleratedRESIRE(max_iterations=12), SIRT(max_iterations=40)]
each_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)


def series_of(rotations, shape, shifts=None):
    """A tilt series without noise or sense."""
    rotations = np.asarray(rotations, float)
    if rotations.ndim == 1:
        rotations = np.stack([0 * rotations, rotations, 0 * rotations], axis=1)
    return TiltSeries(np.ones((len(rotations), *shape)), rotations=rotations, shifts=shifts)


def turned(tilts, seed=0):
    """Euler triples of all kinds that stay within 70 degrees of the beam."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.uniform(0, 360, tilts), rng.uniform(-65, 65, tilts), rng.uniform(-20, 20, tilts)], axis=1)


def columns_of(volume, count):
    """The middle columns of a wide volume."""
    first = volume.shape[2] // 2 - count // 2
    return volume[:, :, first : first + count]


@pytest.fixture(scope="module")
def truth():
    return film((DEPTH, ROWS, 170), DEPTH, seed=1)


@pytest.fixture(scope="module")
def series(truth):
    return tilt_series(truth, ANGLES, shape=(ROWS, COLUMNS), noise=0.2, seed=2)


@pytest.fixture(scope="module")
def seen(truth):
    """The part of the film that the detector sees at no tilt."""
    return columns_of(truth, COLUMNS)


def test_the_phantom_is_a_slab_that_reaches_to_the_ends():
    density = film((20, 30, 90), 11, seed=4)
    filled = density.min(axis=(1, 2)) > 0
    assert filled.tolist() == [5 <= z < 16 for z in range(20)]
    assert not density[~filled].any()
    assert density[filled].min() == pytest.approx(0.2)
    assert 0.5 < density.max() <= 1
    np.testing.assert_array_equal(density, film((20, 30, 90), 11, seed=4))
    assert (density != film((20, 30, 90), 11, seed=5)).any()


def marched(rotation, shift, shape, volume, slack):
    """Rays that are inside the volume, made wider by `slack`, at every small step between its surfaces."""
    nz, ny, nx = volume
    v, u, s = np.meshgrid(*(np.arange(n) - n // 2 for n in shape), np.arange(-50, 50, 0.1), indexing="ij")
    turn = Rotation.from_euler("ZYX", rotation, degrees=True).as_matrix()
    x, y, z = np.tensordot(turn, [u - shift[1], v - shift[0], s], axes=1)
    between = (z > -(nz // 2) - 0.5) & (z < nz - 0.5 - nz // 2)
    inside = [(at > -(n // 2) - slack) & (at < n - 1 - n // 2 + slack) for at, n in ((x, nx), (y, ny))]
    return (~between | (inside[0] & inside[1])).all(axis=2)


@pytest.mark.parametrize("volume", [(8, 30, 33), (5, 17, 40)])
def test_whole_rays_are_those_inside_at_every_step(volume):
    rotations = np.concatenate([turned(6), [(0, 60, 0), (90, -50, 0), (0, 0, 0)]])
    shifts = np.random.default_rng(1).uniform(-3, 3, (len(rotations), 2))
    found = whole_rays(series_of(rotations, (12, 15), shifts), volume)
    assert 0.1 < found.mean() < 0.9
    for whole, rotation, shift in zip(found, rotations, shifts, strict=True):
        assert not (marched(rotation, shift, (12, 15), volume, -0.2) & ~whole).any()
        assert not (whole & ~marched(rotation, shift, (12, 15), volume, 0.2)).any()


def test_whole_rays_add_up_to_what_a_far_wider_film_gives():
    angles, narrow, wide = np.arange(-72, 73, 4.0), (11, 4, 50), (11, 4, 400)
    whole = whole_rays(series_of(angles, (4, 40)), narrow)
    sums = []
    for volume in (narrow, wide):
        a = projector("real-space", series_of(angles, (4, 40)).rotations, (4, 40), volume)
        sums.append(a.unpack_projections(a.forward(a.pack_volume(np.ones(volume)))))
    np.testing.assert_allclose(sums[0][whole], sums[1][whole], rtol=2e-3)
    assert (sums[0] < 0.998 * sums[1])[~whole].mean() > 0.9


def test_rays_along_the_film_are_never_whole():
    assert not whole_rays(series_of([90.0, -90], (6, 6)), (5, 100, 100)).any()


@pytest.mark.parametrize("rotations", [np.arange(-58, 59, 7.0), turned(12), np.array([(90.0, 40, 0), (0, -55, 0)])])
def test_the_volume_around_is_the_smallest_that_holds_all_rays(rotations):
    series = series_of(rotations, (9, 14))
    kept = series.subset(
        np.abs(np.cos(np.deg2rad(series.rotations[:, 1:])).prod(axis=1)) > np.cos(np.deg2rad(STEEPEST))
    )
    nz, ny, nx = volume = around(kept, (7, 9, 14))
    assert whole_rays(kept, volume).all()
    assert nx == 14 or not whole_rays(kept, (nz, ny, nx - 1)).all()
    assert ny == 9 or not whole_rays(kept, (nz, ny - 1, nx)).all()


def test_one_tilt_axis_needs_no_height_and_steep_tilts_no_more_width():
    up_to_60 = around(series_of(np.arange(-60, 61, 3.0), (17, 64)), (24, 17, 64))
    assert up_to_60 == (24, 17, 172)
    steep = series_of(np.arange(-75, 76, 3.0), (17, 64))
    assert around(steep, (24, 17, 64)) == up_to_60
    assert whole_rays(steep, up_to_60)[0].any(axis=0).sum() == 21
    only_steep = series_of([70.0, 75], (17, 64))
    assert whole_rays(only_steep, around(only_steep, (24, 17, 64)))[0].all()


@pytest.mark.parametrize("small", [(3, 4, 5), (4, 5, 6)])
@pytest.mark.parametrize("large", [(5, 8, 9), (4, 9, 10)])
def test_another_size_keeps_the_centre(small, large):
    volume = np.zeros(large)
    volume[tuple(n // 2 for n in large)] = 1
    cut = resized(volume, small)
    assert cut.shape == small
    assert cut[tuple(n // 2 for n in small)] == 1
    values = np.arange(np.prod(small)).reshape(small)
    grown = resized(values, large)
    assert grown.shape == large
    np.testing.assert_array_equal(resized(grown, small), values)
    assert grown[0, 0, 0] == values[0, 0, 0]
    assert grown[-1, -1, -1] == values[-1, -1, -1]
    assert resized(values, (2, 9, 5)).shape == (2, 9, 5)
    assert resized(values, small) is values


def test_the_depth_of_a_film_must_be_given(series):
    with pytest.raises(InputError, match="depth: 0 for a film") as caught:
        reconstruct(RESIRE(film=True), series)
    assert caught.value.field == "depth"


@each_method
def test_a_film_comes_in_the_size_asked_for(series, method):
    quick = replace(method, max_iterations=2, depth=DEPTH, film=True)
    assert reconstruct(quick, series).volume.shape == (DEPTH, ROWS, COLUMNS)
    assert reconstruct(replace(quick, width=60, height=10), series).volume.shape == (DEPTH, 10, 60)
    assert quick.memory(series) > replace(quick, film=False).memory(series)


def border_figures(volume, truth):
    """Error everywhere, and the brightness of the border over the truth's."""
    border = [np.concatenate([v[..., :BORDER], v[..., -BORDER:]], axis=-1).mean() for v in (volume, truth)]
    return real_space_error(volume, truth), border[0] / border[1]


@each_method
def test_the_border_artefact_is_there_without_film_and_not_with_it(series, seen, method):
    error, brightness = border_figures(reconstruct(replace(method, depth=DEPTH), series).volume, seen)
    assert error > 0.7
    assert brightness > 1.6
    result = reconstruct(replace(method, depth=DEPTH, film=True), series)
    error, brightness = border_figures(result.volume, seen)
    assert error < 0.24
    assert brightness == pytest.approx(1, abs=0.05)
    assert result.r_factor < 0.04
    assert r_factor(result.volume, series, film=True) < 0.05
    assert r_factor(result.volume, series) > 0.15  # the field of view alone does not explain the steep tilts


@each_method
def test_a_wider_volume_is_not_better(series, seen, method):
    """All rays of all tilts, in a volume half as wide again."""
    wide = replace(method, depth=DEPTH, width=143)
    every_ray = columns_of(reconstruct(wide, series).volume, COLUMNS)
    ours = reconstruct(replace(method, depth=DEPTH, film=True), series).volume
    assert real_space_error(ours, seen) < 1.05 * real_space_error(every_ray, seen)


def test_held_out_tilts_tell_the_depth(series):
    held_out = series.hold_out(6)
    free = {}
    for depth in (DEPTH - 4, DEPTH - 2, DEPTH, DEPTH + 3, DEPTH + 6):
        result = reconstruct(SIRT(max_iterations=30, depth=depth, film=True), held_out)
        free[depth] = result.metrics["free_r_factor"][-1]
    assert min(free, key=free.get) == DEPTH


def test_a_support_goes_on_with_the_film(series, seen):
    """Two slices too many below, which the support takes away."""
    support = np.ones((DEPTH + 4, ROWS, COLUMNS), bool)
    support[:2] = support[-2:] = False
    result = reconstruct(RESIRE(max_iterations=40, film=True), series.copy_with(support=support))
    assert result.volume.shape == support.shape
    assert not result.volume[~support].any()
    assert real_space_error(result.volume[2:-2], seen) < 0.25


def test_two_tilt_axes(seen):
    """Films under tilts about y and about x, by the projector of any rotation."""
    truth, angles = film((DEPTH, 130, 130), DEPTH, seed=1), np.arange(-60, 61, 6.0)
    rotations = np.concatenate([np.stack([0 * angles + phi, angles, 0 * angles], axis=1) for phi in (0, 90)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        series = tilt_series(truth, rotations, shape=(30, 30), noise=0.2, seed=2)
    seen = truth[:, 50:80, 50:80]
    errors = [
        border_figures(reconstruct(RESIRE(max_iterations=40, depth=DEPTH, film=is_film), series).volume, seen)
        for is_film in (False, True)
    ]
    assert errors[0][0] > 0.7
    assert errors[1][0] < 0.22
    assert errors[1][1] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("rotations", [ANGLES, np.stack([ANGLES, ANGLES, 5 + 0 * ANGLES], axis=1)])
def test_steps_are_stable_on_films(truth, rotations):
    series = series_of(rotations, (ROWS, COLUMNS))
    rng = np.random.default_rng(0)
    series = series.copy_with(projections=rng.random(series.shape))
    for method in (RESIRE(max_iterations=30, step_size=2.0), AcceleratedRESIRE(max_iterations=30)):
        for positivity in (True, False):
            states = []
            run = replace(method, depth=DEPTH, film=True, positivity=positivity)
            result = reconstruct(run, series, callback=lambda p, states=states: states.append(p.state.slowdown.max()))
            assert states[-1] == 1
            if method.name == "resire":
                assert (np.diff(result.metrics["misfit"]) < 1e-6).all()


def test_angles_can_be_refined_on_a_film(truth):
    right = tilt_series(truth, ANGLES[2:-2], shape=(ROWS, COLUMNS), noise=0.1, seed=2)
    errors = np.random.default_rng(0).normal(0, 1, len(right.angles))
    refine = AngleRefinement(rounds=6, steps=15, depth=DEPTH, film=True, refine="tilt")
    result = reconstruct(refine, right.copy_with(angles=right.angles + errors))
    assert result.volume.shape == (DEPTH, ROWS, COLUMNS)
    assert (result.products["rotations"][:, 1] - right.angles).std() < 0.5 * errors.std()
    with pytest.raises(InputError, match="depth: 0 for a film"):
        reconstruct(replace(refine, depth=0), right)


# Partly blocked projections


def bars(shape, rng):
    """A bar across each projection, somewhere else in each."""
    y, x = np.indices(shape[1:]) - np.array(shape[1:])[:, None, None] // 2
    turns, places = rng.uniform(0, np.pi, (shape[0], 1, 1)), rng.uniform(-0.3, 0.3, (shape[0], 1, 1)) * shape[2]
    return np.abs(np.cos(turns) * x + np.sin(turns) * y - places) > shape[2] / 10


BLOCKED = {
    "bars": bars,
    "a third at random": lambda shape, rng: rng.random(shape) > 0.3,
    "most at random": lambda shape, rng: rng.random(shape) > 0.7,
}
each_block = pytest.mark.parametrize("kind", BLOCKED)


@pytest.fixture(scope="module", params=["one axis", "Euler triples"])
def open_series(request):
    """A vesicle's projections, all of them usable, and the vesicle."""
    truth = vesicle((24, 24, 24), seed=3)
    angles = np.arange(-68, 69, 4.0)
    if request.param != "one axis":
        rng = np.random.default_rng(1)
        angles = np.stack([rng.uniform(0, 180, len(angles)), angles, rng.uniform(-20, 20, len(angles))], axis=1)
    return tilt_series(truth, angles, noise=0.1, seed=1), truth


@each_block
@each_method
def test_blocked_pixels_do_not_count(open_series, method, kind):
    series, truth = open_series
    method = replace(method, max_iterations=2 * method.max_iterations)
    usable = BLOCKED[kind](series.shape, np.random.default_rng(2))
    with_nan = series.copy_with(projections=np.where(usable, series.projections, np.nan))
    with_mask = series.copy_with(projections=np.where(usable, series.projections, 1e3), valid=usable)
    with_zeros = series.copy_with(projections=np.where(usable, series.projections, 0))
    volumes = [reconstruct(method, s).volume for s in (series, with_nan, with_mask, with_zeros)]
    unblocked, ours, masked, zero_filled = (real_space_error(v, truth) for v in volumes)
    np.testing.assert_array_equal(volumes[1], volumes[2])
    assert ours == masked
    assert ours < (1.25, 1.25, 2.1)[list(BLOCKED).index(kind)] * unblocked
    assert ours < 0.5 * zero_filled


@each_block
def test_the_residual_counts_usable_pixels_only(open_series, kind):
    series, _ = open_series
    usable = BLOCKED[kind](series.shape, np.random.default_rng(2))
    blocked = series.copy_with(projections=np.where(usable, series.projections, np.nan))
    result = reconstruct(RESIRE(max_iterations=5), blocked)
    a = projector("real-space", series.rotations, series.shape[1:])
    projected = a.unpack_projections(a.forward(a.pack_volume(result.volume)))
    misfit, total = (
        np.where(usable, np.abs(v), 0).sum(axis=(1, 2)) for v in (projected - series.projections, series.projections)
    )
    assert result.r_factor == pytest.approx((misfit / total).mean(), rel=1e-4)
    np.testing.assert_allclose(residuals(result.volume, blocked), misfit / total, rtol=1e-4)


@each_block
@pytest.mark.parametrize("positivity", [True, False])
def test_the_misfit_falls_all_the_way_with_the_longest_step(open_series, kind, positivity):
    series, _ = open_series
    usable = BLOCKED[kind](series.shape, np.random.default_rng(2))
    blocked = series.copy_with(valid=usable)
    result = reconstruct(RESIRE(max_iterations=40, step_size=2.0, positivity=positivity), blocked)
    assert (np.diff(result.metrics["misfit"]) < 0).all()
    state = []
    reconstruct(
        AcceleratedRESIRE(max_iterations=40, positivity=positivity), blocked, callback=lambda p: state.append(p.state)
    )
    assert state[-1].slowdown.max() == 1


@pytest.mark.parametrize("kind", [None, *BLOCKED])
def test_the_step_fits_the_pixels_that_there_are(kind):
    """The depth that stands for N_z is the largest eigenvalue of a slice's weighted A* A over the number of tilts."""
    series = series_of(ANGLES, (3, 12))
    if kind is not None:
        series = series.copy_with(valid=BLOCKED[kind](series.shape, np.random.default_rng(0)))
    setup = ResireSetup(series, (5, 3, 20), "real-space", False)
    a = projector("real-space", series.rotations, (3, 12), (5, 3, 20))
    columns = []
    for i in range(100):
        voxels = np.zeros((100, 3), np.float32)
        voxels[i] = 1
        columns.append(a.unpack_projections(a.forward(a.pack_volume(voxels.reshape(5, 20, 3).transpose(0, 2, 1)))))
    weights = setup.weights.ravel()
    largest = []
    for y in range(3):
        matrix = np.array([c[:, y].ravel() for c in columns], float).T * series.valid[:, y].reshape(-1, 1)
        largest.append(np.abs(np.linalg.eigvals(weights[:, None] * (matrix.T @ matrix))).max())
    assert 1.02 < setup.depth() * setup.tilts / max(largest) < 1.06


# Larger


@pytest.mark.slow
@each_method
@pytest.mark.parametrize(("depth", "columns", "steepest"), [(24, 64, 69), (32, 64, 75), (12, 96, 75)])
def test_larger_films(method, depth, columns, steepest):
    angles = np.arange(-steepest, steepest + 1, 3.0)
    slope = np.tan(np.deg2rad(steepest))
    truth = film((depth, 32, int(columns * np.hypot(1, slope) + depth * slope) + 20), depth, seed=1)
    series = tilt_series(truth, angles, shape=(32, columns), noise=0.3, seed=2)
    seen = columns_of(truth, columns)
    naive, ours = (
        border_figures(reconstruct(replace(method, depth=depth, film=is_film), series).volume, seen)
        for is_film in (False, True)
    )
    assert naive[1] > 1.7
    assert ours[0] < 0.27
    assert ours[0] < 0.5 * naive[0]
    assert ours[1] == pytest.approx(1, abs=0.05)


@pytest.fixture(scope="module")
def example(shared_data):
    """A film of atoms in layers, 45 slices about the centre; the truth is not known."""
    stack = shared_data("aet_resire_film_example/example_projections.mat")
    return load(stack, angles=shared_data("aet_resire_film_example/angles.mat"))


@pytest.mark.slow
@pytest.mark.parametrize("method", [RESIRE(max_iterations=100), SIRT(max_iterations=100)], ids=["resire", "sirt"])
def test_the_film_of_the_authors(example, method):
    naive, ours = (reconstruct(replace(method, depth=45, film=is_film), example) for is_film in (False, True))
    border, inside = (
        [np.concatenate([r.volume[..., :4], r.volume[..., -4:]], axis=-1).mean() for r in (naive, ours)],
        [r.volume[..., 4:-4].mean() for r in (naive, ours)],
    )
    assert naive.r_factor > 0.25
    assert ours.r_factor < 0.01
    assert border[0] / inside[0] > 1.4
    assert border[1] / inside[1] == pytest.approx(1, abs=0.06)


@pytest.mark.slow
def test_the_depth_of_the_authors_film(example):
    """It reaches from 18 slices above the centre to 22 below."""
    held_out = example.hold_out(8)
    free = {}
    for depth in (41, 43, 45, 48, 52):
        result = reconstruct(RESIRE(max_iterations=100, depth=depth, film=True), held_out)
        free[depth] = result.metrics["free_r_factor"][-1]
    assert min(free, key=free.get) == 45

"""Tilts about any axes, shifts, supports, films and held-out tilts: what goes beyond a single axis and a full box."""

from dataclasses import replace

import numpy as np
import pytest

from proxiscope.core import InputError, Record, iterate
from proxiscope.physics.projectors import (
    BilinearSliceProjector,
    FourierSliceProjector,
    GeneralFourierSliceProjector,
    GeneralProjector,
    SingleAxisProjector,
    projector,
)
from proxiscope.simulate import tilt_series, vesicle
from proxiscope.tomography import FBP, RESIRE, SART, SIRT, TVRESIRE, AcceleratedRESIRE, TiltSeries, merge
from proxiscope.tomography.film import whole_rays
from proxiscope.tomography.metrics import free_r_factor, r_factor, real_space_error
from tests.problems import small_series
from tests.projections import blobs, peak

ITERATIVE = {
    "sirt": SIRT(max_iterations=60),
    "resire": RESIRE(max_iterations=60),
    "resire exact": RESIRE(max_iterations=60, projector="fourier-slice"),
    "accelerated": AcceleratedRESIRE(max_iterations=15),
    "accelerated exact": AcceleratedRESIRE(max_iterations=15, projector="fourier-slice"),
}
every_iterative = pytest.mark.parametrize("algorithm", ITERATIVE.values(), ids=ITERATIVE.keys())
TRUTH = vesicle((18, 20, 22))
ANGLES = np.arange(-60, 61, 8.0)
ABOUT_Y = np.stack([0 * ANGLES, ANGLES, 0 * ANGLES], axis=1)
ABOUT_X = np.add(ABOUT_Y, (90, 0, 0))


def run(algorithm, series):
    """Volume and figures."""
    record = Record(algorithm)
    for progress in iterate(algorithm, series):
        record.add(progress)
    return progress.estimate(), record.metrics()


def error(algorithm, series, truth=TRUTH):
    return real_space_error(run(algorithm, series)[0], truth)


@pytest.mark.parametrize(
    ("kind", "single", "general"),
    [
        ("real-space", SingleAxisProjector, GeneralProjector),
        ("fourier-slice", FourierSliceProjector, GeneralFourierSliceProjector),
        ("thesis", BilinearSliceProjector, None),
    ],
)
def test_the_projector_is_that_of_a_single_axis_where_it_can_be(kind, single, general):
    assert type(projector(kind, ABOUT_Y, (20, 22))) is single
    assert type(projector(kind, ABOUT_Y, (20, 22), (5, 20, 30), np.zeros((len(ANGLES), 2)))) is single
    if general:
        assert type(projector(kind, ABOUT_X, (20, 22))) is general
        assert type(projector(kind, ABOUT_Y, (20, 22), shifts=np.full((len(ANGLES), 2), 0.1))) is general
        assert type(projector(kind, ABOUT_Y, (20, 22), (5, 21, 22))) is general


@every_iterative
def test_tilts_about_any_axes_are_reconstructed(algorithm):
    rng = np.random.default_rng(0)
    rotations = np.stack([rng.uniform(-180, 180, 30), rng.uniform(-90, 90, 30), rng.uniform(-30, 30, 30)], axis=1)
    series = tilt_series(TRUTH, rotations, shape=(24, 26))
    volume, metrics = run(replace(algorithm, depth=18, height=20, width=22), series)
    assert volume.shape == TRUTH.shape
    assert metrics["r_factor"][-1] < 0.08
    assert real_space_error(volume, TRUTH) < 0.4


@every_iterative
def test_two_axes_are_better_than_one(algorithm):
    """As many projections, but a missing pyramid instead of a missing wedge."""
    algorithm = replace(algorithm, depth=18)
    shape = 22, 22
    truth = vesicle((18, 22, 22))
    one = tilt_series(truth, np.linspace(-60, 60, 2 * len(ANGLES)), shape=shape)
    two = merge(tilt_series(truth, ABOUT_Y, shape=shape), tilt_series(truth, ABOUT_X, shape=shape))
    assert error(algorithm, two, truth) < 0.93 * error(algorithm, one, truth)


@every_iterative
def test_shifts_are_undone(algorithm):
    algorithm = replace(algorithm, depth=18, height=20, width=22)
    shifts = np.random.default_rng(1).uniform(-3, 3, (len(ANGLES), 2))
    shape = 28, 30  # room for all
    still, shifted = (tilt_series(TRUTH, ABOUT_Y, shape=shape, shifts=s) for s in (None, shifts))
    ignored = shifted.copy_with(shifts=None)
    errors = [error(algorithm, series) for series in (still, shifted, ignored)]
    assert errors[1] < (1.02 if algorithm.kind == "fourier-slice" else 1.1) * errors[0]
    assert errors[2] > 1.3 * errors[0]


@every_iterative
def test_the_support_decides_the_volume_and_what_lies_outside_is_zero(algorithm):
    support = np.pad(vesicle((14, 16, 18)) > 0, 1)
    truth = np.pad(vesicle((14, 16, 18)), 1)
    free = tilt_series(truth, ANGLES, shape=(18, 24))
    held = free.copy_with(support=support)
    volume, _ = run(algorithm, held)
    assert volume.shape == support.shape
    assert not volume[~support].any()
    assert volume[support].max() > 0
    unbound = replace(algorithm, depth=16, width=20)
    assert real_space_error(volume, truth) < error(unbound, free, truth)
    with pytest.raises(InputError, match="width: 21, and the support has 20"):
        iterate(replace(algorithm, width=21), held)


def test_filtered_back_projection_keeps_to_the_support_too():
    support = np.zeros((10, 20, 14), bool)
    support[2:7, 3:9, 4:11] = True
    volume, _ = run(FBP(), small_series().copy_with(support=support))
    assert volume.shape == support.shape
    assert volume[support].any()
    assert not volume[~support].any()


@every_iterative
def test_held_out_tilts_are_not_seen_and_give_a_free_r_factor(algorithm):
    series = small_series().hold_out(5)
    seen = series.subset(~series.held_out)
    spoilt = series.copy_with(projections=np.where(series.held_out[:, None, None], 7, series.projections))
    volume, metrics = run(algorithm, series)
    np.testing.assert_array_equal(run(algorithm, spoilt)[0], volume)
    expected, expected_metrics = run(algorithm, seen)
    np.testing.assert_allclose(volume, expected, atol=1e-3 * expected.max())
    np.testing.assert_allclose(metrics["r_factor"], expected_metrics["r_factor"], rtol=1e-3)
    np.testing.assert_allclose(metrics["misfit"], expected_metrics["misfit"], rtol=1e-3)
    assert "free_r_factor" not in expected_metrics
    exact = algorithm.kind == "fourier-slice"
    assert metrics["free_r_factor"][-1] == pytest.approx(free_r_factor(volume, series, exact=exact), rel=2e-4)
    assert metrics["r_factor"][-1] == pytest.approx(r_factor(volume, series, exact=exact), rel=2e-4)
    assert metrics["free_r_factor"][-1] > metrics["r_factor"][-1]


@pytest.mark.parametrize("cls", [SIRT, RESIRE, AcceleratedRESIRE])
@pytest.mark.parametrize("masked", [False, True], ids=["all valid", "masked"])
def test_slices_do_not_affect_each_other(cls, masked):
    """Two halves, each a block of slices, come out as in the whole, to the last bit."""
    rng = np.random.default_rng(0)
    scale = np.where(np.arange(64) < 32, 1, 30)[:, None]
    projections = scale * (np.abs(rng.standard_normal((7, 64, 14))) + rng.random((7, 1, 1)))
    valid = rng.random((7, 32, 14)) > 0.1 * masked
    valid = np.concatenate([valid, valid], axis=1)
    angles = np.array([-62.0, -41, -17, 3, 30, 44, 71])
    algorithm = cls(max_iterations=40, depth=16)
    whole, _ = run(algorithm, TiltSeries(projections, angles, valid=valid))
    for half in (slice(0, 32), slice(32, 64)):
        part, _ = run(algorithm, TiltSeries(projections[:, half], angles, valid=valid[:, half]))
        np.testing.assert_array_equal(part, whole[:, half])


@pytest.mark.parametrize("rotations", [ABOUT_Y, ABOUT_X, np.add(ABOUT_Y, (20, 0, 5))], ids=["y", "x", "others"])
def test_whole_rays_are_those_that_cross_both_faces(rotations):
    """Marked by the sums of a volume and of the same with more around: rays that stay inside do not see the rest."""
    shape, volume = (20, 24), (6, 17, 20)
    inside = whole_rays(TiltSeries(np.ones((len(rotations), *shape)), rotations=rotations), volume)
    film = np.ones((6, 97, 100), np.float32)
    part = film[:, 40:57, 40:60]
    seen, whole = (
        a.forward(a.pack_volume(v)) for v in (part, film) for a in [GeneralProjector(rotations, shape, v.shape)]
    )
    missing = whole - seen > 0.1 * whole
    assert inside.any()
    assert not (inside & missing).any()
    assert inside.sum() > 0.85 * (~missing).sum()


@every_iterative
def test_a_film_is_better_off_without_the_rays_that_it_goes_on_along(algorithm):
    wide = blobs(6, 20, 64, radius=2) + 0.3
    series = tilt_series(wide, ANGLES, shape=(20, 30))
    truth = wide[..., 17:47]
    algorithm = replace(algorithm, depth=6)
    plain, film = (error(replace(algorithm, film=f), series, truth) for f in (False, True))
    assert film < 0.8 * plain


@every_iterative
def test_a_film_that_no_ray_passes_through_is_refused(algorithm):
    series = TiltSeries(np.ones((2, 4, 10)), [-90.0, 90.0])
    with pytest.raises(InputError, match="film: no ray passes wholly through the volume"):
        list(iterate(replace(algorithm, film=True, depth=6), series))


@every_iterative
def test_a_run_takes_no_more_memory_than_it_says(algorithm):
    rng = np.random.default_rng(0)
    triples = rng.uniform(-90, 90, (20, 3))
    valid = rng.random((20, 24, 40)) > 0.1
    support = np.ones((30, 28, 44), bool)
    series = TiltSeries(
        rng.random(valid.shape), rotations=triples, valid=valid, support=support, shifts=triples[:, :2] / 30
    )
    algorithm = replace(algorithm, max_iterations=2)
    run(algorithm, series)  # compile first
    assert peak(lambda: run(algorithm, series)) < algorithm.memory(series)


@every_iterative
def test_an_object_turned_with_its_tilts_gives_the_same_volume_turned(algorithm):
    """By 90 degrees about the beam: tilts about x instead of y. Odd sides, whose centre stays where it is."""
    truth = vesicle((15, 17, 17))
    turned = np.rot90(truth, axes=(2, 1))  # y' = x, x' = -y
    about_y = np.add(ABOUT_Y, (0, 0, 1e-6))  # by the same projector
    one, other = (run(algorithm, tilt_series(v, r))[0] for v, r in ((truth, about_y), (turned, ABOUT_X)))
    np.testing.assert_allclose(np.rot90(other, axes=(1, 2)), one, atol=0.02 * one.max())


@pytest.mark.parametrize(
    ("shape", "rotations", "size"),
    [
        ((1, 12, 23), [(61.4, 26.5, 10.4)], (4, 15, 8)),
        ((3, 9, 23), [(159.2, 23.2, 40.9), (-48.6, 76.9, 0), (-142, -10.7, -6.7)], (5, 19, 13)),
    ],
)
def test_sirt_converges_although_some_weights_are_negative(shape, rotations, size):
    """Signed row and column sums alone bound nothing: these two diverged."""
    algorithm = SIRT(max_iterations=300, positivity=False, **dict(zip(("depth", "height", "width"), size, strict=True)))
    misfit = [p.metrics["misfit"] for p in iterate(algorithm, TiltSeries(np.ones(shape), rotations=rotations))]
    assert np.diff(misfit).max() <= 1e-6 * misfit[0]


@pytest.mark.parametrize("cls", [SIRT, RESIRE, AcceleratedRESIRE, SART, TVRESIRE])
def test_a_tilt_that_misses_the_volume_stops_nothing(cls):
    shifts = np.zeros((3, 2))
    shifts[1] = 0, 60
    rotations = [(5, -40, 0), (0, 10, 3), (0, 50, 0)]
    series = TiltSeries(np.random.default_rng(0).random((3, 12, 16)), rotations=rotations, shifts=shifts)
    volume = list(iterate(cls(max_iterations=3), series))[-1].estimate()
    assert np.isfinite(volume).all()
    assert volume.any()


def test_merging_series_with_the_same_tilts_is_announced():
    series = small_series()
    with pytest.warns(UserWarning, match="in-plane"):
        merge(series, series)


def test_one_mask_stands_for_all_tilts():
    series = small_series()
    image = np.arange(24) > 3
    mask = np.broadcast_to(image, series.shape[1:])
    assert (TiltSeries(series.projections, series.angles, valid=mask).valid == mask).all()

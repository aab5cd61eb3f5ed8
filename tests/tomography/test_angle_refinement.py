"""Refinement of tilts and shifts, against series whose true geometry is known."""

import warnings

import mrcfile
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from proxiscope import reconstruct
from proxiscope.core import iterate
from proxiscope.core.checkpoint import load_checkpoint, save_checkpoint
from proxiscope.physics.rotations import rotation_matrices
from proxiscope.simulate import tilt_series
from proxiscope.tomography import AcceleratedRESIRE, AngleRefinement
from proxiscope.tomography.metrics import r_factor, real_space_error

ANGLES = np.arange(-70, 70.1, 3.5)


def about_y(angles):
    return np.stack([0 * angles, angles, 0 * angles], axis=1)


def remaining(found, shifts, series):
    """Errors of the geometry of `series` but for a turn and a shift of the whole object, which no data can tell.

    Root mean squares about the detector's x, y and z (degrees) and along y and x (pixels); with the turn (3, 3) and the
    shifts (tilt, 2) that bring the found object to where the true one stands.
    """
    true, found = rotation_matrices(series.rotations), rotation_matrices(found)
    turn = Rotation.from_matrix(true @ found.transpose(0, 2, 1)).mean().as_matrix()
    vectors = Rotation.from_matrix((turn @ found).transpose(0, 2, 1) @ true).as_rotvec(degrees=True)
    along = np.stack([found[:, :, 1], found[:, :, 0]], axis=1)  # (tilt, (y, x), object)
    off = series.shifts - shifts
    offset = np.linalg.lstsq(along.reshape(-1, 3), off.ravel(), rcond=None)[0]
    return np.sqrt((vectors**2).mean(axis=0)), np.sqrt(((off - along @ offset) ** 2).mean(axis=0)), turn, along @ offset


def refined_series(result, series):
    """The measured series with the refined geometry, turned and shifted back to where the true object stands."""
    *_, turn, offsets = remaining(result.products["rotations"], result.products["shifts"], series)
    matrices = turn @ rotation_matrices(result.products["rotations"])
    rotations = Rotation.from_matrix(matrices).as_euler("ZYX", degrees=True)
    return series.copy_with(rotations=rotations, shifts=result.products["shifts"] + offsets)


def grains(size, count=40):
    """Small balls all over a larger one, which show every turn."""
    rng = np.random.default_rng(0)
    at = np.indices((size,) * 3).astype(np.float32) - size // 2
    volume = np.zeros((size,) * 3, np.float32)
    for centre in 0.36 * size * rng.uniform(-1, 1, (count, 3)) / np.sqrt(2):
        volume += np.exp(-((at - centre[:, None, None, None]) ** 2).sum(axis=0) / (2 * 1.3**2))
    return volume


def series_of_grains(noise=0.0):
    """A series of grains, tilts off by a degree and projections by a pixel; and the series as it is believed."""
    rng = np.random.default_rng(3)
    angles = np.arange(-66, 67, 6.0)
    true = about_y(angles) + rng.normal(0, 1, (len(angles), 3))
    series = tilt_series(grains(32), true, shifts=rng.normal(0, 1, (len(angles), 2)), noise=noise)
    return series, series.copy_with(rotations=about_y(angles), shifts=None)


@pytest.fixture(scope="module")
def misaligned():
    return series_of_grains()


def test_geometry_comes_back_from_a_degree_and_a_pixel(misaligned):
    series, believed = misaligned
    result = reconstruct(AngleRefinement(rounds=12), believed)
    turns, shifts, *_ = remaining(result.products["rotations"], result.products["shifts"], series)
    before, shifts_before, *_ = remaining(believed.rotations, believed.shifts, series)
    assert (turns < 0.5 * before).all()
    assert (shifts < 0.1).all()
    assert (shifts_before > 0.7).all()
    assert result.r_factor < 0.35 * result.metrics["r_factor"][49]


def test_the_whole_does_not_wander(misaligned):
    """What the refinement gains over the given geometry has no common turn and no common shift."""
    _, believed = misaligned
    result = reconstruct(AngleRefinement(rounds=3, steps=10), believed)
    *_, turn, offsets = remaining(result.products["rotations"], result.products["shifts"], believed)
    assert Rotation.from_matrix(turn).magnitude() < np.deg2rad(0.01)
    assert np.abs(offsets).max() < 0.05


def test_the_r_factor_is_that_of_the_refined_geometry(misaligned):
    _, believed = misaligned
    algorithm = AngleRefinement(rounds=3, steps=10)
    for progress in iterate(algorithm, believed):
        series = algorithm.series(believed, progress.state)
        assert progress.metrics["r_factor"] == pytest.approx(r_factor(progress.estimate(), series), rel=1e-4)


def test_it_ends_when_the_r_factor_falls_no_longer():
    series, _ = series_of_grains(noise=0.5)
    result = reconstruct(AngleRefinement(rounds=60, steps=10, patience=2), series)
    lowest = np.minimum.accumulate(result.metrics["r_factor"][9::10])
    idle = lowest[1:] >= 0.9995 * lowest[:-1]
    assert len(lowest) < 60
    assert idle[-2:].all()
    assert not (idle[:-2] & idle[1:-1]).any()


def test_chosen_angles_alone_are_refined(misaligned):
    _, believed = misaligned
    options = {"rounds": 2, "steps": 5}
    none = reconstruct(AngleRefinement(refine="shifts", **options), believed).products
    np.testing.assert_allclose(none["rotations"], believed.rotations, atol=1e-9)
    assert np.abs(none["shifts"]).max() > 0.1
    tilt = reconstruct(AngleRefinement(refine="tilt", **options), believed).products["rotations"] - believed.rotations
    assert np.abs(tilt[:, 1]).max() > 0.1
    assert np.abs(tilt[:, [0, 2]]).max() < 1e-9


def test_masked_pixels_do_not_steer(misaligned):
    series, believed = misaligned
    valid = np.random.default_rng(0).random(series.shape) > 0.2
    spoilt = np.where(valid, series.projections, np.nan)
    one, other = (
        reconstruct(AngleRefinement(rounds=3, steps=5), believed.copy_with(projections=p, valid=v)).products
        for p, v in ((spoilt, None), (series.projections + 5 * ~valid, valid))
    )
    np.testing.assert_array_equal(one["rotations"], other["rotations"])


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.0, 0.265])
def test_the_thesis_vesicle(shared_data, noise):
    """Tilts off by 1 degree about each axis and 1 pixel: below 0.2 of either, and the volume as good within 5 %."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the file has no machine stamp
        stored = mrcfile.read(shared_data("dissertation_vesicle/vesicle.mrc"))
    truth = np.ascontiguousarray(stored.transpose(2, 1, 0))
    rng = np.random.default_rng(1)
    true = about_y(ANGLES) + rng.normal(0, 1, (len(ANGLES), 3))
    series = tilt_series(truth, true, shifts=rng.normal(0, 1, (len(ANGLES), 2)), noise=noise)
    result = reconstruct(AngleRefinement(), series.copy_with(rotations=about_y(ANGLES), shifts=None))
    turns, shifts, *_ = remaining(result.products["rotations"], result.products["shifts"], series)
    assert (turns < 0.2).all()
    assert (shifts < 0.2).all()
    best, found = (
        real_space_error(reconstruct(AcceleratedRESIRE(max_iterations=100), s).volume, truth)
        for s in (series, refined_series(result, series))
    )
    assert found < 1.05 * best


@pytest.mark.filterwarnings("ignore:projections. ")
def test_a_dead_tilt_of_zeros_is_as_one_of_nan(misaligned):
    """It has nothing to be moved by; the others must not be dragged along."""
    series, _ = misaligned
    dead = np.arange(series.shape[0]) == 8
    zeros, nan = (
        reconstruct(
            AngleRefinement(rounds=3, steps=5),
            series.copy_with(projections=np.where(dead[:, None, None], fill, series.projections), valid=None),
        ).products["rotations"]
        for fill in (0, np.nan)
    )
    np.testing.assert_allclose(zeros, nan, atol=1e-6)
    assert np.abs(zeros - series.rotations)[dead].max() < 0.5


def test_a_run_with_held_out_tilts_can_be_taken_up_again(misaligned, tmp_path):
    _, believed = misaligned
    series, algorithm = believed.hold_out(6), AngleRefinement(rounds=3, steps=5)
    whole = reconstruct(algorithm, series)
    for progress in iterate(algorithm, series):
        if progress.iteration == 8:  # in the middle of the second round, with tilts that have moved
            break
    save_checkpoint(tmp_path / "run.h5", algorithm, progress.state)
    loaded, state = load_checkpoint(tmp_path / "run.h5")
    *_, last = iterate(loaded, series, state=state)
    np.testing.assert_array_equal(last.estimate(), whole.volume)

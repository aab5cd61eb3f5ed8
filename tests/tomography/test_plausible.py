"""What speaks against a tilt series: said of spoilt ones, and of no good one."""

import time
import warnings
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxiscope.core import Record, iterate
from proxiscope.io.load import load
from proxiscope.io.series import turn
from proxiscope.simulate import sample_tilt_series, tilt_series, vesicle
from proxiscope.tomography import RESIRE
from proxiscope.tomography.plausible import axes_hint, doubts
from tests.problems import small_series

FEPT, FILM = "genfire_workshop_fept", "aet_resire_film_example"
GOOD = {  # name: file of the projections, and of the angles where they lie apart
    "vesicle": ("dissertation_vesicle/vesicle_projections.mat", None),
    "needle": ("etspy_haadf_needle/HAADF.mrc", None),
    "aligned needle": ("etspy_haadf_needle/HAADF_Aligned.hspy", None),
    "film": (f"{FILM}/example_projections.mat", f"{FILM}/angles.mat"),
    "FePt": (f"{FEPT}/projections_FePt.mat", f"{FEPT}/angles.mat"),
    "noisy FePt": (f"{FEPT}/projections_FePt_noisy.mat", f"{FEPT}/angles.mat"),
    "FePt behind a wedge": (f"{FEPT}/projections_FePt_mw.mat", f"{FEPT}/angles_mw.mat"),
    "misaligned FePt": (f"{FEPT}/projections_FePt_misaligned.mat", f"{FEPT}/angles.mat"),
    "lattice about two axes": ("resire_v_vector/proj_lattice_noisy.mat", "resire_v_vector/ang_lattice_noisy.mat"),
}
ALIGNED = ["vesicle", "film", "FePt", "noisy FePt", "FePt behind a wedge"]
MADE = {
    "sample": sample_tilt_series,
    "small": small_series,
    "full turn": lambda: tilt_series(vesicle((48, 48, 48)), np.arange(0, 360, 4.0), noise=0.2),
    "five tilts": lambda: tilt_series(vesicle((48, 48, 48)), [-60, -30, 0, 30, 60], noise=0.2),
    "golden angle": lambda: tilt_series(vesicle((48, 48, 48)), np.arange(60) * 111.246 % 180, noise=0.2),
    "one slice": lambda: tilt_series(vesicle((48, 1, 80)), np.arange(-60, 61, 3.0), noise=0.1),
}


@pytest.fixture(scope="module")
def series_of(shared_data):
    """``series_of(name)``: projections, rotations and valid of a series of `GOOD` or `MADE`."""
    read = {}

    def of(name):
        if name not in read:
            if name in MADE:
                series = MADE[name]()
            else:
                file, angles = GOOD[name]
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    series = load(shared_data(file), angles=None if angles is None else shared_data(angles))
            read[name] = series.projections, series.rotations, series.valid
        return read[name]

    return of


@cache
def slab(noise=0.0, normalised=False, size=64, seed=0):
    """Projections of grains in a slab that is wider than the field of view and absorbs, as in cryo-tomography."""
    rng, angles = np.random.default_rng(seed), np.arange(-60, 61, 3.0)
    x, y, z = (rng.uniform(-1, 1, 1500) * extent for extent in (2 * size, size / 2, 12))
    at = np.arange(size) - size // 2
    in_y = spot(at[:, None] - y)
    images = []
    for t in np.deg2rad(angles):
        grains = in_y @ spot(at[:, None] - x * np.cos(t) + z * np.sin(t)).T
        images.append(10 * np.exp(-0.7 / np.cos(t)) * (1 - 0.2 * (grains - grains.mean()) / grains.std()))
    images = np.array(images)
    images += rng.normal(0, noise, images.shape) * images.std(axis=(1, 2)).mean()
    if normalised:
        images -= images.mean(axis=(1, 2), keepdims=True)
        images /= images.std(axis=(1, 2), keepdims=True)
    return images.astype(np.float32), about_y(angles)


def spot(distance):
    return np.exp(-np.minimum(distance**2, 80) / 4)


def about_y(angles):
    return np.stack([np.zeros_like(angles), angles, np.zeros_like(angles)], axis=1)


def spoilt(projections, tilts, images):
    projections = projections.copy()
    projections[tilts] = images
    return projections


def acquired(angles):
    """Indices into sorted angles in the dose-symmetric order of Hagen et al. (2017): 0, 3, -3, -6, 6, 9, ..."""
    zero = int(np.abs(angles).argmin())
    sides, order, take = [list(range(zero + 1, len(angles))), list(range(zero - 1, -1, -1))], [zero], 1
    while sides[0] or sides[1]:
        order += sides[0][:take]
        sides, take = [sides[1], sides[0][take:]], 2
    return np.array(order)


def only(found, *parts):
    """The one doubt in which the parts occur."""
    chosen = [text for text in found if all(part in text for part in parts)]
    assert len(chosen) == 1, found
    return chosen[0]


@pytest.mark.parametrize("name", [*GOOD, *MADE])
def test_nothing_is_said_of_a_good_series(series_of, name):
    assert doubts(*series_of(name)) == []


@pytest.mark.parametrize("name", [*GOOD, *MADE])
def test_nothing_is_said_of_a_good_series_in_the_order_of_acquisition(series_of, name):
    projections, rotations, valid = series_of(name)
    order = acquired(rotations[:, 1])
    assert doubts(projections[order], rotations[order], valid[order]) == []
    assert doubts(projections[::-1], rotations[::-1], valid[::-1]) == []


@pytest.mark.parametrize("noise", [0, 1, 3, 10])
@pytest.mark.parametrize("normalised", [False, True])
def test_nothing_is_said_of_a_slab_that_leaves_the_field_of_view(noise, normalised):
    assert doubts(*slab(noise, normalised)) == []


def test_nothing_is_said_where_edges_are_masked():
    projections, rotations = slab()
    valid = np.ones(projections.shape, bool)
    for tilt, angle in enumerate(np.abs(rotations[:, 1])):
        valid[tilt, :, : int(max(0, angle - 45))] = False
    assert doubts(projections * valid, rotations, valid) == []


def test_nothing_is_said_of_noise_alone():
    """It has no likeness that could be missing."""
    for seed in range(20):
        noise = np.random.default_rng(seed).standard_normal((41, 40, 40)).astype(np.float32)
        assert doubts(noise, about_y(np.arange(-60, 61, 3.0))) == []


@pytest.mark.parametrize("name", [*GOOD, "sample"])
def test_radians(series_of, name):
    projections, rotations, valid = series_of(name)
    text = only(doubts(projections, np.deg2rad(rotations), valid), "numpy.rad2deg")
    assert text.startswith("rotations: " if rotations[:, [0, 2]].any() else "angles: ")


@pytest.mark.parametrize("angles", [np.arange(-3, 4), np.arange(-4, 5), [0.0] * 9])
def test_few_or_far_or_equal_angles_are_no_radians(angles):
    found = doubts(np.ones((len(angles), 4, 4), np.float32), about_y(np.array(angles, float)))
    assert not any("rad2deg" in text for text in found)


def test_repeated_angles(series_of):
    projections, rotations, valid = series_of("small")
    again = rotations.copy()
    again[7] = again[6]
    text = only(doubts(projections, again, valid), "another tilt has")
    assert text.startswith("angles: tilts 6, 7 (counted from 0)")
    text = only(doubts(projections, 0 * rotations, valid), "the same")
    assert text == "angles: all 21 are the same. Give those of the projections."


@pytest.mark.parametrize("name", [*GOOD, "sample", "five tilts"])
def test_repeated_projections(series_of, name):
    projections, rotations, valid = series_of(name)
    found = doubts(spoilt(projections, 3, projections[1]), rotations, valid)
    assert "projections: tilt 3 (counted from 0)" in only(found, "pixel by pixel")


def test_a_simulated_object_may_repeat_itself():
    """Without noise, a thin film looks the same from both sides, and a cylinder from all."""
    thin = np.zeros((17, 32, 32))
    thin[8] = np.random.default_rng(0).random((32, 32))
    series = tilt_series(thin, np.arange(-60, 61, 10.0))
    same = (series.projections + series.projections[::-1]) / 2
    assert doubts(same, series.rotations) == []
    shadow = np.broadcast_to(np.sqrt(np.maximum(100 - (np.arange(32) - 16) ** 2, 0)), (41, 32, 32)).astype(np.float32)
    assert doubts(shadow, about_y(np.arange(-60, 61, 3.0))) == []


@pytest.mark.parametrize("name", [*GOOD, "sample", "five tilts"])
def test_a_constant_tilt(series_of, name):
    projections, rotations, valid = series_of(name)
    found = doubts(spoilt(projections, 2, projections[2].mean()), rotations, valid)
    assert "projections: tilt 2 (counted from 0)" in only(found, "the same value everywhere")


@pytest.mark.parametrize("name", [*GOOD, *sorted(set(MADE) - {"one slice"})])
@pytest.mark.parametrize("strength", [0.1, 1, 3])
def test_a_tilt_of_noise(series_of, name, strength):
    projections, rotations, valid = series_of(name)
    image, rng = projections[2], np.random.default_rng(0)
    noise = rng.normal(image.mean(), strength * image.std(), image.shape)
    found = doubts(spoilt(projections, 2, noise), rotations, valid)
    assert "projections: tilt 2 (counted from 0)" in only(found, "nothing in common")


@pytest.mark.parametrize("name", [*GOOD, *sorted(set(MADE) - {"one slice"})])
@pytest.mark.parametrize("factor", [0, 0.25, 2])
def test_a_dark_or_bright_tilt(series_of, name, factor):
    projections, rotations, valid = series_of(name)
    found = doubts(spoilt(projections, -2, factor * projections[-2]), rotations, valid)
    if factor == 0:  # of which the problem itself warns
        assert found == []
    else:
        assert f"tilt {len(projections) - 2} (counted from 0)" in only(found, "darker or brighter")


def test_several_spoilt_tilts_are_all_named():
    projections, rotations = slab()
    tilts = np.arange(0, 40, 4)
    noise = np.random.default_rng(0).normal(5, 1, (10, 64, 64))
    text = only(doubts(spoilt(projections, tilts, noise), rotations), "nothing in common")
    assert "tilts 0, 4, 8, 12, 16, 20, 24, 28 and 2 more (counted from 0)" in text


def test_a_tilt_that_is_only_shifted_is_no_stranger(series_of):
    projections, rotations, valid = series_of("sample")
    moved = np.roll(projections[9], (25, -20), axis=(0, 1))
    assert not any("nothing in common" in text for text in doubts(spoilt(projections, 9, moved), rotations, valid))


@pytest.mark.parametrize("name", ["vesicle", "aligned needle", "film", "lattice about two axes", "sample", "small"])
def test_shuffled_angles(series_of, name):
    projections, rotations, valid = series_of(name)
    for seed in range(8):
        shuffled = np.random.default_rng(seed).permutation(rotations)
        assert "neighbours in the stack are more alike" in only(doubts(projections, shuffled, valid), "neighbours in")


@pytest.mark.parametrize("name", ["aligned needle", "film", "sample"])
def test_angles_as_acquired_with_a_sorted_stack(series_of, name):
    projections, rotations, valid = series_of(name)
    found = doubts(projections, rotations[acquired(rotations[:, 1])], valid)
    assert "Give the angles in the order of the projections" in only(found, "neighbours in the stack are more alike")


@pytest.mark.parametrize("name", ["aligned needle", "film", "lattice about two axes", "sample"])
def test_a_stack_as_acquired_with_sorted_angles(series_of, name):
    projections, rotations, valid = series_of(name)
    order = acquired(rotations[:, 1])
    assert only(doubts(projections[order], rotations, valid[order]), "in the order of acquisition")


@pytest.mark.parametrize("noise", [0, 1])
def test_a_slab_in_the_wrong_order(noise):
    projections, rotations = slab(noise)
    order = acquired(rotations[:, 1])
    assert only(doubts(projections[order], rotations), "in the order of acquisition")
    if not noise:
        assert only(doubts(projections, rotations[order]), "neighbours in the stack")


@pytest.mark.parametrize("name", [*ALIGNED, "aligned needle", "sample", "small", "full turn", "golden angle"])
def test_an_axis_along_x(series_of, name):
    projections, rotations, valid = series_of(name)
    for quarters in (1, 3):
        turned = [np.rot90(a, quarters, axes=(1, 2)) for a in (projections, valid)]
        text = only(doubts(turned[0], rotations, turned[1]), "axis seems to lie along x")
    for remedy in ('"Tilt axis"', "--tilt-axis x", 'tilt_axis="x"', "np.rot90(projections, axes=(1, 2))"):
        assert remedy in text
    np.testing.assert_array_equal(np.rot90(projections, axes=(1, 2)), turn(projections))


@pytest.mark.parametrize("noise", [0, 1, 3])
def test_an_axis_along_x_of_a_slab(noise):
    projections, rotations = slab(noise)
    assert only(doubts(turn(projections), rotations), "axis seems to lie along x")


@pytest.mark.parametrize("axis", [1, 2])
def test_as_many_pixels_as_tilts_and_another_axis_first(axis):
    series = tilt_series(vesicle((41, 41, 41)), np.arange(-60, 61, 3.0), noise=0.2)
    assert doubts(series.projections, series.rotations) == []
    wrong = np.ascontiguousarray(np.moveaxis(series.projections, 0, axis))
    text = only(doubts(wrong, series.rotations), "the tilts seem to lie along axis")
    assert f"np.moveaxis(projections, {axis}, 0)" in text
    np.testing.assert_array_equal(np.moveaxis(wrong, axis, 0), series.projections)


def test_as_many_pixels_as_tilts_of_an_extended_object():
    projections, rotations = slab(size=41)
    assert doubts(projections, rotations) == []


@pytest.mark.parametrize(
    ("shape", "angles", "hint"),
    [
        ((64, 60, 41), (41,), "The tilts seem to lie along axis 2: give np.moveaxis(projections, 2, 0)"),
        ((64, 41, 60), (41, 3), "The tilts seem to lie along axis 1: give np.moveaxis(projections, 1, 0)"),
        ((64, 41, 41), (41,), ""),
        ((41, 64, 64), (41,), ""),
        ((64, 64, 64), (41,), ""),
        ((64, 3, 60), (3, 64), ""),
        ((64, 41, 60), (41, 1, 3), ""),
        ((64, 41, 60), (), ""),
    ],
)
def test_the_hint_at_another_axis(shape, angles, hint):
    assert axes_hint(shape, angles) == hint


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.tuples(st.integers(1, 24), st.integers(1, 40), st.integers(2, 40)),
    st.sampled_from(["noise", "zero", "one", "huge", "tiny", "some", "integers"]),
    st.sampled_from(["steps", "equal", "random", "triples"]),
    st.floats(0, 1),
    st.integers(0, 99),
)
def test_whatever_is_given_no_error_and_no_warning_comes_of_it(shape, kind, angles, share, seed):
    rng = np.random.default_rng(seed)
    projections = {
        "noise": rng.standard_normal(shape),
        "zero": np.zeros(shape),
        "one": np.ones(shape),
        "huge": rng.choice([-1, 1], shape) * 3e38,
        "tiny": rng.standard_normal(shape) * 1e-42,
        "some": rng.random(shape) * (rng.random((shape[0], 1, 1)) > 0.5),
        "integers": rng.integers(0, 3, shape),
    }[kind].astype(np.float32)
    valid = rng.random(shape) >= share
    thetas = {"steps": np.linspace(-70, 70, shape[0]), "equal": np.zeros(shape[0])}
    rotations = about_y(thetas.get(angles, rng.uniform(-180, 180, shape[0])))
    if angles == "triples":
        rotations = rng.uniform(-180, 180, (shape[0], 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = doubts(projections * valid, rotations, valid)
    assert all(text.partition(":")[0] in ("angles", "rotations", "projections") for text in found)
    assert all(text.endswith(".") for text in found)


def test_it_costs_little_and_alters_nothing():
    stack = np.random.default_rng(0).standard_normal((60, 512, 512), dtype=np.float32)
    rotations, before = about_y(np.linspace(-60, 60, 60)), stack.copy()
    begin = time.process_time()
    assert doubts(stack, rotations, np.ones(stack.shape, bool)) == []
    assert time.process_time() - begin < 1
    np.testing.assert_array_equal(stack, before)


def mirrored_run(angles, **options):
    """Volume and R-factors of RESIRE at `angles`, of projections that were taken at ANGLES."""
    series = tilt_series(vesicle((21, 12, 24), seed=2), np.arange(-60, 61, 6.0), noise=0.1)
    algorithm = RESIRE(max_iterations=30, **options)
    record = Record(algorithm)
    for progress in iterate(algorithm, type(series)(series.projections, angles)):
        record.add(progress)
    return progress.estimate(), record.metrics()["r_factor"]


@pytest.mark.parametrize("projector", ["real-space", "fourier-slice"])
def test_the_sign_of_the_angles_cannot_be_told_from_the_projections(projector):
    """Angles of the wrong sign give the mirror image along the beam, and not a bit less agreement."""
    angles = np.arange(-60, 61, 6.0)
    (right, right_r), (wrong, wrong_r) = (mirrored_run(s * angles, depth=21, projector=projector) for s in (1, -1))
    np.testing.assert_allclose(wrong_r, right_r, rtol=1e-5)
    np.testing.assert_allclose(wrong, right[::-1], atol=1e-4 * right.max())
    assert np.abs(wrong - right).sum() > 0.1 * np.abs(right).sum()


def matrices(rotations):
    """R = Z(phi) Y(theta) X(psi), (tilt, 3, 3), on (x, y, z)."""
    made = []
    for phi, theta, psi in np.deg2rad(rotations):
        z = [[np.cos(phi), -np.sin(phi), 0], [np.sin(phi), np.cos(phi), 0], [0, 0, 1]]
        y = [[np.cos(theta), 0, np.sin(theta)], [0, 1, 0], [-np.sin(theta), 0, np.cos(theta)]]
        x = [[1, 0, 0], [0, np.cos(psi), -np.sin(psi)], [0, np.sin(psi), np.cos(psi)]]
        made.append(np.array(z) @ y @ x)
    return np.array(made)


def shadows(points, rotations):
    """Where points (n, 3) of (x, y, z) are seen, (tilt, n, 2): O(R v) shows the point p at R^T p."""
    return (points @ matrices(rotations))[..., :2]


def test_nor_is_it_told_by_tilts_about_several_axes():
    """Only some of the signs are: those of theta and psi together are not, those of one alone are."""
    rng = np.random.default_rng(0)
    points, rotations = rng.standard_normal((50, 3)), rng.uniform(-180, 180, (20, 3))
    mirrored = points * [1, 1, -1]
    seen = shadows(points, rotations)
    np.testing.assert_allclose(shadows(mirrored, rotations * [1, -1, -1]), seen, atol=1e-12)
    two_axes = rotations.copy()
    two_axes[:, 0], two_axes[:, 2] = np.repeat([0, 90], 10), 0
    np.testing.assert_allclose(shadows(mirrored, two_axes * [1, -1, 1]), shadows(points, two_axes), atol=1e-12)
    for signs in ([1, -1, 1], [1, 1, -1], [-1, 1, 1]):
        assert explained(shadows(points, rotations), rotations * signs) < 0.9


def explained(seen, rotations):
    """How much of the shadows (tilt, n, 2) the best points explain that are turned by `rotations`."""
    system = np.concatenate([r.T[:2] for r in matrices(rotations)])
    wanted = seen.transpose(0, 2, 1).reshape(len(system), -1)
    best = np.linalg.lstsq(system, wanted, rcond=None)[0]
    return 1 - ((system @ best - wanted) ** 2).sum() / (wanted**2).sum()


def test_the_order_of_hagen():
    angles = np.arange(-12, 13, 3.0)
    assert angles[acquired(angles)].tolist() == [0, 3, -3, -6, 6, 9, -9, -12, 12]
    assert max(b - a for a, b in pairwise(sorted(acquired(angles)))) == 1

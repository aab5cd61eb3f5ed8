"""How a series lies in its file: axis, direction, in-plane angle, refined tilts."""

import numpy as np
import pytest

import proxiscope as px
from proxiscope.core.errors import InputError
from proxiscope.io import read, read_angles, write_angles
from proxiscope.io.series import TURNED, remarks, tilt_series
from proxiscope.physics.projectors import projector
from proxiscope.physics.rotations import rotation_matrices
from proxiscope.simulate import vesicle
from proxiscope.tomography import merge

VOLUME = vesicle((18, 24, 24), seed=3)
VOLUME[3:7, 8:11, 13:17] += 2 * VOLUME.max()  # neither symmetric nor its own mirror image
TRIPLES = np.array([[4, -40, 6], [-8, 0, 3], [0, 25, -5], [12, 55, 9.0]])
TILTS = np.array([[0, angle, 0] for angle in (-50.0, -20, 10, 40)])


def projected(rotations, volume=VOLUME, shape=None, shifts=None):
    """Projections (tilt, y, x) of a volume by the general projector, also about a single axis."""
    a = projector("real-space", np.add(rotations, [0, 0, 1e-9]), shape or volume.shape[1:], volume.shape, shifts)
    return a.unpack_projections(a.forward(a.pack_volume(volume)))


def image_frame(rotations, degrees):
    """Triples about an axis at an angle in the images, by the definition: the images turned back, then turned."""
    turn, back = rotation_matrices([[degrees, 0, 0], [-degrees, 0, 0]])
    return turn @ rotation_matrices(rotations) @ back


def agrees(series, volume=VOLUME, tolerance=0.03):
    """Whether the geometry of a series projects a volume onto its projections."""
    expected = projected(series.rotations, volume, series.shape[1:], series.shifts)
    return np.abs(expected - series.projections).sum() < tolerance * np.abs(expected).sum()


@pytest.mark.parametrize("angles", [TILTS, TRIPLES], ids=["one axis", "triples"])
@pytest.mark.parametrize("shape", [(24, 24), (24, 25), (25, 24)], ids=["even", "odd x", "odd y"])
def test_an_axis_along_x_is_turned_with_its_centre(angles, shape):
    projections = projected(angles, shape=shape, shifts=[[-1, 0]] * 4 if shape[0] % 2 == 0 else None)
    series = tilt_series(np.rot90(projections, -1, axes=(1, 2)), angles, tilt_axis="x", in_plane=0.0)
    np.testing.assert_array_equal(series.projections, projections)
    assert agrees(series, tolerance=1e-5)


@pytest.mark.parametrize("degrees", [-170, -95, -45, -3, 5, 60, 84.3, 90, 135, 180, 265])
@pytest.mark.parametrize("angles", [TILTS, TRIPLES], ids=["one axis", "triples"])
def test_an_axis_at_any_angle_is_described_and_not_interpolated(angles, degrees):
    from proxiscope.physics.rotations import euler_angles

    in_images = euler_angles(image_frame(angles, degrees))
    stored = projected(in_images, VOLUME)
    series = tilt_series(stored, angles, tilt_axis=float(degrees), in_plane=0.0)
    turned = 45 < degrees % 180 <= 135
    np.testing.assert_array_equal(series.projections, np.rot90(stored, axes=(1, 2)) if turned else stored)
    volume = np.roll(np.rot90(VOLUME, axes=(1, 2)), 1, axis=1) if turned else VOLUME  # as the images lie
    assert agrees(series, volume)
    assert not agrees(tilt_series(stored, angles, tilt_axis=float(degrees) + 20), volume)


def test_an_axis_along_x_or_y_is_one_at_90_or_0_degrees():
    stored = projected(TILTS)
    for name, degrees in (("x", 90.0), ("y", 0.0)):
        by_name, by_angle = (tilt_series(stored, TILTS, tilt_axis=axis) for axis in (name, degrees))
        np.testing.assert_array_equal(by_name.projections, by_angle.projections)
        np.testing.assert_array_equal(by_name.rotations, by_angle.rotations)
        assert by_name.single_axis
        assert by_angle.single_axis
        assert remarks(name) == remarks(degrees) == ((TURNED,) if name == "x" else ())


def test_opposite_axes_turn_oppositely():
    stored = projected(TILTS)
    one, other = (tilt_series(stored, TILTS, tilt_axis=axis) for axis in (90.0, -90.0))
    np.testing.assert_array_equal(one.projections, other.projections)
    np.testing.assert_array_equal(one.angles, -other.angles)
    assert other.single_axis


@pytest.mark.parametrize("axis", [np.nan, np.inf, 400.0, "z"])
def test_an_axis_that_is_none(axis):
    with pytest.raises(InputError, match=r"tilt_axis: got .* positive from x to y"):
        tilt_series(projected(TILTS), TILTS, tilt_axis=axis)


def test_reversed_tilts_are_those_of_the_mirror_image():
    mirrored = np.roll(VOLUME[::-1], 1, axis=0)  # z to -z about slice n // 2
    series = tilt_series(projected(TRIPLES), TRIPLES, reverse_angles=True, source="a.mrc")
    assert agrees(series, mirrored, 1e-4)
    assert not agrees(tilt_series(projected(TRIPLES), TRIPLES), mirrored)
    assert series.source == "a.mrc, tilt direction reversed"
    single = tilt_series(projected(TILTS), TILTS[:, 1], reverse_angles=True)
    assert single.single_axis
    np.testing.assert_array_equal(single.angles, -TILTS[:, 1])


@pytest.mark.parametrize("axes", [("y", "y"), ("x", "x"), ("y", "x"), ("x", "y")])
def test_two_axes_share_one_volume(axes):
    """However the images of either series were stored."""
    parts = []
    for axis, in_plane in zip(axes, (0.0, 90.0), strict=True):
        stored = projected(TILTS + [in_plane, 0, 0], shifts=[[-1, 0]] * 4 if axis == "x" else None)  # noqa: RUF005
        stored = np.rot90(stored, -1, axes=(1, 2)) if axis == "x" else stored
        parts.append(tilt_series(stored, TILTS[:, 1], tilt_axis=axis, in_plane=in_plane))
    series = merge(*parts)
    assert series.shape[0] == 8
    assert agrees(series, tolerance=1e-5)


def test_the_mask_is_turned_with_the_images():
    stored = projected(TILTS)
    mask = np.ones(stored.shape, bool)
    mask[1, 3, 5] = False
    stored[2, 4, 6] = np.nan
    series = tilt_series(stored, TILTS, tilt_axis="x", mask=mask)
    blocked = np.zeros(stored.shape, bool)
    blocked[1, 3, 5] = blocked[2, 4, 6] = True
    np.testing.assert_array_equal(series.valid, ~np.rot90(blocked, axes=(1, 2)))


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.tlt"])
def test_refined_tilts_are_read_back(tmp_path, name):
    shifts = np.random.default_rng(0).normal(size=(4, 2))
    write_angles(tmp_path / name, TRIPLES, shifts)
    found = read_angles(tmp_path / name)
    np.testing.assert_allclose(found, np.column_stack([TRIPLES, shifts]), rtol=1e-9)
    np.save(tmp_path / "a.npy", projected(TRIPLES))
    raw = read(tmp_path / "a.npy", angles=tmp_path / name)
    assert any(text.startswith("4 refined tilts from") for text in raw.notes)
    series = px.load(tmp_path / "a.npy", angles=tmp_path / name)
    np.testing.assert_allclose(series.rotations, TRIPLES)
    np.testing.assert_allclose(series.shifts, shifts)


def test_refined_tilts_about_one_axis(tmp_path):
    write_angles(tmp_path / "a.txt", TILTS, np.ones((4, 2)))
    np.save(tmp_path / "a.npy", projected(TILTS))
    series = px.load(tmp_path / "a.npy", angles=tmp_path / "a.txt", tilt_axis="x")
    np.testing.assert_array_equal(series.rotations, TILTS)
    np.testing.assert_array_equal(series.shifts, np.ones((4, 2)))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tilt_axis": 84.0}, "tilt_axis: .*Give x or y"),
        ({"reverse_angles": True}, "reverse_angles: .*Leave it out"),
        ({"in_plane": 90.0}, "in_plane: .*Leave it out"),
    ],
)
def test_refined_tilts_are_not_changed_twice(options, words):
    phi = [options.get("in_plane", 0) + 2, 0, 0]
    with pytest.raises(InputError, match=words):
        tilt_series(projected(TILTS), np.add(TILTS, phi), shifts=np.zeros((4, 2)), refined=True, **options)


def test_a_series_that_was_refined_by_itself_is_turned():
    series = tilt_series(projected(TILTS), TILTS, shifts=np.ones((4, 2)), refined=True, in_plane=90.0)
    np.testing.assert_array_equal(series.rotations, np.add(TILTS, [90, 0, 0]))
    np.testing.assert_array_equal(series.shifts, np.ones((4, 2)))


@pytest.mark.parametrize("name", ["a.npy", "a", "a.mrc"])
def test_refined_tilts_go_into_text(tmp_path, name):
    with pytest.raises(InputError, match=r"\.txt"):
        write_angles(tmp_path / name, TILTS, np.zeros((4, 2)))


def test_a_support_decides_the_size_of_the_volume(tmp_path):
    np.save(tmp_path / "a.npy", projected(TILTS))
    support = np.zeros((10, 24, 24))
    support[2:8, 4:20, 4:20] = 3
    np.save(tmp_path / "support.npy", support)
    series = px.load(tmp_path / "a.npy", angles=TILTS[:, 1], support=tmp_path / "support.npy")
    np.testing.assert_array_equal(series.support, support > 0)
    volume = px.reconstruct(px.tomography.SIRT(max_iterations=3), series).volume
    assert volume.shape == support.shape
    assert not volume[support == 0].any()
    np.save(tmp_path / "flat.npy", support[0])
    with pytest.raises(InputError, match=r"support: an array of shape \(24, 24\)"):
        px.load(tmp_path / "a.npy", angles=TILTS[:, 1], support=tmp_path / "flat.npy")

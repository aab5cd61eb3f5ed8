"""Tilt series as SerialEM and IMOD describe them: mdoc files, the order of acquisition, transformations."""

import mrcfile
import numpy as np
import pytest
from scipy import ndimage

from proxiscope.core.errors import InputError
from proxiscope.io import read
from proxiscope.io.xf import read_xf, write_xf
from proxiscope.tomography.alignment.transforms import from_transforms

ACQUIRED = np.array([0.0, 3, -3, -6, 6])
SORTED = np.sort(ACQUIRED)
STACK = ACQUIRED.astype(np.float32)[:, None, None] + np.zeros((6, 7), np.float32)


def series(path, data=STACK, image=None, angles=ACQUIRED):
    with mrcfile.new(path, overwrite=True) as mrc:
        mrc.set_data(data)
    sections = "".join(f"[ZValue = {i}]\nTiltAngle = {a}\n\n" for i, a in enumerate(angles))
    image = path.name if image is None else image
    path.with_name(path.name + ".mdoc").write_text(f"PixelSpacing = 5.4\nImageFile = {image}\n\n{sections}")
    return path


def test_images_are_put_into_the_order_of_their_tilts(tmp_path):
    raw = read(series(tmp_path / "a.mrc"))
    np.testing.assert_array_equal(raw.angles, SORTED)
    np.testing.assert_array_equal(raw.data[:, 0, 0], SORTED)
    np.testing.assert_array_equal(ACQUIRED[raw.order], SORTED)
    assert any("order of their tilts" in note for note in raw.notes)


def test_large_series_are_put_in_order_on_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("proxiscope.io.order.LAZY", 100)
    raw = read(series(tmp_path / "a.mrc"))
    assert not isinstance(raw.data, np.ndarray)
    np.testing.assert_array_equal(np.asarray(raw.data)[:, 0, 0], SORTED)


@pytest.mark.parametrize("angles", [SORTED, SORTED[::-1], [0, 0, 0, 0, 0]])
def test_rising_and_falling_tilts_stay(tmp_path, angles):
    raw = read(series(tmp_path / "a.mrc", angles=angles))
    assert raw.order is None
    np.testing.assert_array_equal(raw.data, STACK)


def test_given_angles_leave_the_images_as_they_are(tmp_path):
    raw = read(series(tmp_path / "a.mrc"), angles=ACQUIRED)
    np.testing.assert_array_equal(raw.angles, ACQUIRED)
    assert any("stay as the file has them" in note for note in raw.notes)


def test_refined_tilts_go_with_the_series_in_order(tmp_path):
    """The table that a refinement writes is of the series as it was read."""
    path = series(tmp_path / "a.mrc")
    table = np.column_stack([0 * SORTED, SORTED + 0.3, 0 * SORTED, SORTED, SORTED])
    raw = read(path, angles=table)
    np.testing.assert_array_equal(raw.data[:, 0, 0], SORTED)
    np.testing.assert_array_equal(raw.angles, SORTED + 0.3)
    np.testing.assert_array_equal(raw.shifts[:, 0], SORTED)
    as_stored = np.column_stack([0 * SORTED, ACQUIRED + 0.3, 0 * SORTED, ACQUIRED, ACQUIRED])
    np.testing.assert_array_equal(read(path, angles=as_stored).data[:, 0, 0], ACQUIRED)


@pytest.mark.parametrize("image", ["a.mrc", r"D:\DATA\me\a.mrc", "/data/a.mrc", "", "renamed.mrc"])
def test_opening_an_mdoc_opens_its_series(tmp_path, image):
    path = series(tmp_path / "a.mrc", image=image)
    raw = read(tmp_path / "a.mrc.mdoc")
    assert raw.source == path
    np.testing.assert_array_equal(raw.angles, SORTED)
    assert any("calls the series" in note for note in raw.notes) == (image in ("", "renamed.mrc"))


def test_mdoc_without_its_series(tmp_path):
    series(tmp_path / "a.mrc", image="../b.mrc").unlink()
    with pytest.raises(InputError, match=r"describes b\.mrc, which is not beside it"):
        read(tmp_path / "a.mrc.mdoc")
    (tmp_path / "c.mdoc").write_text("[FrameSet = 0]\nTiltAngle = 3\nSubFramePath = D:\\x.tif\n")
    with pytest.raises(InputError, match="frames of single images"):
        read(tmp_path / "c.mdoc")
    (tmp_path / "d.mdoc").write_text("nothing")
    with pytest.raises(InputError, match="describes no images"):
        read(tmp_path / "d.mdoc")


def test_mdoc_does_not_lead_out_of_its_folder(tmp_path):
    (tmp_path / "in").mkdir()
    series(tmp_path / "a.mrc")
    series(tmp_path / "in" / "a.mrc").unlink()
    (tmp_path / "in" / "a.mrc").symlink_to(tmp_path / "a.mrc")
    with pytest.raises(InputError, match="link to outside"):
        read(tmp_path / "in" / "a.mrc.mdoc")


def test_alignment_beside_a_raw_series_is_announced(tmp_path):
    path = series(tmp_path / "a.st")
    (tmp_path / "a.xf").write_text("1 0 0 1 2 3\n" * 5)
    raw = read(path)
    assert any("a.xf beside it" in note and "not applied" in note for note in raw.notes)
    assert raw.shifts is None


@pytest.mark.parametrize("shape", [(31, 40), (40, 31), (32, 32), (33, 33)])
@pytest.mark.parametrize("angle", [0.0, 7.0, -85.0])
def test_xf_takes_the_rotation_centre_into_the_middle(tmp_path, shape, angle):
    """What IMOD would do to a spot at the rotation centre: it comes to lie in the middle, (n - 1) / 2."""
    shifts = np.array([[2.25, -3.5], [0, 0]])
    write_xf(tmp_path / "a.xf", shifts, shape, [angle, 0])
    a11, a12, a21, a22, dx, dy = np.loadtxt(tmp_path / "a.xf")[0]
    yc, xc = ((n - 1) / 2 for n in shape)
    y, x = (n // 2 + s for n, s in zip(shape, shifts[0], strict=True))
    np.testing.assert_allclose(a11 * (x - xc) + a12 * (y - yc) + dx, 0, atol=1e-3)
    np.testing.assert_allclose(a21 * (x - xc) + a22 * (y - yc) + dy, 0, atol=1e-3)
    found, rotations = read_xf(tmp_path / "a.xf", shape)
    np.testing.assert_allclose(found, shifts, atol=1e-3)
    np.testing.assert_allclose(rotations, [angle, 0], atol=1e-4)


def test_xf_moves_an_image_as_imod_does():
    """A shift of IMOD's moves the image by DX, DY: a spot at the rotation centre moves to the middle."""
    image = np.zeros((33, 33))
    image[16 + 4, 16 - 3] = 1
    moved = ndimage.shift(image, (-4, 3))
    assert moved[16, 16] == pytest.approx(1)


def test_xf_of_imod(tmp_path):
    (tmp_path / "a.xf").write_text("   1.0000000   0.0000000   0.0000000   1.0000000       3.000      -4.000\n")
    shifts, rotations = read_xf(tmp_path / "a.xf", (33, 33))
    np.testing.assert_array_equal(rotations, [0])
    np.testing.assert_array_equal(shifts, [[4, -3]])
    np.testing.assert_array_equal(read_xf(tmp_path / "a.xf", (32, 33))[0], [[3.5, -3]])


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("#", "A11 A12"),
        ("1 0 0 1 2", "A11 A12"),
        ("1 0 0 1 2 nan", "A11 A12"),
        ("1 0 0 1 2 x", "line 1"),
        ("1 0 1 0 2 3", "stretches"),
    ],
)
def test_bad_xf(tmp_path, text, match):
    (tmp_path / "a.xf").write_text(text + "\n")
    with pytest.raises(InputError, match=match):
        read_xf(tmp_path / "a.xf", (32, 32))


@pytest.mark.parametrize(("matrix", "match"), [([[1.2, 0], [0, 1]], "stretches"), ([[1, 0], [0, -1]], "mirrors"),
                                               ([[1, 0.2], [0, 1]], "stretches")])  # fmt: skip
def test_other_matrices_than_rotations(matrix, match):
    with pytest.raises(InputError, match=match):
        from_transforms([[*np.ravel(matrix), 0, 0]], (32, 32))

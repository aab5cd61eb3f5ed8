"""MRC files as microscopes and IMOD leave them, with their neighbours."""

import bz2
import gzip

import mrcfile
import numpy as np
import pytest

from proxiscope.io import read, write_array

STACK = np.arange(5 * 6 * 7, dtype=np.float32).reshape(5, 6, 7)
ANGLES = np.linspace(-60, 60, 5)
RNG = np.random.default_rng(0)


def write_mrc(path, data=STACK, voxel=None, label=None):
    with mrcfile.new(path, overwrite=True) as mrc:
        mrc.set_data(data)
        if voxel:
            mrc.voxel_size = voxel
        if label:
            mrc.add_label(label)
    return path


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress)])
def test_packed_mrc_and_its_angles(tmp_path, suffix, pack):
    path = tmp_path / f"series.v2.st{suffix}"
    path.write_bytes(pack(write_mrc(tmp_path / "x.mrc", voxel=7).read_bytes()))
    (tmp_path / "series.v2.rawtlt").write_text("\n".join(map(str, ANGLES)))
    raw = read(path)
    np.testing.assert_array_equal(raw.data, STACK)
    np.testing.assert_array_equal(raw.angles, ANGLES)
    assert raw.pixel_size == pytest.approx(0.7)


@pytest.mark.parametrize("dtype", ["i1", "i2", "u2", "f4", "f2"])
@pytest.mark.parametrize("order", "<>")
def test_mrc_types_and_byte_orders(tmp_path, dtype, order):
    data = STACK.astype(dtype).astype(np.dtype(dtype).newbyteorder(order))
    path = write_mrc(tmp_path / "a.mrc", data)
    np.testing.assert_array_equal(read(path).data, data)
    stamped = bytearray(path.read_bytes())
    stamped[208:216] = bytes(8)  # as old software leaves it: neither 'MAP ' nor a machine stamp
    path.write_bytes(stamped)
    np.testing.assert_array_equal(read(path).data, data)


def test_single_section_is_an_image(tmp_path):
    assert read(write_mrc(tmp_path / "a.mrc", STACK[:1])).data.shape == (6, 7)


def test_dummy_voxel_size_is_unknown(tmp_path):
    raw = read(write_mrc(tmp_path / "a.mrc", voxel=1))
    assert raw.pixel_size is None
    assert any("dummy" in note for note in raw.notes)


def test_pixel_size_of_one_angstrom_survives_our_own_files(tmp_path):
    write_array(tmp_path / "a.mrc", STACK, pixel_size=0.1)
    assert read(tmp_path / "a.mrc").pixel_size == 0.1


def test_imod_unsigned_bytes(tmp_path):
    path = write_mrc(tmp_path / "a.mrc", np.full((2, 3, 4), -56, np.int8))
    block = bytearray(path.read_bytes())
    block[152:160] = np.array([1146047817, 0], "<i4").tobytes()
    path.write_bytes(block)
    assert read(path).data.max() == 200


def test_negative_counts_about_zero_stay(tmp_path):
    data = RNG.normal(0, 300, (5, 6, 7)).astype(np.int16)
    np.testing.assert_array_equal(read(write_mrc(tmp_path / "a.mrc", data)).data, data)


@pytest.mark.parametrize("order", "<>")
def test_unsigned_counts_in_signed_integers(tmp_path, order):
    counts = RNG.integers(0, 9000, (5, 6, 7))
    path = write_mrc(tmp_path / "a.mrc", (counts - 32768).astype(order + "i2"))
    np.testing.assert_array_equal(read(path).data, counts)


def test_aligned_stack_prefers_refined_angles(tmp_path):
    for suffix, angle in ((".rawtlt", 1), (".tlt", 2)):
        (tmp_path / f"a{suffix}").write_text("\n".join([str(angle)] * 5))
    label = "Tilt axis angle = 85.3, binning = 4"
    raw = read(write_mrc(tmp_path / "a.st", label=label))
    assert (raw.angles[0], raw.tilt_axis) == (1, "x")
    assert any("4.7 degrees off" in note for note in raw.notes)
    raw = read(write_mrc(tmp_path / "a.ali", label=label))
    assert (raw.angles[0], raw.tilt_axis) == (2, "y")


def test_angles_that_do_not_fit_are_left_out_and_said(tmp_path):
    path = write_mrc(tmp_path / "a.mrc")
    (tmp_path / "a.rawtlt").write_text("1\n2\n3\n")
    raw = read(path)
    assert raw.angles is None
    assert any("3 angles in a.rawtlt" in note for note in raw.notes)
    (tmp_path / "a.tlt").write_text("\n".join(map(str, ANGLES)))
    assert len(read(path).angles) == 5
    (tmp_path / "a.tlt").write_text("what?")
    assert any("a.tlt" in note for note in read(path).notes)


def test_serialem_extended_header_and_mdoc(tmp_path):
    path = write_mrc(tmp_path / "a.mrc")
    block = bytearray(path.read_bytes())
    block[92:96] = np.array(20, "<i4").tobytes()
    block[104:108] = b"SERI"
    block[128:132] = np.array([4, 1], "<i2").tobytes()
    shorts = np.stack([ANGLES * 100, np.zeros(5)], 1).astype("<i2")
    path.write_bytes(bytes(block[:1024]) + shorts.tobytes() + bytes(block[1024:]))
    np.testing.assert_allclose(read(path).angles, ANGLES)
    sections = "".join(f"[ZValue = {i}]\nTiltAngle = {a}\n\n" for i, a in enumerate([0, 3, -3, -6, 6]))
    (tmp_path / "a.mrc.mdoc").write_text("PixelSpacing = 5.4\n\n" + sections)
    raw = read(path)
    np.testing.assert_array_equal(raw.angles, [-6, -3, 0, 3, 6])
    np.testing.assert_array_equal(raw.data, STACK[[3, 2, 0, 1, 4]])


def test_volume_has_no_angles(tmp_path):
    (tmp_path / "a.rawtlt").write_text("\n".join(map(str, ANGLES)))
    assert read(write_mrc(tmp_path / "a.rec")).angles is None

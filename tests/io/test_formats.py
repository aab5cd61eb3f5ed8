"""What is written is read back, and each dialect of the field is understood."""

import bz2
import gzip
import json

import h5py
import mrcfile
import numpy as np
import pytest
import scipy.io
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from proxiscope.core.errors import InputError
from proxiscope.io import WRITE_SUFFIXES, read, read_angles, read_array, write_array

STACK = np.arange(5 * 6 * 7, dtype=np.float32).reshape(5, 6, 7)
ANGLES = np.linspace(-60, 60, 5)
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("suffix", WRITE_SUFFIXES)
@settings(
    max_examples=15,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    array=hnp.arrays(
        st.sampled_from(["f4", "f8", "u1", "i2", "u2", "?", ">f4"]),
        hnp.array_shapes(min_dims=2, max_dims=3, min_side=2, max_side=6),
        elements=st.integers(0, 1),
    ),
    pixel_size=st.none() | st.floats(1 / 64, 1024, width=32),
)
def test_round_trip(tmp_path, suffix, array, pixel_size):
    path = tmp_path / f"a{suffix}"
    write_array(path, array, pixel_size=pixel_size, metadata={"algorithm": "x"}, metrics={"r": [1.0, 0.5]})
    raw = read(path)
    np.testing.assert_array_equal(raw.data, array)
    assert raw.angles is None
    if suffix != ".npy":
        expected = (
            pixel_size if pixel_size is None or suffix != ".mrc" or abs(pixel_size - 0.1) > 1e-6 else None
        )
        assert raw.pixel_size == (None if expected is None else pytest.approx(expected, rel=1e-5))
    if suffix in (".npy", ".npz", ".h5", ".hdf5"):
        assert raw.data.dtype == array.dtype


def test_mrc_is_valid_and_keeps_its_provenance(tmp_path, capsys):
    metadata = {"algorithm": "resire", "note": "µ" * 200} | {f"key{i}": i for i in range(20)}
    for array in (STACK, STACK[0]):
        write_array(tmp_path / "a.mrc", array, pixel_size=0.35, metadata=metadata)
        assert mrcfile.validate(tmp_path / "a.mrc")
        with mrcfile.open(tmp_path / "a.mrc") as mrc:
            assert mrc.voxel_size.x == pytest.approx(3.5)
            assert mrc.is_volume() == (array.ndim == 3)
            labels = list(mrc.get_labels())
        assert "algorithm: resire" in labels
        assert len(labels) == 10
        assert labels[-1].startswith("... and ")
    write_array(tmp_path / "b.mrc", STACK)
    assert mrcfile.validate(tmp_path / "b.mrc")


def test_npz_and_hdf5_keep_metadata_and_metrics(tmp_path):
    metadata = {"seed": np.int64(3), "angles": ANGLES, "path": tmp_path}
    write_array(tmp_path / "a.npz", STACK, metadata=metadata, metrics={"r_factor": [3, 2, 1]})
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        assert json.loads(str(archive["metadata"]))["seed"] == 3
        np.testing.assert_array_equal(archive["metrics_r_factor"], [3, 2, 1])
    write_array(tmp_path / "a.h5", STACK, pixel_size=2, metadata=metadata, metrics={"r_factor": [3, 2, 1]})
    with h5py.File(tmp_path / "a.h5") as file:
        assert json.loads(file.attrs["provenance"])["angles"] == list(ANGLES)
        np.testing.assert_array_equal(file["metrics/r_factor"], [3, 2, 1])
        assert (file["data"].attrs["pixel_size"], file["data"].attrs["units"]) == (2, "nm")


def test_tiff_scale_is_imagejs(tmp_path):
    write_array(tmp_path / "a.tif", STACK, pixel_size=2.5, metadata={"algorithm": "sirt"})
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        assert tiff.imagej_metadata["unit"] == "nm"
        assert tiff.imagej_metadata["spacing"] == 2.5
        assert json.loads(tiff.imagej_metadata["Info"]) == {"algorithm": "sirt"}
    assert isinstance(read(tmp_path / "a.tif").data, np.memmap)


@pytest.mark.parametrize(
    ("unit", "nm"), [("nm", 0.5), ("µm", 500), ("micron", 500), ("Å", 0.05), ("pixel", None)]
)
def test_units_of_tiff(tmp_path, unit, nm):
    tifffile.imwrite(
        tmp_path / "a.ome.tif",
        STACK,
        metadata={"axes": "ZYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": unit},
    )
    assert read(tmp_path / "a.ome.tif").pixel_size == (None if nm is None else pytest.approx(nm))
    if unit not in "µmÅ":
        tifffile.imwrite(
            tmp_path / "b.tif", STACK, imagej=True, resolution=(2, 2), metadata={"unit": unit, "axes": "ZYX"}
        )
        assert read(tmp_path / "b.tif").pixel_size == (None if nm is None else pytest.approx(nm))


def test_compressed_and_plain_tiff_pages(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", STACK, compression="zlib")
    np.testing.assert_array_equal(read(tmp_path / "a.tif").data, STACK)
    with tifffile.TiffWriter(tmp_path / "b.tif") as writer:
        for image in STACK:
            writer.write(image, contiguous=False, metadata=None, resolution=(72, 72), resolutionunit=2)
    raw = read(tmp_path / "b.tif")
    np.testing.assert_array_equal(raw.data, STACK)
    assert raw.pixel_size is None


# MRC


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
    np.testing.assert_array_equal(raw.angles, [0, 3, -3, -6, 6])


def test_volume_has_no_angles(tmp_path):
    (tmp_path / "a.rawtlt").write_text("\n".join(map(str, ANGLES)))
    assert read(write_mrc(tmp_path / "a.rec")).angles is None


# NumPy


def test_npz_with_angles_last_axis(tmp_path):
    np.savez(
        tmp_path / "a.npz",
        projections=STACK.transpose(1, 2, 0),
        angles=ANGLES,
        support=np.ones((20, 20, 20)),
        pixel_size=0.4,
    )
    raw = read(tmp_path / "a.npz")
    np.testing.assert_array_equal(raw.data, STACK)
    np.testing.assert_array_equal(raw.angles, ANGLES)
    assert raw.pixel_size == 0.4
    assert any("Moved the tilts" in note for note in raw.notes)
    assert read_array(tmp_path / "a.npz", "support").shape == (20, 20, 20)


def test_npz_only_array_of_any_name(tmp_path):
    np.savez(tmp_path / "a.npz", whatever=STACK, curve=np.arange(3))
    np.testing.assert_array_equal(read(tmp_path / "a.npz").data, STACK)


def test_rotations(tmp_path):
    triples = np.stack([np.full(5, 2.0), ANGLES, np.zeros(5)], 1)
    np.save(tmp_path / "a.npy", STACK)
    np.save(tmp_path / "angles.npy", triples)
    raw = read(tmp_path / "a.npy", angles=tmp_path / "angles.npy")
    assert raw.angles is None
    np.testing.assert_array_equal(raw.rotations, triples)
    raw = read(tmp_path / "a.npy", angles=triples * [0, 1, 0])
    assert raw.rotations is None
    np.testing.assert_array_equal(raw.angles, ANGLES)


def test_fortran_order_and_map(tmp_path):
    np.save(tmp_path / "a.npy", np.asfortranarray(STACK))
    data = read(tmp_path / "a.npy").data
    assert isinstance(data, np.memmap)
    np.testing.assert_array_equal(data, STACK)


# HDF5


def test_hdf5_largest_dataset_and_sibling_angles(tmp_path):
    with h5py.File(tmp_path / "a.nxs", "w") as file:
        file["exchange/data"] = STACK
        file["exchange/data_white"] = STACK[:2]
        theta = file.create_dataset("exchange/theta", data=np.radians(ANGLES))
        theta.attrs["units"] = "rad"
    raw = read(tmp_path / "a.nxs")
    np.testing.assert_array_equal(raw.data, STACK)
    np.testing.assert_allclose(raw.angles, ANGLES)
    assert read(tmp_path / "a.nxs", variable="/exchange/data_white").data.shape == (2, 6, 7)


def test_hdf5_soft_link_inside_the_file(tmp_path):
    with h5py.File(tmp_path / "a.cxi", "w") as file:
        file["entry_1/image_1/data"] = STACK
        file["entry_1/data_1"] = h5py.SoftLink("/entry_1/image_1")
    assert read(tmp_path / "a.cxi", variable="entry_1/data_1/data").data.shape == STACK.shape


def test_emd_dimensions(tmp_path):
    with h5py.File(tmp_path / "a.emd", "w") as file:
        group = file.create_group("data/tomography")
        group["data"] = STACK
        for i, (values, name, units) in enumerate(
            [
                (ANGLES, "angles", "[deg]"),
                (np.arange(6) * 0.5, "y", "[n_m]"),
                (np.arange(7) * 0.5, "x", "[n_m]"),
            ],
            1,
        ):
            group[f"dim{i}"] = values
            group[f"dim{i}"].attrs.update({"name": np.bytes_(name), "units": np.bytes_(units)})
    raw = read(tmp_path / "a.emd")
    np.testing.assert_array_equal(raw.angles, ANGLES)
    assert raw.pixel_size == pytest.approx(0.5)


def test_hyperspy_without_etspy(tmp_path):
    with h5py.File(tmp_path / "a.hspy", "w") as file:
        group = file.create_group("Experiments/series")
        group["data"] = STACK
        axes = [
            ("tilt", "degrees", 30.0, -60.0, True),
            ("y", "Å", 5.0, 0.0, False),
            ("x", "Å", 5.0, 0.0, False),
        ]
        for i, (name, units, scale, offset, navigate) in enumerate(axes):
            group.create_group(f"axis-{i}").attrs.update(
                {
                    "name": name,
                    "units": units,
                    "scale": scale,
                    "offset": offset,
                    "navigate": navigate,
                    "size": STACK.shape[i],
                }
            )
    raw = read(tmp_path / "a.hspy")
    np.testing.assert_array_equal(raw.angles, ANGLES)
    assert (raw.pixel_size, raw.tilt_axis) == (pytest.approx(0.5), "y")


# MATLAB


def save_mat73(path, **arrays):
    """As MATLAB writes it: HDF5 after a header of 512 bytes, axes reversed."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            file[name] = np.asarray(array).T
            file[name].attrs["MATLAB_class"] = np.bytes_("double")
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file")


@pytest.mark.parametrize("save", [lambda path, **arrays: scipy.io.savemat(path, arrays), save_mat73])
def test_matlab_of_both_versions(tmp_path, save):
    path = tmp_path / "a.mat"
    image = RNG.random((6, 7))
    save(path, pattern=image)
    np.testing.assert_array_equal(read(path).data, image)
    save(
        path,
        projs=STACK.transpose(2, 1, 0).astype(float),
        angles=np.stack([0 * ANGLES, ANGLES, 0 * ANGLES], 1),
    )
    raw = read(path)
    np.testing.assert_array_equal(raw.data, STACK)
    np.testing.assert_array_equal(raw.angles, ANGLES)
    np.testing.assert_array_equal(read_angles(path)[:, 1], ANGLES)
    save(path, projs=STACK.astype(float), theta=ANGLES[None])  # tilts first: the angles tell
    raw = read(path)
    np.testing.assert_array_equal(raw.data, STACK)


def test_matlab_angles_beside(tmp_path):
    scipy.io.savemat(tmp_path / "needle_projections_1.mat", {"p": STACK.transpose(2, 1, 0)})
    scipy.io.savemat(tmp_path / "needle_angles_1.mat", {"a": ANGLES})
    assert len(read(tmp_path / "needle_projections_1.mat").angles) == 5


def test_sinogram(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"sino": np.ones((9, 5)), "thetas": ANGLES})
    raw = read(tmp_path / "a.mat")
    assert raw.data.shape == (5, 1, 9)
    assert any("sinogram" in note for note in raw.notes)


# Angles


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.rawtlt", " -1.00\n 0.5\n\n2e0\n", [-1, 0.5, 2]),
        ("a.tlt", "# from IMOD\n1 ; first\r\n2\r\n", [1, 2]),
        ("a.txt", "\ufeff1\n2", [1, 2]),
        ("a.txt", "1, 2, 3, 4", [1, 2, 3, 4]),
        ("a.csv", "angle\n1\n2", [1, 2]),
        ("a.csv", "0, 1, 0\n0, 2, 0", [[0, 1, 0], [0, 2, 0]]),
    ],
)
def test_angles_as_text(tmp_path, name, text, expected):
    (tmp_path / name).write_text(text, encoding="utf-8")
    np.testing.assert_array_equal(read_angles(tmp_path / name), expected)


@pytest.mark.parametrize("shape", [(5,), (5, 1), (1, 5), (5, 3), (3, 5)])
def test_shapes_of_angles(tmp_path, shape):
    np.save(tmp_path / "a.npy", np.ones(shape))
    assert read_angles(tmp_path / "a.npy").shape == ((5, 3) if 3 in shape else (5,))
    scipy.io.savemat(tmp_path / "a.mat", {"anything": np.ones(shape)})
    assert read_angles(tmp_path / "a.mat").shape == ((5, 3) if 3 in shape else (5,))


def test_radians_are_suspected(tmp_path):
    np.save(tmp_path / "a.npy", STACK)
    assert any("radians" in note for note in read(tmp_path / "a.npy", angles=np.radians(ANGLES)).notes)


def test_cubic_stack_with_angles_in_front(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((5, 5, 5)))
    assert len(read(tmp_path / "a.npy", angles=ANGLES).angles) == 5
    np.save(tmp_path / "a.npy", np.ones((4, 5, 5)))
    with pytest.raises(InputError, match=r"5 angles .*\(4, 5, 5\)"):
        read(tmp_path / "a.npy", angles=ANGLES)

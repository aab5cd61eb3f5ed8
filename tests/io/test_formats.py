"""What is written is read back, and each dialect of the field is understood."""

import json

import h5py
import mrcfile
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from proxiscope.core.errors import InputError
from proxiscope.io import WRITE_SUFFIXES, read, read_array, write_array

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
        assert raw.pixel_size == (None if pixel_size is None else pytest.approx(pixel_size, rel=1e-5))
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
        assert json.loads(file["provenance"].asstr()[()])["angles"] == list(ANGLES)
        np.testing.assert_array_equal(file["metrics/r_factor"], [3, 2, 1])
        assert (file["data"].attrs["pixel_size"], file["data"].attrs["units"]) == (2, "nm")


def test_tiff_scale_is_imagejs(tmp_path):
    write_array(tmp_path / "a.tif", STACK, pixel_size=2.5, metadata={"algorithm": "sirt"})
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        assert tiff.imagej_metadata["unit"] == "nm"
        assert tiff.imagej_metadata["spacing"] == 2.5
        assert json.loads(tiff.imagej_metadata["Info"])["provenance"] == {"algorithm": "sirt"}
    assert not read(tmp_path / "a.tif").data.flags.writeable


@pytest.mark.parametrize(("unit", "nm"), [("nm", 0.5), ("µm", 500), ("micron", 500), ("Å", 0.05), ("pixel", None)])
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


def test_fortran_order(tmp_path):
    np.save(tmp_path / "a.npy", np.asfortranarray(STACK))
    data = read(tmp_path / "a.npy").data
    assert data.flags.f_contiguous
    assert not data.flags.writeable
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


@pytest.mark.parametrize("bad", [np.ones(3), np.ones((2, 2, 2, 2)), np.array([["a"]]), np.ones((0, 2))])
def test_arrays_that_are_not_written(tmp_path, bad):
    with pytest.raises(InputError, match="array"):
        write_array(tmp_path / "a.npy", bad)
    with pytest.raises(InputError, match="pixel_size"):
        write_array(tmp_path / "a.npy", STACK, pixel_size=-1)
    with pytest.raises(InputError, match="metrics"):
        write_array(tmp_path / "a.npz", STACK, metrics={"r": ["a"]})

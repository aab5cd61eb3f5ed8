"""X-ray detectors' formats: what they hold are intensities, and their masks come the right way round."""

import gzip

import h5py
import numpy as np
import pytest
import tifffile

from proxiscope.core.errors import InputError
from proxiscope.io import read, read_array

IMAGES = np.random.default_rng(0).integers(0, 1000, (5, 6, 7)).astype(np.int32)
ANGLES = np.linspace(0, 180, 9)


def cxi(path, data=IMAGES[0], mask=None, **more):
    with h5py.File(path, "w") as file:
        file["cxi_version"] = 160
        entry = file.create_group("entry_1")
        detector = entry.create_group("instrument_1/detector_1")
        detector["data"] = data
        detector["x_pixel_size"], detector["y_pixel_size"] = 75e-6, 75e-6
        detector["distance"] = 1.5
        entry["instrument_1/source_1/energy"] = 9000 * 1.602176634e-19
        if mask is not None:
            detector["mask"] = mask
        entry["data_1"] = h5py.SoftLink("/entry_1/instrument_1/detector_1")
        for name, value in more.items():
            entry[name] = value
    return path


class TestCxi:
    def test_geometry_and_quantity(self, tmp_path):
        raw = read(cxi(tmp_path / "a.cxi", volume=np.ones((20, 20, 20))))
        np.testing.assert_array_equal(raw.data, IMAGES[0])
        assert (raw.declared.quantity, raw.declared.kind) == ("intensities", "pattern")
        assert raw.pixel_size == pytest.approx(75e3)
        wavelength, size = 12398.42 / 9000 / 10, 75e3  # nm
        assert any(f"pixels of {wavelength * 1.5e9 / (7 * size):.4g} nm" in note for note in raw.notes)

    def test_bits_of_the_mask(self, tmp_path):
        """Bits of a peak (0x20, 0x2000) and of what was corrected (0x800, 0x4000) do not spoil a pixel."""
        mask = np.zeros((6, 7), np.uint32)
        good, bad = [0x20, 0x800, 0x2000, 0x4000], [0x1, 0x2, 0x4, 0x8, 0x10, 0x40, 0x80, 0x100, 0x200, 0x400, 0x1000]
        mask.flat[: len(good)], mask.flat[10 : 10 + len(bad)] = good, bad
        raw = read(cxi(tmp_path / "a.cxi", mask=mask))
        assert raw.declared.valid.flat[: len(good)].all()
        assert not raw.declared.valid.flat[10 : 10 + len(bad)].any()
        assert raw.declared.valid.sum() == 42 - len(bad)
        assert any("11 of 42 pixels are masked" in note for note in raw.notes)

    def test_shots_with_one_mask_and_axes_of_length_one(self, tmp_path):
        raw = read(cxi(tmp_path / "a.cxi", IMAGES[:, None], np.ones((1, 6, 7), np.uint16)))
        assert raw.data.shape == (5, 6, 7)
        assert raw.declared.valid.shape == (6, 7)
        assert raw.declared.kind is None

    def test_mask_moves_with_the_axes(self, tmp_path):
        mask = np.zeros((6, 7, 5), np.uint16)
        mask[2, 3, 4] = 1
        raw = read(cxi(tmp_path / "a.cxi", IMAGES.transpose(1, 2, 0), mask), angles=np.arange(5.0))
        np.testing.assert_array_equal(raw.data, IMAGES)
        assert np.argwhere(~raw.declared.valid).tolist() == [[4, 2, 3]]

    def test_mask_that_does_not_fit(self, tmp_path):
        raw = read(cxi(tmp_path / "a.cxi", mask=np.ones((3, 3), np.uint16)))
        assert raw.declared.valid is None
        assert any("does not fit" in note for note in raw.notes)


def nxtomo(path, keys, compression=None):
    frames = np.arange(len(keys), dtype=np.uint16)[:, None, None] + np.zeros((6, 7), np.uint16)
    with h5py.File(path, "w") as file:
        entry = file.create_group("entry")
        entry.attrs["NX_class"] = "NXentry"
        entry["definition"] = "NXtomo"
        detector = entry.create_group("instrument/detector")
        detector.attrs["NX_class"] = "NXdetector"
        detector.create_dataset("data", data=frames, chunks=(1, 6, 7), **(compression or {}))
        detector["image_key"] = np.array(keys)
        detector["x_pixel_size"] = 6.5
        detector["x_pixel_size"].attrs["units"] = "um"
        angles = np.where(np.array(keys) == 0, np.cumsum(np.array(keys) == 0) * 2.0, 0)
        entry["sample/rotation_angle"] = angles
        entry["sample/rotation_angle"].attrs["units"] = "degree"
        data = entry.create_group("data")
        data["data"] = h5py.SoftLink("/entry/instrument/detector/data")
        data["rotation_angle"] = h5py.SoftLink("/entry/sample/rotation_angle")
    return path


class TestNeXus:
    def test_projections_only(self, tmp_path):
        raw = read(nxtomo(tmp_path / "a.nxs", [2, 1, 0, 0, 0, 3, 0, 1]))
        np.testing.assert_array_equal(raw.data[:, 0, 0], [2, 3, 4, 6])
        np.testing.assert_array_equal(raw.angles, [2, 4, 6, 8])
        assert (raw.declared.kind, raw.declared.quantity) == ("tilt-series", "intensities")
        assert raw.pixel_size == pytest.approx(6500)
        assert any("4 projections" in note and "2 flat, 1 dark, 1 invalid" in note for note in raw.notes)

    def test_large_ones_stay_in_the_file(self, tmp_path, monkeypatch):
        monkeypatch.setattr("proxiscope.io.hdf5_access.LAZY", 100)
        raw = read(nxtomo(tmp_path / "a.nxs", [2, 0, 1, 0, 0]))
        assert not isinstance(raw.data, np.ndarray)
        np.testing.assert_array_equal(np.asarray(raw.data)[:, 0, 0], [1, 3, 4])

    def test_without_projections(self, tmp_path):
        with pytest.raises(InputError, match="flats, darks or invalid"):
            read(nxtomo(tmp_path / "a.nxs", [1, 1, 2, 2]))

    @pytest.mark.parametrize("name", ["Bitshuffle", "Blosc", "LZ4", "Zstd"])
    def test_compressions_of_detectors(self, tmp_path, name):
        import hdf5plugin

        raw = read(nxtomo(tmp_path / "a.nxs", [0, 0, 0], dict(getattr(hdf5plugin, name)())))
        np.testing.assert_array_equal(raw.data[:, 0, 0], [0, 1, 2])

    def test_eiger(self, tmp_path):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            for name, kind in (("entry", "NXentry"), ("entry/data", "NXdata"), ("entry/instrument", "NXinstrument")):
                file.create_group(name).attrs["NX_class"] = kind
            detector = file.create_group("entry/instrument/detector")
            detector.attrs["NX_class"] = "NXdetector"
            detector["x_pixel_size"], detector["detector_distance"] = 75e-6, 0.2
            file["entry/instrument/beam/incident_wavelength"] = 1.0  # angstrom
            mask = np.zeros((6, 7), np.uint32)
            mask[2, 3] = 16
            file["entry/instrument/detector/detectorSpecific/pixel_mask"] = mask
            file["entry/data/data_000001"] = IMAGES
        raw = read(tmp_path / "a.h5")
        assert raw.declared.quantity == "intensities"
        assert list(np.argwhere(~raw.declared.valid)[0]) == [2, 3]
        assert any("not usable" in note for note in raw.notes)
        assert any("12.4 keV" in note for note in raw.notes)

    def test_master_file_without_images(self, tmp_path):
        with h5py.File(tmp_path / "a_master.h5", "w") as file:
            file["entry/data/data_000001"] = h5py.ExternalLink("a_data_000001.h5", "/entry/data/data")
        with pytest.raises(InputError, match=r"links to a_data_000001\.h5"):
            read(tmp_path / "a_master.h5")


def test_data_exchange(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["exchange/data"] = IMAGES
        file["exchange/theta"] = ANGLES[:5]
        file["exchange/data_white"] = np.ones((50, 6, 7))
        file["exchange/data_dark"] = np.ones((2, 6, 7))
    raw = read(tmp_path / "a.h5")
    np.testing.assert_array_equal(raw.data, IMAGES)
    np.testing.assert_array_equal(raw.angles, ANGLES[:5])
    assert (raw.declared.kind, raw.declared.quantity) == ("tilt-series", None)
    assert any("50 flat, 2 dark" in note for note in raw.notes)


class TestEdf:
    def write(self, path, frames=IMAGES[:1], **header):
        from fabio.edfimage import EdfImage

        image = EdfImage(data=frames[0], header=header)
        for frame in frames[1:]:
            image.append_frame(data=frame, header=header)
        image.write(str(path))
        return path

    def test_image(self, tmp_path):
        raw = read(self.write(tmp_path / "a.edf", PSize_1="55e-6"))
        np.testing.assert_array_equal(raw.data, IMAGES[0])
        assert raw.declared.quantity == "intensities"
        assert raw.pixel_size == pytest.approx(55e3)

    @pytest.mark.parametrize("large", [False, True])
    def test_several_frames(self, tmp_path, monkeypatch, large):
        monkeypatch.setattr("proxiscope.io.edf.LAZY", 100 if large else 2**26)
        raw = read(self.write(tmp_path / "a.edf", IMAGES))
        assert isinstance(raw.data, np.ndarray) != large
        np.testing.assert_array_equal(np.asarray(raw.data), IMAGES)

    def test_values_in_another_file_are_not_read(self, tmp_path):
        (tmp_path / "secret.bin").write_bytes(IMAGES[0].tobytes())
        self.write(tmp_path / "a.edf", EDF_BinaryFileName="secret.bin")
        with pytest.raises(InputError, match="another file"):
            read(tmp_path / "a.edf")

    def test_compressed_as_a_whole(self, tmp_path):
        """It might unpack to anything."""
        block = self.write(tmp_path / "a.edf").read_bytes()
        (tmp_path / "a.edf").write_bytes(gzip.compress(block))
        with pytest.raises(InputError, match="no header of EDF"):
            read(tmp_path / "a.edf")

    def test_claims_more_than_there_is(self, tmp_path):
        block = self.write(tmp_path / "a.edf").read_bytes()
        (tmp_path / "a.edf").write_bytes(block.replace(b"Dim_1 = 7", b"Dim_1 = 70000000"))
        with pytest.raises(InputError, match=r"a\.edf"):
            read(tmp_path / "a.edf")


class TestCbf:
    def write(self, path, data=IMAGES[0], header=""):
        from fabio.cbfimage import CbfImage

        CbfImage(data=data).write(str(path))
        if header:
            block = path.read_bytes()
            contents = f'_array_data.header_convention "PILATUS_1.2"\n_array_data.header_contents\n;\n{header}\n;\n\n'
            path.write_bytes(block.replace(b"_array_data.data", contents.encode() + b"_array_data.data", 1))
        return path

    def test_image(self, tmp_path):
        raw = read(self.write(tmp_path / "a.cbf"))
        np.testing.assert_array_equal(raw.data, IMAGES[0])
        assert (raw.declared.quantity, raw.declared.valid) == ("intensities", None)

    def test_gaps_of_a_pilatus(self, tmp_path):
        data = IMAGES[0].copy()
        data[2] = -1
        data[4, 4] = -2
        raw = read(self.write(tmp_path / "a.cbf", data, "# Detector: PILATUS\n# Pixel_size 172e-6 m x 172e-6 m"))
        np.testing.assert_array_equal(raw.declared.valid, data >= 0)
        assert raw.pixel_size == pytest.approx(172e3)
        assert any("8 of 42 pixels are masked" in note for note in raw.notes)

    def test_claims_more_than_there_is(self, tmp_path):
        block = self.write(tmp_path / "a.cbf").read_bytes()
        assert b"Fastest-Dimension: 7" in block
        (tmp_path / "a.cbf").write_bytes(block.replace(b"Fastest-Dimension: 7", b"Fastest-Dimension: 700000000"))
        with pytest.raises(InputError, match="more than it has"):
            read(tmp_path / "a.cbf")


def test_masks_by_file(tmp_path):
    """True or non-zero is usable, except in a format that defines the opposite."""
    from fabio.edfimage import EdfImage
    from fabio.fit2dmaskimage import Fit2dMaskImage

    usable = np.random.default_rng(1).random((6, 37)) < 0.5
    np.save(tmp_path / "a.npy", usable)
    tifffile.imwrite(tmp_path / "a.tif", usable.astype(np.uint8))
    EdfImage(data=usable.astype(np.uint8)).write(str(tmp_path / "a.edf"))
    Fit2dMaskImage(data=(~usable).astype(np.uint8)).write(str(tmp_path / "a.msk"))
    for name in ("a.npy", "a.tif", "a.edf", "a.msk"):
        np.testing.assert_array_equal(read_array(tmp_path / name) != 0, usable)
